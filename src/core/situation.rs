//! What the parts report to each other: a situation, from which the next exchange follows, and a request that was sent.

use crate::wire::{PageVisibility, RefreshReason};

use super::context::Context;
use super::ids::{CallerId, Version};
use super::input::RefreshOutcome;
use super::millis::Millis;
use super::time::Timestamp;

/// A task that needs an exchange with the auth server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Run the app's sign-in function.
    SignIn { caller: CallerId },
    /// Notify the auth server of a sign-out.
    NotifySignOut { everywhere: bool },
    /// Refresh the token.
    Refresh,
}

/// A request in flight, or a running sign-in function, with what was known when it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) at: Timestamp,
    pub(super) reason: RefreshReason,
    /// A response for a session of another epoch is ignored.
    pub(super) epoch: u32,
    /// The highest version known in this browser.
    pub(super) seen: Version,
}

/// What an exchange depends on, as reported by the other parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    pub(super) now: Timestamp,
    /// The first caller whose sign-in function has not been called.
    pub(super) sign_in: Option<CallerId>,
    /// The sign-out of which the auth server has to be notified: whether it ends the sessions on all devices.
    pub(super) sign_out: Option<bool>,
    /// Why callers wait for a token.
    pub(super) waiting: Option<RefreshReason>,
    /// When and why the token is refreshed without callers.
    pub(super) background: Option<(Timestamp, RefreshReason)>,
    /// The end of the back-off; in the past without one.
    pub(super) retry_at: Timestamp,
    /// How long the current token can still be sent; zero without one.
    pub(super) token_left: Millis,
    pub(super) epoch: u32,
    pub(super) version: Version,
    pub(super) seen: Version,
    pub(super) has_peers: bool,
    /// When another tab started an exchange whose outcome has not been received.
    pub(super) peer_started_at: Option<Timestamp>,
    pub(super) page: PageVisibility,
    pub(super) is_suspended: bool,
    pub(super) active_ago: Millis,
}

impl Sent {
    /// Returns why the outcome of a refresh is void; `None` if it counts.
    pub(super) fn void_reason(
        &self,
        context: &Context,
        epoch: u32,
        outcome: &RefreshOutcome,
    ) -> Option<&'static str> {
        if self.epoch != epoch {
            // A sign-in or sign-out happened while it was in flight.
            return Some("other_session");
        }
        match (outcome, context.stored.session_since(self.seen)?) {
            // A page that was suspended meanwhile received no message of the sign-in, but the storage record shows it.
            (RefreshOutcome::Granted(grant), fingerprint) => {
                (grant.session.fingerprint() != fingerprint).then_some("other_session")
            }
            // Another tab has signed in since: the session that ended may be the previous one.
            (RefreshOutcome::Ended(_), _) => Some("earlier_session"),
            (RefreshOutcome::Failed(_), _) => None,
        }
    }
}

impl Situation {
    /// Returns the most urgent task that is due.
    pub(super) fn next_task(&self) -> Option<Task> {
        if let Some(caller) = self.sign_in {
            return Some(Task::SignIn { caller });
        }
        if self.retry_at > self.now {
            return None;
        }
        if let Some(everywhere) = self.sign_out {
            return Some(Task::NotifySignOut { everywhere });
        }
        self.refresh_reason().map(|_| Task::Refresh)
    }

    /// Whether a task started earlier is still due.
    pub(super) fn wants(&self, task: Task) -> bool {
        self.next_task() == Some(task)
    }

    /// Returns the reason to refresh now; `None` if no refresh is due.
    pub(super) fn refresh_reason(&self) -> Option<RefreshReason> {
        self.waiting.or(match self.background {
            Some((due, reason)) if self.now >= due => Some(reason),
            Some(_) | None => None,
        })
    }

    /// Whether a waiting caller has requested a new token.
    pub(super) fn wants_new(&self) -> bool {
        self.waiting == Some(RefreshReason::Force)
    }

    /// Returns when a task becomes due without further input.
    pub(super) fn deadline(&self) -> Option<(Timestamp, &'static str)> {
        if self.is_suspended {
            return None;
        }
        match self.background {
            _ if self.sign_out.is_some() => Some((self.retry_at, "sign_out")),
            Some((_, RefreshReason::Load)) => Some((self.retry_at, "load")),
            _ if self.waiting.is_some() => Some((self.retry_at.max(self.now), "callers")),
            background => background.map(|(due, _)| (due, "timer")),
        }
    }
}

#[cfg(test)]
mod tests;
