//! The reference auth server of nolapse.

pub mod domain;
