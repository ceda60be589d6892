//! The log in memory: batches in the order in which they became known.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{Batch, Cursor, Entry, FeedState};
use crate::domain::{RevocationPage, Revoked, Shard, Timestamp};

/// The most entries in memory, about 80 MB: those of a server with 10⁶ revocations within a token's life.
const MAX_ENTRIES: usize = 1_000_000;

/// The batches of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Log {
    batches: VecDeque<Arc<Batch>>,
    /// The number of the oldest batch.
    first: u64,
    entries: usize,
    /// The cursor of the newest page of each database.
    cursor: Cursor,
    /// The entries at or after the cursor, which the next page of the database has again.
    reread: BTreeMap<Shard, BTreeSet<(u64, Revoked)>>,
    /// Whether revocations arrive from each database.
    live: BTreeMap<Shard, bool>,
    known: u64,
    last: Option<Timestamp>,
    dropped: u64,
}

impl Log {
    /// Returns the number of the oldest batch.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// Returns the number that the next batch gets.
    pub(super) fn next(&self) -> u64 {
        self.first + self.batches.len() as u64
    }

    /// Returns where a reader resumes that has read everything.
    pub(super) const fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Says whether revocations arrive from a database; returns whether they arrive from all that are known.
    pub(super) fn set_live(&mut self, shard: Shard, is_live: bool) -> bool {
        self.live.insert(shard, is_live);
        self.live.values().all(|is_live| *is_live)
    }

    pub(super) const fn state(&self, is_live: bool) -> FeedState {
        FeedState {
            is_live,
            known: self.known,
            last: self.last,
            dropped: self.dropped,
        }
    }

    /// Returns the batch of a number, or the oldest one if that is forgotten, with its number.
    pub(super) fn batch(&self, number: u64) -> Option<(u64, Arc<Batch>)> {
        let number = number.max(self.first);
        let index = usize::try_from(number - self.first).ok()?;
        self.batches
            .get(index)
            .map(|batch| (number, Arc::clone(batch)))
    }

    /// Adds the entries of a database's page that are new; returns whether there are any.
    pub(super) fn add(
        &mut self,
        shard: Shard,
        page: RevocationPage,
        kept: Duration,
        (now, wall): (Instant, Timestamp),
    ) -> bool {
        let RevocationPage { entries, cursor } = page;
        let read_before = self.reread.remove(&shard).unwrap_or_default();
        let mut reread = BTreeSet::new();
        let mut new = Vec::new();
        for entry in entries {
            let key = (entry.position, entry.revoked);
            if entry.position >= cursor {
                reread.insert(key);
            }
            if !read_before.contains(&key) {
                new.push(Entry {
                    shard,
                    position: entry.position,
                    revoked: entry.revoked,
                    at: entry.at,
                    until: now + kept.saturating_sub(entry.age),
                });
            }
        }
        self.reread.insert(shard, reread);
        self.cursor.set(shard, cursor);
        if new.is_empty() {
            return false;
        }
        self.entries += new.len();
        self.known += new.len() as u64;
        self.last = Some(wall);
        self.batches.push_back(Arc::new(Batch {
            entries: new,
            cursor: self.cursor.clone(),
        }));
        while self.entries > MAX_ENTRIES && self.batches.len() > 1 {
            self.dropped += self.drop_oldest() as u64;
        }
        true
    }

    /// Forgets batches that concern no token any more.
    pub(super) fn forget(&mut self, now: Instant) {
        let is_over = |batch: &Arc<Batch>| batch.entries.iter().all(|entry| entry.until <= now);
        while self.batches.front().is_some_and(is_over) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) -> usize {
        let dropped = self.batches.pop_front();
        let entries = dropped.map_or(0, |batch| batch.entries.len());
        self.first += 1;
        self.entries -= entries;
        entries
    }
}
