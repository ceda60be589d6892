//! Goal: whether a caller waits in an outage depends on the kind of failure, on its beginning and on the caller's need
//! (promise P49).

use nolapse::core::{Millis, PageChange};

use crate::sim::{Ending, Mode, Network, OUTAGES, World, retry_in};

#[test]
fn p49_a_page_that_is_opened_in_an_outage_waits_for_its_end_and_no_longer_than_the_others() {
    for kind in OUTAGES {
        for opened in [2_000, 10_000, 18_000] {
            let mut world = World::signed_in_with(Millis::from_secs(8), 7, 2);
            world.begin_outage(kind);
            // The token is renewed within 6.7 s; the failure streak begins there.
            world.call_for(2, 7_000 + opened);
            let tab = world.open(0);
            let call = world.api(tab).expect("the tab runs");
            let before = world.sent(0);
            world.run(1_000);
            assert_eq!(world.ending(call), None, "{kind:?} {opened}");
            assert!(world.sent(0) - before <= 2, "{kind:?} {opened}");
            world.assert_outage_ends(call, &(kind, opened));
        }
        let mut world = World::signed_in_with(Millis::from_secs(8), 7, 2);
        world.begin_outage(kind);
        world.call_for(2, 40_000);
        let tab = world.open(0);
        let call = world.api(tab).expect("the tab runs");
        world.run(1_000);
        world.assert_failed(call, &kind);
    }
}

#[test]
fn p49_a_failure_streak_that_ended_while_no_tab_was_open_is_not_continued() {
    for kind in OUTAGES.into_iter().take(5) {
        let mut world = World::signed_in(3, 1);
        world.begin_outage(kind);
        world.run(120_000);
        world.kill(0);
        world.end_outage();
        world.run(12 * 3_600_000);
        world.begin_outage(kind);

        let tab = world.open(0);
        let call = world.api(tab).expect("the tab runs");
        world.run(15_000);
        assert_eq!(world.ending(call), None, "{kind:?}");
        world.assert_outage_ends(call, &kind);
    }
}

#[test]
fn p49_a_back_off_that_the_server_requests_is_honoured_and_waited_for_if_callers_can() {
    for (seconds, waits) in [
        (1, true),
        (5, true),
        (15, true),
        (23, true),
        (26, false),
        (600, false),
    ] {
        for seed in 0..10 {
            let mut world = World::signed_in(seed, 3);
            world.nap(0, 60_000);
            world.begin_outage((Mode::Unavailable(Some(seconds)), Network::Fine));
            let before = world.counts.sent_at.len();
            let calls: Vec<_> = (0..3).filter_map(|tab| world.api(tab)).collect();
            world.run(1_000);
            let first = world.counts.sent_at[before];
            world.end_outage();
            let told = world.ending(calls[0]).cloned();
            assert_eq!(told.is_none(), waits, "{seconds} s, seed {seed}: {told:?}");
            if let Some(Ending::Failed(error)) = told {
                let left = retry_in(error).as_secs();
                assert!(
                    (seconds - 1..=seconds + 2).contains(&left),
                    "{seconds} s: {left}"
                );
            }
            let later = world.api(1).expect("the tab runs");
            world.run((seconds + 3) * 1_000);

            for call in calls.into_iter().chain([later]) {
                assert_eq!(world.got_token(call), waits, "{seconds} s, seed {seed}");
            }
            if waits {
                let second = world.counts.sent_at[before + 1];
                assert!(
                    second >= first + seconds * 1_000,
                    "{seconds} s, seed {seed}"
                );
                assert_eq!(
                    world.counts.sent_at.len(),
                    before + 2,
                    "{seconds} s, seed {seed}"
                );
            }
        }
    }
}

#[test]
fn p49_a_requested_refresh_fails_at_once_beside_a_valid_token_and_waits_without_one() {
    for kind in &OUTAGES[..5] {
        for force in [false, true] {
            let mut world = World::signed_in(5, 2);
            world.begin_outage(*kind);
            let beside_a_token = world.refresh(0, force).expect("the tab runs");
            world.run(1_000);
            world.assert_failed(beside_a_token, kind);
            world.end_outage();
            world.run(5_000);
            world.begin_outage(*kind);
            world.nap(0, 60_000);
            let without = world.refresh(0, force).expect("the tab runs");
            world.run(10_000);
            assert_eq!(world.ending(without), None, "{kind:?}");
            world.assert_outage_ends(without, kind);
        }
    }
}

#[test]
fn p49_a_refused_token_is_replaced_after_the_outage() {
    for kind in OUTAGES {
        let mut world = World::signed_in(5, 2);
        world.begin_outage(kind);
        let call = world.reject(0).expect("a token was held");
        world.run(15_000);
        assert_eq!(world.ending(call), None, "{kind:?}");
        world.assert_outage_ends(call, &kind);
    }
}

#[test]
fn p49_a_failure_that_waiting_cannot_cure_rejects_at_once() {
    for mode in [Mode::Missing, Mode::Html, Mode::NoToken] {
        let mut world = World::signed_in(5, 1);
        world.nap(0, 60_000);
        world.server.mode = mode;
        let call = world.api(0).expect("the tab runs");
        world.run(1_000);
        world.assert_failed(call, &mode);
    }
}

#[test]
fn p49_the_page_that_is_seen_again_or_online_again_waits_anew() {
    for change in [PageChange::Visible, PageChange::Online] {
        let mut world = World::signed_in_with(Millis::from_secs(8), 3, 1);
        world.begin_outage((Mode::Unavailable(None), Network::Fine));
        world.call_for(1, 60_000);
        world.page(0, change);
        let call = world.api(0).expect("the tab runs");
        world.run(15_000);
        assert_eq!(world.ending(call), None, "{change:?}");
        world.assert_outage_ends(call, &change);
    }
}

#[test]
fn p49_repeated_requests_of_an_app_are_rejected_at_once_too() {
    let mut world = World::signed_in_with(Millis::from_secs(8), 3, 1);
    world.begin_outage((Mode::Unavailable(None), Network::Fine));
    world.call_for(1, 40_000);
    for round in 0..10 {
        world.refresh(0, false);
        let call = world.api(0).expect("the tab runs");
        world.run(1_000);
        world.assert_failed(call, &round);
    }
}

#[test]
fn p18_p49_a_sign_out_in_an_outage_holds_at_once_and_is_told_when_the_server_is_back() {
    for kind in OUTAGES {
        let mut world = World::signed_in(5, 3);
        let session = world.cookie_session(0).expect("a cookie");
        world.begin_outage(kind);
        let call = world.sign_out(0, false).expect("the tab runs");
        world.run(2_000);
        assert_eq!(
            world.ending(call),
            Some(&Ending::SignedOut {
                server_notified: false
            }),
            "{kind:?}"
        );
        assert!((0..3).all(|tab| world.is_out(tab)), "{kind:?}");
        world.run(13_000);
        world.end_outage();
        world.run(4_500);
        assert!(!world.server.is_alive(session), "{kind:?}");
    }
}
