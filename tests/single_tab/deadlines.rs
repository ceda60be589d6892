//! Goal: each deadline takes effect at its exact millisecond.

use std::rc::Rc;

use nolapse::core::{
    Answer, CallerId, Effect, Event, Input, Millis, RefreshOutcome, SessionError, SignInOutcome,
    Timestamp,
};

use crate::tab::{BEGIN, EXPIRED, Tab, grant};

/// The timeout of a request.
const TIMEOUT: u64 = 10_000;

#[test]
fn p04_a_response_that_a_suspension_delayed_has_two_more_seconds() {
    let overdue = EXPIRED + TIMEOUT;
    for (noticed, is_nap) in [
        (overdue, false),
        (overdue + 2_000, false),
        (overdue + 2_001, true),
    ] {
        let mut tab = Tab::signed_in(1);
        tab.now = EXPIRED;
        tab.call();
        tab.send();
        tab.ring(overdue - 1);
        assert!(!tab.aborts());

        tab.ring(noticed);
        assert_eq!(tab.aborts(), !is_nap, "{noticed}");
        if is_nap {
            assert_eq!(tab.alarm(), (noticed + 2_000, "timeout"));
            tab.ring(noticed + 1_999);
            assert!(!tab.aborts());
            // However late the timeout is noticed, there is no third attempt.
            tab.ring(noticed + 60_000);
            assert!(tab.aborts());
        }
    }
}

#[test]
fn p17_a_lock_that_a_suspension_delayed_is_waited_for_anew() {
    for (late, is_nap) in [(0, false), (2_000, false), (2_001, true)] {
        let mut tab = Tab::signed_in(1);
        tab.now = EXPIRED;
        tab.call();
        let (until, what_for) = tab.alarm();
        assert_eq!(what_for, "lock");

        tab.ring(until + late);

        let goes_on = tab.has(|effect| matches!(effect, Effect::ReleaseLock { .. }));
        assert_eq!(goes_on, !is_nap, "{late}");
        assert_eq!(tab.alarm().1 == "lock", is_nap, "{late}");
    }
}

#[test]
fn p23_ten_tokens_may_be_refused_at_once_and_then_one_in_ten_seconds() {
    let mut tab = Tab::signed_in(1);
    tab.now = BEGIN + 10_000;
    let begun = tab.now;
    for _ in 0..10 {
        let caller = tab.refuse();
        assert_eq!(tab.told(caller), None);
        let attempt = tab.send();
        let outcome = RefreshOutcome::Granted(grant());
        tab.feed(Input::RefreshFinished { attempt, outcome });
        assert!(matches!(tab.told(caller), Some(Ok(Answer::Token { .. }))));
    }

    for (now, left) in [(begun, 10_000), (begun + 9_999, 1)] {
        tab.now = now;
        let caller = tab.refuse();
        let retry_in = Millis::from_millis(left);
        assert_eq!(
            tab.told(caller),
            Some(&Err(SessionError::Misconfigured { retry_in }))
        );
    }
    tab.now = begun + 10_000;
    let caller = tab.refuse();
    assert_eq!(tab.told(caller), None);
}

#[test]
fn callers_of_a_closed_session_are_rejected() {
    let mut tab = Tab::signed_in(1);
    let caller = CallerId(77);
    tab.feed(Input::Closed);
    let questions = [
        Input::TokenRequested {
            caller,
            min_validity: Millis::ZERO,
            waits_out: true,
            context: Rc::default(),
        },
        Input::RefreshRequested {
            caller,
            force: true,
        },
        Input::TokenRejected {
            caller,
            version: nolapse::core::Version::default(),
            context: Rc::default(),
        },
        Input::SignInRequested { caller },
        Input::TokensProvided {
            caller,
            outcome: SignInOutcome::Unusable,
        },
        Input::SignOutRequested {
            caller,
            everywhere: false,
        },
    ];
    for question in questions {
        let name = question.name();
        tab.feed(question);
        assert_eq!(tab.told(caller), Some(&Err(SessionError::Closed)), "{name}");
        assert_eq!(tab.effects.len(), 1, "{name}");
    }
    tab.feed(Input::DeadlineReached);
    assert!(tab.effects.is_empty());
}

#[test]
fn a_tokens_age_and_what_is_left_of_it_are_told_to_the_millisecond() {
    let mut tab = Tab::signed_in(1);
    tab.now = BEGIN + 1_234;
    let now = Timestamp::from_millis(tab.now);
    assert_eq!(tab.core.token_age(now), Millis::from_millis(1_234));
    assert_eq!(tab.core.token_left(now), Millis::from_millis(57_266));

    tab.sign_out(false);
    assert_eq!(tab.core.token_age(now), Millis::ZERO);
    assert_eq!(tab.core.token_left(now), Millis::ZERO);
}

#[test]
fn a_refresh_says_how_long_ago_the_app_was_last_at_work() {
    for (touched, ago) in [(None, 50_000), (Some(30_000), 20_000)] {
        let mut tab = Tab::signed_in(1);
        if let Some(after) = touched {
            tab.now = BEGIN + after;
            tab.feed(Input::Active);
            // Earlier activity does not count.
            tab.now = BEGIN;
            tab.feed(Input::Active);
        }
        tab.now = BEGIN + 50_000;
        tab.refresh(true);
        tab.send();

        let active_ago = Millis::from_millis(ago);
        assert!(tab.has(|effect| {
            matches!(effect, Effect::SendRefresh { active_ago: told, .. } if *told == active_ago)
        }));
    }
}

#[test]
fn ten_thousand_callers_may_wait_and_no_more() {
    let mut tab = Tab::signed_in(1);
    tab.now = EXPIRED;
    let first = tab.call();
    let attempt = tab.wish().expect("it asks for the lock");
    for _ in 1..10_000 {
        let next = tab.call();
        assert_eq!(tab.told(next), None);
    }
    let one_more = tab.call();
    assert_eq!(tab.told(one_more), Some(&Err(SessionError::Overloaded)));

    tab.feed(Input::LockGranted { attempt });
    tab.grant(attempt, grant());
    assert!(matches!(tab.told(first), Some(Ok(Answer::Token { .. }))));
    tab.now += 60_000;
    let next = tab.call();
    assert_eq!(tab.told(next), None);
}

#[test]
fn p25_nothing_is_sent_for_a_caller_that_no_longer_waits() {
    let (mut tab, attempt) = Tab::wanting(false);
    let first = CallerId(1);
    let second = tab.need(Millis::from_secs(50));

    tab.feed(Input::CallerAborted { caller: first });
    assert!(!tab.releases(attempt), "another one waits");
    tab.feed(Input::CallerAborted { caller: second });
    assert!(tab.releases(attempt));
    assert_eq!(tab.alarm().1, "timer");
}

#[test]
fn the_app_is_told_how_many_waited_for_a_token() {
    let (mut tab, attempt) = Tab::wanting(false);
    tab.need(Millis::from_secs(50));
    tab.need(Millis::from_secs(50));
    tab.feed(Input::LockGranted { attempt });
    tab.grant(attempt, grant());

    let is_told = |event: &&&Event| matches!(event, Event::Refreshed { waiting: 3, .. });
    assert_eq!(tab.events().iter().filter(is_told).count(), 1);
}
