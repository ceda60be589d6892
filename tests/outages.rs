//! Goal: a short outage of the auth server is invisible to callers and cheap for the server.
//!
//! Promise P49: a call that needs a token waits through 5xx, 429 and network failures, until its own deadline, while the
//! failure streak is younger than 25 s. Afterwards calls fail at once, with the time of the next attempt.

mod sim;

use nolapse::core::{Millis, PageChange, SessionError, Status};

use sim::{Ending, Mode, Network, World};

/// The kinds of outages.
const KINDS: [(Mode, Network); 6] = [
    (Mode::Unavailable(None), Network::Fine),
    (Mode::Broken, Network::Fine),
    (Mode::Busy(None), Network::Fine),
    (Mode::Busy(Some(0)), Network::Fine),
    (Mode::Fine, Network::Offline),
    (Mode::Fine, Network::LosingAnswers),
];

fn begin(world: &mut World, (mode, network): (Mode, Network)) {
    (world.server.mode, world.network) = (mode, network);
}

fn end(world: &mut World) {
    begin(world, (Mode::Fine, Network::Fine));
}

/// Calls an API on each tab every 250 ms for `millis`; returns the time of the first successful refresh.
fn call_for(world: &mut World, tabs: usize, millis: u64) -> Option<u64> {
    let granted = world.counts.granted;
    let mut first = None;
    for _ in 0..millis / 250 {
        for tab in 0..tabs {
            world.api(tab);
        }
        for _ in 0..25 {
            world.run(10);
            if first.is_none() && world.counts.granted > granted {
                first = Some(world.now);
            }
        }
    }
    first
}

/// The errors of the calls from index `since` on, each with the caller's waiting time.
fn errors(world: &World, since: usize) -> Vec<(SessionError, u64)> {
    let failed = world.calls[since..]
        .iter()
        .filter_map(|call| match &call.ending {
            Some(Ending::Failed(error)) => Some((*error, call.ended - call.asked)),
            _ => None,
        });
    failed.collect()
}

fn retry_in(error: SessionError) -> Millis {
    let (SessionError::Unreachable { retry_in, .. } | SessionError::Timeout { retry_in }) = error
    else {
        panic!("{error:?}");
    };
    retry_in
}

