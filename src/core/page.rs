//! The page's life, as far as it matters to the session.

use crate::wire::PageVisibility;

use super::access::Access;
use super::effect::Effect;
use super::exchange::{Exchange, OVERSLEPT};
use super::input::PageChange;
use super::session::Session;
use super::time::{Moment, Timestamp};

/// What is known of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) is_visible: bool,
    /// Frozen, or left into the back/forward cache: no token is handed out before it has looked around again.
    pub(super) is_dozing: bool,
    /// Left: the channel to the other tabs is closed.
    pub(super) has_left: bool,
}

impl Page {
    pub(super) const fn new() -> Self {
        Self {
            is_visible: true,
            is_dozing: false,
            has_left: false,
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
    pub(super) fn on_page_changed(&mut self, moment: &Moment, change: PageChange) {
        match change {
            PageChange::Hidden => self.page.is_visible = false,
            PageChange::Offline => {}
            PageChange::Visible => {
                self.page.is_visible = true;
                self.backoff.begin_anew(moment.now);
            }
            PageChange::Online => self.backoff.begin_anew(moment.now),
            PageChange::Frozen => {
                self.page.is_dozing = true;
                self.let_go();
            }
            PageChange::Left => {
                self.page.is_dozing = true;
                self.let_go();
                if !self.page.has_left {
                    self.page.has_left = true;
                    if !self.has_company(moment.now) {
                        // Nobody is left who could answer a question: the next page need not ask.
                        self.correct_mark(moment);
                    }
                    self.effects.push(Effect::CloseChannel);
                }
            }
            PageChange::Resumed => self.wake(moment),
            PageChange::Returned => {
                if self.page.has_left {
                    self.page.has_left = false;
                    self.effects.push(Effect::OpenChannel);
                    self.correct_mark(moment);
                }
                self.wake(moment);
            }
        }
    }

    /// Says anew how long its token is of use. A tab without one has nothing to say: it could only hide what another has
    /// written in the same moment.
    fn correct_mark(&mut self, moment: &Moment) {
        if let Access::Held(held) = &self.access
            && held.is_usable(moment.now)
        {
            self.write_mark(moment);
        }
    }

    fn wake(&mut self, moment: &Moment) {
        // A page in the back/forward cache may be frozen and resumed without being shown.
        self.page.is_dozing = self.page.has_left;
        self.begin_anew(moment.now);
    }

    /// Callers could not be served, nor the auth server be asked, while the page slept.
    pub(super) fn begin_anew(&mut self, now: Timestamp) {
        self.waiters.extend(now + self.config.call_deadline());
        self.backoff.begin_anew(now);
    }

    /// Notices a sleep that no event tells of: a page that is seen makes an attempt when it is due. Hidden ones are
    /// throttled.
    pub(super) fn notice_sleep(&mut self, now: Timestamp) {
        let due = if self.waiters.is_empty() {
            self.backoff.calm_until()
        } else {
            self.backoff.until()
        };
        let is_resting = self.backoff.failures() > 0 && matches!(self.exchange, Exchange::Idle);
        if is_resting && self.page.is_visible && !self.page.is_dozing && now.since(due) > OVERSLEPT
        {
            self.begin_anew(now);
        }
    }
}
