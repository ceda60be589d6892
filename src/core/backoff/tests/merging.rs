//! Goal: merging the back-off of other tabs and of the storage record keeps the longest, within bounds.

use super::super::super::storage_record::StoredState;
use super::super::super::time::WallTime;
use super::*;

fn snapshot(retry_in_s: u64, failures: u32) -> BackoffSnapshot {
    BackoffSnapshot {
        cause: FailureCause::ServerError,
        failures,
        retry_in: Millis::from_secs(retry_in_s),
        server_requested: false,
        resets_in: Millis::ZERO,
    }
}

/// Merges two back-offs into a new one.
fn heard(first: BackoffSnapshot, second: BackoffSnapshot) -> BackoffSnapshot {
    let mut backoff = Backoff::new(Rng::new(1));
    backoff.merge(NOW, first);
    backoff.merge(NOW, second);
    backoff.snapshot(NOW).unwrap_or(snapshot(0, 0))
}

#[test]
fn of_two_rests_the_one_that_says_more_counts() {
    let known = snapshot(10, 3);
    let demanded = BackoffSnapshot {
        server_requested: true,
        ..snapshot(5, 2)
    };

    assert_eq!(
        heard(known, snapshot(11, 2)).retry_in,
        Millis::from_secs(11)
    );
    assert_eq!(heard(known, snapshot(9, 4)).failures, 4);
    assert_eq!(heard(known, snapshot(10, 3)).failures, 3);
    for older in [snapshot(9, 3), snapshot(10, 3)] {
        let other = BackoffSnapshot {
            cause: FailureCause::Network,
            ..older
        };
        assert_eq!(heard(known, other).cause, FailureCause::ServerError);
    }
    assert!(heard(known, demanded).server_requested);
    assert!(
        heard(
            demanded,
            BackoffSnapshot {
                server_requested: true,
                ..snapshot(4, 2)
            }
        )
        .retry_in
            == Millis::from_secs(5),
        "an earlier retry time changes nothing"
    );
    assert_eq!(heard(snapshot(1, 0), snapshot(1, 0)).failures, 1);
    assert_eq!(heard(known, snapshot(10, 9_999)).failures, 64);
}

#[test]
fn a_rest_that_is_heard_of_is_bounded() {
    let endless = BackoffSnapshot {
        resets_in: Millis::from_secs(86_400),
        ..snapshot(86_400, 1)
    };
    let demanded = BackoffSnapshot {
        server_requested: true,
        ..endless
    };

    let bounded = heard(endless, endless);

    assert_eq!(bounded.retry_in, Millis::from_secs(240));
    assert_eq!(bounded.resets_in, Millis::from_secs(16 * 150));
    assert_eq!(heard(demanded, demanded).retry_in, Millis::from_secs(600));
    // A shorter one does not shorten it.
    let shorter = BackoffSnapshot {
        resets_in: Millis::from_secs(1),
        ..snapshot(1, 1)
    };
    assert_eq!(
        heard(endless, shorter).resets_in,
        Millis::from_secs(16 * 150)
    );
}

#[test]
fn a_rest_that_is_heard_of_is_longer_where_nobody_waits() {
    let (_, most) = bounds((0..SEEDS).map(|seed| {
        let mut backoff = Backoff::new(Rng::new(seed));
        backoff.merge(NOW, snapshot(1, 3));
        assert_eq!(backoff.until(), NOW + Millis::from_secs(1));
        assert!(backoff.idle_retry_at() >= backoff.until());
        backoff.idle_retry_at().since(NOW)
    }));

    assert!((87_000..96_000).contains(&most), "{most}");
}

#[test]
fn the_record_reads_back_as_written_even_with_a_clock_set_back() {
    let wall = WallTime::from_millis(1_700_000_000_000);
    let context = |wall| Context {
        now: NOW,
        wall,
        stored: StoredState::Empty,
    };
    let mut backoff = Backoff::new(Rng::new(1));
    let busy = failure(FailureCause::RateLimited, Some(Millis::from_secs(100)));
    backoff.fail(NOW, NOW, &busy);
    let written = backoff.persisted(&context(wall)).expect("there is a rest");
    let told = backoff.snapshot(NOW).expect("there is a rest");

    let day = 86_400_000;
    for (shift_ms, gone) in [(0, 0), (7_000, 7), (-day, 0)] {
        let mut other = Backoff::new(Rng::new(1));
        let at = WallTime::from_millis(wall.as_millis().saturating_add_signed(shift_ms));
        other.merge_persisted(&context(at), &written);

        let read = other.snapshot(NOW).expect("there is a rest");
        let gone = Millis::from_secs(gone);
        assert_eq!(
            (read.retry_in + gone, read.resets_in + gone),
            (told.retry_in, told.resets_in)
        );
        assert!(
            read.server_requested && read.failures == 1 && read.cause == FailureCause::RateLimited
        );
    }
    assert!(
        Backoff::new(Rng::new(1))
            .persisted(&context(wall))
            .is_none()
    );
}

#[test]
fn p49_the_record_keeps_how_long_attempts_have_failed() {
    let wall = WallTime::from_millis(1_700_000_000_000);
    let context = |now: Timestamp| Context {
        now,
        wall: wall + now.since(NOW),
        stored: StoredState::Empty,
    };
    let broken = failure(FailureCause::ServerError, None);
    let mut backoff = Backoff::new(Rng::new(1));
    backoff.fail(NOW, NOW, &broken);
    let later = NOW + Millis::from_secs(20);
    backoff.fail(later, later, &broken);
    let written = backoff.persisted(&context(later)).expect("there is a rest");

    for (after_s, begun_s) in [(0, 0), (3, 0), (200, 0), (600, 620)] {
        let at = later + Millis::from_secs(after_s);
        let mut other = Backoff::new(Rng::new(1));
        other.merge_persisted(&context(at), &written);

        // After minutes without an attempt, the next failure starts a new streak.
        let begun = NOW + Millis::from_secs(begun_s);
        assert_eq!(patient_until(&other), begun + WINDOW, "{after_s}");
    }
    let mut woken = Backoff::new(Rng::new(1));
    woken.restart(later);
    woken.merge_persisted(&context(later), &written);
    assert_eq!(patient_until(&woken), later + WINDOW);
}

#[test]
fn a_clock_that_is_set_back_lengthens_a_rest_by_no_more_than_half_a_minute() {
    let wall = WallTime::from_millis(1_700_000_000_000);
    let mut backoff = Backoff::new(Rng::new(1));
    let asked = failure(FailureCause::ServerError, Some(Millis::from_secs(1)));
    let long_ago = NOW.before(Millis::from_secs(900));
    backoff.fail(NOW, long_ago, &asked);
    let context = |wall| Context {
        now: NOW,
        wall,
        stored: StoredState::Empty,
    };
    let written = backoff.persisted(&context(wall)).expect("there is a rest");

    for set_back_s in [0, 10, 30, 600, 86_400] {
        let mut other = Backoff::new(Rng::new(1));
        let at = WallTime::from_millis(wall.as_millis() - set_back_s * 1_000);
        other.merge_persisted(&context(at), &written);

        let most = backoff.until() + Millis::from_secs(26);
        assert!(other.until() <= most, "{set_back_s}: {:?}", other.until());
        assert!(!is_kept(&other, NOW, most) || set_back_s > 0);
    }
}
