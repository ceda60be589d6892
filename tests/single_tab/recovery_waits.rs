//! Goal: callers wait for the auth server's recovery until their deadlines, to the exact millisecond, and no longer.

use nolapse::core::{Failure, FailureCause, Input, Millis, PageChange, UnexpectedAnswer};

use crate::tab::{EXPIRED, Tab, error_of};

/// For how long callers wait, from the first failure.
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
                tab.feed(Input::PageChanged(PageChange::Hidden));
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
fn no_timer_is_set_for_a_failing_network_that_no_caller_waits_for() {
    for seed in 0..20 {
        let mut tab = Tab::signed_in(seed);
        for _ in 0..6 {
            let (at, what_for) = tab.alarm();
            assert_eq!(what_for, "timer", "seed {seed}");
            tab.ring(at);
            let attempt = tab.send();
            tab.fail(attempt, Failure::new(FailureCause::Network));
        }
    }
}
