//! The reference auth server of nolapse.
//!
//! `routes → domain ← store`: the rules are those of the crate [`domain`], which does no input or output.
//! [`AuthServer`] is the auth server as a router, for an app of your own; [`serve::Server`] adds listeners, page and
//! reference API; [`verifier`] is for API servers.

pub use nolapse_domain as domain;

pub mod clock;
mod common_passwords;
pub mod config;
mod connections;
pub mod contexts;
mod dbsc;
mod dev_tls;
mod hash_queue;
pub mod keys;
mod metrics;
pub mod notices;
mod one_time;
pub mod origins;
mod password_directory;
pub mod passwords;
pub mod problem;
mod proof;
mod providers;
mod push_streams;
pub mod revocations;
mod routes;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use routes::fuzzing;
mod assembly;
mod auth_server;
mod background;
pub mod security_log;
pub mod serve;
mod startup;
pub mod store;
pub mod throttle;
pub mod tokens;
pub mod verifier;
mod webauthn;

pub use auth_server::{AuthServer, AuthServerBuilder};
pub use password_directory::{PasswordDirectory, UserRepository};
pub use providers::ProviderSetupError;
pub use routes::Counters;
pub use startup::StartError;
