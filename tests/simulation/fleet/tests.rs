//! Goal: what happens to the auth server or to the network makes no storm of refreshes, signs nobody out, and costs users no call
//! that could have waited (issue 14, part 6).
//!
//! Small fleets, whose noise is averaged over five seconds; `npm run fleet` plays large ones within the same budgets.

use super::course::Course;
use super::rates::{Kind, Rates};
use super::report::Report;
use super::{HEADROOM, SEED};
use crate::world::{Fleet, World};

const PAGES: u32 = 4_000;
const PEAK_S: u32 = 5;
/// How much of a rate the noise of so few pages may be: four standard deviations of the pages of five seconds.
const NOISE: f64 = 0.2;

fn play(course: &Course, pages: u32, headroom: f64) -> Rates {
    let fleet = Fleet {
        pages,
        seed: SEED,
        headroom,
    };
    World::play(course, fleet).expect("a token")
}

/// Plays a course, and fails where it costs more than its budget.
fn hold(course: &Course) -> Report {
    let report = Report::of(course, &play(course, PAGES, HEADROOM), PEAK_S);
    let excesses = report.excesses(course.budget.plus(NOISE));
    assert!(
        excesses.is_empty(),
        "{}: {excesses:?}, seed {SEED:#x}: {report:?}",
        course.title
    );
    report
}

#[test]
fn p49_a_deploy_of_all_servers_fails_no_call_and_makes_no_storm() {
    hold(&Course::deploy());
}

#[test]
fn p49_a_failover_of_ten_seconds_fails_no_call_and_signs_nobody_out() {
    let report = hold(&Course::failover());

    assert!(
        report.unavailable > 0.1,
        "the failover reached nobody: {report:?}"
    );
}

#[test]
fn p49_after_an_outage_of_a_minute_refreshes_come_back_spread() {
    let report = hold(&Course::short_outage());

    assert!(report.during > 2.0, "the outage reached nobody: {report:?}");
}

#[test]
fn p49_an_outage_of_ten_minutes_is_left_alone_after_its_first_minute() {
    let course = Course::long_outage();
    let rates = play(&course, PAGES, HEADROOM);
    let report = Report::of(&course, &rates, PEAK_S);
    let excesses = report.excesses(course.budget.plus(NOISE));
    let (from, to) = course.event;

    assert!(excesses.is_empty(), "{excesses:?}, seed {SEED:#x}");
    let steady = f64::from(PAGES) / 49.0;
    let late = rates.mean(Kind::Refresh, (from + 180_000, to)) / steady;
    assert!(late < 0.8, "{late:.2} × steady from the fourth minute on");
}

#[test]
fn a_cell_network_that_flaps_or_returns_makes_no_wave_that_lasts() {
    hold(&Course::flapping());
    hold(&Course::cells_away());
}

#[test]
fn pages_that_are_opened_within_a_minute_do_not_refresh_together() {
    hold(&Course::rush());
}

/// The servers refuse what they cannot carry out, and what they refuse comes back: it must not keep them from recovering.
#[test]
fn servers_with_a_fifth_to_spare_recover_from_a_failover() {
    let course = Course::failover();
    let rates = play(&course, PAGES, 1.2);
    let (_, over) = course.event;

    assert_eq!(rates.sum(Kind::Ended, (0, course.ends)), 0);
    assert!(
        rates.sum(Kind::Unavailable, (over, over + 60_000)) > 0,
        "they refused nothing"
    );
    let settled = (over + 180_000, course.ends);
    assert_eq!(rates.sum(Kind::Unavailable, settled), 0);
    assert_eq!(rates.sum(Kind::Failed, settled), 0);
}

/// A fleet of another size has the same peaks, as far as its noise permits.
#[test]
fn a_larger_fleet_has_the_same_peaks() {
    let course = Course::short_outage();
    let of = |pages| Report::of(&course, &play(&course, pages, HEADROOM), PEAK_S);
    let (small, large) = (of(1_000), of(8_000));

    let difference = (small.during / large.during - 1.0).abs();
    assert!(difference < NOISE, "{small:?}\n{large:?}");
    let difference = (small.failed - large.failed).abs();
    assert!(difference < 4.0, "{small:?}\n{large:?}");
}

#[test]
fn the_same_seed_makes_the_same_figures() {
    let course = Course::rush();
    let once = || Report::of(&course, &play(&course, 200, HEADROOM), PEAK_S).row("");

    assert_eq!(once(), once());
}
