//! Goal: with the option `push`, every open page of a browser knows of a revocation within the time of one refresh, for the
//! price of one stream per browser; the stream decides nothing, and costs nothing where nobody looks.
//!
//! Promises (the numbers are those of `promises.md`): P56, and issue 12, part 3: one stream per browser, held by a visible page
//! and handed over; no storm after an outage; a stream that lies signs nobody out.

#![expect(clippy::print_stdout, reason = "the numbers of a promise are printed")]

use nolapse::core::PageChange;
use nolapse::wire::EndReason;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::sim::{Locks, Mode, Network, World};

/// What happens to a tab.
type Act = fn(&mut World, usize);

const SEED: u64 = 50;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

/// Checks that a browser in which all has settled opens a stream that was ended again, and that a revocation then reaches every
/// page.
pub(crate) fn check_push(world: &mut World) -> Result<(), TestCaseError> {
    let tabs = world.tabs_of(0);
    if !world.streams.is_on || !tabs.iter().any(|tab| world.is_in(*tab)) {
        return Ok(());
    }
    world.break_streams();
    world.run(31 * SECOND);
    let open = world.streaming(0);
    prop_assert!(!open.is_empty(), "no stream\n{}", world.story());
    revoke(world);
    world.run(2 * SECOND);
    let knows = |tab: &usize| !world.is_in(*tab);
    prop_assert!(tabs.iter().all(knows), "not known\n{}", world.story());
    Ok(())
}

/// Ends the session of the first browser at the server.
fn revoke(world: &mut World) {
    let session = world.cookie_session(0).expect("a session");
    let now = world.now;
    world.server.revoke(now, session, EndReason::Revoked);
}

/// How long it takes until every tab of the first browser is signed out, in milliseconds.
fn time_until_out(world: &mut World, most: u64) -> u64 {
    let start = world.now;
    let tabs = world.tabs_of(0);
    while !tabs.iter().all(|tab| world.is_out(*tab)) {
        let elapsed = world.now - start;
        assert!(elapsed < most, "{}", world.story());
        world.run(5);
    }
    world.now - start
}

#[test]
fn p56_a_revocation_reaches_every_open_page_in_the_time_of_one_refresh() {
    let mut times: Vec<u64> = (0..300)
        .map(|seed| {
            let mut world = World::pushed(seed, 5);
            for tab in 1..5 {
                world.page(tab, PageChange::Hidden);
                world.tabs[tab].is_throttled = true;
            }
            let wait = world.random.below(50_000);
            world.run(wait);

            revoke(&mut world);

            let time = time_until_out(&mut world, 2 * SECOND);
            let reasons = (0..5).map(|tab| world.end_reason(tab));
            assert!(reasons.eq([Some(EndReason::Revoked); 5]));
            time
        })
        .collect();
    times.sort_unstable();
    // A push message, a request, its response and a tab message, each under way for as long as the simulation lets it be; or a
    // refresh that was under way already, and another one.
    println!(
        "p50 {}, p99 {}, max {} ms",
        times[150], times[297], times[299]
    );
    assert!(times[297] <= SECOND, "{times:?}");
}

#[test]
fn part3_without_the_option_there_is_no_stream() {
    let mut world = World::signed_in(SEED, 3);
    world.run(20 * MINUTE);
    world.page(1, PageChange::Hidden);
    world.page(1, PageChange::Visible);
    world.run(MINUTE);

    assert!(world.streams.attempts.is_empty());
}

#[test]
fn part3_twenty_visible_pages_open_one_stream() {
    let mut world = World::pushed(SEED, 20);
    world.run(20 * MINUTE);

    assert_eq!(world.streaming(0), [0]);
    assert_eq!(world.streams.attempts.len(), 1);
}

#[test]
fn part3_where_nobody_is_signed_in_there_is_no_stream() {
    let mut world = World::new(SEED);
    world.streams.is_on = true;
    let tab = world.open(0);
    world.run(MINUTE);
    assert!(world.streams.attempts.is_empty());

    world.sign_in(tab, 1);
    world.run(SECOND);
    assert_eq!(world.streaming(0), [tab]);
    world.sign_out(tab, false);
    world.run(SECOND);

    assert!(world.streaming(0).is_empty());
    world.run(10 * MINUTE);
    assert_eq!(world.streams.attempts.len(), 1);
}

#[test]
fn part3_a_stream_is_handed_over_when_its_page_is_hidden_frozen_left_or_closed() {
    let leave: [(&str, Act); 5] = [
        ("hidden", |world, tab| world.page(tab, PageChange::Hidden)),
        ("frozen", |world, tab| world.page(tab, PageChange::Frozen)),
        ("left", |world, tab| world.page(tab, PageChange::Left)),
        ("closed", World::kill),
        ("reloaded", |world, tab| {
            world.reload(tab);
        }),
    ];
    for (name, leave) in leave {
        let mut world = World::pushed(SEED, 3);
        world.page(1, PageChange::Hidden);
        world.run(SECOND);
        assert_eq!(world.streaming(0), [0], "{name}");

        leave(&mut world, 0);
        world.run(200);

        assert_eq!(world.streaming(0), [2], "{name}");
        assert_eq!(world.streams.unseen, 0, "{name}");
        revoke(&mut world);
        world.run(SECOND);
        assert!(world.is_out(1) && world.is_out(2), "{name}");
    }
}

