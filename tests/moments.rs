//! Goal: time limits are exact to the millisecond.

mod tab;

use nolapse::core::{
    Answer, CallerId, Effect, Event, Failure, FailureCause, Input, Millis, RefreshOutcome,
    SessionError, SignInOutcome, Timestamp, UnexpectedAnswer,
};

use tab::{BEGIN, Tab, error_of, grant};

/// When the token expires.
const EXPIRED: u64 = BEGIN + 60_000;
/// The timeout of a request.
const TIMEOUT: u64 = 10_000;
const PATIENCE: u64 = 25_000;

#[test]
fn p08_callers_are_told_at_once_for_as_long_as_waiting_is_of_no_use() {
    let failures = [
        Failure::from_status(503, Some(Millis::from_secs(60))),
        Failure::from_status(429, Some(Millis::from_secs(26))),
        Failure::from_status(404, None),
        Failure::unexpected(200, UnexpectedAnswer::NotJson),
    ];
    for failure in failures {
        let mut tab = Tab::signed_in(1);
        tab.now = EXPIRED;
        let first = tab.call();
        assert_eq!(tab.told(first), None);
        let attempt = tab.send();
        tab.fail(attempt, failure);
        let Some(Err(error)) = tab.told(first) else {
            panic!("{failure:?}: {:?}", tab.told(first));
        };
        assert_eq!(error.code(), error_of(failure.cause));

        let rested = tab.rest_ends(error);
        for now in [EXPIRED + 1, rested - 1] {
            tab.now = now;
            let next = tab.call();
            let Some(Err(error)) = tab.told(next) else {
                panic!("{failure:?} at {now}: {:?}", tab.told(next));
            };
            assert_eq!(tab.rest_ends(error), rested, "{failure:?}");
            assert_eq!(tab.wish(), None, "{failure:?}");
        }
        tab.now = rested;
        let last = tab.call();
        assert_eq!(tab.told(last), None, "{failure:?}");
        tab.send();
    }
}

#[test]
fn p49_callers_are_told_of_a_dead_server_twenty_five_seconds_after_its_first_failure() {
    let failures = [
        Failure::new(FailureCause::Network),
        Failure::from_status(503, None),
        Failure::from_status(429, None),
        Failure::from_status(429, Some(Millis::from_secs(2))),
        Failure::new(FailureCause::RefresherFailed),
    ];
    for seed in 0..20 {
        for failure in failures {
            let mut tab = Tab::signed_in(seed);
            tab.now = EXPIRED;
            let mut callers = vec![tab.call()];
            let mut attempts = 0;
            loop {
                if tab.wish().is_some() {
                    let attempt = tab.send();
                    tab.fail(attempt, failure);
                    attempts += 1;
                } else {
                    let (at, _) = tab.alarm();
                    tab.ring(at);
                }
                if tab.now >= EXPIRED + PATIENCE {
                    break;
                }
                assert!(
                    callers.iter().all(|caller| tab.told(*caller).is_none())
                        || failure.retry_after.is_some() && tab.now > EXPIRED + 20_000,
                    "seed {seed} at {}: {failure:?}",
                    tab.now
                );
                if tab.wish().is_none() {
                    let caller = tab.call();
                    if tab.told(caller).is_none() {
                        callers.push(caller);
                    }
                }
            }
            assert!(
                (8..=12).contains(&attempts),
                "seed {seed}: {attempts} {failure:?}"
            );
            if tab.wish().is_some() {
                let attempt = tab.send();
                tab.fail(attempt, failure);
            }
            tab.now += 1;
            let late = tab.call();
            let Some(Err(error)) = tab.told(late) else {
                panic!("seed {seed}: {:?}", tab.told(late));
            };
            assert!(tab.rest_ends(error) > tab.now, "seed {seed}");
        }
    }
}

#[test]
fn p49_a_caller_whose_deadline_comes_before_the_rest_is_over_is_told_at_once() {
    // A 503 with `Retry-After: 12`, 14 s after the first call: the call's deadline is earlier.
    for (seconds, is_told) in [(12, true), (8, false)] {
        let mut tab = Tab::signed_in(1);
        tab.now = EXPIRED;
        let early = tab.call();
        let attempt = tab.wish().expect("it asks for the lock");
        tab.now += 10_000;
        tab.feed(Input::LockGranted { attempt });
        tab.now += 4_000;
        let late = tab.call();
        let busy = Failure::from_status(503, Some(Millis::from_secs(seconds)));
        tab.fail(attempt, busy);

        assert_eq!(tab.told(early).is_some(), is_told, "{seconds}");
        assert_eq!(tab.told(late), None, "{seconds}");
        if let Some(Err(error)) = tab.told(early) {
            let rested = tab.rest_ends(error);
            assert!(rested >= tab.now + seconds * 1_000, "{seconds}");
            assert!(rested > EXPIRED + 25_000, "{seconds}");
        }
    }
}

