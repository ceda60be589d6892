//! Goal: any number of tabs send as many refreshes as one, and no tab can harm another.
//!
//! Promises (test names carry the numbers of `promises.md`): ten tabs refresh as often as one; twenty that start within 5 ms
//! trigger no reuse detection in 1,000 rounds; no state of lock, channel or storage leaves a caller pending.

use nolapse::core::PageChange;

use crate::sim::{Ending, Locks, Mode, World};

const SEED: u64 = 50;
const HOUR: u64 = 3_600_000;

#[test]
fn p15_ten_tabs_for_an_hour_refresh_as_often_as_one() {
    let count = |tabs: usize| {
        let mut world = World::signed_in(SEED, tabs);
        world.run(HOUR);
        assert_eq!(world.counts.expired_sent, 0);
        assert_eq!(world.counts.most_at_once, 1);
        let sent = &world.counts.sent_at;
        let close = sent.windows(2).find(|pair| pair[1] - pair[0] < 47_000);
        assert_eq!(close, None, "{tabs} tabs refreshed twice");
        world.sent(0)
    };
    let one = count(1);

    for tabs in [2, 3, 5, 10] {
        let many = count(tabs);
        assert!(many.abs_diff(one) <= 1, "{tabs} tabs: {many}, one: {one}");
    }
}

#[test]
fn p15_opening_a_tab_beside_a_living_one_asks_the_tab_and_not_the_server() {
    let mut world = World::signed_in(SEED, 1);
    let before = world.sent(0);

    let tab = world.open(0);
    let call = world.api(tab).expect("the tab runs");
    world.run(500);

    assert!(world.got_token(call));
    assert_eq!(world.sent(0), before);
}

#[test]
fn p16_twenty_tabs_that_start_within_five_milliseconds_raise_no_alarm() {
    let mut world = World::signed_in(SEED, 20);
    for round in 0..1_000_u32 {
        let start = world.sent(0);
        for tab in 0..20 {
            world.refresh(tab, false);
            if tab % 4 == 0 {
                world.run(1);
            }
        }
        world.run(3_000);
        let sent = world.sent(0) - start;
        assert!(sent <= 2, "round {round}: {sent} refreshes");
        assert_eq!(world.counts.false_alarms, 0, "round {round}");
        assert!((0..20).all(|tab| world.is_in(tab)), "round {round}");
    }
}

#[test]
fn p16_without_any_lock_the_grace_keeps_twenty_tabs_signed_in() {
    let mut world = World::signed_in(SEED, 20);
    world.browsers[0].locks = Locks::Missing;
    for round in 0..100_u32 {
        for tab in 0..20 {
            world.refresh(tab, false);
        }
        world.run(3_000);
        assert_eq!(world.counts.false_alarms, 0, "round {round}");
        assert!((0..20).all(|tab| world.is_in(tab)), "round {round}");
    }
}

#[test]
fn p17_in_every_state_of_lock_channel_and_storage_every_call_is_served() {
    for locks in [Locks::Honest, Locks::Missing, Locks::Hogged, Locks::Broken] {
        for has_channel in [true, false] {
            for has_storage in [true, false] {
                let mut world = World::signed_in(SEED, 3);
                world.browsers[0].locks = locks;
                world.browsers[0].has_channel = has_channel;
                world.browsers[0].has_storage = has_storage;
                if locks == Locks::Broken && !has_channel {
                    // Nothing serialises the tabs: responses may be reordered, which the server must tolerate.
                    continue;
                }
                let name = format!("{locks:?}, channel {has_channel}, storage {has_storage}");
                for _ in 0..60 {
                    world.run(5_000);
                    for tab in 0..3 {
                        world.api(tab);
                    }
                }
                world.run(20_000);

                assert_eq!(world.waiting(), 0, "{name}");
                assert_eq!(world.counts.expired_sent, 0, "{name}");
                assert_eq!(world.counts.false_alarms, 0, "{name}");
                assert!((0..3).all(|tab| world.is_in(tab)), "{name}");
                let failed = world
                    .calls
                    .iter()
                    .any(|call| matches!(call.ending, Some(Ending::Failed(_))));
                assert!(!failed, "{name}");
            }
        }
    }
}

#[test]
fn p17_a_tab_that_slept_in_the_queue_for_the_lock_waits_for_it_anew() {
    let mut world = World::signed_in(SEED, 1);
    world.browsers[0].locks = Locks::Hogged;
    let call = world.refresh(0, true).expect("the tab runs");
    world.run(1_000);
    let before = world.sent(0);

    world.nap(0, 60_000);
    world.run(10_000);
    assert_eq!(
        world.sent(0),
        before,
        "nobody could give it the lock while it slept"
    );

    world.run(15_000);
    assert!(world.got_token(call), "it goes on without the lock");
}

