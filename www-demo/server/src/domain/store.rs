//! What the rules need kept. One implementation a database; one conformance suite for all.

use std::fmt;

use async_trait::async_trait;
use nolapse::wire::EndReason;

use super::{
    Email, Note, NoteId, PasswordHash, Role, Session, SessionId, Throttles, Timestamp, User, UserId,
};

/// The database could not answer, or answered nonsense. The cause is for the log alone.
#[derive(Debug)]
pub struct StoreError(Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps what the database driver said.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the database failed: {}", self.0)
    }
}

impl std::error::Error for StoreError {}

/// The result of asking the store.
pub type Stored<T> = Result<T, StoreError>;

/// Whether a row was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was.
    Yes,
    /// It was not, because another writer came first.
    No,
}

/// A signing key as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// Its place in the order of keys, from 1.
    pub number: u64,
    /// The key, sealed: worth nothing without the key file.
    pub sealed: Vec<u8>,
    /// When it was made, and published.
    pub made_at: Timestamp,
}

/// Users, their sessions and their notes, and the sealed signing keys. Each method is one atomic step.
///
/// "Not there" is `Ok(None)`, never an error.
#[async_trait]
pub trait Store: Throttles + Send + Sync + 'static {
    /// Closes the database after the last query.
    async fn close(&self);

    /// Says whether the database answers.
    async fn ping(&self) -> Stored<()>;

    /// Adds a user, unless the address has an account.
    async fn add_user(&self, user: &User) -> Stored<Written>;

    /// Finds the user with this address.
    async fn user_by_email(&self, email: &Email) -> Stored<Option<User>>;

    /// Gives a user another role.
    async fn set_role(&self, user: UserId, role: Role) -> Stored<()>;

    /// Disables a user, or enables one again. Sessions are refused at their next refresh.
    async fn set_disabled(&self, user: UserId, disabled: bool) -> Stored<()>;

    /// Gives a user another password, if it is still the one of `user`. [`Written::No`] where another writer
    /// came first.
    async fn replace_password(&self, user: &User, successor: &PasswordHash) -> Stored<Written>;

    /// Returns the highest [cost](PasswordHash::cost) among the kept password hashes; 0 where there is none.
    async fn costliest_password(&self) -> Stored<u64>;

    /// Ends and records all sessions of a user, and deletes the user with all that is theirs.
    async fn delete_user(&self, user: UserId, at: Timestamp) -> Stored<()>;

    /// Adds a session.
    async fn add_session(&self, session: &Session) -> Stored<()>;

    /// Finds a session and its user.
    async fn session(&self, id: SessionId) -> Stored<Option<(Session, User)>>;

    /// Replaces the row of a session, if it is still at generation `from` and has not ended.
    ///
    /// This is the only way to rotate, so that of any number of servers exactly one does.
    async fn rotate_session(&self, session: &Session, from: u64) -> Stored<Written>;

    /// Moves the session's moments of activity forward, never back.
    async fn touch_session(&self, session: &Session) -> Stored<()>;

    /// Ends a session that has not ended, and records it. [`Written::No`] where it had ended.
    async fn end_session(&self, id: SessionId, at: Timestamp, reason: EndReason)
    -> Stored<Written>;

    /// Ends all sessions of a user that have not ended, and records it; returns how many.
    async fn end_sessions_of(&self, user: UserId, at: Timestamp, reason: EndReason) -> Stored<u64>;

    /// The same, of all but one of them.
    async fn end_other_sessions(
        &self,
        user: UserId,
        kept: SessionId,
        at: Timestamp,
        reason: EndReason,
    ) -> Stored<u64>;

    /// Lists the sessions of a user that have not ended, the last seen first.
    async fn sessions_of(&self, user: UserId) -> Stored<Vec<Session>>;

    /// Counts the recorded endings of a session with this reason.
    async fn recorded_endings(&self, id: SessionId, reason: EndReason) -> Stored<u64>;

    /// Counts the sessions that have neither ended nor reached their absolute limit at `now`.
    async fn count_sessions(&self, now: Timestamp) -> Stored<u64>;

    /// Forgets at most `most` sessions whose absolute limit was reached before `before`; returns how many.
    ///
    /// An ended session stays as long as its cookie may come back, so that a replay is told why.
    async fn prune_sessions(&self, before: Timestamp, most: u32) -> Stored<u64>;

    /// Lists the notes of a user, the newest first, at most 100.
    async fn notes_of(&self, user: UserId) -> Stored<Vec<Note>>;

    /// Adds a note.
    async fn add_note(&self, user: UserId, note: &Note) -> Stored<()>;

    /// Deletes a note, if it is the user's. [`Written::No`] where it is not there.
    async fn delete_note(&self, user: UserId, id: NoteId) -> Stored<Written>;

    /// Lists the signing keys, the oldest first.
    async fn signing_keys(&self) -> Stored<Vec<SealedKey>>;

    /// Adds a signing key. [`Written::No`] where its number is taken.
    async fn add_signing_key(&self, key: &SealedKey) -> Stored<Written>;

    /// Forgets the signing keys with smaller numbers.
    async fn drop_signing_keys_before(&self, number: u64) -> Stored<()>;
}
