//! Rate limits in memory, for each server alone: behind a balancer the limit is multiplied by the number of servers.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::domain::Timestamp;

/// Upper bound on the names in memory.
const MAX_NAMES: usize = 100_000;
/// How many names make room at once, so that not each further one costs a look at all.
const ROOM: usize = MAX_NAMES / 16;

/// A rate limit for each name (generic cell rate algorithm).
///
/// Names are stored as keyed hashes (`RandomState`), so that collisions cannot be provoked.
#[derive(Debug)]
pub struct Throttle {
    burst: u32,
    interval: Duration,
    hasher: RandomState,
    theoretical_arrival: Mutex<BTreeMap<u64, Timestamp>>,
}

impl Throttle {
    /// Allows `count` turns per `span`, also at once; 0 is no limit.
    #[must_use]
    pub fn new(count: u32, span: Duration) -> Self {
        Self {
            burst: count,
            interval: span / count.max(1),
            hasher: RandomState::new(),
            theoretical_arrival: Mutex::default(),
        }
    }

    /// Takes one turn of `name`.
    ///
    /// # Errors
    /// Fails with the time until the next turn.
    pub fn take(&self, now: Timestamp, name: impl Hash) -> Result<(), Duration> {
        if self.burst == 0 {
            return Ok(());
        }
        let name = self.hasher.hash_one(name);
        let mut theoretical_arrival = self.arrivals();
        let next = self.next(&theoretical_arrival, now, name)?;
        theoretical_arrival.insert(name, next);
        if theoretical_arrival.len() > MAX_NAMES {
            theoretical_arrival.retain(|_, theoretical_arrival| *theoretical_arrival > now);
            while theoretical_arrival.len() > MAX_NAMES - ROOM {
                theoretical_arrival.pop_first();
            }
        }
        Ok(())
    }

    /// Returns whether `name` has a turn left, without taking it.
    pub(crate) fn has_turn(&self, now: Timestamp, name: impl Hash) -> bool {
        let name = self.hasher.hash_one(name);
        self.burst == 0 || self.next(&self.arrivals(), now, name).is_ok()
    }

    /// Returns the theoretical arrival time after one more turn of `name`; without a turn left, the time until the next one.
    fn next(
        &self,
        theoretical_arrival: &BTreeMap<u64, Timestamp>,
        now: Timestamp,
        name: u64,
    ) -> Result<Timestamp, Duration> {
        let owed_from = theoretical_arrival.get(&name).copied().unwrap_or(now);
        let next = owed_from.max(now) + self.interval;
        let ahead = next.since(now);
        let allowed = self.interval * self.burst;
        if ahead > allowed {
            return Err(ahead.saturating_sub(allowed));
        }
        Ok(next)
    }

    fn arrivals(&self) -> MutexGuard<'_, BTreeMap<u64, Timestamp>> {
        self.theoretical_arrival
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[test]
    fn a_burst_is_allowed_and_then_one_turn_per_interval() {
        let throttle = Throttle::new(10, Duration::from_mins(1));

        for _ in 0..10 {
            assert_eq!(throttle.take(NOW, "ada"), Ok(()));
        }

        assert_eq!(throttle.take(NOW, "ada"), Err(Duration::from_secs(6)));
        assert!(!throttle.has_turn(NOW, "ada"));
        for _ in 0..20 {
            assert!(throttle.has_turn(NOW, "eve"));
        }
        assert_eq!(throttle.take(NOW, "eve"), Ok(()));
        let later = NOW + Duration::from_secs(6);
        assert_eq!(throttle.take(later, "ada"), Ok(()));
        assert_eq!(throttle.take(later, "ada"), Err(Duration::from_secs(6)));
    }

    #[test]
    fn the_memory_is_bounded_and_zero_is_no_limit() {
        let throttle = Throttle::new(1, Duration::from_mins(1));
        for name in 0..=MAX_NAMES {
            assert_eq!(throttle.take(NOW, name), Ok(()));
        }
        let names = throttle.theoretical_arrival.lock().unwrap().len();
        assert_eq!(names, MAX_NAMES - ROOM);

        let none = Throttle::new(0, Duration::from_mins(1));
        assert!((0..1_000).all(|_| none.take(NOW, "ada").is_ok()));
    }

    #[test]
    fn a_poller_of_any_token_life_is_never_stopped_by_the_default() {
        let throttle = Throttle::new(120, Duration::from_mins(1));
        // Tokens of one second in a page that also refreshes on demand each time.
        for beat in 0..10_000 {
            let now = NOW + Duration::from_millis(beat * 833);
            assert_eq!(throttle.take(now, 1), Ok(()));
        }
    }
}
