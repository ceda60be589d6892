//! How many password hashes wait for their turn, and for how long.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    clock,
    domain::Timestamp,
    metrics::{Histogram, WAIT_MS},
};

/// The queue in front of the password hashes, as it is measured.
#[derive(Debug)]
pub(crate) struct HashQueue {
    waiting: AtomicU64,
    running: AtomicU64,
    refused: AtomicU64,
    waits: Mutex<Histogram<{ WAIT_MS.len() }>>,
}

impl Default for HashQueue {
    fn default() -> Self {
        Self {
            waiting: AtomicU64::new(0),
            running: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            waits: Mutex::new(Histogram::NEW),
        }
    }
}

impl HashQueue {
    /// Counts one more that waits, until the value is dropped or its turn begins.
    pub(crate) fn enter(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting {
            queue: Arc::clone(self),
            since: clock::now(),
        }
    }

    /// Counts one that waited too long.
    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many wait, how many run, and how many waited too long since the start.
    pub(crate) fn read(&self) -> [u64; 3] {
        [&self.waiting, &self.running, &self.refused].map(|count| count.load(Ordering::Relaxed))
    }

    /// Returns how long those waited whose turn has begun.
    pub(crate) fn waits(&self) -> Histogram<{ WAIT_MS.len() }> {
        self.waits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn began(&self, waited: Duration) {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.observe(&WAIT_MS, waited);
    }
}

/// One hash that waits for its turn.
#[derive(Debug)]
pub(crate) struct Waiting {
    queue: Arc<HashQueue>,
    since: Timestamp,
}

impl Waiting {
    /// Ends the wait: the hash runs until the returned value is dropped.
    pub(crate) fn begin(self) -> Running {
        self.queue.began(clock::now().since(self.since));
        self.queue.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(&self.queue))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One hash that runs.
#[derive(Debug)]
pub(crate) struct Running(Arc<HashQueue>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
