//! Goal: a sign-in applies to all tabs, and a signed-out session stays signed out.
//!
//! Promises (test names carry the numbers of `promises.md`): a sign-out, a sign-in and a session end by the server reach all
//! tabs within a second, through the channel or storage; late messages have no effect; the sign-out is sent to the server.

use nolapse::core::{PageChange, Status};
use nolapse::wire::EndReason;

use crate::sim::{Ending, Mode, Network, World};

const SEED: u64 = 50;

#[test]
fn p18_a_sign_out_is_everywhere_within_a_second() {
    let mut world = World::signed_in(SEED, 5);
    world.page(3, PageChange::Frozen);
    world.page(4, PageChange::Left);

    let call = world.sign_out(0, false).expect("the tab runs");
    world.run(1_000);

    assert_eq!(
        world.ending(call),
        Some(&Ending::SignedOut {
            server_notified: true
        })
    );
    assert!((0..3).all(|tab| world.is_out(tab)));
    world.page(3, PageChange::Resumed);
    world.page(4, PageChange::Returned);
    for tab in 0..5 {
        let call = world.api(tab).expect("the tab runs");
        world.assert_failed(call, &tab);
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
    assert!((0..3).all(|tab| world.end_reason(tab) == Some(EndReason::Revoked)));
    for tab in 0..3 {
        world.kill(tab);
    }
    let next = world.open(0);
    world.run(1_000);

    assert!(world.end_reason(next) == Some(EndReason::Revoked));
    assert_eq!(world.sent(0) - before, 1, "one tab has asked");
}

#[test]
fn p18_p19_a_sign_in_answered_to_a_page_that_was_left_meanwhile_is_not_taken_for_the_latest() {
    for seed in 0..40 {
        for back_at in [0, 1, 3, 10] {
            let mut world = World::signed_in(seed, 3);
            let late = world.sign_in(2, 1).expect("the tab runs");
            world.run(20);
            world.page(2, PageChange::Left);
            let latest = world.sign_in(1, 2).expect("the tab runs");
            world.run(20_000);
            let session = world.cookie_session(0).expect("a cookie");
            let is_latest = matches!(world.ending(latest), Some(Ending::Adopted));
            assert!(is_latest && world.is_in(0), "{seed} {back_at}");

            world.page(2, PageChange::Returned);
            world.run(back_at);
            let call = world.sign_out(0, false).expect("the tab runs");
            world.run(30_000);

            let case = format!(
                "seed {seed}, a sign-out after {back_at} ms\n{}",
                world.story()
            );
            assert!(
                world.ending(call).is_some() && world.ending(late).is_some(),
                "{case}"
            );
            assert!((0..3).all(|tab| world.is_out(tab)), "{case}");
            assert!(!world.server.is_alive(session), "{case}");
        }
    }
}

#[test]
fn p19_a_sign_in_answered_to_a_page_that_was_left_meanwhile_counts_if_it_was_the_only_one() {
    for seed in 0..40 {
        let mut world = World::signed_in(seed, 3);
        let late = world.sign_in(2, 2).expect("the tab runs");
        world.run(20);
        world.page(2, PageChange::Left);
        world.run(100_000);

        world.page(2, PageChange::Returned);
        world.run(30_000);

        assert!(world.ending(late).is_some(), "{seed}\n{}", world.story());
        assert!(
            (0..3).all(|tab| world.is_in(tab)),
            "{seed}\n{}",
            world.story()
        );
    }
}

#[test]
fn p18_a_sign_out_answered_to_a_page_that_was_left_meanwhile_does_not_stand_for_a_later_one() {
    for seed in 0..40 {
        let mut world = World::signed_in(seed, 2);
        let early = world.sign_out(0, false).expect("the tab runs");
        world.run(20);
        world.page(0, PageChange::Left);
        world.run(1_000);
        world.sign_in(1, 1).expect("the tab runs");
        world.run(1_000);
        let session = world.cookie_session(0).expect("a cookie");
        world.server.mode = Mode::Unavailable(None);
        let later = world.sign_out(1, false).expect("the tab runs");
        world.run(500);

        world.page(0, PageChange::Returned);
        world.run(5_000);
        let was_alive = world.server.is_alive(session);
        world.server.mode = Mode::Fine;
        world.run(200_000);

        let case = format!("seed {seed}\n{}", world.story());
        assert!(was_alive, "{case}");
        assert!(
            world.ending(early).is_some() && world.ending(later).is_some(),
            "{case}"
        );
        assert!(!world.server.is_alive(session), "{case}");
        assert!(world.is_out(0) && world.is_out(1), "{case}");
    }
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
        Some(&Ending::SignedOut {
            server_notified: false
        })
    );
    assert!(world.is_out(0) && world.is_out(1));
    assert!(world.server.is_alive(session), "nobody could tell");
    world.kill(0);
    world.kill(1);
    world.network = Network::Fine;
    let tab = world.open(0);
    world.run(5_000);
    assert!(world.is_out(tab));
    assert!(!world.server.is_alive(session), "the next load tells");
}

