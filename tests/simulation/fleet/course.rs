//! What happens to the auth server and to the network, and when.

use super::budgets::Budget;

/// When the event of each course begins, in milliseconds: twelve refreshes of each page come before.
pub(crate) const EVENT: u64 = 600_000;
/// How long a course goes on after its event.
const AFTERWARDS: u64 = 1_800_000;
/// The groups of servers that a deploy replaces one after the other.
pub(crate) const GROUPS: usize = 20;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

/// A change of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All servers stop: requests are refused, and streams end.
    AllStop,
    AllStart,
    /// A group of servers stops, and the balancer does not know of it.
    Stop(usize),
    /// The balancer leaves the group out.
    LeaveOut(usize),
    Start(usize),
    /// The primary fails until the standby is promoted at this time; of the requests under way, half are committed. The
    /// standby lacks the last commits.
    DatabaseFails {
        until: u64,
    },
    /// All cells lose their network.
    CellsFail,
    CellsReturn,
}

/// What is played.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// The time over which the pages are opened.
    pub(crate) opening: u64,
    pub(crate) steps: Vec<(u64, Step)>,
    /// The span of the event.
    pub(crate) event: (u64, u64),
    pub(crate) ends: u64,
    pub(crate) budget: Budget,
}

impl Course {
    /// Creates a course whose event is as long as this.
    fn with(length: u64, steps: Vec<(u64, Step)>) -> Self {
        let over = EVENT + length;
        Self {
            name: "steady",
            title: "steady",
            opening: 49 * SECOND,
            steps,
            event: (EVENT, over),
            ends: over + AFTERWARDS,
            budget: Budget::STEADY,
        }
    }

    pub(crate) fn steady() -> Self {
        Self::with(0, Vec::new())
    }

    fn outage(minutes: u64) -> Self {
        let length = minutes * MINUTE;
        let steps = vec![(EVENT, Step::AllStop), (EVENT + length, Step::AllStart)];
        Self::with(length, steps)
    }

    pub(crate) fn short_outage() -> Self {
        Self {
            name: "outage-1",
            title: "auth server away for 1 min",
            budget: Budget::OUTAGE_1,
            ..Self::outage(1)
        }
    }

    pub(crate) fn long_outage() -> Self {
        Self {
            name: "outage-10",
            title: "auth server away for 10 min",
            budget: Budget::OUTAGE_10,
            ..Self::outage(10)
        }
    }

    /// Each group refuses connections, is left out by the balancer after 2 s, and starts again after 10 s; the next follows 5 s later.
    pub(crate) fn deploy() -> Self {
        let mut steps = Vec::new();
        let mut at = EVENT;
        for group in 0..GROUPS {
            steps.push((at, Step::Stop(group)));
            steps.push((at + 2 * SECOND, Step::LeaveOut(group)));
            steps.push((at + 10 * SECOND, Step::Start(group)));
            at += 15 * SECOND;
        }
        Self {
            name: "deploy",
            title: "deploy of all servers, 5 % at a time",
            budget: Budget::DEPLOY,
            ..Self::with(at - EVENT, steps)
        }
    }

    pub(crate) fn failover() -> Self {
        let length = 10 * SECOND;
        let until = EVENT + length;
        let steps = vec![(EVENT, Step::DatabaseFails { until })];
        Self {
            name: "failover",
            title: "database failover of 10 s",
            budget: Budget::FAILOVER,
            ..Self::with(length, steps)
        }
    }

    /// For ten minutes, cells are without a network for 8 s of each 20 s.
    pub(crate) fn flapping() -> Self {
        let length = 10 * MINUTE;
        let mut steps = Vec::new();
        let mut at = EVENT;
        while at < EVENT + length {
            steps.push((at, Step::CellsFail));
            steps.push((at + 8 * SECOND, Step::CellsReturn));
            at += 20 * SECOND;
        }
        Self {
            name: "flapping",
            title: "a cell network that flaps, 8 s of each 20 s for 10 min",
            budget: Budget::FLAPPING,
            ..Self::with(length, steps)
        }
    }

    pub(crate) fn cells_away() -> Self {
        let length = 5 * MINUTE;
        let returns = (EVENT + length, Step::CellsReturn);
        Self {
            name: "cells-away",
            title: "a cell network that is away for 5 min",
            budget: Budget::CELLS_AWAY,
            ..Self::with(length, vec![(EVENT, Step::CellsFail), returns])
        }
    }

    /// All pages are opened within a minute, each with a session.
    pub(crate) fn rush() -> Self {
        Self {
            name: "rush",
            title: "all pages opened within a minute",
            opening: MINUTE,
            event: (0, MINUTE),
            budget: Budget::RUSH,
            ..Self::with(0, Vec::new())
        }
    }

    /// When the database fails, if it does.
    pub(crate) fn database_fails_at(&self) -> Option<u64> {
        let fails =
            |(at, step): &(u64, Step)| matches!(step, Step::DatabaseFails { .. }).then_some(*at);
        self.steps.iter().find_map(fails)
    }

    pub(crate) fn all() -> Vec<Self> {
        vec![
            Self::steady(),
            Self::short_outage(),
            Self::long_outage(),
            Self::deploy(),
            Self::failover(),
            Self::flapping(),
            Self::cells_away(),
            Self::rush(),
        ]
    }
}
