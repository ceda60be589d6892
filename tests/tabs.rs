//! Goal: any number of tabs cost the auth server as much as one, and none of them can hurt another.
//!
//! Promises (numbers of `promises.md` in the tests' names): ten tabs refresh as often as one; twenty that start within
//! 5 ms raise no alarm in 1,000 rounds; no state of lock, channel or shelf leaves a caller hanging; a sign-out or
//! sign-in is everywhere within a second; nothing forged lasts longer than until the next refresh.

mod sim;

use nolapse::core::{PageChange, Status, TabMessage};
use nolapse::wire::EndReason;

use sim::{Ending, Locks, Mode, Network, World};

const SEED: u64 = 50;
const HOUR: u64 = 3_600_000;

fn is_in(world: &World, tab: usize) -> bool {
    matches!(world.status(tab), Status::SignedIn { .. })
}

fn is_out(world: &World, tab: usize) -> bool {
    matches!(world.status(tab), Status::SignedOut { .. })
}

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
        assert!((0..20).all(|tab| is_in(&world, tab)), "round {round}");
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
        assert!((0..20).all(|tab| is_in(&world, tab)), "round {round}");
    }
}

#[test]
fn p17_whatever_is_wrong_with_lock_channel_and_shelf_every_call_is_served() {
    for locks in [Locks::Honest, Locks::Missing, Locks::Hogged, Locks::Broken] {
        for has_channel in [true, false] {
            for has_shelf in [true, false] {
                let mut world = World::signed_in(SEED, 3);
                world.browsers[0].locks = locks;
                world.browsers[0].has_channel = has_channel;
                world.browsers[0].has_shelf = has_shelf;
                if locks == Locks::Broken && !has_channel {
                    // Nothing keeps the tabs apart: answers may overtake each other, which the server must forgive.
                    continue;
                }
                let name = format!("{locks:?}, channel {has_channel}, shelf {has_shelf}");
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
                assert!((0..3).all(|tab| is_in(&world, tab)), "{name}");
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

    assert!((0..3).all(|tab| is_in(&world, tab)));
    assert_eq!(world.counts.false_alarms, 0);
    assert_eq!(world.counts.expired_sent, 0);
}

#[test]
fn p18_a_sign_out_is_everywhere_within_a_second() {
    let mut world = World::signed_in(SEED, 5);
    world.page(3, PageChange::Frozen);
    world.page(4, PageChange::Left);

    let call = world.sign_out(0, false).expect("the tab runs");
    world.run(1_000);

    assert_eq!(
        world.ending(call),
        Some(&Ending::SignedOut { server_told: true })
    );
    assert!((0..3).all(|tab| is_out(&world, tab)));
    world.page(3, PageChange::Resumed);
    world.page(4, PageChange::Returned);
    for tab in 0..5 {
        let call = world.api(tab).expect("the tab runs");
        assert!(
            matches!(world.ending(call), Some(Ending::Failed(_))),
            "tab {tab}"
        );
    }
    assert_eq!(world.browsers[0].cookie, None);
}

#[test]
fn p12_an_end_that_one_tab_is_told_of_is_known_to_all_within_a_second_and_to_the_next_page() {
    let mut world = World::signed_in(SEED, 3);
    let session = world.cookie_session(0).expect("a cookie");
    world.server.revoke(world.now, session, EndReason::Revoked);
    let before = world.sent(0);

    world.refresh(0, false);
    world.run(1_000);
    assert!((0..3).all(|tab| is_revoked(&world, tab)));
    for tab in 0..3 {
        world.kill(tab);
    }
    let next = world.open(0);
    world.run(1_000);

    assert!(is_revoked(&world, next));
    assert_eq!(world.sent(0) - before, 1, "one tab has asked");
}

fn is_revoked(world: &World, tab: usize) -> bool {
    matches!(
        world.status(tab),
        Status::SignedOut {
            reason: Some(EndReason::Revoked),
            ..
        }
    )
}

#[test]
fn p18_a_sign_out_offline_is_told_when_it_can_be() {
    let mut world = World::signed_in(SEED, 2);
    let session = world.cookie_session(0).expect("a cookie");
    world.network = Network::Offline;

    let call = world.sign_out(0, false).expect("the tab runs");
    world.run(1_000);

    assert_eq!(
        world.ending(call),
        Some(&Ending::SignedOut { server_told: false })
    );
    assert!(is_out(&world, 0) && is_out(&world, 1));
    assert!(world.server.is_alive(session), "nobody could tell");
    world.kill(0);
    world.kill(1);
    world.network = Network::Fine;
    let tab = world.open(0);
    world.run(5_000);
    assert!(is_out(&world, tab));
    assert!(!world.server.is_alive(session), "the next load tells");
}

#[test]
fn p18_a_page_that_leaves_in_the_moment_of_a_sign_out_does_not_hide_it() {
    let mut world = World::signed_in(SEED, 2);
    let session = world.cookie_session(0).expect("a cookie");
    // It looks at the shelf as its tab did, and knows nothing else yet.
    let page = world.reload(1);

    world.sign_out(0, false);
    let next = world.reload(page);
    world.kill(0);
    world.run(5_000);

    assert!(is_out(&world, next));
    assert!(!world.server.is_alive(session), "the next page tells");
}

#[test]
fn p18_a_late_answer_does_not_bring_a_signed_out_session_back() {
    for moment in 0..120 {
        let mut world = World::signed_in(moment, 2);
        world.refresh(1, true);
        world.run(moment);

        world.sign_out(0, false);
        world.run(5_000);

        assert!(
            is_out(&world, 0) && is_out(&world, 1),
            "signed out after {moment} ms"
        );
        assert_eq!(world.counts.zombies, 0);
    }
}

#[test]
fn p19_signing_in_on_one_tab_signs_the_others_in() {
    let mut world = World::new(SEED);
    for _ in 0..3 {
        world.open(0);
    }
    assert!((0..3).all(|tab| is_out(&world, tab)));

    world.sign_in(1, 1);
    world.run(1_000);

    assert!((0..3).all(|tab| is_in(&world, tab)));
    assert_eq!(world.sent(0), 0, "the token was handed over");
}

#[test]
fn p19_a_signed_out_tab_that_asks_the_server_tells_nobody_what_all_know() {
    let mut world = World::signed_in(SEED, 2);
    world.sign_out(0, false);
    world.run(5_000);
    let before = world.browsers[0].shelf.clone();

    // A sign-in that takes the same order in the same moment would be hidden by it.
    let call = world.refresh(1, false).expect("the tab runs");
    world.run(5_000);

    assert!(world.ending(call).is_some() && !world.got_token(call));
    assert_eq!(world.browsers[0].shelf, before);
}

#[test]
fn p19_another_user_on_one_tab_is_the_user_of_all() {
    let mut world = World::signed_in(SEED, 3);

    world.sign_in(2, 2);
    world.run(1_000);

    for tab in 0..3 {
        let Status::SignedIn { session, .. } = world.status(tab) else {
            panic!("tab {tab}: {:?}", world.status(tab));
        };
        assert_eq!(&*session.user_id, "2", "tab {tab}");
    }
}

#[test]
fn p18_without_a_shelf_the_message_tells_of_a_sign_out_and_its_reason() {
    let mut world = World::signed_in(SEED, 2);
    world.browsers[0].has_shelf = false;
    world.run(1_000);

    world.sign_out(0, false);
    world.run(1_000);

    let Status::SignedOut { reason, .. } = world.status(1) else {
        panic!("{:?}", world.status(1));
    };
    assert_eq!(reason, Some(EndReason::SignedOut));
}

#[test]
fn p19_without_a_channel_the_shelf_tells_of_a_sign_in_and_a_sign_out() {
    let mut world = World::new(SEED);
    world.browsers[0].has_channel = false;
    for _ in 0..2 {
        world.open(0);
    }

    world.sign_in(0, 1);
    world.run(1_000);
    assert!(is_in(&world, 0) && is_in(&world, 1));
    world.sign_out(1, false);
    world.run(1_000);

    assert!(is_out(&world, 0) && is_out(&world, 1));
}

#[test]
fn p10_five_tabs_and_a_server_that_fails_for_twenty_seconds() {
    for seed in 0..100 {
        let mut world = World::new(seed);
        world.server.life = nolapse::core::Span::from_secs(8);
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

#[test]
fn forged_news_lasts_no_longer_than_until_the_next_refresh() {
    for kind in 0..24 {
        let mut world = World::signed_in(SEED, 3);
        let before = world.sent(0);

        for _ in 0..100 {
            world.forge(0, kind);
            world.run(20);
        }
        world.run(310_000);

        for tab in 0..3 {
            let Status::SignedIn { session, degraded } = world.status(tab) else {
                panic!("kind {kind}, tab {tab}: {:?}", world.status(tab));
            };
            assert_eq!(&*session.user_id, "1", "kind {kind}, tab {tab}");
            assert_eq!(degraded, None, "kind {kind}, tab {tab}");
        }
        let sent = world.sent(0) - before;
        assert!(sent <= 16, "kind {kind}: {sent} refreshes");
    }
}

#[test]
fn a_forged_sign_out_is_not_written_down_by_a_tab_that_leaves_and_comes_back() {
    let mut world = World::signed_in(SEED, 2);
    let before = world.browsers[0].shelf.clone();

    world.forge(0, 6);
    world.run(20);
    assert!(is_out(&world, 0), "the message is believed for a moment");
    world.page(0, PageChange::Left);
    world.run(20);
    world.page(0, PageChange::Returned);
    world.run(20);

    assert_eq!(world.browsers[0].shelf, before);
    world.run(10_000);
    assert!(is_in(&world, 0) && is_in(&world, 1));
}

#[test]
fn a_refresh_that_is_asked_for_while_a_forged_sign_out_is_in_doubt_is_no_storm() {
    for moment in (20..2_000).step_by(20) {
        let mut world = World::signed_in(SEED, 3);
        let before = world.sent(0);

        world.forge(0, 12);
        world.run(moment);
        assert!(is_out(&world, 0), "the message is believed for a moment");
        let call = world.refresh(0, false).expect("the tab runs");
        world.run(30_000);

        assert!(world.got_token(call), "asked after {moment} ms");
        let sent = world.sent(0) - before;
        assert!(sent <= 3, "{sent} refreshes, asked after {moment} ms");
    }
}

#[test]
fn a_replayed_message_of_an_earlier_session_changes_nothing() {
    let mut world = World::signed_in(SEED, 2);
    let old = TabMessage::SignedOut {
        version: nolapse::core::Version::default(),
        reason: EndReason::SignedOut,
        fingerprint: 0,
    };

    world.say(0, None, &old.encode());
    world.run(1_000);

    assert!(is_in(&world, 0) && is_in(&world, 1));
}

/// Loads a page of a browser that has no other tab, and returns how long its refresh took to be sent.
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
fn p02_a_lone_tab_whose_lock_is_slow_to_come_does_not_wait_for_news() {
    for seed in 0..50 {
        let mut world = World::signed_in(seed, 1);
        world.kill(0);
        world.run(HOUR);

        assert!(sent_after_load(&mut world) < 10, "seed {seed}");
    }
}
