//! Goal: one exchange at a time, from the lock to the response, with a deadline in each stage.

use crate::wire::PageVisibility;

use super::super::fixtures::{at, situation};
use super::*;

const TIMEOUT: Millis = Millis::from_secs(10);

/// A caller waits for a token.
fn wanted(now: u64) -> Situation {
    Situation {
        waiting: Some(RefreshReason::Demand),
        epoch: 3,
        ..situation(now)
    }
}

/// A refresher that has requested the lock at 0, and what it queued.
fn queued(situation: &Situation) -> (Refresher, AttemptId, Effects) {
    let mut refresher = Refresher::new(&Config::default(), Rng::new(1));
    let mut effects = Effects::new();
    refresher.on_situation(situation, &mut effects);
    let attempt = refresher.attempt().expect("an exchange");
    assert_eq!(effects.take(), [Effect::AcquireLock { attempt }]);
    (refresher, attempt, effects)
}

/// A refresher whose refresh is in flight since 10 ms.
fn sent() -> (Refresher, AttemptId, Effects) {
    let (mut refresher, attempt, mut effects) = queued(&wanted(0));
    refresher.on_lock_granted(&wanted(10), attempt, false, &mut effects);
    assert!(refresher.is_in_flight());
    effects.take();
    (refresher, attempt, effects)
}

#[test]
fn a_granted_lock_sends_and_the_end_releases_it() {
    let (mut refresher, attempt, mut effects) = queued(&wanted(0));
    refresher.on_lock_granted(&wanted(10), attempt, false, &mut effects);

    let request = Effect::SendRefresh {
        attempt,
        reason: RefreshReason::Demand,
        page: PageVisibility::Visible,
        active_ago: Millis::ZERO,
    };
    let started = Effect::Broadcast(TabMessage::RefreshStarted);
    assert_eq!(effects.take(), [started, request]);
    let sent = refresher.in_flight(attempt).expect("a request in flight");
    assert_eq!((sent.at, sent.epoch), (at(10), 3));
    assert!(refresher.in_flight(attempt.next()).is_none());

    refresher.finish(&mut effects);
    assert_eq!(effects.take(), [Effect::ReleaseLock { attempt }]);
    assert!(refresher.attempt().is_none());
}

#[test]
fn a_contended_lock_asks_the_peers_before_it_sends() {
    let (mut refresher, attempt, mut effects) = queued(&wanted(0));
    let contended = Situation {
        has_peers: true,
        ..wanted(21)
    };
    refresher.on_lock_granted(&contended, attempt, false, &mut effects);

    assert!(!refresher.is_in_flight());
    assert_eq!(refresher.deadline(&contended), Some((at(121), "peers")));
    let expiry = refresher.on_deadline(&wanted(121), &mut effects);
    assert_eq!(expiry, Expiry::None);
    assert!(refresher.is_in_flight());
}

#[test]
fn a_lock_that_is_granted_late_or_twice_is_released_unless_it_is_held() {
    let (mut refresher, attempt, mut effects) = sent();
    refresher.on_lock_granted(&wanted(20), attempt, false, &mut effects);
    assert!(effects.take().is_empty());

    let attempt = attempt.next();
    refresher.on_lock_granted(&wanted(20), attempt, false, &mut effects);
    assert_eq!(effects.take(), [Effect::ReleaseLock { attempt }]);
}

#[test]
fn an_unneeded_lock_request_is_cancelled_but_not_a_request_in_flight() {
    let unneeded = Situation {
        waiting: None,
        ..wanted(5)
    };
    let (mut refresher, attempt, mut effects) = queued(&wanted(0));
    refresher.on_situation(&unneeded, &mut effects);
    assert_eq!(effects.take(), [Effect::ReleaseLock { attempt }]);
    assert!(refresher.attempt().is_none());

    let (mut refresher, _, mut effects) = sent();
    refresher.on_situation(&unneeded, &mut effects);
    assert!(effects.take().is_empty() && refresher.is_in_flight());
}