#[test]
fn p04_a_page_that_slept_without_an_event_waits_for_its_network_anew() {
    for (late, is_nap) in [(2_000, false), (2_001, true), (3_600_000, true)] {
        for is_hidden in [false, true] {
            let mut tab = Tab::signed_in(1);
            if is_hidden {
                tab.feed(Input::PageChanged(nolapse::core::PageChange::Hidden));
            }
            let (at, _) = tab.alarm();
            tab.ring(at);
            let attempt = tab.send();
            tab.fail(attempt, Failure::from_status(503, None));
            tab.now += 24_000;
            let mut tries = 0;
            while tab.now < EXPIRED + 40_000 {
                let (at, _) = tab.alarm();
                tab.ring(at);
                while tab.wish().is_some() {
                    let attempt = tab.send();
                    tab.fail(attempt, Failure::from_status(503, None));
                    tries += 1;
                }
            }
            assert!(tries > 0);
            let (at, _) = tab.alarm();
            tab.ring(at + late);
            if tab.wish().is_some() {
                let attempt = tab.send();
                tab.fail(attempt, Failure::new(FailureCause::Network));
            }

            let caller = tab.call();
            // Timers of hidden pages always fire late.
            assert_eq!(
                tab.told(caller).is_none(),
                is_nap && !is_hidden,
                "{late} {is_hidden}"
            );
        }
    }
}

#[test]
fn nobody_is_woken_to_be_patient_with_a_network_that_nobody_waits_for() {
    for seed in 0..20 {
        let mut tab = Tab::signed_in(seed);
        for _ in 0..6 {
            let (at, what_for) = tab.alarm();
            assert_eq!(what_for, "background refresh", "seed {seed}");
            tab.ring(at);
            let attempt = tab.send();
            tab.fail(attempt, Failure::new(FailureCause::Network));
        }
    }
}

#[test]
fn p04_an_answer_that_a_nap_kept_from_the_page_has_two_more_seconds() {
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
            assert_eq!(tab.alarm(), (noticed + 2_000, "answer"));
            tab.ring(noticed + 1_999);
            assert!(!tab.aborts());
            // However late the timeout is noticed, there is no third attempt.
            tab.ring(noticed + 60_000);
            assert!(tab.aborts());
        }
    }
}

#[test]
fn p17_a_lock_that_a_nap_kept_from_the_page_is_waited_for_anew() {
    for (late, is_nap) in [(0, false), (2_000, false), (2_001, true)] {
        let mut tab = Tab::signed_in(1);
        tab.now = EXPIRED;
        tab.call();
        let (until, what_for) = tab.alarm();
        assert_eq!(what_for, "lock wait");

        tab.ring(until + late);

        let goes_on = tab.has(|order| matches!(order, Effect::ReleaseLock { .. }));
        assert_eq!(goes_on, !is_nap, "{late}");
        assert_eq!(tab.alarm().1 == "lock wait", is_nap, "{late}");
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
fn whoever_asks_a_closed_session_is_told_so() {
    let mut tab = Tab::signed_in(1);
    let caller = CallerId(77);
    tab.feed(Input::Closed);
    let questions = [
        Input::TokenRequested {
            caller,
            min_validity: Millis::ZERO,
        },
        Input::RefreshRequested {
            caller,
            force: true,
        },
        Input::TokenRejected {
            caller,
            version: nolapse::core::Version::default(),
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
        assert_eq!(tab.orders.len(), 1, "{name}");
    }
    tab.feed(Input::DeadlineReached);
    assert!(tab.orders.is_empty());
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
            tab.core.touch(Timestamp::from_millis(BEGIN + after));
            // Earlier activity does not count.
            tab.core.touch(Timestamp::from_millis(BEGIN));
        }
        tab.now = BEGIN + 50_000;
        tab.refresh(true);
        tab.send();

        let active_ago = Millis::from_millis(ago);
        assert!(tab.has(|order| {
            matches!(order, Effect::SendRefresh { active_ago: told, .. } if *told == active_ago)
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
    assert_eq!(tab.alarm().1, "background refresh");
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
