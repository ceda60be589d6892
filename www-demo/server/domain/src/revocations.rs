//! The log of revocations: what ended, in the order in which it can be read without gaps.

use std::time::Duration;

use async_trait::async_trait;

use crate::{SessionId, StoreResult, Timestamp, UserId};

/// What a revocation revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revoked {
    /// All access tokens of a session, which never comes back.
    Session(SessionId, UserId),
    /// The access tokens of a user that were issued until then: the user was disabled or deleted.
    User(UserId),
}

/// An entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its place in the log: of its transaction in `PostgreSQL`, which can commit later than one of a higher place.
    pub position: u64,
    /// What it revokes.
    pub revoked: Revoked,
    /// When, by the clock of the server that ended it.
    pub at: Timestamp,
    /// How long ago it was written, by the database's clock.
    pub age: Duration,
}

/// A part of the log, as one moment has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationPage {
    /// The entries, oldest first.
    pub entries: Vec<Revocation>,
    /// The first position that can still get entries: all entries below it have been readable at this moment.
    pub cursor: u64,
}

/// Tells that the log may have grown.
#[async_trait]
pub trait RevocationSignal: Send {
    /// Waits until the log may have grown. Cancelling it loses at most one signal.
    ///
    /// # Errors
    /// Fails if the connection that signals was lost: entries may have been missed.
    async fn wait(&mut self) -> StoreResult<()>;
}

/// The log of revocations of one database, which writes it, in the transaction that ends a session, disables or deletes a
/// user, whichever program does so.
#[async_trait]
pub trait RevocationLog: Send + Sync + 'static {
    /// Reads the entries from a position on that are at most `age` old. With the last page's
    /// [cursor](RevocationPage::cursor) no entry is missed, and some may be read again.
    async fn revocations(&self, from: u64, age: Duration) -> StoreResult<RevocationPage>;

    /// Begins to listen. An entry that is committed after this returned is signalled.
    async fn revocation_signal(&self) -> StoreResult<Box<dyn RevocationSignal>>;

    /// Deletes at most `most` entries that are older than `age`; returns how many.
    async fn prune_revocations(&self, age: Duration, most: u32) -> StoreResult<u64>;
}