#[test]
fn without_a_lock_a_refresh_asks_the_peers_and_a_forced_one_is_sent() {
    let (mut refresher, attempt, mut effects) = queued(&wanted(0));
    refresher.on_lock_failed(&wanted(5), attempt, &mut effects);
    assert!(!refresher.is_in_flight());

    let forced = Situation {
        waiting: Some(RefreshReason::Force),
        ..wanted(0)
    };
    let (mut refresher, attempt, mut effects) = queued(&forced);
    refresher.on_lock_failed(&forced, attempt, &mut effects);
    assert!(refresher.is_in_flight());
    effects.take();
    refresher.finish(&mut effects);
    assert!(effects.take().is_empty(), "there is no lock to release");
}

#[test]
fn a_lock_is_waited_for_up_to_a_tenth_longer_than_an_exchange_then_five_seconds() {
    let (mut refresher, attempt, mut effects) = queued(&wanted(0));
    let (until, _) = refresher.deadline(&wanted(0)).expect("a deadline");
    assert!((11_000..=12_100).contains(&until.as_millis()), "{until:?}");

    let background = Situation {
        now: until,
        waiting: None,
        token_left: Millis::from_secs(5),
        ..wanted(0)
    };
    let expiry = refresher.on_deadline(&background, &mut effects);
    assert_eq!(expiry, Expiry::Postponed);
    assert_eq!(effects.take(), [Effect::ReleaseLock { attempt }]);

    refresher.on_situation(&wanted(20_000), &mut effects);
    let (until, _) = refresher.deadline(&background).expect("a deadline");
    assert!((25_000..=25_500).contains(&until.as_millis()), "{until:?}");
}

#[test]
fn a_peer_at_work_extends_the_wait_for_the_lock_to_two_exchanges_at_most() {
    let (mut refresher, _, _) = queued(&wanted(0));
    for (started, until) in [(5_000, 16_000), (9_000, 20_000), (15_000, 22_000)] {
        refresher.on_peer_started(at(started));
        let deadline = refresher.deadline(&wanted(0));
        assert_eq!(deadline, Some((at(until), "lock")));
    }
}

#[test]
fn a_request_times_out_unless_the_page_was_suspended_meanwhile() {
    let (mut refresher, attempt, mut effects) = sent();
    let due = 10 + TIMEOUT.as_millis();
    let expiry = refresher.on_deadline(&wanted(due), &mut effects);
    assert_eq!(expiry, Expiry::Refresh(attempt));
    assert_eq!(effects.take(), [Effect::Abort { attempt }]);

    let (mut refresher, attempt, mut effects) = sent();
    let late = due + 60_000;
    let expiry = refresher.on_deadline(&wanted(late), &mut effects);
    assert_eq!(expiry, Expiry::Suspended);
    let deadline = refresher.deadline(&wanted(late));
    assert_eq!(deadline, Some((at(late + 2_000), "timeout")));
    let expiry = refresher.on_deadline(&wanted(late + 9_000), &mut effects);
    assert_eq!(expiry, Expiry::Refresh(attempt));
}

#[test]
fn a_sign_in_that_takes_too_long_loses_its_lock_alone() {
    let caller = CallerId(7);
    let signing_in = |now| Situation {
        sign_in: Some(caller),
        waiting: None,
        ..wanted(now)
    };
    let (mut refresher, attempt, mut effects) = queued(&signing_in(0));
    refresher.on_lock_granted(&signing_in(10), attempt, false, &mut effects);
    assert_eq!(refresher.sign_in(), Some((caller, attempt, at(10))));
    effects.take();

    let expiry = refresher.on_deadline(&signing_in(10_010), &mut effects);

    assert_eq!(expiry, Expiry::None);
    assert_eq!(effects.take(), [Effect::ReleaseLock { attempt }]);
    assert!(refresher.sign_in().is_none());
}

#[test]
fn a_suspended_page_gives_the_lock_back_and_a_closed_session_aborts() {
    let (mut refresher, attempt, mut effects) = sent();
    refresher.on_suspended(&mut effects);
    assert_eq!(effects.take(), [Effect::ReleaseLock { attempt }]);
    assert!(refresher.is_in_flight());
    refresher.on_closed(&mut effects);
    assert_eq!(effects.take(), [Effect::Abort { attempt }]);

    let (mut refresher, attempt, mut effects) = queued(&wanted(0));
    refresher.on_closed(&mut effects);
    assert_eq!(effects.take(), [Effect::ReleaseLock { attempt }]);
}
