//! Goal: each rest is as long as ARCHITECTURE.md says, to the millisecond where nothing is drawn.

use super::*;

mod merging;
mod recovery;

const NOW: Timestamp = Timestamp::from_millis(3_600_000);
const WINDOW: Millis = Millis::from_secs(25);
const SEEDS: u64 = 300;

/// Whether a caller with this deadline keeps waiting.
fn is_kept(backoff: &Backoff, now: Timestamp, deadline: Timestamp) -> bool {
    deadline >= backoff.reject_before(now)
}

/// Until when callers wait; in the past if they do not.
fn patient_until(backoff: &Backoff) -> Timestamp {
    backoff
        .streak
        .filter(|streak| streak.cause.is_transient())
        .map_or(Timestamp::default(), |streak| streak.since + WINDOW)
}

fn failure(cause: FailureCause, retry_after: Option<Millis>) -> Failure {
    Failure {
        retry_after,
        ..Failure::new(cause)
    }
}

/// The back-off and the idle delay after `failures` failures, one second apart, the last one at `NOW`.
fn rests(seed: u64, failures: u32, failure: &Failure) -> (Millis, Millis) {
    rests_apart(1, seed, failures, failure)
}

/// The same with `seconds` between failures.
fn rests_apart(seconds: u64, seed: u64, failures: u32, failure: &Failure) -> (Millis, Millis) {
    let mut backoff = Backoff::new(Rng::new(seed));
    for left in (0..failures).rev() {
        let at = NOW.before(Millis::from_secs(seconds) * u64::from(left));
        backoff.fail(at, at, failure);
    }
    (
        backoff.until().since(NOW),
        backoff.idle_retry_at().since(NOW),
    )
}

/// The shortest and the longest of many random durations, in milliseconds.
fn bounds(spans: impl Iterator<Item = Millis>) -> (u64, u64) {
    spans.fold((u64::MAX, 0), |(least, most), span| {
        (least.min(span.as_millis()), most.max(span.as_millis()))
    })
}

#[test]
fn p10_after_the_callers_window_pauses_are_drawn_from_steps_that_double_up_to_four_minutes() {
    let broken = failure(FailureCause::ServerError, None);
    let lost = failure(FailureCause::Misconfigured, None);
    let long_ago = [4, 8, 16, 32, 64, 128, 240, 240, 240];
    // After frequent attempts for callers, the back-off is at most four times the window or the streak's age.
    let just_now = [4, 8, 16, 32, 64, 100, 100];
    for (apart, failure, steps) in [
        (30, &broken, &long_ago[..]),
        (30, &lost, &long_ago[..]),
        (1, &lost, &just_now[..]),
    ] {
        for (failures, step_s) in (2..).zip(steps) {
            let step = step_s * 1_000;
            let snapshot = |seed| rests_apart(apart, seed, failures, failure).0;
            let (least, most) = bounds((0..SEEDS).map(snapshot));

            assert!(
                (500..500 + step / 20).contains(&least),
                "{failures}: from {least}"
            );
            assert!(
                (step * 9 / 10..step).contains(&most),
                "{failures}: to {most}"
            );
        }
    }
    assert!((0..SEEDS).any(|seed| rests(seed, 1, &lost).0 == Millis::from_millis(500)));
}

#[test]
fn p10_where_nobody_waits_the_steps_are_longer() {
    let broken = failure(FailureCause::ServerError, None);
    for (failures, step) in (1..).zip([1_500, 12_000, 96_000, 240_000, 240_000]) {
        let (_, most) = bounds((0..SEEDS).map(|seed| rests(seed, failures, &broken).1));

        assert!(
            (step * 9 / 10..step).contains(&most),
            "{failures}: to {most}"
        );
    }
    // The first step is 1.5 s; the back-off with waiting callers is the lower bound.
    for seed in 0..SEEDS {
        let (snapshot, idle_delay) = rests(seed, 1, &broken);
        assert!(
            idle_delay == snapshot
                || idle_delay > snapshot && idle_delay < Millis::from_millis(1_500),
            "{snapshot:?} {idle_delay:?}"
        );
    }
}

