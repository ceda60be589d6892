//! Goal: one tab keeps its session in every situation; each promise has one scenario.
//!
//! Promises (test names carry the numbers of `promises.md`): the background refresh at 50 s of 60; one refresh for any
//! number of callers; wrong clocks, suspension and throttling cost at most one refresh; a token with the requested validity,
//! or an error; no request for a visitor.

use nolapse::core::{Millis, PageChange, SessionError, Status};

use crate::sim::{Ending, Network, World};

const SEED: u64 = 50;
const HOUR: u64 = 3_600_000;

#[test]
fn p01_a_tab_refreshes_at_fifty_seconds_of_sixty_with_nobody_waiting() {
    let mut world = World::signed_in(SEED, 1);
    let start = world.now;

    world.run(10 * 50_000);

    let mut last = start - 1_000 - 1_000;
    for at in &world.counts.sent_at {
        let gap = at - last;
        assert!(
            (47_900..=50_500).contains(&gap),
            "refreshed {gap} ms after the last"
        );
        last = *at;
    }
    assert!((9..=11).contains(&world.sent(0)), "{}", world.sent(0));
}

#[test]
fn p02_after_an_absence_the_first_calls_wait_for_exactly_one_refresh() {
    let mut world = World::signed_in(SEED, 1);
    world.nap(0, HOUR);
    let before = world.sent(0);

    let calls: Vec<_> = (0..20).filter_map(|_| world.api(0)).collect();
    world.run(1_000);

    assert_eq!(world.sent(0) - before, 1);
    assert!(calls.iter().all(|call| world.got_token(*call)));
    assert_eq!(world.counts.expired_sent, 0);
}

#[test]
fn p02_a_page_load_with_an_expired_token_waits_for_one_refresh() {
    let mut world = World::signed_in(SEED, 1);
    world.kill(0);
    world.run(HOUR);
    let before = world.sent(0);

    let tab = world.open(0);
    let calls: Vec<_> = (0..20).filter_map(|_| world.api(tab)).collect();
    world.run(1_000);

    assert_eq!(world.sent(0) - before, 1);
    assert!(calls.iter().all(|call| world.got_token(*call)));
}

#[test]
fn p03_a_wrong_clock_changes_neither_count_nor_cadence() {
    let count = |offset: i64| {
        let mut world = World::new(SEED);
        world.browsers[0].wall_offset = offset;
        let tab = world.open(0);
        world.sign_in(tab, 1);
        world.run(HOUR);
        assert_eq!(world.counts.expired_sent, 0, "{offset}");
        world.sent(0)
    };
    let right = count(0);

    for offset in [
        -86_400_000,
        -50_000,
        -30_000,
        40_000,
        50_000,
        56_000,
        86_400_000,
    ] {
        assert_eq!(count(offset), right, "off by {offset} ms");
    }
}

#[test]
fn p03_a_clock_that_jumps_mid_session_costs_one_refresh_at_the_most() {
    for (jump, extra) in [(-86_400_000, 0), (86_400_000, 1), (-50_000, 0), (50_000, 1)] {
        let mut world = World::signed_in(SEED, 1);
        world.run(20_000);
        let before = world.sent(0);

        world.set_wall(0, jump);
        world.api(0);
        world.run(1_000);

        assert!(world.sent(0) - before <= extra, "jump of {jump} ms");
        let call = world.api(0).expect("the tab runs");
        assert!(world.got_token(call), "jump of {jump} ms");
        world.run(10 * 60_000);
        assert_eq!(world.counts.expired_sent, 0, "jump of {jump} ms");
    }
}

#[test]
fn p04_a_call_on_wake_succeeds_although_the_network_needs_fifteen_more_seconds() {
    for seed in 0..200 {
        let mut world = World::signed_in(seed, 1);
        world.network = Network::Offline;
        world.nap(0, 8 * HOUR);

        let call = world.api(0).expect("the tab runs");
        world.run(15_000);
        world.network = Network::Fine;
        world.run(6_000);

        assert!(
            world.got_token(call),
            "seed {seed}: {:?}",
            world.ending(call)
        );
        assert_eq!(world.codes(), Vec::<&str>::new());
    }
}

#[test]
fn p04_frozen_and_cached_pages_come_back_with_one_refresh() {
    let changes = [
        (PageChange::Frozen, PageChange::Resumed),
        (PageChange::Left, PageChange::Returned),
    ];
    for (leave, come_back) in changes {
        let mut world = World::signed_in(SEED, 1);
        world.page(0, leave);
        world.run(HOUR);
        let before = world.sent(0);

        world.page(0, come_back);
        let call = world.api(0).expect("the tab runs");
        world.run(1_000);

        assert!(world.got_token(call));
        assert_eq!(world.sent(0) - before, 1, "{leave:?}");
    }
}

