//! Goal: no sequence of lost responses, outages of the network and killed browsers signs anybody out, whatever the timeout of
//! the client; and two browsers with one cookie are noticed.
//!
//! Promise: a refresh token whose successor was never used yields one whenever it is presented, so a browser with one cookie
//! jar stays signed in. Limits: the browser has written a cookie to disk before it sends it, and discards the responses to
//! requests that were aborted.

use nolapse::core::Millis;
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::schedules::config;
use crate::sim::{Network, Step, World};

const HOUR: u64 = 3_600_000;

/// A world with two tabs, whose client has this timeout in seconds.
fn world(timeout: u64, seed: u64) -> World {
    let mut world = World::new(seed);
    world.timeout = Millis::from_secs(timeout);
    world.discards_aborted = true;
    // Consecutive suspensions can exceed the idle limit of one day.
    world.server.limits.idle = world.server.limits.absolute;
    let first = world.open(0);
    world.sign_in(first, 1);
    world.run(1_000);
    world.open(0);
    world.run(1_000);
    world
}

/// Ends all faults, and returns whether all tabs are signed in with a token.
fn recovers(world: &mut World) -> bool {
    world.make_peace();
    world.settle_down();
    let tab = world.open(0);
    let call = world.api(tab).unwrap_or_default();
    world.run(5_000);
    let tabs = world.tabs_of(0);
    world.got_token(call) && tabs.into_iter().all(|tab| world.is_in(tab))
}

#[test]
fn issue11_line2_a_lost_response_and_a_time_without_a_network_end_no_session() {
    for (seed, offline) in (0..).zip([5_000, 25_000, 40_000, 90_000, HOUR, 20 * HOUR]) {
        for lost in [Network::LosingAnswers, Network::Unanswered] {
            let mut world = world(10, seed);
            world.network = lost;
            world.run(52_000);
            world.network = Network::Offline;
            world.run(offline);

            assert!(recovers(&mut world), "{offline} ms\n{}", world.story());
            assert_eq!(world.counts.false_alarms, 0, "{offline} ms");
        }
    }
}

#[test]
fn issue11_line2_no_timeout_of_the_client_contradicts_the_grace_of_the_server() {
    for timeout in [1, 10, 29, 30, 31, 40, 50, 60] {
        for seed in 0..10 {
            let mut world = world(timeout, seed);
            // The network works but for the one response.
            let before = world.sent(0);
            while world.sent(0) == before {
                world.network = Network::Unanswered;
                world.run(100);
            }
            world.run(1_000);
            world.network = Network::Fine;
            world.run(180_000);

            let story = || format!("{timeout} s, seed {seed}\n{}", world.story());
            assert_eq!(world.counts.false_alarms, 0, "{}", story());
            assert!((0..2).all(|tab| world.is_in(tab)), "{}", story());
        }
    }
}

#[test]
fn issue11_line2_a_browser_that_was_killed_comes_back_with_an_older_cookie_and_is_signed_in() {
    for seed in 0..20 {
        let mut world = world(10, seed);
        world.refresh(0, true);
        world.run(1_000 + 50 * seed);
        let newest = world.browsers[0].cookie.clone();
        world.crash(0);
        world.run(HOUR * seed / 2);

        assert_ne!(world.browsers[0].cookie, newest, "seed {seed}");
        assert!(recovers(&mut world), "{}", world.story());
        assert_eq!(world.counts.false_alarms, 0, "seed {seed}");
    }
}

#[test]
fn issue11_line2_two_browsers_that_go_on_with_copies_of_one_cookie_are_noticed() {
    for seed in 0..40 {
        let mut world = World::signed_in(seed, 2);
        let before = world.sent(0);
        while world.sent(0) == before {
            world.run(100);
        }
        // Far enough from the owner's next refresh.
        world.run(1_000 + 350 * seed);
        let session = world.cookie_session(0).expect("the owner has a session");
        let thief = world.add_browser();
        world.browsers[thief].cookie = world.browsers[0].cookie.clone();
        let tab = world.open(thief);
        world.refresh(tab, true);
        world.run(5_000);
        assert!(world.is_in(tab), "seed {seed}: the copy works");

        world.run(150_000);

        assert!(!world.server.is_alive(session), "{}", world.story());
        assert!(world.counts.false_alarms > 0, "seed {seed}");
    }
}

#[derive(Clone, Debug)]
enum Loss {
    Step(Step),
    Crash,
}

fn loss() -> impl Strategy<Value = Loss> {
    let tab = 0_usize..20;
    let network = prop::sample::select(
        &[
            Network::Fine,
            Network::Fine,
            Network::Offline,
            Network::Stalling,
            Network::LosingAnswers,
            Network::Unanswered,
            Network::Captive,
            Network::Slow,
        ][..],
    );
    prop_oneof![
        4 => network.prop_map(Step::Net),
        4 => (1_u64..70_000).prop_map(Step::Wait),
        1 => (1_u64..HOUR).prop_map(Step::Wait),
        2 => (Just(0), 1_000_u64..10 * HOUR).prop_map(|(browser, millis)| Step::Nap(browser, millis)),
        3 => (tab.clone(), any::<bool>()).prop_map(|(tab, force)| Step::Refresh(tab, force)),
        2 => tab.clone().prop_map(Step::Call),
        1 => tab.clone().prop_map(Step::Reject),
        2 => tab.clone().prop_map(Step::Open),
        1 => tab.clone().prop_map(Step::Kill),
        1 => tab.clone().prop_map(Step::Reload),
        1 => tab.clone().prop_map(Step::Freeze),
        2 => tab.prop_map(Step::Resume),
    ]
    .prop_map(Loss::Step)
}

proptest! {
    #![proptest_config(Config { cases: config().cases / 4, ..config() })]

    #[test]
    fn issue11_line2_no_sequence_of_losses_signs_anybody_out(
        timeout in prop::sample::select(&[1, 10, 40, 60][..]),
        seed in any::<u64>(),
        losses in prop::collection::vec(prop_oneof![12 => loss(), 1 => Just(Loss::Crash)], 1..40),
    ) {
        let mut world = world(timeout, seed);
        for loss in losses {
            match loss {
                Loss::Step(step) => world.apply(&step),
                Loss::Crash => world.crash(0),
            }
        }

        // An older cookie that arrives last is no loss.
        let is_excused = |world: &World| world.counts.excused_alarms > 0;
        prop_assert!(recovers(&mut world) || is_excused(&world), "{}", world.story());
        prop_assert_eq!(world.counts.false_alarms, 0, "{}", world.story());
    }
}
