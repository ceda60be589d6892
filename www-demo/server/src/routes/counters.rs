//! Event counters.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Counts events by name since the start, or since the last reset.
#[derive(Debug, Default)]
pub struct Counters(Mutex<BTreeMap<&'static str, u64>>);

impl Counters {
    /// Increments a counter.
    pub fn count(&self, event: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(event).or_default() += 1;
    }

    /// Returns all counts that are not zero.
    #[must_use]
    pub fn read(&self) -> BTreeMap<&'static str, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Resets all counters.
    pub fn reset(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
