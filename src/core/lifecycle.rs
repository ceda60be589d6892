//! The Page Lifecycle states that matter to the session.

use crate::wire::PageVisibility;

use super::context::Context;
use super::credential::Credential;
use super::effect::Effect;
use super::exchange::{Exchange, SUSPEND_THRESHOLD};
use super::input::PageChange;
use super::session::Session;
use super::time::Timestamp;

/// The lifecycle state of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifecycle {
    pub(super) is_visible: bool,
    /// Frozen, or in the back/forward cache: no token is returned before the storage record has been read again.
    pub(super) is_suspended: bool,
    /// After `pagehide`: the channel to the other tabs is closed.
    pub(super) is_pagehidden: bool,
}

impl Lifecycle {
    pub(super) const fn new() -> Self {
        Self {
            is_visible: true,
            is_suspended: false,
            is_pagehidden: false,
        }
    }

    pub(super) const fn visibility(self) -> PageVisibility {
        if self.is_visible {
            PageVisibility::Visible
        } else {
            PageVisibility::Hidden
        }
    }
}

impl Session {
    pub(super) fn on_page_changed(&mut self, context: &Context, change: PageChange) {
        match change {
            PageChange::Hidden => self.page.is_visible = false,
            PageChange::Offline => {}
            PageChange::Visible => {
                self.page.is_visible = true;
                self.backoff.restart(context.now);
            }
            PageChange::Online => self.backoff.restart(context.now),
            PageChange::Frozen => {
                self.page.is_suspended = true;
                self.release_held();
            }
            PageChange::Left => {
                self.page.is_suspended = true;
                self.release_held();
                if !self.page.is_pagehidden {
                    self.page.is_pagehidden = true;
                    if !self.has_peers(context.now) {
                        // No other tab is open: record the token as expired so the next page does not wait for peers.
                        self.update_record(context);
                    }
                    self.effects.push(Effect::CloseChannel);
                }
            }
            PageChange::Resumed => self.resume(context),
            PageChange::Returned => {
                if self.page.is_pagehidden {
                    self.page.is_pagehidden = false;
                    self.effects.push(Effect::OpenChannel);
                    self.update_record(context);
                }
                self.resume(context);
            }
        }
    }

    /// Rewrites the record with the token's expiry. A tab without a usable token does not write: it could only overwrite
    /// another tab's concurrent write.
    fn update_record(&mut self, context: &Context) {
        if let Credential::Active(active) = &self.credential
            && active.is_usable(context.now)
        {
            self.write_record(context);
        }
    }

    fn resume(&mut self, context: &Context) {
        // A page in the back/forward cache can be frozen and resumed without being shown.
        self.page.is_suspended = self.page.is_pagehidden;
        self.restart(context.now);
    }

    /// Extends the deadlines of callers and restarts the failure streak after a suspension.
    pub(super) fn restart(&mut self, now: Timestamp) {
        self.waiters.extend(now + self.config.call_deadline());
        self.backoff.restart(now);
    }

    /// Detects a suspension without an event: a visible page retries on time, so a late retry means that it was suspended.
    /// Timers of hidden pages are throttled, so those are not considered.
    pub(super) fn detect_suspension(&mut self, now: Timestamp) {
        let due = if self.waiters.is_empty() {
            self.backoff.idle_retry_at()
        } else {
            self.backoff.until()
        };
        let is_resting = self.backoff.failures() > 0 && matches!(self.exchange, Exchange::Idle);
        if is_resting
            && self.page.is_visible
            && !self.page.is_suspended
            && now.since(due) > SUSPEND_THRESHOLD
        {
            self.restart(now);
        }
    }
}
