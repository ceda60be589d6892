//! What the rules need kept. One implementation a database; one conformance suite for all.

use std::fmt;

use async_trait::async_trait;
use nolapse::wire::EndReason;

use crate::{
    Email, NoteStore, PasswordHash, Role, Session, SessionId, SigningKeyStore, Throttles,
    Timestamp, User, UserId,
};

/// Why the store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// The database could not answer, or answered nonsense.
    Failed,
    /// The database has too much to do: no connection or lock was free in time.
    Busy,
    /// The row that this one refers to is gone (a foreign key).
    MissingReference,
}

/// The store did not do what it was asked. The cause is for the log alone.
#[derive(Debug)]
pub struct StoreError {
    failure: StoreFailure,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// Wraps what the database driver said of a database that failed.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::because(StoreFailure::Failed, cause)
    }

    /// Wraps what the database driver said, where it is known what that means.
    pub fn because(
        failure: StoreFailure,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            failure,
            cause: cause.into(),
        }
    }

    /// Returns what the failure was.
    #[must_use]
    pub const fn failure(&self) -> StoreFailure {
        self.failure
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = match self.failure {
            StoreFailure::Failed => "the database failed",
            StoreFailure::Busy => "the database is busy",
            StoreFailure::MissingReference => "a row that is referred to is gone",
        };
        write!(formatter, "{failure}: {}", self.cause)
    }
}

impl std::error::Error for StoreError {}

/// The result of asking the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// Whether a row was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was.
    Yes,
    /// It was not, because another writer came first.
    No,
}

/// The connections to a database at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// How many are open.
    pub open: u64,
    /// How many of those are not in use.
    pub idle: u64,
    /// How many there may be.
    pub most: u64,
}

/// Users and their sessions, with all that is kept beside them. Each method is one atomic step.
///
/// "Not there" is `Ok(None)`, never an error.
#[async_trait]
pub trait Store: NoteStore + SigningKeyStore + Throttles {
    /// Closes the database after the last query.
    async fn close(&self);

    /// Returns how many connections to the database there are.
    fn pool_use(&self) -> PoolUse;

    /// Says whether the database answers.
    async fn ping(&self) -> StoreResult<()>;

    /// Adds a user, unless the address has an account.
    async fn add_user(&self, user: &User) -> StoreResult<Applied>;

    /// Finds the user with this address.
    async fn user_by_email(&self, email: &Email) -> StoreResult<Option<User>>;

    /// Says whether there is a user of this id.
    async fn has_user(&self, user: UserId) -> StoreResult<bool>;

    /// Finds the user with this id.
    async fn user(&self, id: UserId) -> StoreResult<Option<User>>;

    /// Gives a user another role. [`Applied::No`] where there is no such user.
    async fn set_role(&self, user: UserId, role: Role) -> StoreResult<Applied>;

    /// Disables a user, or enables one again. Sessions are refused at their next refresh.
    async fn set_disabled(&self, user: UserId, disabled: bool) -> StoreResult<()>;

    /// Gives a user another password, if it is still the one of `user`. [`Applied::No`] where another writer
    /// came first.
    async fn replace_password(&self, user: &User, successor: &PasswordHash)
    -> StoreResult<Applied>;

    /// Returns the highest [cost](PasswordHash::cost) among the kept password hashes; 0 where there is none.
    async fn costliest_password(&self) -> StoreResult<u64>;

    /// Deletes a user with all that is theirs; no record names them or their sessions any more.
    async fn delete_user(&self, user: UserId) -> StoreResult<()>;

    /// Adds a session. [`Applied::No`] where its user is gone.
    async fn add_session(&self, session: &Session) -> StoreResult<Applied>;

    /// Finds a session and its user.
    async fn session(&self, id: SessionId) -> StoreResult<Option<(Session, User)>>;

    /// Replaces the row of a session, if it is still at generation `from` and has not ended.
    ///
    /// This is the only way to rotate, so that of any number of servers exactly one does.
    async fn rotate_session(&self, session: &Session, from: u64) -> StoreResult<Applied>;

    /// Moves the session's moments of activity forward, never back.
    async fn touch_session(&self, session: &Session) -> StoreResult<()>;

    /// Ends a session that has not ended, and records it. [`Applied::No`] where it had ended.
    async fn end_session(
        &self,
        id: SessionId,
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<Applied>;

    /// Ends all sessions of a user that have not ended, and records it; returns how many.
    async fn end_sessions_of(
        &self,
        user: UserId,
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<u64>;

    /// The same, of all but one of them.
    async fn end_other_sessions(
        &self,
        user: UserId,
        kept: SessionId,
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<u64>;

    /// Lists the sessions of a user that have not ended, the last seen first.
    async fn sessions_of(&self, user: UserId) -> StoreResult<Vec<Session>>;

    /// Counts the recorded endings of a session with this reason.
    async fn recorded_endings(&self, id: SessionId, reason: EndReason) -> StoreResult<u64>;

    /// Counts the sessions that have neither ended nor reached their absolute limit at `now`.
    async fn count_sessions(&self, now: Timestamp) -> StoreResult<u64>;

    /// Forgets at most `most` sessions whose absolute limit was reached before `before`; returns how many.
    ///
    /// An ended session stays as long as its cookie may come back, so that a replay is told why.
    async fn prune_sessions(&self, before: Timestamp, most: u32) -> StoreResult<u64>;

    /// Forgets the ended sessions of a user but the `kept` that ended last; returns how many.
    async fn forget_ended_sessions(&self, user: UserId, kept: u32) -> StoreResult<u64>;

    /// Forgets at most `most` recorded endings from before `before`; returns how many.
    async fn prune_audit(&self, before: Timestamp, most: u32) -> StoreResult<u64>;
}