#[test]
fn part3_hidden_pages_hold_no_stream() {
    let mut world = World::pushed(SEED, 3);
    for tab in 0..3 {
        world.page(tab, PageChange::Hidden);
    }
    world.run(20 * MINUTE);
    assert!(world.streaming(0).is_empty());
    assert!(world.streams.attempts.len() <= 3);

    world.page(1, PageChange::Visible);
    world.run(200);

    assert_eq!(world.streaming(0), [1]);
    assert_eq!(world.streams.unseen, 0);
}

#[test]
fn p56_what_is_revoked_while_no_stream_is_open_is_known_when_one_is() {
    let mut world = World::pushed(SEED, 2);
    world.page(0, PageChange::Hidden);
    world.page(1, PageChange::Hidden);
    world.run(SECOND);
    revoke(&mut world);
    world.run(SECOND);
    assert!(world.is_in(0) && world.is_in(1));

    world.page(1, PageChange::Visible);

    assert!(time_until_out(&mut world, 2 * SECOND) <= SECOND);
}

#[test]
fn p56_without_web_locks_each_visible_page_has_a_stream() {
    for locks in [Locks::Missing, Locks::Broken] {
        let mut world = World::new(SEED);
        world.streams.is_on = true;
        world.browsers[0].locks = locks;
        let tabs = [world.open(0), world.open(0), world.open(0)];
        world.sign_in(tabs[0], 1);
        world.run(2 * SECOND);
        world.page(2, PageChange::Hidden);
        world.run(SECOND);
        assert_eq!(world.streaming(0), [0, 1], "{locks:?}");

        revoke(&mut world);

        assert!(
            time_until_out(&mut world, 2 * SECOND) <= SECOND,
            "{locks:?}"
        );
    }
}

#[test]
fn p56_a_sign_in_moves_the_stream_to_the_new_session() {
    let mut world = World::pushed(SEED, 2);
    world.sign_in(1, 2);
    // The stream of the old session ends with it; the refresh that it asks for brings the next one.
    world.run(SECOND);
    assert_eq!(world.streaming(0), [0]);

    revoke(&mut world);

    assert!(time_until_out(&mut world, 2 * SECOND) <= SECOND);
}

#[test]
fn part3_a_stream_that_lies_signs_nobody_out_and_costs_a_refresh_a_minute() {
    let honest = {
        let mut world = World::pushed(SEED, 3);
        world.run(60 * MINUTE);
        world.sent(0)
    };
    let mut world = World::pushed(SEED, 3);
    for _ in 0..10_000 {
        let holder = world.streaming(0)[0];
        world.push(holder);
        world.run(360);
    }

    assert!((0..3).all(|tab| world.is_in(tab)));
    let more = world.sent(0) - honest;
    println!("{honest} refreshes an hour, and {more} for 10,000 lies");
    assert!(more <= 63, "{more}");
}

#[test]
fn part3_an_outage_is_not_asked_for_streams_and_is_no_storm_afterwards() {
    let outages = [
        (Network::Offline, Mode::Fine),
        (Network::Fine, Mode::Unavailable(None)),
    ];
    for outage in outages {
        let mut back: Vec<u64> = (0..200)
            .map(|seed| {
                let mut world = World::pushed(seed, 2);
                let wait = world.random.below(50_000);
                world.run(wait);
                let before = world.streams.attempts.len();
                (world.network, world.server.mode) = outage;
                world.run(10 * MINUTE);
                let during = world.streams.attempts.len() - before;
                assert!(during <= 4, "{outage:?}: {during} attempts");
                (world.network, world.server.mode) = (Network::Fine, Mode::Fine);
                let end = world.now;
                while world.streaming(0).is_empty() {
                    world.run(100);
                    assert!(
                        world.now - end < 6 * MINUTE,
                        "{outage:?}: it does not come back"
                    );
                }
                assert!(world.is_in(0) && world.is_in(1));
                (world.now - end) / SECOND
            })
            .collect();
        back.sort_unstable();
        let most = (0..300).map(|second| back.iter().filter(|at| **at == second).count());
        let most = most.max().unwrap_or_default();
        assert!(
            most <= 10,
            "{outage:?}: {most} of 200 in one second: {back:?}"
        );
    }
}

#[test]
fn part3_a_restart_of_the_server_is_spread_over_half_a_minute() {
    let mut back: Vec<u64> = (0..500)
        .map(|seed| {
            let mut world = World::pushed(seed, 1);
            world.break_streams();
            let start = world.now;
            world.run(SECOND / 4);
            assert!(world.streaming(0).is_empty());
            while world.streaming(0).is_empty() {
                world.run(50);
            }
            (world.now - start) / SECOND
        })
        .collect();
    back.sort_unstable();

    let most = (0..31).map(|second| back.iter().filter(|at| **at == second).count());
    let most = most.max().unwrap_or_default();
    assert!(most <= 40, "{most} of 500 in one second: {back:?}");
    assert!(back.last() <= Some(&31), "{back:?}");
}
