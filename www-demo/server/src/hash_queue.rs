//! Measures the queue of password hashes.

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

/// Counters and waiting times of the queue.
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
    /// Counts a hash as waiting, until the value is dropped or the hash begins.
    pub(crate) fn enter(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting {
            queue: Arc::clone(self),
            since: clock::now(),
        }
    }

    /// Counts a hash that timed out.
    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of hashes that wait, run, and have timed out since the start.
    pub(crate) fn read(&self) -> [u64; 3] {
        [&self.waiting, &self.running, &self.refused].map(|count| count.load(Ordering::Relaxed))
    }

    /// Returns the waiting times of the hashes that have begun.
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

/// A hash that waits for a permit.
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
