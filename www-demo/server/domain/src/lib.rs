//! The rules of sessions: rotation, grace, reuse detection, limits.
//!
//! No clock, no randomness, no input or output: `now` and random bytes are arguments, so that a simulation runs a year
//! in a second. [`Session`] holds the rules; [`SessionService`] applies them to the rows of a [`Store`].

mod authentication;
mod cadence;
mod dbsc;
mod email;
mod identities;
mod ids;
mod mac;
mod note;
mod outcomes;
mod passkey;
mod proof;
mod refresh_token;
mod renewal;
mod revocations;
mod session;
mod session_service;
mod shard;
mod sign_in;
mod signing_keys;
mod store;
mod throttles;
mod time;
mod totp;
mod user;
mod user_directory;
mod verdict;

pub use authentication::{
    Authentication, AuthenticationContext, AuthenticationMethod, KeyThumbprint,
};
pub use cadence::rejoin;
pub use dbsc::{BoundCookie, Possession, Registration, RegistrationStore, SessionKey};
pub use email::{Email, MAX_EMAIL_BYTES};
pub use identities::{Identity, Mark, ProviderSession, ProviderStore};
pub use ids::{NotAnId, NoteId, PasskeyId, SessionId, UserId};
pub use mac::hmac_sha256;
pub use note::{Note, NoteAdded, NoteStore};
pub use outcomes::{Grant, Presented, Refreshed, Rotation, SignOutScope};
pub use passkey::{Credential, Passkey, PasskeyAdded, PasskeyName, PasskeyRemoved, PasskeyStore};
pub use proof::{MAX_USED_PROOFS, Proof, ProofId, ProofStore, Unproven, UsedProofs};
pub use refresh_token::{
    ENCODED_CHARS, MAX_FORKS, RefreshSecret, RefreshToken, RefreshTokenKey, SecretHash,
};
pub use revocations::{Revocation, RevocationLog, RevocationPage, RevocationSignal, Revoked};
pub use session::{Ending, Limits, NewSession, Renewal, Replaced, Session};
pub use session_service::SessionService;
pub use shard::{Shard, ShardState};
pub use signing_keys::{SealedKey, SigningKeyStore};
pub use store::{Applied, ContextStore, PoolUse, Store, StoreError, StoreFailure, StoreResult};
pub use throttles::{Bucket, Throttles};
pub use time::Timestamp;
pub use totp::{RecoveryHash, Totp, TotpStep, TotpStore};
pub use user::{Password, PasswordHash, Role, User};
pub use user_directory::{DirectoryError, UserDirectory};
pub use verdict::Verdict;
