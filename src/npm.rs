//! What the npm module holds besides the machine: its allocator, and the name of its build.

#[cfg(feature = "verify")]
pub mod verify;

use wasm_bindgen::prelude::*;

// Only for the module that npm users load: a Rust app chooses its own.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// Its name is a number that JavaScript holds exactly: a text would need a memory of its own to cross.
const BUILD_ID: u64 = match option_env!("NOLAPSE_BUILD_ID") {
    Some(name) => match u64::from_str_radix(name, 10) {
        Ok(number) => number,
        Err(_) => panic!("NOLAPSE_BUILD_ID is no number"),
    },
    None => 0,
};

/// Names the build, so that the facade of another one is noticed.
#[wasm_bindgen(js_name = buildId)]
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "it has 48 bits")]
pub fn build_id() -> f64 {
    BUILD_ID as f64
}
