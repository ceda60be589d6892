//! The storage interface. One implementation per database; one conformance suite for all.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use nolapse::wire::EndReason;

use crate::{
    Email, NoteStore, PasskeyStore, PasswordHash, ProofStore, ProviderStore, RegistrationStore,
    RevocationLog, Role, Session, SessionId, Shard, ShardState, SigningKeyStore, Throttles,
    Timestamp, TotpStore, User, UserId,
};

/// The kind of a store's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// The database failed, or a row is malformed.
    Failed,
    /// No connection or lock was free in time.
    Busy,
    /// The shard of what was asked for cannot be reached; others may.
    ShardAway,
    /// A referenced row is missing (foreign key).
    MissingReference,
}

/// A store's failure. The cause is for the log only.
#[derive(Debug)]
pub struct StoreError {
    failure: StoreFailure,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// Wraps a driver's error as [`StoreFailure::Failed`].
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::because(StoreFailure::Failed, cause)
    }

    /// Wraps a driver's error of a known kind.
    pub fn because(
        failure: StoreFailure,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            failure,
            cause: cause.into(),
        }
    }

    /// Returns the kind of failure.
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
            StoreFailure::ShardAway => "a shard is away",
            StoreFailure::MissingReference => "a row that is referred to is gone",
        };
        write!(formatter, "{failure}: {}", self.cause)
    }
}

impl std::error::Error for StoreError {}

/// The result of a store's method.
pub type StoreResult<T> = Result<T, StoreError>;

/// Whether a conditional write took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It did.
    Yes,
    /// It did not: the condition no longer held, usually because another writer was first.
    No,
}

impl From<bool> for Applied {
    fn from(took_effect: bool) -> Self {
        if took_effect { Self::Yes } else { Self::No }
    }
}

/// The state of a connection pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// Open connections.
    pub open: u64,
    /// Idle ones among them.
    pub idle: u64,
    /// The maximum.
    pub most: u64,
}

/// The contexts that a user's access tokens may have, such as organisations, with the user's role in each.
#[async_trait]
pub trait ContextStore: Send + Sync + 'static {
    /// Returns the user's role within a context; `None` if the user has none there.
    async fn role_within(&self, user: UserId, context: &str) -> StoreResult<Option<Role>>;

    /// Sets a user's role within a context; `None` removes it. [`Applied::No`] if there is no such user, or nothing to remove.
    async fn set_role_within(
        &self,
        user: UserId,
        context: &str,
        role: Option<Role>,
    ) -> StoreResult<Applied>;
}

/// Users, sessions and their keys, contexts, notes, passkeys, signing keys, throttles and one-time passwords. Each method is one atomic step.
///
/// "Not found" is `Ok(None)`, never an error.
#[async_trait]
pub trait Store:
    ContextStore
    + NoteStore
    + PasskeyStore
    + ProofStore
    + ProviderStore
    + RegistrationStore
    + SigningKeyStore
    + Throttles
    + TotpStore
{
    /// Closes the database after the last query.
    async fn close(&self);

    /// Returns the state of the connection pool.
    fn pool_use(&self) -> PoolUse;

    /// Returns the logs of revocations, one of each database.
    fn revocation_logs(&self) -> Vec<(Shard, Arc<dyn RevocationLog>)>;

    /// Returns the state of each shard; empty for a store of one database.
    fn shards(&self) -> Vec<ShardState> {
        Vec::new()
    }

    /// Chooses the shard of a user's new session; returns the session's id, made from random bytes.
    fn place(&self, _user: UserId, random: [u8; 16]) -> SessionId {
        SessionId::from_bytes(random)
    }

    /// Checks that the database responds; of several one suffices.
    async fn ping(&self) -> StoreResult<()>;

    /// Adds a user, unless the address has an account.
    async fn add_user(&self, user: &User) -> StoreResult<Applied>;

    /// Finds the user with this address.
    async fn user_by_email(&self, email: &Email) -> StoreResult<Option<User>>;

    /// Returns whether a user has this id.
    async fn has_user(&self, user: UserId) -> StoreResult<bool>;

    /// Finds the user with this id.
    async fn user(&self, id: UserId) -> StoreResult<Option<User>>;

    /// Sets a user's role. [`Applied::No`] if there is no such user.
    async fn set_role(&self, user: UserId, role: Role) -> StoreResult<Applied>;

    /// Disables or enables a user. Sessions of a disabled user end at their next refresh.
    async fn set_disabled(&self, user: UserId, disabled: bool) -> StoreResult<()>;

    /// Replaces a user's password hash, if it is still that of `user`.
    async fn replace_password(&self, user: &User, successor: &PasswordHash)
    -> StoreResult<Applied>;

    /// Returns the highest [cost](PasswordHash::cost) of a stored password hash; 0 if there is none.
    async fn costliest_password(&self) -> StoreResult<u64>;

    /// Deletes a user with their sessions, notes and audit records.
    async fn delete_user(&self, user: UserId) -> StoreResult<()>;

    /// Adds a session. [`Applied::No`] if its user is missing.
    async fn add_session(&self, session: &Session) -> StoreResult<Applied>;

    /// Finds a session and its user.
    async fn session(&self, id: SessionId) -> StoreResult<Option<(Session, User)>>;

    /// Replaces a session's row, if it still has the generation, secret hash and proofs of `read` and has not ended
    /// (compare-and-swap).
    ///
    /// The only way to rotate or fork: of any number of servers, exactly one succeeds.
    async fn rotate_session(&self, session: &Session, read: &Session) -> StoreResult<Applied>;

    /// Advances the session's times of activity and refresh, never back.
    async fn touch_session(&self, session: &Session) -> StoreResult<()>;

    /// Ends a live session and adds an audit record. [`Applied::No`] if it had ended.
    async fn end_session(
        &self,
        id: SessionId,
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<Applied>;

    /// Ends all live sessions of a user and adds audit records; returns how many.
    async fn end_sessions_of(
        &self,
        user: UserId,
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<u64>;

    /// Does the same for all but one session.
    async fn end_other_sessions(
        &self,
        user: UserId,
        kept: SessionId,
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<u64>;

    /// Lists the live sessions of a user, most recently refreshed first. Fails where a shard is away, which may have others.
    async fn sessions_of(&self, user: UserId) -> StoreResult<Vec<Session>>;

    /// Counts the audit records of a session with this reason.
    async fn recorded_endings(&self, id: SessionId, reason: EndReason) -> StoreResult<u64>;

    /// Counts the sessions that have neither ended nor reached their absolute limit at `now`.
    async fn count_sessions(&self, now: Timestamp) -> StoreResult<u64>;

    /// Deletes at most `most` sessions whose absolute limit was before `before`; returns how many.
    ///
    /// An ended session stays as long as its cookie is valid, so that a refresh returns the reason.
    async fn prune_sessions(&self, before: Timestamp, most: u32) -> StoreResult<u64>;

    /// Deletes the ended sessions of a user but the `kept` that ended last, of each shard; returns how many.
    async fn forget_ended_sessions(&self, user: UserId, kept: u32) -> StoreResult<u64>;

    /// Deletes at most `most` audit records from before `before`; returns how many.
    async fn prune_audit(&self, before: Timestamp, most: u32) -> StoreResult<u64>;
}
