//! What the npm module holds besides the machine: its allocator, and the name of its build.

#[cfg(feature = "verify")]
pub mod verify;

use wasm_bindgen::prelude::*;

// Only for the module that npm users load: a Rust app chooses its own.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// Names the build, so that the facade of another one is noticed.
#[wasm_bindgen(js_name = buildId)]
#[must_use]
pub fn build_id() -> String {
    option_env!("NOLAPSE_BUILD_ID")
        .unwrap_or_default()
        .to_owned()
}
