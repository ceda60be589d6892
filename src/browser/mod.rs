//! The session's contact with a browser: one Web API a file, each with an owner that cleans up, and no decisions.
//!
//! The host is JavaScript (`host.js` and its neighbours), which says the platform's own things in a third of the bytes;
//! [`Machine`] is the core as it drives it. [`Client`] is the session for Rust; `pkg-template/facade.js` shows the same
//! one to JavaScript. It works on a page and in a dedicated worker: what is not there (a document, storage, locks, a
//! channel) is done without.

#[cfg(feature = "client")]
mod client;
mod codes;
mod inputs;
mod machine;
#[cfg(feature = "client")]
mod notices;
#[cfg(feature = "client")]
mod options;
mod orders;

#[cfg(feature = "client")]
pub use client::{Aborted, Client};
pub use machine::Machine;
#[cfg(feature = "client")]
pub use notices::{FinishedCall, Notice};
#[cfg(feature = "client")]
pub use options::{Auth, OptionError, Options, Refresher, SignOut};
