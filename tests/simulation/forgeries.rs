//! Goal: a message forged by a same-origin script has a brief effect and a negligible cost.
//!
//! Promises: no forged message has an effect beyond the next refresh, is stored or is forwarded. Without storage, tab
//! messages are the only source: the higher version wins, and for equal versions a sign-out of the current session wins.

use nolapse::core::{Input, PageChange, Status, TabMessage, Version};
use nolapse::wire::EndReason;

use crate::sim::{Mode, World};

const SEED: u64 = 50;

/// Posts a sign-out of the session with this fingerprint on the channel.
fn say_out(world: &mut World, version: Version, fingerprint: u32) {
    let message = TabMessage::SignedOut {
        version,
        reason: EndReason::Revoked,
        fingerprint,
    };
    world.say(0, None, &message.encode());
    world.run(20);
}

#[test]
fn a_forged_message_has_an_effect_until_the_next_refresh_at_most() {
    for kind in 0..24 {
        let mut world = World::signed_in(SEED, 3);
        let before = world.sent(0);

        for _ in 0..100 {
            world.forge(0, kind);
            world.run(20);
        }
        world.run(310_000);

        for tab in 0..3 {
            let Status::SignedIn { session, failure } = world.status(tab) else {
                panic!("kind {kind}, tab {tab}: {:?}", world.status(tab));
            };
            assert_eq!(&*session.user_id, "1", "kind {kind}, tab {tab}");
            assert_eq!(failure, None, "kind {kind}, tab {tab}");
        }
        let sent = world.sent(0) - before;
        assert!(sent <= 16, "kind {kind}: {sent} refreshes");
    }
}

#[test]
fn a_forged_sign_out_is_not_written_down_by_a_tab_that_leaves_and_comes_back() {
    let mut world = World::signed_in(SEED, 2);
    let before = world.browsers[0].stored.clone();

    world.forge(0, 6);
    world.run(20);
    assert!(world.is_out(0), "the message is believed for a moment");
    world.page(0, PageChange::Left);
    world.run(20);
    world.page(0, PageChange::Returned);
    world.run(20);

    assert_eq!(world.browsers[0].stored, before);
    world.run(10_000);
    assert!(world.is_in(0) && world.is_in(1));
}

#[test]
fn a_refresh_that_is_requested_during_a_forged_unconfirmed_sign_out_is_no_storm() {
    for context in (20..2_000).step_by(20) {
        let mut world = World::signed_in(SEED, 3);
        let before = world.sent(0);

        world.forge(0, 12);
        world.run(context);
        assert!(world.is_out(0), "the message is believed for a moment");
        let call = world.refresh(0, false).expect("the tab runs");
        world.run(30_000);

        assert!(world.got_token(call), "asked after {context} ms");
        let sent = world.sent(0) - before;
        assert!(sent <= 3, "{sent} refreshes, asked after {context} ms");
    }
}

#[test]
fn a_replayed_message_of_an_earlier_session_changes_nothing() {
    let mut world = World::signed_in(SEED, 2);
    let old = TabMessage::SignedOut {
        version: Version::default(),
        reason: EndReason::SignedOut,
        fingerprint: 0,
    };

    world.say(0, None, &old.encode());
    world.run(1_000);

    assert!(world.is_in(0) && world.is_in(1));
}

#[test]
fn without_storage_the_version_decides_whether_a_sign_out_is_this_sessions() {
    let first = Version::default().next();
    // A lower, an equal and a higher version: the end of this session, and of another one.
    let cases = [
        (Version::default(), true, false),
        (Version::default(), false, false),
        (first, true, true),
        (first, false, false),
        (first.next(), true, true),
        (first.next(), false, true),
    ];
    for (version, is_own, is_believed) in cases {
        let mut world = World::signed_in(SEED, 1);
        world.browsers[0].has_storage = false;
        world.run(1_000);
        let Status::SignedIn { session, .. } = world.status(0) else {
            panic!("{:?}", world.status(0));
        };
        let own = session.fingerprint();

        say_out(&mut world, version, if is_own { own } else { own ^ 1 });

        assert_eq!(world.is_out(0), is_believed, "{version:?}, own {is_own}");
    }
}

#[test]
fn after_a_forged_sign_out_messages_alone_sign_no_tab_out_for_ten_minutes() {
    let mut world = World::signed_in(SEED, 1);
    let later = Version::heard(500).unwrap_or_default();

    say_out(&mut world, later, 0);
    assert!(world.is_out(0), "it is believed for a moment");
    world.run(5_000);
    assert!(world.is_in(0), "the record has none of it");
    for _ in 0..59 {
        say_out(&mut world, later, 0);
        assert!(world.is_in(0));
        world.run(10_000);
    }
    world.run(10_000);
    say_out(&mut world, later, 0);

    assert!(world.is_out(0), "ten minutes are over");
}

#[test]
fn a_state_request_gets_a_sign_out_and_not_an_unconfirmed_one() {
    let ask = || {
        Input::TabMessageReceived(TabMessage::StateRequest {
            version: Version::default(),
        })
    };

    let mut world = World::signed_in(SEED, 2);
    world.browsers[0].has_storage = false;
    world.lost_messages = 100;
    world.sign_out(0, false);
    world.run(20);
    world.lost_messages = 0;
    assert!(world.is_in(1), "the message was lost");
    world.feed(0, ask());
    world.run(20);
    assert!(world.is_out(1), "a state request gets a sign-out");

    let mut world = World::signed_in(SEED, 2);
    let unconfirmed = TabMessage::SignedOut {
        version: Version::heard(500).unwrap_or_default(),
        reason: EndReason::Revoked,
        fingerprint: 0,
    };
    world.feed(0, Input::TabMessageReceived(unconfirmed));
    assert!(world.is_out(0), "it is believed for a moment");
    world.feed(0, ask());
    world.run(20);
    assert!(world.is_in(1), "an unconfirmed sign-out is not broadcast");
}

#[test]
fn a_failure_during_an_unconfirmed_sign_out_does_not_store_it() {
    let mut world = World::signed_in(SEED, 1);
    world.server.mode = Mode::Broken;

    say_out(&mut world, Version::heard(500).unwrap_or_default(), 0);
    world.refresh(0, false);
    world.run(500);

    let record = world.browsers[0].stored.clone().unwrap_or_default();
    assert!(record.contains("server_error"), "{record}");
    assert!(record.starts_with("nolapse1;1;in;"), "{record}");
}
