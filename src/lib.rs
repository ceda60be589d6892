//! Sessions that never lapse, tokens that always do.

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bridge;
#[cfg(all(target_arch = "wasm32", feature = "client"))]
pub mod client;
pub mod core;
#[cfg(all(target_arch = "wasm32", feature = "npm"))]
pub mod npm;
#[cfg(feature = "verify")]
pub mod verify;
pub mod wire;
