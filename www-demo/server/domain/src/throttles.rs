//! How often something may be tried, counted where all servers see it.

use std::time::Duration;

use async_trait::async_trait;

use crate::{StoreResult, Timestamp};

/// A limit on one subject: so many turns at once, and then again as time passes (the generic cell rate algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Names the subject: a keyed hash, so that the database holds neither an address nor an account.
    pub name: [u8; 16],
    /// After how long one turn comes back.
    pub interval: Duration,
    /// How many turns there are at once; at least one.
    pub burst: u32,
}

impl Bucket {
    /// Returns how far ahead of `now` the theoretical arrival time may be after a turn.
    #[must_use]
    pub fn tolerance(&self) -> Duration {
        self.interval * self.burst
    }
}

/// Counts turns, shared by all servers on one database; a restart forgets nothing.
#[async_trait]
pub trait Throttles: Send + Sync + 'static {
    /// Takes one turn from each bucket, or from none where one of them has no turn left: then returns how long
    /// until all of them have.
    ///
    /// However many calls there are at once, no bucket gives out more turns than it has.
    async fn take_turns(
        &self,
        now: Timestamp,
        buckets: &[Bucket],
    ) -> StoreResult<Result<(), Duration>>;

    /// Gives the turns back: what was tried has succeeded.
    async fn return_turns(&self, buckets: &[Bucket]) -> StoreResult<()>;

    /// Forgets at most `most` buckets that are full again at `now`; returns how many.
    async fn prune_throttles(&self, now: Timestamp, most: u32) -> StoreResult<u64>;

    /// Forgets the buckets that are full again soonest, beyond the first `kept`: strangers cannot fill the database.
    async fn bound_throttles(&self, kept: u32) -> StoreResult<u64>;
}
