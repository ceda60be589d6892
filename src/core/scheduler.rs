//! Chooses the next exchange with the auth server; evaluated after every input.

use crate::wire::RefreshReason;

use super::credential::{Credential, SignOutSync};
use super::ids::CallerId;
use super::session::Session;
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

impl Session {
    /// Returns the most urgent task that is due.
    pub(super) fn next_task(&self, now: Timestamp) -> Option<Task> {
        if let Some(caller) = self.sign_ins.first() {
            return Some(Task::SignIn { caller: *caller });
        }
        if self.backoff.until() > now {
            return None;
        }
        if let Credential::SignedOut(signed_out) = &self.credential
            && let SignOutSync::Pending { everywhere } = signed_out.sync
        {
            return Some(Task::NotifySignOut { everywhere });
        }
        self.refresh_reason(now).map(|_| Task::Refresh)
    }

    /// Whether a task started earlier is still due.
    pub(super) fn is_wanted(&self, task: Task, now: Timestamp) -> bool {
        match task {
            Task::SignIn { caller } => self.sign_ins.first() == Some(&caller),
            Task::NotifySignOut { .. } | Task::Refresh => self.next_task(now) == Some(task),
        }
    }

    /// Returns the reason to refresh now; `None` if no refresh is due.
    pub(super) fn refresh_reason(&self, now: Timestamp) -> Option<RefreshReason> {
        let waiting = self.waiters.reason();
        match &self.credential {
            Credential::Unknown => waiting.or(Some(RefreshReason::Load)),
            Credential::Active(active) => {
                let due = active.refresh_at.max(self.backoff.idle_retry_at());
                waiting.or((now >= due).then_some(RefreshReason::Timer))
            }
            Credential::SignedOut(_) => waiting,
        }
    }

    /// Whether a waiting caller has requested a new token.
    pub(super) fn waiters_want_new(&self) -> bool {
        self.waiters.reason() == Some(RefreshReason::Force)
    }

    /// Postpones the background refresh if the token stays usable for long enough; `false` otherwise.
    pub(super) fn postpone_refresh(&mut self, now: Timestamp) -> bool {
        let enough = self.config.peer_reply_timeout * 5;
        let Credential::Active(active) = &mut self.credential else {
            return false;
        };
        if active.left(now) <= enough {
            return false;
        }
        active.postpone_refresh(now);
        true
    }

    /// Returns when a task becomes due without further input.
    pub(super) fn task_deadline(&self, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        if self.page.is_suspended {
            return None;
        }
        let rested = self.backoff.until();
        match &self.credential {
            Credential::SignedOut(signed_out) if signed_out.sync != SignOutSync::Done => {
                Some((rested, "sign-out to be told"))
            }
            Credential::Unknown => Some((rested, "first refresh")),
            Credential::Active(active) if self.waiters.is_empty() => Some((
                active.refresh_at.max(self.backoff.idle_retry_at()),
                "background refresh",
            )),
            Credential::Active(_) | Credential::SignedOut(_) if !self.waiters.is_empty() => {
                Some((rested.max(now), "callers waiting"))
            }
            Credential::Active(_) | Credential::SignedOut(_) => None,
        }
    }
}
