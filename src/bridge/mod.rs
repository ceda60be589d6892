//! The boundary between the module and its JavaScript host: [`Machine`] decodes inputs, drives the core and encodes its
//! effects.
//!
//! The host in `src/host` calls the Web APIs. It works on a page and in a worker; document, storage, locks and channel are
//! optional.

pub(crate) mod codes;
mod decode;
mod encode;
mod machine;

pub use machine::Machine;
