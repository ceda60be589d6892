//! Goal: callers wait for a server that may come back, for 25 seconds from its first failure.

use super::*;

/// Causes that end when the server recovers.
const TRANSIENT: [FailureCause; 6] = [
    FailureCause::Offline,
    FailureCause::Network,
    FailureCause::Timeout,
    FailureCause::ServerError,
    FailureCause::RateLimited,
    FailureCause::RefresherFailed,
];

#[test]
fn p49_a_server_that_is_away_is_asked_at_once_and_then_every_three_seconds() {
    for cause in TRANSIENT {
        let away = failure(cause, None);
        let first = bounds((0..SEEDS).map(|seed| rests(seed, 1, &away).0));
        let second = bounds((0..SEEDS).map(|seed| rests(seed, 2, &away).0));

        assert!(
            first.0 == 500 && (950..1_000).contains(&first.1),
            "{first:?}"
        );
        assert!(
            (3_100..3_120).contains(&second.0) && (3_480..3_500).contains(&second.1),
            "{second:?}"
        );
    }
}

#[test]
fn p49_callers_wait_for_twenty_five_seconds_from_the_first_failure() {
    for cause in FailureCause::ALL {
        let away = failure(*cause, None);
        let is_transient = TRANSIENT.contains(cause);
        let mut backoff = Backoff::new(Rng::new(1));
        backoff.fail(NOW, NOW, &away);
        let later = |millis| NOW + Millis::from_millis(millis);
        let is_kept = |backoff: &Backoff, millis| is_kept(backoff, later(millis), later(100_000));

        assert_eq!(is_kept(&backoff, 24_999), is_transient, "{cause:?}");
        assert!(!is_kept(&backoff, 25_000), "{cause:?}");
        assert_eq!(
            Backoff::new(Rng::new(1)).reject_before(NOW),
            Timestamp::default()
        );
        let expected = if is_transient {
            later(25_000)
        } else {
            Timestamp::default()
        };
        assert_eq!(patient_until(&backoff), expected, "{cause:?}");
    }
}

#[test]
fn p49_the_last_attempt_that_callers_wait_for_is_at_the_end_of_their_window() {
    let away = failure(FailureCause::ServerError, None);
    for (after, least, most) in [
        (20_000, 3_100, 3_500),
        (21_800, 3_100, 3_201),
        (23_500, 1_500, 1_501),
        (24_400, 600, 601),
        (24_800, 500, 501),
        (25_000, 500, 4_000),
    ] {
        for seed in 0..SEEDS {
            let mut backoff = Backoff::new(Rng::new(seed));
            backoff.fail(NOW, NOW, &away);
            let last = NOW + Millis::from_millis(after);
            backoff.fail(last, last, &away);

            let pause = backoff.until().since(last).as_millis();
            assert!((least..most).contains(&pause), "{after}: {pause}");
        }
    }
}

#[test]
fn p49_a_rest_that_is_imposed_is_waited_for_only_by_callers_whose_deadline_is_later() {
    let asked = failure(FailureCause::RateLimited, Some(Millis::from_secs(10)));
    let long = failure(FailureCause::RateLimited, Some(Millis::from_secs(25)));
    let mut backoff = Backoff::new(Rng::new(1));
    backoff.fail(NOW, NOW, &asked);
    let until = backoff.until();
    let before = until.before(Millis::from_millis(1));
    assert!(is_kept(&backoff, NOW, until));
    assert!(!is_kept(&backoff, NOW, before));

    let mut backoff = Backoff::new(Rng::new(1));
    backoff.fail(NOW, NOW, &long);
    let endless = NOW + Millis::from_secs(3_600);
    assert!(!is_kept(&backoff, NOW, endless));

    let broken = failure(FailureCause::ServerError, None);
    let mut backoff = Backoff::new(Rng::new(1));
    for _ in 0..15 {
        backoff.fail(NOW, NOW, &broken);
    }
    assert!(is_kept(&backoff, NOW, endless));
    backoff.fail(NOW, NOW, &broken);
    assert!(!is_kept(&backoff, NOW, endless), "the limiter is exhausted");
}

#[test]
fn a_page_that_comes_back_starts_the_row_anew_and_an_app_that_asks_does_not() {
    for retry_after in [None, Some(Millis::from_secs(100))] {
        let away = failure(FailureCause::Network, retry_after);
        let mut backoff = Backoff::new(Rng::new(1));
        backoff.fail(NOW, NOW, &away);
        let (snapshot, later) = (backoff.until(), NOW + Millis::from_secs(60));

        backoff.retry_now(later);
        assert_eq!(patient_until(&backoff), NOW + WINDOW);
        backoff.restart(later);

        assert_eq!(patient_until(&backoff), later + WINDOW);
        let expected = if retry_after.is_some() {
            snapshot
        } else {
            snapshot.min(later)
        };
        assert_eq!(backoff.until(), expected);
    }
}
