//! The SDK's decisions as a sans-I/O state machine.
//!
//! A host calls [`Session::handle`] with each input, executes the effects of [`Session::take_effects`],
//! then sets one timer for [`Session::poll_deadline`]. Time is an argument and random numbers come from a
//! seed; the core accesses no clock, network or browser API.

mod backoff;
mod callers;
pub(crate) mod codec;
mod config;
mod context;
mod credential;
mod effect;
mod effects;
mod error;
#[cfg(test)]
mod fixtures;
mod grant;
mod ids;
mod input;
mod lifecycle;
mod millis;
mod need;
mod peers;
mod push;
mod rate_limiter;
mod refresher;
mod rng;
mod secret;
mod session;
mod sign_out;
mod situation;
mod status;
mod storage_record;
mod tab_message;
mod time;
mod token;
mod trace;

pub use config::Config;
pub use context::Context;
pub use effect::{Answer, Effect, Event, Source};
pub use error::{FailureCause, SessionError};
pub use grant::{Grant, RawGrant, SessionInfo, UnexpectedAnswer};
pub use ids::{AttemptId, CallerId, TabId, Version};
pub use input::{Failure, Input, PageChange, RefreshOutcome, SignInOutcome, SignOutOutcome};
pub use millis::Millis;
pub use secret::{ContextToken, Secret};
pub use session::Session;
pub use status::Status;
pub use storage_record::{PersistedBackoff, RecordState, StorageRecord, StoredState};
pub use tab_message::TabMessage;
pub use time::{Clock, Timestamp, WallTime};
pub use trace::TraceEntry;
