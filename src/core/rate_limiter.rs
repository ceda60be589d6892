//! The rate limit on attempts.

use super::millis::Millis;
use super::time::Timestamp;

/// Allows `CAPACITY` attempts at once and one more each `interval`: the generic cell rate algorithm, kept as one timestamp.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateLimiter {
    interval: Millis,
    capacity: u32,
    /// When the full capacity is available again; in the past if it is.
    resets_at: Timestamp,
}

impl RateLimiter {
    pub(super) const fn new(capacity: u32, interval: Millis) -> Self {
        Self {
            interval,
            capacity,
            resets_at: Timestamp::from_millis(0),
        }
    }

    pub(super) fn consume(&mut self, now: Timestamp) {
        let most = now + self.interval * u64::from(self.capacity);
        self.resets_at = (self.resets_at.max(now) + self.interval).min(most);
    }

    /// Returns when the next attempt is allowed; in the past if it is allowed now.
    pub(super) fn next(&self) -> Timestamp {
        self.resets_at
            .before(self.interval * u64::from(self.capacity - 1))
    }

    /// Returns when the full capacity is available again; in the past if it is.
    pub(super) fn resets_at(&self) -> Timestamp {
        self.resets_at
    }

    /// Postpones the reset to this time, as another tab has made attempts too.
    pub(super) fn postpone_reset(&mut self, resets_at: Timestamp) {
        self.resets_at = self.resets_at.max(resets_at);
    }

    pub(super) fn reset(&mut self) {
        self.resets_at = Timestamp::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_spent_one_by_one_and_comes_back_one_by_one() {
        const NOW: Timestamp = Timestamp::from_millis(3_600_000);
        let mut limiter = RateLimiter::new(3, Millis::from_secs(10));
        for _ in 0..3 {
            assert!(limiter.next() <= NOW);
            limiter.consume(NOW);
        }

        assert_eq!(limiter.next(), NOW + Millis::from_secs(10));
        limiter.consume(NOW);
        assert_eq!(
            limiter.next(),
            NOW + Millis::from_secs(10),
            "no debt is run up"
        );
        let later = NOW + Millis::from_secs(25);
        limiter.consume(later);
        assert!(limiter.next() <= later, "two had come back");
        limiter.consume(later);
        assert_eq!(limiter.next(), later + Millis::from_secs(5));
        limiter.reset();
        assert!(limiter.next() <= NOW);
    }
}