#[test]
fn a_retry_after_of_nothing_asks_for_nothing() {
    let none = failure(FailureCause::ServerError, None);
    let zero = failure(FailureCause::ServerError, Some(Millis::ZERO));
    for seed in 0..SEEDS {
        assert_eq!(rests(seed, 2, &none), rests(seed, 2, &zero));
        let mut backoff = Backoff::new(Rng::new(seed));
        backoff.fail(NOW, NOW, &zero);
        backoff.retry_now(NOW);
        assert_eq!(backoff.until(), NOW);
    }
}

#[test]
fn p09_retry_after_is_honoured_up_to_ten_minutes_and_a_second_is_drawn_on_top() {
    for (asked_s, honoured_s) in [(10, 10), (600, 600), (601, 600), (86_400, 600)] {
        let busy = failure(FailureCause::RateLimited, Some(Millis::from_secs(asked_s)));
        let (least, most) = bounds((0..SEEDS).map(|seed| rests(seed, 1, &busy).0));

        let honoured = honoured_s * 1_000;
        assert!(
            (honoured..honoured + 50).contains(&least),
            "{asked_s}: from {least}"
        );
        assert!(
            (honoured + 950..honoured + 1_000).contains(&most),
            "{asked_s}: to {most}"
        );
    }
}

#[test]
fn p10_the_seventeenth_attempt_in_a_row_waits_for_the_rate_limiter() {
    let broken = failure(FailureCause::ServerError, None);
    let mut backoff = Backoff::new(Rng::new(1));
    for _ in 0..15 {
        backoff.fail(NOW, NOW, &broken);
        backoff.retry_now(NOW);
        assert!(backoff.until() <= NOW, "there is some left");
    }
    backoff.fail(NOW, NOW, &broken);
    backoff.retry_now(NOW);

    assert_eq!(backoff.until(), NOW + Millis::from_secs(150));
    assert_eq!(backoff.idle_retry_at(), NOW + Millis::from_secs(150));
    backoff.succeed();
    assert_eq!(backoff.until(), Timestamp::default());
    backoff.fail(NOW, NOW, &broken);
    assert!(
        backoff.until() < NOW + Millis::from_secs(2),
        "a response resets the limiter"
    );
}

#[test]
fn a_retry_hint_ends_a_back_off_that_the_server_did_not_request() {
    let later = NOW + Millis::from_millis(100);
    let after = |retry_after| {
        let mut backoff = Backoff::new(Rng::new(1));
        let busy = failure(FailureCause::RateLimited, retry_after);
        backoff.fail(NOW, NOW, &busy);
        let before = backoff.until();
        backoff.retry_now(later);
        (before, backoff)
    };

    let (_, free) = after(None);
    let (before, asked) = after(Some(Millis::from_secs(10)));

    assert_eq!((free.until(), free.idle_retry_at()), (later, later));
    assert_eq!(asked.until(), before);
    let mut rested = Backoff::new(Rng::new(1));
    rested.retry_now(NOW);
    assert_eq!(rested.until(), Timestamp::default());
}

#[test]
fn a_failure_that_was_sent_before_a_retry_hint_is_tried_again_at_once() {
    let broken = failure(FailureCause::ServerError, None);
    let rest_after = |seed, sent| {
        let mut backoff = Backoff::new(Rng::new(seed));
        for _ in 0..6 {
            backoff.fail(NOW, NOW, &broken);
        }
        backoff.restart(NOW);
        backoff.fail(NOW, sent, &broken);
        backoff.until().since(NOW)
    };

    let outdated =
        bounds((0..SEEDS).map(|seed| rest_after(seed, NOW.before(Millis::from_millis(1)))));
    let current = bounds((0..SEEDS).map(|seed| rest_after(seed, NOW)));

    assert!(
        outdated.0 == 500 && (950..1_000).contains(&outdated.1),
        "{outdated:?}"
    );
    assert!(current.0 > 2_000, "{current:?}");
}
