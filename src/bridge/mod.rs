//! The boundary between the module and its JavaScript host: [`Machine`] decodes inputs, drives the core and encodes its effects.
//!
//! The host in `src/host` calls the Web APIs; it works on a page and in a worker, and does without a document, storage, locks
//! or a channel if the platform has none.

mod codes;
mod decode;
mod encode;
mod machine;

pub use machine::Machine;

/// What `Host.look` is asked for how long the token can still be sent.
#[cfg(feature = "client")]
pub(crate) const TOKEN_LEFT: u32 = codes::TOKEN_LEFT;
