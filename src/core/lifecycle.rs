//! The Page Lifecycle states that matter to the session.

use crate::wire::PageVisibility;

use super::credential::Credential;
use super::effect::Effect;
use super::exchange::{Exchange, SUSPEND_THRESHOLD};
use super::input::PageChange;
use super::session::Session;
use super::time::{Context, Timestamp};

/// What is known of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifecycle {
    pub(super) is_visible: bool,
    /// Frozen, or left into the back/forward cache: no token is handed out before it has looked around again.
    pub(super) is_suspended: bool,
    /// Left: the channel to the other tabs is closed.
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
                        // No other tab is open: the record says that the token cannot be shared so the next page does not wait for peers.
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

    /// Says anew how long its token is of use. A tab without one has nothing to say: it could only hide what another has
    /// written concurrently.
    fn update_record(&mut self, context: &Context) {
        if let Credential::Active(active) = &self.credential
            && active.is_usable(context.now)
        {
            self.write_record(context);
        }
    }

    fn resume(&mut self, context: &Context) {
        // A page in the back/forward cache may be frozen and resumed without being shown.
        self.page.is_suspended = self.page.is_pagehidden;
        self.restart(context.now);
    }

    /// Callers could not be served, nor the auth server be asked, while the page slept.
    pub(super) fn restart(&mut self, now: Timestamp) {
        self.waiters.extend(now + self.config.call_deadline());
        self.backoff.restart(now);
    }

    /// Notices a sleep that no event tells of: a page that is seen makes an attempt when it is due. Hidden ones are
    /// throttled.
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
