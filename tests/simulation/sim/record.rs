//! The log, counters and state of the world, for assertions.

use std::collections::BTreeMap;

use nolapse::core::{Input, Status};
use nolapse::wire::EndReason;

use super::{Step, World, keys::Downgrade};

/// One log line, formatted only when printed.
#[derive(Clone, Debug)]
pub enum Line {
    /// An input was fed to a tab.
    Fed(u64, usize, Input),
    /// A step of the schedule was applied.
    Step(u64, Step),
    /// A note.
    Notified(u64, String),
}

/// Counters that the tests assert on.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Refresh requests sent, by browser.
    pub sent: BTreeMap<usize, u32>,
    /// When each was sent.
    pub sent_at: Vec<u64>,
    /// Refresh requests granted by the auth server.
    pub granted: u32,
    /// The most requests in flight at once in one browser.
    pub most_at_once: usize,
    /// Calls sent with a token that would have expired on arrival.
    pub expired_sent: u32,
    /// Calls sent with a token of another context than theirs.
    pub wrong_context: u32,
    /// Calls sent with a token by a signed-out tab.
    pub zombies: u32,
    /// Sessions that the server ended for reuse without a theft.
    pub false_alarms: u32,
    /// Sessions ended for reuse because a response with an older cookie arrived after two later rotations.
    pub excused_alarms: u32,
    /// Password changes confirmed to a page.
    pub passwords_changed: u32,
    /// Callers that were settled twice.
    pub answered_twice: u32,
    /// Grants of bound sessions without their key.
    pub downgrades: Vec<Downgrade>,
    /// `Publish` effects, by tab.
    pub published: BTreeMap<usize, u32>,
}

impl World {
    /// A tab's session status.
    pub fn status(&self, tab: usize) -> Status {
        self.tabs[tab].core.status()
    }

    pub fn is_in(&self, tab: usize) -> bool {
        matches!(self.status(tab), Status::SignedIn { .. })
    }

    pub fn is_out(&self, tab: usize) -> bool {
        matches!(self.status(tab), Status::SignedOut { .. })
    }

    /// The tab's sign-out reason, if it is signed out and has one.
    pub fn end_reason(&self, tab: usize) -> Option<EndReason> {
        match self.status(tab) {
            Status::SignedOut { reason, .. } => reason,
            Status::SignedIn { .. } | Status::Unknown { .. } => None,
        }
    }

    /// Refreshes sent by a browser so far.
    pub fn sent(&self, browser: usize) -> u32 {
        self.counts.sent.get(&browser).copied().unwrap_or_default()
    }

    /// Adds a note to the log.
    pub fn tell(&mut self, text: String) {
        self.log.push(Line::Notified(self.now, text));
    }

    /// Formats the whole log.
    pub fn story(&self) -> String {
        let since = |at: &u64| at - 1_700_000_000_000;
        let lines = self.log.iter().map(|line| match line {
            Line::Fed(at, tab, input) => format!("{:>10} tab {tab}: {input:?}", since(at)),
            Line::Step(at, step) => format!("{:>10} {step:?}", since(at)),
            Line::Notified(at, text) => format!("{:>10} {text}", since(at)),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The number of waiting calls.
    pub fn waiting(&self) -> usize {
        self.calls
            .iter()
            .filter(|call| call.ending.is_none())
            .count()
    }
}
