//! Sessions that never lapse, tokens that always do.

pub mod wire;
