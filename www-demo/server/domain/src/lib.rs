//! The rules of sessions: rotation, grace, theft, limits. Has no input or output.
//!
//! Nothing here reads a clock, makes randomness or does input or output: `now` and random bytes are
//! arguments, so that a simulation can play a year of them in a second. [`Session`] holds the rules;
//! [`Desk`] applies them to the rows of a [`Store`].

mod desk;
mod email;
mod ids;
mod mac;
mod note;
mod renewal;
mod session;
mod signing_keys;
mod store;
mod throttles;
mod ticket;
mod time;
mod user;

pub use desk::{Desk, Grant, Presented, Reach, Refreshed};
pub use email::{Email, MAX_EMAIL_BYTES};
pub use ids::{NoteId, SessionId, UserId};
pub use mac::hmac_sha256;
pub use note::{Note, NoteAdded, NoteStore};
pub use session::{Ending, Limits, Renewal, Replaced, Session, Verdict};
pub use signing_keys::{SealedKey, SigningKeyStore};
pub use store::{PoolUse, Store, StoreError, StoreFailure, Stored, Written};
pub use throttles::{Bucket, Throttles};
pub use ticket::{RefreshSecret, SEALED_CHARS, SecretHash, Ticket, TicketKey};
pub use time::Timestamp;
pub use user::{Password, PasswordHash, Role, User};
