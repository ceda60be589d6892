//! What a tab has to do with the auth server, decided anew after every input.

use crate::wire::RefreshReason;

use super::access::{Access, Duty};
use super::ids::RequestId;
use super::session::Session;
use super::time::Timestamp;

/// Something that takes an exchange with the auth server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// Run the app's sign-in function.
    Adopt { request: RequestId },
    /// Tell of a sign-out.
    TellServer { everywhere: bool },
    /// Renew the token.
    Refresh,
}

impl Session {
    /// Returns what is to be done now, the most urgent first.
    pub(super) fn next_job(&self, now: Timestamp) -> Option<Job> {
        if let Some(request) = self.adopts.first() {
            return Some(Job::Adopt { request: *request });
        }
        if self.backoff.until() > now {
            return None;
        }
        if let Access::Out(out) = &self.access
            && let Duty::Tell { everywhere } = out.duty
        {
            return Some(Job::TellServer { everywhere });
        }
        self.refresh_reason(now).map(|_| Job::Refresh)
    }

    /// Whether this job, begun earlier, is still to be done.
    pub(super) fn is_wanted(&self, job: Job, now: Timestamp) -> bool {
        match job {
            Job::Adopt { request } => self.adopts.first() == Some(&request),
            Job::TellServer { .. } | Job::Refresh => self.next_job(now) == Some(job),
        }
    }

    /// Returns why the token is to be renewed now; `None` where it is not.
    pub(super) fn refresh_reason(&self, now: Timestamp) -> Option<RefreshReason> {
        let waiting = self.waiters.reason();
        match &self.access {
            Access::Unknown => waiting.or(Some(RefreshReason::Load)),
            Access::Held(held) => {
                let due = held.refresh_at.max(self.backoff.calm_until());
                waiting.or((now >= due).then_some(RefreshReason::Timer))
            }
            Access::Out(_) => waiting,
        }
    }

    /// Whether a caller will only take a token from a refresh that is sent from now on.
    pub(super) fn waiters_force(&self) -> bool {
        self.waiters.reason() == Some(RefreshReason::Force)
    }

    /// Puts a background refresh off while the token is good for longer; `false` where it is not.
    pub(super) fn put_off_refresh(&mut self, now: Timestamp) -> bool {
        let enough = self.config.beat * 5;
        let Access::Held(held) = &mut self.access else {
            return false;
        };
        if held.left(now) <= enough {
            return false;
        }
        held.put_off(now);
        true
    }

    /// Returns when a job may become due by itself.
    pub(super) fn job_deadline(&self, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        if self.page.is_dozing {
            return None;
        }
        let rested = self.backoff.until();
        match &self.access {
            Access::Out(out) if out.duty != Duty::Done => Some((rested, "sign-out to be told")),
            Access::Unknown => Some((rested, "first refresh")),
            Access::Held(held) if self.waiters.is_empty() => Some((
                held.refresh_at.max(self.backoff.calm_until()),
                "background refresh",
            )),
            Access::Held(_) | Access::Out(_) if !self.waiters.is_empty() => {
                Some((rested.max(now), "callers waiting"))
            }
            Access::Held(_) | Access::Out(_) => None,
        }
    }
}
