//! Sessions that never lapse, tokens that always do.

pub mod core;
pub mod wire;
