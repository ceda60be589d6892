//! The reference auth server of nolapse.
//!
//! `routes → domain ← store`: the [`domain`] holds every rule and touches nothing; the rest is built with
//! the feature `serve`. [`serve::Server`] runs all of it; [`verifier`] is for anybody's API server.

pub mod domain;

#[cfg(feature = "serve")]
pub mod clock;
#[cfg(feature = "serve")]
mod common_passwords;
#[cfg(feature = "serve")]
pub mod config;
#[cfg(feature = "serve")]
mod connections;
#[cfg(feature = "serve")]
mod hash_queue;
#[cfg(feature = "serve")]
pub mod keys;
#[cfg(feature = "serve")]
mod metrics;
#[cfg(feature = "serve")]
pub mod passwords;
#[cfg(feature = "serve")]
pub mod problem;
#[cfg(feature = "serve")]
mod routes;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use routes::fuzzing;
#[cfg(feature = "serve")]
pub mod security_log;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "serve")]
pub mod store;
#[cfg(feature = "serve")]
pub mod throttle;
#[cfg(feature = "serve")]
pub mod tokens;
#[cfg(feature = "serve")]
mod upkeep;
#[cfg(feature = "serve")]
pub mod verifier;

#[cfg(feature = "serve")]
pub use routes::Counters;
