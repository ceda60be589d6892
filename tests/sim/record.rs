//! What has happened in the world, and where it stands: for promises to be held against.

use std::collections::BTreeMap;

use nolapse::core::{Input, SessionError, Status};
use nolapse::wire::EndReason;

use super::{Ending, Step, World};

/// One line of what has happened, written out only when somebody reads it.
#[derive(Clone, Debug)]
pub enum Line {
    /// A tab was told something.
    Fed(u64, usize, Input),
    /// A step of the schedule was taken.
    Step(u64, Step),
    /// Something worth saying.
    Notified(u64, String),
}

/// Numbers that promises are made about.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Refresh requests that a browser has sent, by browser.
    pub sent: BTreeMap<usize, u32>,
    /// When each was sent.
    pub sent_at: Vec<u64>,
    /// Refresh requests that the auth server has answered with a token.
    pub granted: u32,
    /// Refreshes in flight at the same moment in one browser, at the most.
    pub most_at_once: usize,
    /// Calls that left with a token that had expired at the moment of sending.
    pub expired_sent: u32,
    /// Calls that left with a token of a session that its tab knew to be over.
    pub zombies: u32,
    /// Sessions that the server ended for theft although there was none.
    pub false_alarms: u32,
    /// Sessions ended for theft because an answer was lost for longer than the grace.
    pub excused_alarms: u32,
    /// Passwords that were changed, as far as a page knows.
    pub passwords_changed: u32,
    /// Callers that were answered twice.
    pub answered_twice: u32,
    /// `Publish` effects, by tab.
    pub published: BTreeMap<usize, u32>,
}

impl World {
    /// Where a tab says that the session stands.
    pub fn status(&self, tab: usize) -> Status {
        self.tabs[tab].core.status()
    }

    pub fn is_in(&self, tab: usize) -> bool {
        matches!(self.status(tab), Status::SignedIn { .. })
    }

    pub fn is_out(&self, tab: usize) -> bool {
        matches!(self.status(tab), Status::SignedOut { .. })
    }

    /// Why the tab says that its session is over; nothing where it says neither that nor why.
    pub fn end_reason(&self, tab: usize) -> Option<EndReason> {
        match self.status(tab) {
            Status::SignedOut { reason, .. } => reason,
            Status::SignedIn { .. } | Status::Unknown { .. } => None,
        }
    }

    /// Refreshes that a browser has sent so far.
    pub fn sent(&self, browser: usize) -> u32 {
        self.counts.sent.get(&browser).copied().unwrap_or_default()
    }

    /// Writes something into the log.
    pub fn tell(&mut self, text: String) {
        self.log.push(Line::Notified(self.now, text));
    }

    /// Returns what has happened, from the first second to the last.
    pub fn story(&self) -> String {
        let since = |at: &u64| at - 1_700_000_000_000;
        let lines = self.log.iter().map(|line| match line {
            Line::Fed(at, tab, input) => format!("{:>10} tab {tab}: {input:?}", since(at)),
            Line::Step(at, step) => format!("{:>10} {step:?}", since(at)),
            Line::Notified(at, text) => format!("{:>10} {text}", since(at)),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Calls that still wait.
    pub fn waiting(&self) -> usize {
        self.calls
            .iter()
            .filter(|call| call.ending.is_none())
            .count()
    }

    /// Calls that have come to this error.
    pub fn failed(&self, code: &str) -> usize {
        let is_it = |error: &SessionError| error.code() == code;
        self.calls
            .iter()
            .filter(|call| matches!(&call.ending, Some(Ending::Failed(error)) if is_it(error)))
            .count()
    }
}
