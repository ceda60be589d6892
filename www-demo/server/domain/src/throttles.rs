//! Rate limits that all servers of a database share.

use std::time::Duration;

use async_trait::async_trait;

use crate::{StoreResult, Timestamp};

/// A rate limit on one subject (generic cell rate algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The subject's keyed hash, so that the database has neither an address nor an account.
    pub name: [u8; 16],
    /// The emission interval: the time after which one turn is available again.
    pub interval: Duration,
    /// The number of turns available at once, at least one.
    pub burst: u32,
}

impl Bucket {
    /// Returns how far the theoretical arrival time may be ahead of `now`.
    #[must_use]
    pub fn tolerance(&self) -> Duration {
        self.interval * self.burst
    }
}

/// Rate limits in the database. They outlive a restart.
#[async_trait]
pub trait Throttles: Send + Sync + 'static {
    /// Takes one turn from each bucket, or none if one of them is empty: then returns the time until all have one.
    ///
    /// Concurrent calls never take more turns than a bucket has.
    async fn take_turns(
        &self,
        now: Timestamp,
        buckets: &[Bucket],
    ) -> StoreResult<Result<(), Duration>>;

    /// Returns the turns of a successful attempt.
    async fn return_turns(&self, buckets: &[Bucket]) -> StoreResult<()>;

    /// Deletes at most `most` buckets that are full at `now`; returns how many.
    async fn prune_throttles(&self, now: Timestamp, most: u32) -> StoreResult<u64>;

    /// Deletes all but `kept` buckets, those that are full soonest first. Bounds the table.
    async fn bound_throttles(&self, kept: u32) -> StoreResult<u64>;
}
