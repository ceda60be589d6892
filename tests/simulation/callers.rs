//! Goal: a caller gets its result, or is rejected at once if that is impossible, with no unnecessary refreshes.
//!
//! Promises (test names carry the numbers of `promises.md`): aborting one caller does not affect the others; `minValidity`
//! is met or rejected, with at most one refresh.

use nolapse::core::{Millis, SessionError};

use crate::sim::{Ending, Network, World};

const SEED: u64 = 50;

#[test]
fn p25_aborting_some_of_the_waiting_calls_leaves_the_others_and_the_refresh_alone() {
    let mut world = World::signed_in(SEED, 1);
    world.nap(0, 60_000);
    let before = world.sent(0);
    let calls: Vec<_> = (0..10).filter_map(|_| world.api(0)).collect();

    for call in calls.iter().step_by(3) {
        world.abort(*call);
    }
    world.run(1_000);

    for (place, call) in calls.iter().enumerate() {
        let expected = place % 3 != 0;
        assert_eq!(world.got_token(*call), expected, "call {place}");
    }
    assert_eq!(world.sent(0) - before, 1);
    assert_eq!(world.counts.answered_twice, 0);
}

#[test]
fn p28_a_token_with_the_asked_life_or_an_error_never_nothing() {
    let mut world = World::signed_in(SEED, 1);
    world.run(40_000);

    let enough = world.get_token(0, Millis::from_secs(10));
    let more = world.get_token(0, Millis::from_secs(45));
    let too_much = world.get_token(0, Millis::from_secs(90));
    world.run(1_000);

    assert!(world.got_token(enough));
    assert!(world.got_token(more), "{:?}", world.ending(more));
    assert_eq!(
        world.ending(too_much),
        Some(&Ending::Failed(SessionError::MinValidity))
    );
}

#[test]
fn p28_a_life_that_no_token_has_is_refused_without_a_refresh() {
    let mut world = World::signed_in(SEED, 1);
    world.run(10_000);
    let before = world.sent(0);

    // A token with a lifetime of 60 s is sent for 58.5 s.
    for life_ms in [58_500, 60_000, 90_000] {
        let call = world.get_token(0, Millis::from_millis(life_ms));
        assert_eq!(
            world.ending(call),
            Some(&Ending::Failed(SessionError::MinValidity)),
            "{life_ms}"
        );
    }
    assert_eq!(world.sent(0), before);
}

#[test]
fn p28_a_life_that_the_network_leaves_no_token_costs_one_refresh() {
    let mut world = World::signed_in(SEED, 1);
    world.run(10_000);
    let before = world.sent(0);
    world.network = Network::Slow;

    let call = world.get_token(0, Millis::from_secs(57));
    world.run(30_000);

    assert_eq!(
        world.ending(call),
        Some(&Ending::Failed(SessionError::MinValidity))
    );
    assert_eq!(world.sent(0) - before, 1);
}

#[test]
fn p28_a_token_that_came_within_the_second_is_not_renewed_for_more_life() {
    for (age, renewed) in [(999, 0), (1_000, 1)] {
        let mut world = World::signed_in(SEED, 1);
        world.run(10_000);
        world.refresh(0, true);
        world.run(300);
        let before = world.sent(0);
        let sent = *world.counts.sent_at.last().expect("it was sent");
        world.run(sent + age - world.now);

        let call = world.get_token(0, Millis::from_millis(58_000));
        let at_once = world.ending(call).cloned();
        world.run(1_000);

        assert_eq!(world.sent(0) - before, renewed, "{age}");
        assert_eq!(at_once.is_none(), renewed == 1, "{age}: {at_once:?}");
    }
}
