//! Every decision of the SDK, as a state machine without input or output of its own.
//!
//! A host feeds [`Session::handle`] with what happened, takes [`Session::take_effects`] and carries the
//! orders out, then arms one timer for [`Session::poll_deadline`]. Time is an argument, chance comes from a
//! seed: nothing in here can reach a clock, a network or a browser.

mod access;
mod backoff;
mod callers;
mod config;
mod effect;
mod error;
mod exchange;
mod facts;
mod grant;
mod ids;
mod input;
mod jobs;
mod lock;
mod mark;
mod news;
mod page;
mod request;
mod secret;
mod session;
mod span;
mod status;
mod tabs;
mod telling;
pub(crate) mod text;
mod time;
mod trace;
mod waiters;

pub use config::Config;
pub use effect::{Answer, Effect, Event, Source};
pub use error::{FailureCause, SessionError};
pub use grant::{Grant, RawGrant, SessionInfo, UnexpectedAnswer};
pub use ids::{AttemptId, RequestId, TabId, Version};
pub use input::{AdoptOutcome, Failure, Input, PageChange, RefreshOutcome, SignOutOutcome};
pub use mark::{Cooling, Mark, MarkState, Shelf};
pub use news::TabMessage;
pub use request::{AfterResponse, Attempt, Body, Challenge, after_response};
pub use secret::Secret;
pub use session::Session;
pub use span::Span;
pub use status::Status;
pub use time::{Clock, Moment, Timestamp, WallTime};
pub use trace::TraceEntry;
