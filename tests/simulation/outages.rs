//! Goal: a short outage of the auth server is invisible to callers and cheap for the server.
//!
//! Promise P49: a call that needs a token waits through 5xx, 429 and a network that fails, until its own deadline, while
//! the failure streak is younger than 25 s. Afterwards calls fail at once, with the time of the next attempt.

use nolapse::core::{Millis, Status};

use crate::sim::{Mode, Network, OUTAGES, World, retry_in};

#[test]
fn p49_an_outage_of_twenty_seconds_fails_no_call_of_five_tabs_and_costs_ten_refreshes_at_the_most()
{
    for kind in OUTAGES {
        for lifetime in [8, 60] {
            let mut recoveries = Vec::new();
            for seed in 0..12 {
                let mut world = World::signed_in_with(Millis::from_secs(lifetime), seed, 5);
                world.call_for(5, 3_000);
                if lifetime == 60 {
                    // Until the background refresh is almost due.
                    world.run(38_000);
                }
                world.begin_outage(kind);
                let before = world.sent(0);
                world.call_for(5, 20_000);
                let sent = world.sent(0) - before;
                assert!(
                    (3..=10).contains(&sent),
                    "{kind:?}, seed {seed}: {sent} refreshes"
                );
                world.end_outage();
                let back = world.now;
                let first = world.call_for(5, 6_000).unwrap_or(u64::MAX);
                recoveries.push(first - back);

                let failed = world.errors(0);
                assert!(failed.is_empty(), "{kind:?}, seed {seed}: {failed:?}");
                assert_eq!(world.waiting(), 0, "{kind:?}, seed {seed}");
                assert_eq!(world.counts.expired_sent, 0, "{kind:?}, seed {seed}");
                let longest = world.calls.iter().map(|call| call.ended - call.asked).max();
                assert!(longest < Some(25_000), "{kind:?}, seed {seed}: {longest:?}");
            }
            recoveries.sort_unstable();
            let (median, most) = (recoveries[6], recoveries[11]);
            assert!(median <= 2_000 && most <= 4_000, "{kind:?}: {recoveries:?}");
        }
    }
}

#[test]
fn p49_failures_of_different_kinds_are_one_streak() {
    for first in 0..20 {
        let seed = u64::try_from(first).unwrap_or_default();
        let mut world = World::signed_in_with(Millis::from_secs(8), seed, 3);
        let before = world.sent(0);
        for kind in OUTAGES.iter().cycle().skip(first).take(5) {
            world.begin_outage(*kind);
            world.call_for(3, 4_000);
        }
        let sent = world.sent(0) - before;
        world.end_outage();
        world.call_for(3, 5_000);

        assert!(
            world.errors(0).is_empty(),
            "seed {seed}: {:?}",
            world.errors(0)
        );
        assert!(sent <= 10, "seed {seed}: {sent} refreshes");
    }
}

#[test]
fn p49_a_server_that_comes_and_goes_fails_no_call() {
    for kind in OUTAGES {
        for seed in 0..5 {
            let mut world = World::signed_in_with(Millis::from_secs(8), seed, 3);
            for _ in 0..12 {
                world.begin_outage(kind);
                world.call_for(3, 5_000);
                world.end_outage();
                world.call_for(3, 4_000);
            }

            let failed = world.errors(0);
            assert!(failed.is_empty(), "{kind:?}, seed {seed}: {failed:?}");
        }
    }
}

#[test]
fn p49_after_twenty_five_seconds_of_failures_calls_fail_at_once_with_the_time_of_the_next_attempt()
{
    for kind in &OUTAGES[..5] {
        for seed in 0..10 {
            let mut world = World::signed_in_with(Millis::from_secs(8), seed, 3);
            world.begin_outage(*kind);
            world.call_for(3, 9_000);
            let early = world.errors(0);
            assert!(early.is_empty(), "{kind:?}, seed {seed}: {early:?}");
            world.call_for(3, 30_000);

            let before = world.calls.len();
            world.call_for(3, 5_000);
            world.run(500);
            let failed = world.errors(before);
            assert_eq!(failed.len(), 60, "{kind:?}, seed {seed}: {failed:?}");
            // A caller that arrives during an attempt receives its outcome.
            let waited = failed.iter().map(|(_, waited)| *waited).max();
            assert!(waited <= Some(500), "{kind:?}, seed {seed}: {waited:?}");
            assert!(
                failed.iter().all(|(error, _)| error.code() == "unreachable"
                    && retry_in(*error) > Millis::ZERO
                    && retry_in(*error) <= Millis::from_secs(240)),
                "{kind:?}, seed {seed}: {failed:?}"
            );
        }
    }
}

#[test]
fn p49_degraded_is_told_at_once_while_calls_wait() {
    let mut world = World::signed_in_with(Millis::from_secs(8), 1, 3);
    world.run(3_000);
    world.begin_outage(OUTAGES[0]);
    world.call_for(3, 8_000);
    for tab in 0..3 {
        let status = world.status(tab);
        assert!(
            matches!(
                &status,
                Status::SignedIn {
                    failure: Some(_),
                    ..
                }
            ),
            "{status:?}"
        );
    }
    assert!(world.waiting() > 10, "calls wait");
    world.end_outage();
    world.call_for(3, 5_000);
    for tab in 0..3 {
        assert!(matches!(
            world.status(tab),
            Status::SignedIn { failure: None, .. }
        ));
    }
}

#[test]
fn p04_p49_a_computer_that_wakes_in_an_outage_waits_for_its_network_anew() {
    for kind in OUTAGES.into_iter().take(5) {
        for seed in 0..10 {
            let mut world = World::signed_in_with(Millis::from_secs(8), seed, 3);
            world.begin_outage(kind);
            world.call_for(3, 40_000);
            let waiting = world.calls.len();
            world.nap(0, 3_600_000);
            world.begin_outage((Mode::Fine, Network::Offline));
            world.call_for(3, 15_000);
            world.end_outage();
            world.call_for(3, 5_000);

            let failed = world.errors(waiting);
            assert!(failed.is_empty(), "{kind:?}, seed {seed}: {failed:?}");
        }
    }
}

#[test]
fn p11_p49_no_caller_waits_longer_than_its_deadline_whatever_fails() {
    for kind in OUTAGES {
        for seed in 0..5 {
            let mut world = World::signed_in_with(Millis::from_secs(8), seed, 3);
            world.begin_outage(kind);
            world.call_for(3, 10_000);
            world.server.mode = Mode::Silent;
            world.call_for(3, 60_000);
            world.run(25_100);

            assert_eq!(world.waiting(), 0, "{kind:?}, seed {seed}");
            let longest = world.calls.iter().map(|call| call.ended - call.asked).max();
            assert!(
                longest <= Some(25_100),
                "{kind:?}, seed {seed}: {longest:?}"
            );
        }
    }
}
