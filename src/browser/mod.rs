//! The session's contact with a browser: one Web API a file, each with an owner that cleans up, and no decisions.
//!
//! [`Client`] is the session for Rust; `src/npm.rs` shows the same one to JavaScript. It works on a page and in a
//! dedicated worker: what is not there (a document, storage, locks, a channel) is done without.

mod alarm;
mod answer;
mod bus;
mod calls;
mod client;
mod exchange;
mod fetch;
mod global;
mod host;
mod listening;
mod lock;
mod natives;
mod options;
mod origins;
mod page;
mod platform;
mod replies;
mod shelf;
mod table;

#[cfg(feature = "npm")]
pub(crate) use replies::Question;

pub use calls::FinishedCall;
pub use client::{Aborted, Client, Notice};
pub use options::{Auth, OptionError, Options, Refresher, SignOut};
