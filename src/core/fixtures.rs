//! Values that the unit tests of several parts begin with.

use super::context::Context;
use super::grant::{Grant, SessionInfo};
use super::ids::Version;
use super::millis::Millis;
use super::secret::Secret;
use super::situation::Situation;
use super::storage_record::StoredState;
use super::time::{Timestamp, WallTime};
use crate::wire::PageVisibility;

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_000_000);
pub(super) const WALL: WallTime = WallTime::from_millis(1_700_000_000_000);

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn version(number: u64) -> Version {
    Version::heard(number).expect("a version")
}

/// The context of an input that arrives at [`NOW`].
pub(super) fn context(stored: StoredState) -> Context {
    Context {
        now: NOW,
        wall: WALL,
        stored,
    }
}

/// A token with a lifetime of 60 s.
pub(super) fn grant() -> Grant {
    Grant {
        token: Secret::new("a.b.c").expect("a token"),
        lifetime: Millis::from_secs(60),
        refresh_in: None,
        session: SessionInfo::default(),
    }
}

/// A visible page without token and callers.
pub(super) fn situation(now: u64) -> Situation {
    Situation {
        now: at(now),
        sign_in: None,
        sign_out: None,
        waiting: None,
        background: None,
        retry_at: at(0),
        token_left: Millis::ZERO,
        epoch: 0,
        version: Version::default(),
        seen: Version::default(),
        has_peers: false,
        peer_started_at: None,
        page: PageVisibility::Visible,
        is_suspended: false,
        active_ago: Millis::ZERO,
    }
}
