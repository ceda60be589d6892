//! The rules of sessions: rotation, grace, theft, limits. Knows neither axum nor sqlx.
//!
//! Nothing here reads a clock, makes randomness or does input or output: `now` and random bytes are
//! arguments, so that a simulation can play a year of them in a second.

mod ids;
mod session;
mod ticket;
mod time;

pub use ids::{NoteId, SessionId, UserId};
pub use session::{Ending, Limits, Session, Verdict};
pub use ticket::{RefreshSecret, SEALED_CHARS, SecretHash, Ticket, TicketKey};
pub use time::Timestamp;