#[test]
fn p49_an_outage_of_twenty_seconds_fails_no_call_of_five_tabs_and_costs_ten_refreshes_at_the_most()
{
    for kind in KINDS {
        for lifetime in [8, 60] {
            let mut recoveries = Vec::new();
            for seed in 0..12 {
                let mut world = World::signed_in_with(Millis::from_secs(lifetime), seed, 5);
                call_for(&mut world, 5, 3_000);
                if lifetime == 60 {
                    // Until the background refresh is almost due.
                    world.run(38_000);
                }
                begin(&mut world, kind);
                let before = world.sent(0);
                call_for(&mut world, 5, 20_000);
                let sent = world.sent(0) - before;
                assert!(
                    (3..=10).contains(&sent),
                    "{kind:?}, seed {seed}: {sent} refreshes"
                );
                end(&mut world);
                let back = world.now;
                let first = call_for(&mut world, 5, 6_000).unwrap_or(u64::MAX);
                recoveries.push(first - back);

                let failed = errors(&world, 0);
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
fn p49_trouble_that_changes_its_kind_is_one_trouble() {
    for first in 0..20 {
        let seed = u64::try_from(first).unwrap_or_default();
        let mut world = World::signed_in_with(Millis::from_secs(8), seed, 3);
        let before = world.sent(0);
        for kind in KINDS.iter().cycle().skip(first).take(5) {
            begin(&mut world, *kind);
            call_for(&mut world, 3, 4_000);
        }
        let sent = world.sent(0) - before;
        end(&mut world);
        call_for(&mut world, 3, 5_000);

        assert!(
            errors(&world, 0).is_empty(),
            "seed {seed}: {:?}",
            errors(&world, 0)
        );
        assert!(sent <= 10, "seed {seed}: {sent} refreshes");
    }
}

#[test]
fn p49_a_server_that_comes_and_goes_fails_no_call() {
    for kind in KINDS {
        for seed in 0..5 {
            let mut world = World::signed_in_with(Millis::from_secs(8), seed, 3);
            for _ in 0..12 {
                begin(&mut world, kind);
                call_for(&mut world, 3, 5_000);
                end(&mut world);
                call_for(&mut world, 3, 4_000);
            }

            let failed = errors(&world, 0);
            assert!(failed.is_empty(), "{kind:?}, seed {seed}: {failed:?}");
        }
    }
}

#[test]
fn p49_after_twenty_five_seconds_of_trouble_calls_fail_at_once_with_the_time_of_the_next_attempt() {
    for kind in &KINDS[..5] {
        for seed in 0..10 {
            let mut world = World::signed_in_with(Millis::from_secs(8), seed, 3);
            begin(&mut world, *kind);
            call_for(&mut world, 3, 9_000);
            let early = errors(&world, 0);
            assert!(early.is_empty(), "{kind:?}, seed {seed}: {early:?}");
            call_for(&mut world, 3, 30_000);

            let before = world.calls.len();
            call_for(&mut world, 3, 5_000);
            world.run(500);
            let failed = errors(&world, before);
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
    begin(&mut world, KINDS[0]);
    call_for(&mut world, 3, 8_000);
    for tab in 0..3 {
        let status = world.status(tab);
        assert!(
            matches!(
                &status,
                Status::SignedIn {
                    degraded: Some(_),
                    ..
                }
            ),
            "{status:?}"
        );
    }
    assert!(world.waiting() > 10, "calls wait");
    end(&mut world);
    call_for(&mut world, 3, 5_000);
    for tab in 0..3 {
        assert!(matches!(
            world.status(tab),
            Status::SignedIn { degraded: None, .. }
        ));
    }
}

#[test]
fn p49_a_page_that_is_opened_in_an_outage_waits_for_its_end_and_no_longer_than_the_others() {
    for kind in KINDS {
        for opened in [2_000, 10_000, 18_000] {
            let mut world = World::signed_in_with(Millis::from_secs(8), 7, 2);
            begin(&mut world, kind);
            // The background refresh is sent within 6.7 s; the failure streak starts there.
            call_for(&mut world, 2, 7_000 + opened);
            let tab = world.open(0);
            let call = world.api(tab).expect("the tab runs");
            let before = world.sent(0);
            world.run(1_000);
            assert_eq!(world.ending(call), None, "{kind:?} {opened}");
            assert!(world.sent(0) - before <= 2, "{kind:?} {opened}");
            end(&mut world);
            world.run(4_500);
            assert!(
                world.got_token(call),
                "{kind:?} {opened}: {:?}",
                world.ending(call)
            );
        }
        let mut world = World::signed_in_with(Millis::from_secs(8), 7, 2);
        begin(&mut world, kind);
        call_for(&mut world, 2, 40_000);
        let tab = world.open(0);
        let call = world.api(tab).expect("the tab runs");
        world.run(1_000);
        assert!(
            matches!(world.ending(call), Some(Ending::Failed(_))),
            "{kind:?}: {:?}",
            world.ending(call)
        );
    }
}

#[test]
fn p49_trouble_that_nobody_saw_the_end_of_is_no_trouble_of_today() {
    for kind in KINDS.into_iter().take(5) {
        let mut world = World::signed_in(3, 1);
        begin(&mut world, kind);
        world.run(120_000);
        world.kill(0);
        end(&mut world);
        world.run(12 * 3_600_000);
        begin(&mut world, kind);

        let tab = world.open(0);
        let call = world.api(tab).expect("the tab runs");
        world.run(15_000);
        assert_eq!(world.ending(call), None, "{kind:?}");
        end(&mut world);
        world.run(4_500);
        assert!(world.got_token(call), "{kind:?}: {:?}", world.ending(call));
    }
}

#[test]
fn p49_a_rest_that_the_server_asks_for_is_kept_and_waited_for_where_callers_can() {
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
            begin(
                &mut world,
                (Mode::Unavailable(Some(seconds)), Network::Fine),
            );
            let before = world.counts.sent_at.len();
            let calls: Vec<_> = (0..3).filter_map(|tab| world.api(tab)).collect();
            world.run(1_000);
            let first = world.counts.sent_at[before];
            end(&mut world);
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
fn p49_a_new_token_that_is_asked_for_is_told_of_trouble_at_once_unless_there_is_none() {
    for kind in &KINDS[..5] {
        for force in [false, true] {
            let mut world = World::signed_in(5, 2);
            begin(&mut world, *kind);
            let beside_a_token = world.refresh(0, force).expect("the tab runs");
            world.run(1_000);
            assert!(
                matches!(world.ending(beside_a_token), Some(Ending::Failed(_))),
                "{kind:?}: {:?}",
                world.ending(beside_a_token)
            );
            end(&mut world);
            world.run(5_000);
            begin(&mut world, *kind);
            world.nap(0, 60_000);
            let without = world.refresh(0, force).expect("the tab runs");
            world.run(10_000);
            assert_eq!(world.ending(without), None, "{kind:?}");
            end(&mut world);
            world.run(4_500);
            assert!(
                world.got_token(without),
                "{kind:?}: {:?}",
                world.ending(without)
            );
        }
    }
}

#[test]
fn p49_a_refused_token_is_replaced_after_the_outage() {
    for kind in KINDS {
        let mut world = World::signed_in(5, 2);
        begin(&mut world, kind);
        let call = world.reject(0).expect("a token was held");
        world.run(15_000);
        assert_eq!(world.ending(call), None, "{kind:?}");
        end(&mut world);
        world.run(4_500);
        assert!(world.got_token(call), "{kind:?}: {:?}", world.ending(call));
    }
}

#[test]
fn p49_what_waiting_does_not_mend_is_told_at_once() {
    for mode in [Mode::Missing, Mode::Html, Mode::NoToken] {
        let mut world = World::signed_in(5, 1);
        world.nap(0, 60_000);
        world.server.mode = mode;
        let call = world.api(0).expect("the tab runs");
        world.run(1_000);
        assert!(
            matches!(world.ending(call), Some(Ending::Failed(_))),
            "{mode:?}: {:?}",
            world.ending(call)
        );
    }
}

#[test]
fn p04_p49_a_computer_that_wakes_in_an_outage_waits_for_its_network_anew() {
    for kind in KINDS.into_iter().take(5) {
        for seed in 0..10 {
            let mut world = World::signed_in_with(Millis::from_secs(8), seed, 3);
            begin(&mut world, kind);
            call_for(&mut world, 3, 40_000);
            let waiting = world.calls.len();
            world.nap(0, 3_600_000);
            begin(&mut world, (Mode::Fine, Network::Offline));
            call_for(&mut world, 3, 15_000);
            end(&mut world);
            call_for(&mut world, 3, 5_000);

            let failed = errors(&world, waiting);
            assert!(failed.is_empty(), "{kind:?}, seed {seed}: {failed:?}");
        }
    }
}

#[test]
fn p49_the_page_that_is_seen_again_or_online_again_waits_anew() {
    for change in [PageChange::Visible, PageChange::Online] {
        let mut world = World::signed_in_with(Millis::from_secs(8), 3, 1);
        begin(&mut world, (Mode::Unavailable(None), Network::Fine));
        call_for(&mut world, 1, 60_000);
        world.page(0, change);
        let call = world.api(0).expect("the tab runs");
        world.run(15_000);
        assert_eq!(world.ending(call), None, "{change:?}");
        end(&mut world);
        world.run(4_500);
        assert!(world.got_token(call), "{change:?}");
    }
}

#[test]
fn p49_an_app_that_asks_again_and_again_is_told_at_once_all_the_same() {
    let mut world = World::signed_in_with(Millis::from_secs(8), 3, 1);
    begin(&mut world, (Mode::Unavailable(None), Network::Fine));
    call_for(&mut world, 1, 40_000);
    for _ in 0..10 {
        world.refresh(0, false);
        let call = world.api(0).expect("the tab runs");
        world.run(1_000);
        assert!(
            matches!(world.ending(call), Some(Ending::Failed(_))),
            "{:?}",
            world.ending(call)
        );
    }
}

#[test]
fn p11_p49_no_caller_waits_longer_than_its_deadline_whatever_fails() {
    for kind in KINDS {
        for seed in 0..5 {
            let mut world = World::signed_in_with(Millis::from_secs(8), seed, 3);
            begin(&mut world, kind);
            call_for(&mut world, 3, 10_000);
            world.server.mode = Mode::Silent;
            call_for(&mut world, 3, 60_000);
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

#[test]
fn p18_p49_a_sign_out_in_an_outage_holds_at_once_and_is_told_when_the_server_is_back() {
    for kind in KINDS {
        let mut world = World::signed_in(5, 3);
        let session = world.cookie_session(0).expect("a cookie");
        begin(&mut world, kind);
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
        end(&mut world);
        world.run(4_500);
        assert!(!world.server.is_alive(session), "{kind:?}");
    }
}