#[test]
fn p17_a_lock_that_is_stolen_again_and_again_harms_nobody() {
    let mut world = World::signed_in(SEED, 3);
    for _ in 0..2_000 {
        world.run(150);
        world.steal_lock(0);
        world.api(0);
    }

    assert!((0..3).all(|tab| world.is_in(tab)));
    assert_eq!(world.counts.false_alarms, 0);
    assert_eq!(world.counts.expired_sent, 0);
}

#[test]
fn p10_five_tabs_and_a_server_that_fails_for_twenty_seconds() {
    for seed in 0..100 {
        let mut world = World::new(seed);
        world.server.lifetime = nolapse::core::Millis::from_secs(8);
        let first = world.open(0);
        world.sign_in(first, 1);
        world.run(1_000);
        for _ in 1..5 {
            world.open(0);
            world.run(300);
        }
        world.run(20_000);
        world.server.mode = Mode::Unavailable(None);
        let start = world.now;
        for _ in 0..80 {
            for tab in 0..5 {
                world.api(tab);
            }
            world.run(250);
        }
        let sent: Vec<_> = world
            .counts
            .sent_at
            .iter()
            .copied()
            .filter(|at| *at >= start)
            .collect();
        let worst = sent
            .iter()
            .map(|at| {
                sent.iter()
                    .filter(|other| (at - 999..=*at).contains(*other))
                    .count()
            })
            .max();
        assert!(
            sent.len() <= 10,
            "seed {seed}: {} refreshes in 20 s",
            sent.len()
        );
        assert!(
            worst <= Some(2),
            "seed {seed}: {worst:?} in the worst second"
        );
        world.server.mode = Mode::Fine;
        let attempts = world.counts.sent_at.len();
        while world.counts.sent_at.len() == attempts {
            world.run(50);
        }
        world.run(1_000);
        for tab in 0..5 {
            let call = world.api(tab).expect("the tab runs");
            assert!(
                world.got_token(call),
                "seed {seed}: tab {tab} has not heard of the recovery"
            );
        }
        assert_eq!(world.counts.expired_sent, 0);
    }
}

/// Loads a page in a browser without other tabs, and returns the time until its refresh was sent.
fn sent_after_load(world: &mut World) -> u64 {
    let tab = world.open(0);
    let opened = world.now;
    let call = world.api(tab).expect("the tab runs");
    world.run(2_000);
    assert!(world.got_token(call));
    world.counts.sent_at.last().copied().unwrap_or_default() - opened
}

#[test]
fn p02_a_lone_tab_that_reloads_asks_nobody_but_the_server() {
    let mut world = World::signed_in(SEED, 1);
    world.run(10_000);
    world.page(0, PageChange::Left);
    world.kill(0);

    assert!(sent_after_load(&mut world) < 10);
}

#[test]
fn p02_a_lone_tab_whose_lock_is_granted_late_does_not_wait_for_messages() {
    for seed in 0..50 {
        let mut world = World::signed_in(seed, 1);
        world.kill(0);
        world.run(HOUR);

        assert!(sent_after_load(&mut world) < 10, "seed {seed}");
    }
}

#[test]
fn p15_a_tab_that_has_missed_a_refresh_does_not_overwrite_its_record() {
    let mut world = World::signed_in(SEED, 2);
    world.lost_messages = 100;
    world.refresh(0, true);
    world.run(1_000);
    world.server.mode = Mode::Broken;

    world.refresh(1, true);
    world.run(1_000);

    let record = world.browsers[0].stored.clone().unwrap_or_default();
    assert!(record.contains("server_error"), "{record}");
    assert!(record.starts_with("nolapse1;2;in;"), "{record}");
}

#[test]
fn p04_a_tab_that_was_frozen_for_any_part_of_a_short_life_sends_no_expired_token() {
    for lifetime in [5, 6, 8] {
        for away in (0..2 * lifetime * 1_000).step_by(70) {
            let mut world = World::new(SEED);
            world.server.lifetime = nolapse::core::Millis::from_secs(lifetime);
            let tab = world.open(0);
            world.run(away * 13 % 1_000);
            world.sign_in(tab, 1);
            world.run(100);
            world.page(tab, PageChange::Frozen);
            world.run(away);

            world.page(tab, PageChange::Resumed);
            let call = world.api(tab).expect("the tab runs");
            world.run(1_000);

            assert!(world.got_token(call), "{lifetime} s, {away} ms away");
            assert_eq!(world.counts.expired_sent, 0, "{lifetime} s, {away} ms away");
        }
    }
}
