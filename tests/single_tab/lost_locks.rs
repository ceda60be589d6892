//! Goal: a lock that is granted too late, granted twice, stolen or held by a page that stops does no harm.
//!
//! Promise P17, in a single tab.

use nolapse::core::{AttemptId, Input, PageChange};

use crate::tab::{Tab, grant};

#[test]
fn a_lock_that_is_not_needed_any_more_goes_back_and_one_in_use_stays() {
    let (mut tab, attempt) = Tab::wanting(false);
    tab.feed(Input::LockGranted { attempt });
    assert!(tab.sends());
    tab.feed(Input::LockGranted { attempt });
    assert!(!tab.releases(attempt), "it is the one in use");
    let late = AttemptId(77);
    tab.feed(Input::LockGranted { attempt: late });
    assert!(tab.releases(late));
    tab.grant(attempt, grant());
    assert!(tab.releases(attempt));
    tab.feed(Input::LockGranted { attempt });
    assert!(tab.releases(attempt), "nobody needs it");
}

#[test]
fn a_tab_that_listens_keeps_its_own_lock_and_no_other() {
    let (mut tab, attempt) = Tab::wanting(true);
    tab.now += 50;
    tab.feed(Input::LockGranted { attempt });
    assert!(tab.asks_the_tabs());

    tab.feed(Input::LockGranted { attempt });
    assert!(!tab.releases(attempt));
    let late = AttemptId(77);
    tab.feed(Input::LockGranted { attempt: late });
    assert!(tab.releases(late));
}

#[test]
fn a_lock_that_comes_to_a_tab_that_went_on_without_it_goes_back() {
    for is_sent in [false, true] {
        let (mut tab, attempt) = Tab::wanting(false);
        tab.feed(Input::LockFailed { attempt });
        if is_sent {
            let (at, _) = tab.alarm();
            tab.ring(at);
            assert!(tab.sends());
        }

        tab.feed(Input::LockGranted { attempt });

        assert!(tab.releases(attempt), "sent {is_sent}");
    }
}

#[test]
fn a_lock_that_was_stolen_is_not_given_back() {
    for is_sent in [false, true] {
        let (mut tab, attempt) = Tab::wanting(true);
        tab.now += if is_sent { 0 } else { 50 };
        tab.feed(Input::LockGranted { attempt });
        assert_eq!(tab.sends(), is_sent);
        tab.feed(Input::LockFailed { attempt });
        assert!(!tab.releases(attempt));
        if !is_sent {
            let (at, _) = tab.alarm();
            tab.ring(at);
        }
        tab.grant(attempt, grant());
        assert!(!tab.releases(attempt), "sent {is_sent}");
    }
}

#[test]
fn a_lock_of_another_attempt_that_fails_changes_nothing() {
    let other = AttemptId(77);
    let (mut tab, attempt) = Tab::wanting(true);
    tab.feed(Input::LockFailed { attempt: other });
    assert_eq!(tab.alarm().1, "lock");
    tab.now += 50;
    tab.feed(Input::LockGranted { attempt });
    tab.feed(Input::LockFailed { attempt: other });
    let (at, _) = tab.alarm();
    tab.ring(at);
    tab.feed(Input::LockFailed { attempt: other });
    tab.grant(attempt, grant());
    assert!(tab.releases(attempt));
}

#[test]
fn p17_a_page_that_stops_running_gives_back_what_it_holds_or_waits_for() {
    for steps in 0..3 {
        let (mut tab, attempt) = Tab::wanting(true);
        if steps > 0 {
            tab.now += 50;
            tab.feed(Input::LockGranted { attempt });
        }
        if steps > 1 {
            let (at, _) = tab.alarm();
            tab.ring(at);
            assert!(tab.sends());
        }

        tab.feed(Input::PageChanged(PageChange::Frozen));

        assert!(tab.releases(attempt), "after {steps} steps");
        assert_eq!(tab.wish(), None);
        tab.feed(Input::PageChanged(PageChange::Resumed));
        assert_eq!(tab.wish().is_some(), steps < 2, "after {steps} steps");
        if steps > 1 {
            tab.grant(attempt, grant());
            assert!(!tab.releases(attempt), "it was given back");
        }
    }
}
