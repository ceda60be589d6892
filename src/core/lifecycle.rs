//! The page: its Page Lifecycle state, its visibility and its last activity.

use crate::wire::PageVisibility;

use super::input::PageChange;
use super::millis::Millis;
use super::time::Timestamp;

/// The lifecycle of the page and of the session object on it.
#[derive(Debug)]
pub(super) struct Lifecycle {
    stage: Stage,
    is_visible: bool,
    /// The last app or user activity in any tab; idle limits count from it.
    last_active: Timestamp,
    /// When a tab last announced activity, this one or another.
    announced: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    /// Frozen.
    Suspended,
    /// After `pagehide`, possibly in the back/forward cache: the channel to the other tabs is closed, too.
    PageHidden,
    /// The app has closed the session object.
    Closed,
}

/// What follows from a change of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    /// Nothing.
    None,
    /// The page or its network came back: a retry hint.
    Retry,
    /// The page is frozen.
    Suspended,
    /// The page is left for the first time.
    Left,
    /// The page goes on, or is about to.
    Resumed,
    /// The page is restored after `pagehide`.
    Returned,
}

impl Lifecycle {
    /// How often activity is announced to the other tabs, by all tabs together.
    const ANNOUNCE_INTERVAL: Millis = Millis::from_secs(5);

    pub(super) const fn new() -> Self {
        Self {
            stage: Stage::Running,
            is_visible: true,
            last_active: Timestamp::from_millis(0),
            announced: Timestamp::from_millis(0),
        }
    }

    pub(super) fn on_active(&mut self, now: Timestamp) {
        self.last_active = self.last_active.max(now);
    }

    /// Records activity in this tab. Returns whether to announce it to the other tabs.
    pub(super) fn on_own_activity(&mut self, now: Timestamp) -> bool {
        self.on_active(now);
        let is_due = now.since(self.announced) >= Self::ANNOUNCE_INTERVAL;
        if is_due {
            self.announced = now;
        }
        is_due
    }

    /// Records activity that another tab announces.
    pub(super) fn on_peer_activity(&mut self, at: Timestamp) {
        self.on_active(at);
        self.announced = self.announced.max(at);
    }

    pub(super) fn on_page_changed(&mut self, change: PageChange) -> Transition {
        let is_left = self.stage == Stage::PageHidden;
        match change {
            PageChange::Hidden => self.is_visible = false,
            PageChange::Offline => {}
            PageChange::Visible => {
                self.is_visible = true;
                return Transition::Retry;
            }
            PageChange::Online => return Transition::Retry,
            PageChange::Left if !is_left => {
                self.stage = Stage::PageHidden;
                return Transition::Left;
            }
            PageChange::Frozen | PageChange::Left => {
                if !is_left {
                    self.stage = Stage::Suspended;
                }
                return Transition::Suspended;
            }
            // A page in the back/forward cache can be frozen and resumed without being shown.
            PageChange::Resumed if is_left => return Transition::Resumed,
            PageChange::Resumed | PageChange::Returned => {
                self.stage = Stage::Running;
                return if is_left {
                    Transition::Returned
                } else {
                    Transition::Resumed
                };
            }
        }
        Transition::None
    }

    pub(super) fn on_closed(&mut self) {
        self.stage = Stage::Closed;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    /// Whether the page is frozen or left: no exchange is started, and a token is returned only after the storage record was
    /// read.
    pub(super) fn is_suspended(&self) -> bool {
        self.stage != Stage::Running
    }

    /// Whether the channel to the other tabs is closed after `pagehide`.
    pub(super) fn is_pagehidden(&self) -> bool {
        self.stage == Stage::PageHidden
    }

    /// Whether the page was suspended without an event, as a retry was due at `due`: a visible page retries on time. Timers
    /// of hidden pages are throttled, so those are not considered.
    pub(super) fn missed_retry(&self, now: Timestamp, due: Timestamp) -> bool {
        self.is_visible && !self.is_suspended() && due.passed_in_suspension(now)
    }

    pub(super) const fn visibility(&self) -> PageVisibility {
        if self.is_visible {
            PageVisibility::Visible
        } else {
            PageVisibility::Hidden
        }
    }

    /// Returns the time since the last activity.
    pub(super) fn active_ago(&self, now: Timestamp) -> Millis {
        now.since(self.last_active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_page_goes_on_when_it_is_resumed() {
        let mut page = Lifecycle::new();
        assert!(!page.is_suspended());

        let frozen = page.on_page_changed(PageChange::Frozen);
        assert!(page.is_suspended() && !page.is_pagehidden());
        let resumed = page.on_page_changed(PageChange::Resumed);

        assert_eq!(
            (frozen, resumed),
            (Transition::Suspended, Transition::Resumed)
        );
        assert!(!page.is_suspended());
    }

    #[test]
    fn a_page_in_the_back_forward_cache_stays_suspended_until_it_is_shown() {
        let mut page = Lifecycle::new();
        assert_eq!(page.on_page_changed(PageChange::Left), Transition::Left);

        let repeated = [
            (PageChange::Left, Transition::Suspended),
            (PageChange::Frozen, Transition::Suspended),
            (PageChange::Resumed, Transition::Resumed),
        ];
        for (change, transition) in repeated {
            assert_eq!(page.on_page_changed(change), transition);
            assert!(page.is_suspended() && page.is_pagehidden(), "{change:?}");
        }

        let returned = page.on_page_changed(PageChange::Returned);
        assert_eq!(returned, Transition::Returned);
        assert!(!page.is_suspended() && !page.is_pagehidden());
        let again = page.on_page_changed(PageChange::Returned);
        assert_eq!(again, Transition::Resumed);
    }

    #[test]
    fn a_page_that_is_shown_or_online_again_is_a_retry_hint() {
        let mut page = Lifecycle::new();
        for (change, transition) in [
            (PageChange::Hidden, Transition::None),
            (PageChange::Offline, Transition::None),
            (PageChange::Online, Transition::Retry),
            (PageChange::Visible, Transition::Retry),
        ] {
            assert_eq!(page.on_page_changed(change), transition);
        }
        assert_eq!(page.visibility(), PageVisibility::Visible);
    }

    #[test]
    fn a_late_retry_of_a_visible_page_means_that_it_was_suspended() {
        let due = Timestamp::from_millis(10_000);
        let late = due + Millis::from_millis(2_001);
        let mut page = Lifecycle::new();
        assert!(page.missed_retry(late, due));
        assert!(!page.missed_retry(due + Millis::from_secs(2), due));

        page.on_page_changed(PageChange::Hidden);

        assert!(!page.missed_retry(late, due));
    }

    #[test]
    fn activity_of_all_tabs_is_announced_every_five_seconds_at_most() {
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1_000);
        let mut page = Lifecycle::new();

        let announced: Vec<bool> = (100..112)
            .map(|second| page.on_own_activity(at(second)))
            .collect();
        let is_fifth = |second: u64| second.is_multiple_of(5);
        assert_eq!(announced, (0..12).map(is_fifth).collect::<Vec<_>>());

        page.on_peer_activity(at(113));
        page.on_peer_activity(at(90));

        assert!(!page.on_own_activity(at(117)));
        assert!(page.on_own_activity(at(118)));
        assert_eq!(page.active_ago(at(120)), Millis::from_secs(2));
    }

    #[test]
    fn activity_counts_from_the_last_one() {
        let at = Timestamp::from_millis;
        let mut page = Lifecycle::new();
        page.on_active(at(7_000));
        page.on_active(at(3_000));

        assert_eq!(page.active_ago(at(9_000)), Millis::from_secs(2));
    }
}
