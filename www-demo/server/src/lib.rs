//! The reference auth server of nolapse.
//!
//! `routes → domain ← store`: the rules are those of the crate [`domain`], which does no input or output.
//! [`serve::Server`] runs all of it; [`verifier`] is for API servers.

pub use nolapse_domain as domain;

pub mod clock;
mod common_passwords;
pub mod config;
mod connections;
mod hash_queue;
pub mod keys;
mod metrics;
pub mod passwords;
pub mod problem;
mod routes;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use routes::fuzzing;
mod background;
pub mod security_log;
pub mod serve;
pub mod store;
pub mod throttle;
pub mod tokens;
pub mod verifier;

pub use routes::Counters;