#[test]
fn p18_a_page_that_leaves_in_the_moment_of_a_sign_out_does_not_hide_it() {
    let mut world = World::signed_in(SEED, 2);
    let session = world.cookie_session(0).expect("a cookie");
    // The new page sees the same stored record as the old one, and has no other state yet.
    let page = world.reload(1);

    world.sign_out(0, false);
    let next = world.reload(page);
    world.kill(0);
    world.run(5_000);

    assert!(world.is_out(next));
    assert!(!world.server.is_alive(session), "the next page tells");
}

#[test]
fn p18_a_late_answer_does_not_bring_a_signed_out_session_back() {
    for context in 0..120 {
        let mut world = World::signed_in(context, 2);
        world.refresh(1, true);
        world.run(context);

        world.sign_out(0, false);
        world.run(5_000);

        assert!(
            world.is_out(0) && world.is_out(1),
            "signed out after {context} ms"
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
    assert!((0..3).all(|tab| world.is_out(tab)));

    world.sign_in(1, 1);
    world.run(1_000);

    assert!((0..3).all(|tab| world.is_in(tab)));
    assert_eq!(world.sent(0), 0, "the token was handed over");
}

#[test]
fn p19_a_signed_out_tab_that_asks_the_server_broadcasts_nothing_known() {
    let mut world = World::signed_in(SEED, 2);
    world.sign_out(0, false);
    world.run(5_000);
    let before = world.browsers[0].stored.clone();

    // A new sign-out record would hide a simultaneous sign-in with the same version.
    let call = world.refresh(1, false).expect("the tab runs");
    world.run(5_000);

    assert!(world.ending(call).is_some() && !world.got_token(call));
    assert_eq!(world.browsers[0].stored, before);
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
fn p18_without_storage_the_message_reports_a_sign_out_and_its_reason() {
    let mut world = World::signed_in(SEED, 2);
    world.browsers[0].has_storage = false;
    world.run(1_000);

    world.sign_out(0, false);
    world.run(1_000);

    assert_eq!(world.end_reason(1), Some(EndReason::SignedOut));
}

#[test]
fn p19_without_a_channel_the_record_reports_a_sign_in_and_a_sign_out() {
    let mut world = World::new(SEED);
    world.browsers[0].has_channel = false;
    for _ in 0..2 {
        world.open(0);
    }

    world.sign_in(0, 1);
    world.run(1_000);
    assert!(world.is_in(0) && world.is_in(1));
    world.sign_out(1, false);
    world.run(1_000);

    assert!(world.is_out(0) && world.is_out(1));
}

#[test]
fn p18_a_sign_out_that_the_record_confirms_is_not_verified() {
    for seed in 0..100 {
        let mut world = World::signed_in(seed, 4);
        let before = world.sent(0);

        world.sign_out(0, false);
        world.run(10_000);

        assert!((0..4).all(|tab| world.is_out(tab)), "seed {seed}");
        assert_eq!(world.sent(0), before, "seed {seed}: nobody asks again");
    }
}
