//! What the host reads for each input.

use super::storage_record::StoredState;
use super::time::{Timestamp, WallTime};

/// What the host reads for each input: both clocks and the storage record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The time on the page's clock.
    pub now: Timestamp,
    /// The time on the wall clock.
    pub wall: WallTime,
    /// The storage record.
    pub stored: StoredState,
}