#[test]
fn p05_a_throttled_hidden_tab_sends_no_expired_token_and_needs_one_refresh_on_return() {
    let mut world = World::signed_in(SEED, 1);
    world.page(0, PageChange::Hidden);
    world.tabs[0].is_throttled = true;
    for _ in 0..120 {
        world.run(30_000);
        world.api(0);
    }
    world.run(55_000);
    let before = world.sent(0);

    world.page(0, PageChange::Visible);
    world.tabs[0].is_throttled = false;
    let call = world.api(0).expect("the tab runs");
    world.run(1_000);

    assert!(world.got_token(call));
    assert!(world.sent(0) - before <= 1);
    assert_eq!(world.counts.expired_sent, 0);
}

#[test]
fn p06_tokens_of_any_life_are_kept_renewed() {
    for lifetime in [5, 8, 30, 60, 300, 3_600, 86_400] {
        let mut world = World::new(SEED);
        world.server.lifetime = Millis::from_secs(lifetime);
        let tab = world.open(0);
        world.sign_in(tab, 1);
        world.run(1_000);
        let lives = 20;

        world.run(lives * lifetime * 1_000);

        let refreshes = u64::from(world.sent(0));
        assert!(
            (lives..=lives * 13 / 10 + 2).contains(&refreshes),
            "{lifetime} s: {refreshes}"
        );
        let call = world.api(tab).expect("the tab runs");
        assert!(world.got_token(call), "{lifetime} s");
        let pauses = world
            .counts
            .sent_at
            .windows(2)
            .map(|pair| pair[1] - pair[0]);
        assert!(pauses.min() >= Some(1_000), "{lifetime} s");
    }
}

#[test]
fn p07_five_hundred_calls_at_the_moment_of_expiry_cost_one_refresh() {
    let mut world = World::signed_in(SEED, 1);
    world.nap(0, 60_000);
    world.run(0);
    let before = world.sent(0);

    let calls: Vec<_> = (0..500).filter_map(|_| world.api(0)).collect();
    world.run(2_000);

    assert_eq!(calls.len(), 500);
    assert!(calls.iter().all(|call| world.got_token(*call)));
    assert_eq!(world.sent(0) - before, 1);
}

#[test]
fn p13_a_forced_refresh_has_the_new_claims_although_an_older_one_is_in_flight() {
    let mut world = World::signed_in(SEED, 3);
    world.network = Network::Slow;
    world.refresh(0, true);
    world.run(2_000);
    world.network = Network::Fine;
    world.server.roles.insert(1, 7);

    let forced = world.refresh(0, true).expect("the tab runs");
    world.run(10_000);
    world.run(1_000);

    let Some(Ending::Token(token)) = world.ending(forced) else {
        panic!("{:?}", world.ending(forced));
    };
    assert!(token.starts_with("t.1.7."), "{token}");
    for tab in 0..3 {
        let call = world.api(tab).expect("the tab runs");
        let Some(Ending::Token(token)) = world.ending(call) else {
            panic!("{:?}", world.ending(call));
        };
        assert!(token.starts_with("t.1.7."), "tab {tab} has {token}");
    }
}

#[test]
fn p29_a_visitor_without_a_session_causes_no_request() {
    let mut world = World::new(SEED);
    let tab = world.open(0);
    world.run(HOUR);
    let call = world.api(tab).expect("the tab runs");

    assert_eq!(world.sent(0), 0);
    assert_eq!(
        world.ending(call),
        Some(&Ending::Failed(SessionError::SignedOut { reason: None }))
    );
    assert_eq!(
        world.counts.published.get(&tab),
        Some(&1),
        "one final state"
    );
}

#[test]
fn p29_a_load_goes_from_unknown_to_one_final_state() {
    let mut world = World::signed_in(SEED, 1);
    world.kill(0);
    world.run(HOUR);

    let tab = world.open(0);
    assert!(matches!(world.status(tab), Status::Unknown { .. }));
    world.run(2_000);

    assert!(matches!(world.status(tab), Status::SignedIn { .. }));
    assert_eq!(world.counts.published.get(&tab), Some(&1));
}

#[test]
fn p30_hiding_and_showing_an_unchanged_session_publishes_nothing() {
    let mut world = World::signed_in(SEED, 1);
    let before = world.counts.published.clone();

    for _ in 0..100 {
        world.page(0, PageChange::Hidden);
        world.run(7_000);
        world.page(0, PageChange::Visible);
        world.run(7_000);
    }

    assert!(world.sent(0) > 20);
    assert_eq!(world.counts.published, before);
}

#[test]
fn a_refresh_that_is_asked_for_is_sent_although_the_token_is_fresh() {
    let mut world = World::signed_in(SEED, 1);
    let before = world.sent(0);

    let call = world.refresh(0, false).expect("the tab runs");
    world.run(1_000);

    assert!(world.got_token(call));
    assert_eq!(world.sent(0) - before, 1);
}
