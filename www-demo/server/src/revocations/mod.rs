//! The revocations of the last minutes, as this server knows them: those of all servers of its databases, and of their commands.
//!
//! A database logs what ends a session, in the same transaction ([`RevocationLog`](crate::domain::RevocationLog)). A task
//! follows the logs ([`follow`]) and appends what is new to [`Revocations`], where any number of [`Reader`]s find it: a
//! reader has a place in the log and no buffer of its own, so that a slow one costs nothing.

mod cursor;
mod follow;
mod log;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::domain::{RevocationPage, Revoked, Shard, Timestamp};
pub use cursor::{Cursor, NotACursor};
pub(crate) use follow::follow;
use log::Log;

/// How much longer than an access token's life a revocation is kept: clocks of servers differ.
const LEEWAY: Duration = Duration::from_secs(30);

/// A revocation in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The database whose log it is in.
    pub shard: Shard,
    /// Its position there.
    pub position: u64,
    /// What it revokes.
    pub revoked: Revoked,
    /// When, by the clock of the server that ended it.
    pub at: Timestamp,
    /// From when on no token is left that it could revoke.
    pub until: Instant,
}

/// Revocations that became known at once.
#[derive(Debug)]
pub struct Batch {
    /// The revocations, oldest first; none where only the cursor has moved.
    pub entries: Vec<Entry>,
    /// Where a reader resumes that has read this batch and those before: [`Revocations::reader`].
    pub cursor: Cursor,
}

/// What a reader reads.
#[derive(Clone, Debug)]
pub enum Update {
    /// Revocations.
    Revoked(Arc<Batch>),
    /// All that is known has been read, and whether revocations of other servers arrive: not while a database is away.
    /// Comes once in the beginning, and when it changes.
    CaughtUp {
        /// Whether they arrive.
        is_live: bool,
        /// Where a reader resumes.
        cursor: Cursor,
    },
}

/// The state of a [`Revocations`], for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// Whether revocations of other servers arrive.
    pub is_live: bool,
    /// How many revocations became known since the start.
    pub known: u64,
    /// When the last one became known.
    pub last: Option<Timestamp>,
    /// How many were forgotten before their time because there were too many.
    pub dropped: u64,
}

/// The revocations that can concern an access token.
#[derive(Debug)]
pub struct Revocations {
    log: Mutex<Log>,
    /// How long an entry is kept.
    kept: Duration,
    changed: watch::Sender<Changes>,
}

/// What wakes readers.
#[derive(Clone, Copy, Debug, Default)]
struct Changes {
    /// The number of the next batch.
    next: u64,
    is_live: bool,
    is_closed: bool,
}

/// Reads revocations from a place in the log on.
#[derive(Debug)]
pub struct Reader {
    revocations: Arc<Revocations>,
    changes: watch::Receiver<Changes>,
    /// The number of the batch to read next.
    next: u64,
    /// Entries below have been read already.
    from: Cursor,
    told: Option<bool>,
}

impl Revocations {
    /// Creates an empty log for access tokens of this lifetime.
    #[must_use]
    pub fn new(token_lifetime: Duration) -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::default(),
            kept: token_lifetime.saturating_add(LEEWAY),
            changed: watch::Sender::default(),
        })
    }

    /// Returns how long a revocation is kept: until its last token has expired, and some seconds for clocks that differ.
    #[must_use]
    pub const fn kept(&self) -> Duration {
        self.kept
    }

    /// Begins to read: all that is kept, or what came after `cursor`, which an earlier reader of any server of the same database
    /// was given. A position that no reader can have yet is none.
    ///
    /// Nothing is missed, and some may be read twice.
    #[must_use]
    pub fn reader(self: &Arc<Self>, cursor: Option<Cursor>) -> Reader {
        let changes = self.changed.subscribe();
        let log = self.log();
        let from = cursor.map(|cursor| cursor.within(log.cursor()));
        Reader {
            next: log.first(),
            from: from.unwrap_or_default(),
            revocations: Arc::clone(self),
            changes,
            told: None,
        }
    }

    /// Returns the state of the log.
    #[must_use]
    pub fn state(&self) -> FeedState {
        self.log().state(self.changed.borrow().is_live)
    }

    /// Ends all readers, for a shutdown.
    pub(crate) fn close(&self) {
        self.changed.send_modify(|changes| changes.is_closed = true);
    }

    /// Returns where the next page of a database's log begins.
    pub(crate) fn cursor(&self, shard: Shard) -> u64 {
        self.log().cursor().of(shard)
    }

    /// Adds what is new on a page of a database's log, and wakes the readers.
    pub(crate) fn add(&self, shard: Shard, page: RevocationPage, now: (Instant, Timestamp)) {
        let mut log = self.log();
        log.forget(now.0);
        if log.add(shard, page, self.kept, now) {
            // Under the lock: of two databases' pages the later one is told last.
            self.changed
                .send_modify(|changes| changes.next = log.next());
        }
    }

    /// Says whether revocations of other servers arrive from a database.
    pub(crate) fn set_live(&self, shard: Shard, is_live: bool) {
        let mut log = self.log();
        let is_live = log.set_live(shard, is_live);
        self.changed.send_if_modified(|changes| {
            let changed = changes.is_live != is_live;
            changes.is_live = is_live;
            changed
        });
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Waits for the next update; `None` when the server stops. Cancelling it loses nothing.
    ///
    /// Of a [batch](Batch) that it returns, entries below the reader's cursor have been read before and are left out.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            let changes = *self.changes.borrow_and_update();
            if changes.is_closed {
                return None;
            }
            while self.next < changes.next {
                let Some((number, batch)) = self.revocations.log().batch(self.next) else {
                    self.next = changes.next;
                    break;
                };
                self.next = number + 1;
                if let Some(batch) = unread(batch, &self.from) {
                    return Some(Update::Revoked(batch));
                }
            }
            if self.told != Some(changes.is_live) {
                self.told = Some(changes.is_live);
                return Some(Update::CaughtUp {
                    is_live: changes.is_live,
                    cursor: self.revocations.log().cursor().clone(),
                });
            }
            self.changes.changed().await.ok()?;
        }
    }
}

/// Leaves out the entries below a cursor; `None` if nothing is left.
fn unread(batch: Arc<Batch>, from: &Cursor) -> Option<Arc<Batch>> {
    let is_unread = |entry: &Entry| entry.position >= from.of(entry.shard);
    if batch.entries.iter().all(is_unread) {
        return Some(batch);
    }
    let unread = batch.entries.iter().copied().filter(is_unread);
    let entries: Vec<Entry> = unread.collect();
    (!entries.is_empty()).then(|| {
        Arc::new(Batch {
            entries,
            cursor: batch.cursor.clone(),
        })
    })
}
