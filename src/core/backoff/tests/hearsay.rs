//! Goal: of what other tabs and the shelf say of a rest, the most counts, within bounds.

use super::super::super::mark::Shelf;
use super::super::super::time::WallTime;
use super::*;

fn rest(retry_in_s: u64, failures: u32) -> Rest {
    Rest {
        cause: FailureCause::ServerError,
        failures,
        retry_in: Span::from_secs(retry_in_s),
        mandatory: false,
        whole_in: Span::ZERO,
    }
}

/// What a tab that knows of one rest knows once it has heard of another.
fn heard(first: Rest, second: Rest) -> Rest {
    let mut chance = Chance::new(1);
    let mut backoff = Backoff::new();
    backoff.adopt(NOW, first, &mut chance);
    backoff.adopt(NOW, second, &mut chance);
    backoff.rest(NOW).unwrap_or(rest(0, 0))
}

#[test]
fn of_two_rests_the_one_that_says_more_counts() {
    let known = rest(10, 3);
    let demanded = Rest {
        mandatory: true,
        ..rest(5, 2)
    };

    assert_eq!(heard(known, rest(11, 2)).retry_in, Span::from_secs(11));
    assert_eq!(heard(known, rest(9, 4)).failures, 4);
    assert_eq!(heard(known, rest(10, 3)).failures, 3);
    for no_news in [rest(9, 3), rest(10, 3)] {
        let other = Rest {
            cause: FailureCause::Network,
            ..no_news
        };
        assert_eq!(heard(known, other).cause, FailureCause::ServerError);
    }
    assert!(heard(known, demanded).mandatory);
    assert!(
        heard(
            demanded,
            Rest {
                mandatory: true,
                ..rest(4, 2)
            }
        )
        .retry_in
            == Span::from_secs(5),
        "a demand that says less is no news"
    );
    assert_eq!(heard(rest(1, 0), rest(1, 0)).failures, 1);
    assert_eq!(heard(known, rest(10, 9_999)).failures, 64);
}

#[test]
fn a_rest_that_is_heard_of_is_bounded() {
    let endless = Rest {
        whole_in: Span::from_secs(86_400),
        ..rest(86_400, 1)
    };
    let demanded = Rest {
        mandatory: true,
        ..endless
    };

    let bounded = heard(endless, endless);

    assert_eq!(bounded.retry_in, Span::from_secs(240));
    assert_eq!(bounded.whole_in, Span::from_secs(16 * 150));
    assert_eq!(heard(demanded, demanded).retry_in, Span::from_secs(600));
    // Less than what is known does not shorten it.
    let shorter = Rest {
        whole_in: Span::from_secs(1),
        ..rest(1, 1)
    };
    assert_eq!(heard(endless, shorter).whole_in, Span::from_secs(16 * 150));
}

#[test]
fn a_rest_that_is_heard_of_is_longer_where_nobody_waits() {
    let (_, most) = bounds((0..SEEDS).map(|seed| {
        let mut backoff = Backoff::new();
        backoff.adopt(NOW, rest(1, 3), &mut Chance::new(seed));
        assert_eq!(backoff.until(), NOW + Span::from_secs(1));
        assert!(backoff.calm_until() >= backoff.until());
        backoff.calm_until().since(NOW)
    }));

    assert!((87_000..96_000).contains(&most), "{most}");
}

#[test]
fn what_the_shelf_says_is_what_was_written_on_it_even_with_a_clock_set_back() {
    let wall = WallTime::from_millis(1_700_000_000_000);
    let moment = |wall| Moment {
        now: NOW,
        wall,
        shelf: Shelf::Empty,
    };
    let mut chance = Chance::new(1);
    let mut backoff = Backoff::new();
    let busy = failure(FailureCause::RateLimited, Some(Span::from_secs(100)));
    backoff.fail(NOW, NOW, &busy, &mut chance);
    let written = backoff.cooling(&moment(wall)).expect("there is a rest");
    let told = backoff.rest(NOW).expect("there is a rest");

    let day = 86_400_000;
    for (shift_ms, gone) in [(0, 0), (7_000, 7), (-day, 0)] {
        let mut other = Backoff::new();
        let at = WallTime::from_millis(wall.as_millis().saturating_add_signed(shift_ms));
        other.adopt_mark(&moment(at), &written, &mut chance);

        let read = other.rest(NOW).expect("there is a rest");
        let gone = Span::from_secs(gone);
        assert_eq!(
            (read.retry_in + gone, read.whole_in + gone),
            (told.retry_in, told.whole_in)
        );
        assert!(read.mandatory && read.failures == 1 && read.cause == FailureCause::RateLimited);
    }
    assert!(Backoff::new().cooling(&moment(wall)).is_none());
}

#[test]
fn p49_the_shelf_tells_how_long_attempts_have_failed() {
    let wall = WallTime::from_millis(1_700_000_000_000);
    let moment = |now: Timestamp| Moment {
        now,
        wall: wall + now.since(NOW),
        shelf: Shelf::Empty,
    };
    let mut chance = Chance::new(1);
    let broken = failure(FailureCause::ServerError, None);
    let mut backoff = Backoff::new();
    backoff.fail(NOW, NOW, &broken, &mut chance);
    let later = NOW + Span::from_secs(20);
    backoff.fail(later, later, &broken, &mut chance);
    let written = backoff.cooling(&moment(later)).expect("there is a rest");

    for (after_s, begun_s) in [(0, 0), (3, 0), (200, 0), (600, 620)] {
        let at = later + Span::from_secs(after_s);
        let mut other = Backoff::new();
        other.adopt_mark(&moment(at), &written, &mut chance);

        // Nobody has tried for minutes: what comes is a row of its own.
        let begun = NOW + Span::from_secs(begun_s);
        assert_eq!(patient_until(&other), begun + WINDOW, "{after_s}");
    }
    let mut woken = Backoff::new();
    woken.begin_anew(later);
    woken.adopt_mark(&moment(later), &written, &mut chance);
    assert_eq!(patient_until(&woken), later + WINDOW);
}

#[test]
fn a_clock_that_is_set_back_lengthens_a_rest_by_no_more_than_half_a_minute() {
    let wall = WallTime::from_millis(1_700_000_000_000);
    let mut chance = Chance::new(1);
    let mut backoff = Backoff::new();
    let asked = failure(FailureCause::ServerError, Some(Span::from_secs(1)));
    let long_ago = NOW.before(Span::from_secs(900));
    backoff.fail(NOW, long_ago, &asked, &mut chance);
    let moment = |wall| Moment {
        now: NOW,
        wall,
        shelf: Shelf::Empty,
    };
    let written = backoff.cooling(&moment(wall)).expect("there is a rest");

    for set_back_s in [0, 10, 30, 600, 86_400] {
        let mut other = Backoff::new();
        let at = WallTime::from_millis(wall.as_millis() - set_back_s * 1_000);
        other.adopt_mark(&moment(at), &written, &mut chance);

        let most = backoff.until() + Span::from_secs(26);
        assert!(other.until() <= most, "{set_back_s}: {:?}", other.until());
        assert!(!is_kept(&other, NOW, most) || set_back_s > 0);
    }
}
