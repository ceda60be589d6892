//! Callers that wait for a token.

use crate::wire::RefreshReason;

use super::ids::{CallerId, Version};
use super::millis::Millis;
use super::time::Timestamp;

/// The token requirement of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenRequirement {
    /// A token with at least this validity, requested at this time.
    Token {
        min_validity: Millis,
        asked: Timestamp,
    },
    /// A token other than this version, because the app requested a new one.
    Renewed { than: Version },
    /// A token other than this version, because an API rejected it.
    Replaced { than: Version },
    /// A token from a refresh sent at this time or later.
    Forced { asked: Timestamp },
}

impl TokenRequirement {
    /// The reason of a refresh for this caller.
    pub(super) const fn reason(self) -> RefreshReason {
        match self {
            Self::Token { .. } => RefreshReason::Demand,
            Self::Replaced { .. } => RefreshReason::Rejected,
            Self::Renewed { .. } | Self::Forced { .. } => RefreshReason::Force,
        }
    }

    /// Whether the app requested a new token explicitly; this sends a refresh even when signed out.
    pub(super) const fn is_explicit(self) -> bool {
        match self {
            Self::Renewed { .. } | Self::Forced { .. } => true,
            Self::Token { .. } | Self::Replaced { .. } => false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) requirement: TokenRequirement,
    pub(super) deadline: Timestamp,
}

/// The waiting callers in order of arrival: ids and deadlines both ascend.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiters {
    /// Sorted by id; a tenth of the code size of a `BTreeMap`.
    waiting: Vec<(CallerId, Waiter)>,
    forced: usize,
    rejected: usize,
    plain: usize,
}

impl Waiters {
    /// Upper bound on waiting callers; more indicates a bug in the app.
    const CAPACITY: usize = 10_000;

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= Self::CAPACITY
    }

    pub(super) fn add(&mut self, caller: CallerId, waiter: Waiter) {
        *self.count(waiter.requirement) += 1;
        self.waiting.push((caller, waiter));
    }

    pub(super) fn remove(&mut self, caller: CallerId) {
        if let Ok(place) = self.waiting.binary_search_by_key(&caller, |(id, _)| *id) {
            let (_, waiter) = self.waiting.remove(place);
            *self.count(waiter.requirement) -= 1;
        }
    }

    /// Removes and returns all callers.
    pub(super) fn take(&mut self) -> Vec<(CallerId, Waiter)> {
        std::mem::take(self).waiting
    }

    fn count(&mut self, requirement: TokenRequirement) -> &mut usize {
        match requirement.reason() {
            RefreshReason::Force => &mut self.forced,
            RefreshReason::Rejected => &mut self.rejected,
            RefreshReason::Timer | RefreshReason::Load | RefreshReason::Demand => &mut self.plain,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Extends every deadline to at least this time: no caller could be served while the page was suspended.
    pub(super) fn extend(&mut self, deadline: Timestamp) {
        for (_, waiter) in &mut self.waiting {
            waiter.deadline = waiter.deadline.max(deadline);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(_, waiter)| waiter.deadline)
    }

    /// The reason of a refresh for these callers; `None` without callers.
    pub(super) fn reason(&self) -> Option<RefreshReason> {
        if self.forced > 0 {
            Some(RefreshReason::Force)
        } else if self.rejected > 0 {
            Some(RefreshReason::Rejected)
        } else if self.plain > 0 {
            Some(RefreshReason::Demand)
        } else {
            None
        }
    }
}
