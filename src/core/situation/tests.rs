//! Goal: the most urgent task that is due is next, and the deadline is when the next one is due.

use super::super::fixtures::{at, situation};
use super::*;

/// A visible page at 10 s with a token that is refreshed at 50 s.
fn idle() -> Situation {
    Situation {
        background: Some((at(50_000), RefreshReason::Timer)),
        token_left: Millis::from_secs(48),
        ..situation(10_000)
    }
}

#[test]
fn a_sign_in_comes_before_a_sign_out_and_that_before_a_refresh() {
    let caller = CallerId(1);
    let refresh = Situation {
        waiting: Some(RefreshReason::Demand),
        ..idle()
    };
    let sign_out = Situation {
        sign_out: Some(true),
        ..refresh
    };
    let sign_in = Situation {
        sign_in: Some(caller),
        ..sign_out
    };

    let notify = Task::NotifySignOut { everywhere: true };
    assert_eq!(idle().next_task(), None);
    assert_eq!(refresh.next_task(), Some(Task::Refresh));
    assert_eq!(sign_out.next_task(), Some(notify));
    assert_eq!(sign_in.next_task(), Some(Task::SignIn { caller }));
    assert!(sign_out.wants(notify) && !sign_out.wants(Task::Refresh));
}

#[test]
fn a_back_off_delays_all_but_sign_ins() {
    let resting = Situation {
        waiting: Some(RefreshReason::Demand),
        retry_at: at(10_001),
        ..idle()
    };
    let caller = CallerId(1);
    let sign_in = Situation {
        sign_in: Some(caller),
        ..resting
    };

    assert_eq!(resting.next_task(), None);
    assert_eq!(sign_in.next_task(), Some(Task::SignIn { caller }));
    assert_eq!(resting.deadline(), Some((at(10_001), "callers")));
}

#[test]
fn a_background_refresh_is_due_at_its_time() {
    let due = Situation {
        now: at(50_000),
        ..idle()
    };

    assert_eq!(idle().refresh_reason(), None);
    assert_eq!(idle().deadline(), Some((at(50_000), "timer")));
    assert_eq!(due.refresh_reason(), Some(RefreshReason::Timer));
}

#[test]
fn the_reason_of_callers_comes_before_the_background_one() {
    let forced = Situation {
        now: at(50_000),
        waiting: Some(RefreshReason::Force),
        ..idle()
    };

    assert_eq!(forced.refresh_reason(), Some(RefreshReason::Force));
    assert!(forced.wants_new() && !idle().wants_new());
    assert_eq!(forced.deadline(), Some((at(50_000), "callers")));
}

#[test]
fn a_suspended_page_has_no_deadline_and_a_signed_out_one_only_its_notification() {
    let suspended = Situation {
        is_suspended: true,
        ..idle()
    };
    let signed_out = Situation {
        background: None,
        ..idle()
    };
    let pending = Situation {
        sign_out: Some(false),
        retry_at: at(12_000),
        ..signed_out
    };

    assert_eq!(suspended.deadline(), None);
    assert_eq!(signed_out.deadline(), None);
    assert_eq!(pending.deadline(), Some((at(12_000), "sign_out")));
}
