//! Goal: no schedule of user actions, suspensions, lost responses, late locks, wrong clocks and failing servers may lose a
//! session, leave a caller pending, return an expired token, trigger false reuse detection or flood the auth server.
//!
//! Promises, each with its limits:
//! - every caller is settled exactly once, within 30 s of its tab's running time;
//! - no call is sent with a token that has expired by then or is of another context, and none from a signed-out tab;
//! - without a sign-out or revocation no tab is signed out, and no reuse is detected, whatever responses are lost and for
//!   however long (the only exception is a response with an older cookie that arrives after two later rotations);
//! - all of this for token lifetimes from five seconds to two minutes;
//! - an outage of up to 20 s fails no call, whatever its kinds, and costs at most 10 refreshes however many tabs call;
//! - in every case, a browser sends at most two refreshes per 48 s of token lifetime, three per step of the schedule, and
//!   forty per hour of failures;
//! - after settling, ten minutes cost at most 15 refreshes for any number of tabs, the lock is released, and a signed-out
//!   session has ended at the server (unless the page was killed at the same time);
//! - after recovery, within one step of the back-off (300 s with its jitter) all tabs of a browser agree with its cookie
//!   (unless the page that signed in was killed before it received the result), and the next call succeeds;
//! - with `push`, a stream that ended is then opened again, and a revocation reaches every tab within 2 s.

use nolapse::core::{Millis, Status};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError};

use crate::push::check_push;
use crate::sim::{Ending, Menu, Mode, Network, SignedOut, Step, World, steps};

/// The number of schedules: some thousands by default, more with `NOLAPSE_SCHEDULES`. Failures are shrunk, up to
/// `PROPTEST_MAX_SHRINK_ITERS`.
pub(crate) fn config() -> Config {
    #[expect(
        clippy::disallowed_methods,
        reason = "the number of schedules is asked for from outside"
    )]
    let asked = std::env::var("NOLAPSE_SCHEDULES").ok();
    Config {
        cases: asked.and_then(|cases| cases.parse().ok()).unwrap_or(2_000),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: match Config::default().max_shrink_iters {
            u32::MAX => 20_000,
            asked => asked,
        },
        ..Config::default()
    }
}

fn play(seed: u64, tabs: usize, schedule: &[Step]) -> World {
    play_with(60, seed, tabs, schedule)
}

/// Runs a schedule with a token lifetime of `lifetime` seconds.
fn play_with(lifetime: u64, seed: u64, tabs: usize, schedule: &[Step]) -> World {
    let open = if seed % 3 == 1 {
        World::pushed_with
    } else {
        World::signed_in_with
    };
    let mut world = open(Millis::from_secs(lifetime), seed, tabs);
    // Consecutive suspensions can exceed the idle limit of one day.
    world.server.limits.idle = world.server.limits.absolute;
    world.has_contexts = seed % 4 == 1;
    for step in schedule {
        world.apply(step);
    }
    world
}

pub(crate) fn check_always(world: &World) -> Result<(), TestCaseError> {
    let log = || world.story();
    prop_assert!(
        world.streams.most_at_once <= 1 || !world.had_lock,
        "a browser had several streams\n{}",
        log()
    );
    prop_assert_eq!(
        world.counts.expired_sent,
        0,
        "expired tokens were sent\n{}",
        log()
    );
    prop_assert_eq!(
        world.counts.wrong_context,
        0,
        "tokens of other contexts were sent\n{}",
        log()
    );
    prop_assert_eq!(
        world.counts.zombies,
        0,
        "tokens left signed-out tabs\n{}",
        log()
    );
    prop_assert_eq!(
        world.counts.answered_twice,
        0,
        "callers were answered twice\n{}",
        log()
    );
    Ok(())
}

/// Plays a schedule and checks what holds in every one, before and after all is settled.
fn check_schedule(seed: u64, tabs: usize, schedule: &[Step]) -> Result<World, TestCaseError> {
    let mut world = play(seed, tabs, schedule);
    check_always(&world)?;
    check_settled(&mut world)?;
    check_peace(&mut world)?;
    check_always(&world)?;
    check_cost(&world, schedule)?;
    Ok(world)
}

/// Checks the number of refreshes of a schedule.
fn check_cost(world: &World, schedule: &[Step]) -> Result<(), TestCaseError> {
    let elapsed = world.now - 1_700_000_000_000;
    let steps = u64::try_from(schedule.len()).unwrap_or(u64::MAX);
    let most = 2 * elapsed / 48_000 + 3 * steps + 40 * (1 + elapsed / 3_600_000);
    let sent = u64::from(world.sent(0));
    prop_assert!(
        sent <= most,
        "{} refreshes, at most {}\n{}",
        sent,
        most,
        world.story()
    );
    Ok(())
}

fn check_settled(world: &mut World) -> Result<(), TestCaseError> {
    world.make_peace();
    world.settle_down();
    let log = World::story;
    let hanging = world.calls.iter().find(|call| call.ending.is_none());
    prop_assert!(
        hanging.is_none(),
        "{:?} is left hanging\n{}",
        hanging,
        world.story()
    );
    prop_assert_eq!(
        world.counts.false_alarms,
        0,
        "false reuse alarms\n{}",
        log(world)
    );
    for tab in world.tabs_of(0) {
        let cookie = world
            .cookie_session(0)
            .filter(|session| world.server.is_alive(*session));
        let name = cookie.map(|session| format!("{:?}", session.as_bytes()));
        match world.status(tab) {
            Status::SignedIn { session, failure } => {
                prop_assert_eq!(
                    Some(session.id.to_string()),
                    name,
                    "tab {} and cookie\n{}",
                    tab,
                    log(world)
                );
                prop_assert_eq!(
                    failure,
                    None,
                    "tab {} has not recovered\n{}",
                    tab,
                    log(world)
                );
                let call = world.api(tab).unwrap_or_default();
                if world.has_contexts {
                    // Another tab may have requested none of this tab's.
                    world.run(1_000);
                }
                prop_assert!(world.got_token(call), "tab {} waits\n{}", tab, log(world));
            }
            // Without a lock, the responses of a simultaneous sign-in and sign-out can arrive in the wrong order.
            Status::SignedOut { .. } if !world.had_lock => {}
            Status::SignedOut { .. } => {
                prop_assert_eq!(
                    name.filter(|name| !world.unseen.contains(name)),
                    None,
                    "tab {} is signed out, the cookie is not\n{}",
                    tab,
                    log(world)
                );
            }
            Status::Unknown { .. } => {
                prop_assert!(false, "tab {} does not know\n{}", tab, log(world));
            }
        }
    }
    Ok(())
}

/// Checks the settled state beyond each tab's status: the lock is free, the tabs share the refreshes, and signed-out
/// sessions have ended.
fn check_peace(world: &mut World) -> Result<(), TestCaseError> {
    let before = world.sent(0);
    let mut is_free = false;
    for _ in 0..6_000 {
        world.run(100);
        is_free |= world.browsers[0].lock_holder.is_none();
    }
    prop_assert!(
        is_free,
        "the lock was held for ten minutes\n{}",
        world.story()
    );
    let sent = world.sent(0) - before;
    prop_assert!(
        sent <= 15,
        "{} refreshes in ten quiet minutes\n{}",
        sent,
        world.story()
    );
    // Without a lock, a late response can restore the cookie of a signed-out session. A session whose cookie was cleared
    // before the sign-out was sent belongs to no browser.
    if world.had_lock && !world.tabs_of(0).is_empty() {
        for SignedOut { session, .. } in &world.signed_out {
            let is_theirs = world.cookie_session(0) == Some(*session);
            prop_assert!(
                !(is_theirs && world.server.is_alive(*session)),
                "{:?} outlived its sign-out\n{}",
                session,
                world.story()
            );
        }
    }
    Ok(())
}

/// The states of an auth server in a short outage (P49).
fn away() -> impl Strategy<Value = (Mode, Network)> {
    prop_oneof![
        Just((Mode::Unavailable(None), Network::Fine)),
        (0_u64..4).prop_map(|after| (Mode::Unavailable(Some(after)), Network::Fine)),
        Just((Mode::Busy(None), Network::Fine)),
        Just((Mode::Broken, Network::Fine)),
        Just((Mode::Fine, Network::Offline)),
        Just((Mode::Fine, Network::LosingAnswers)),
    ]
}

proptest! {
    #![proptest_config(Config { cases: config().cases / 10, ..config() })]

    #[test]
    fn p49_an_outage_of_twenty_seconds_fails_no_call_whatever_its_kinds(
        seed in any::<u64>(),
        tabs in 1_usize..6,
        lifetime in prop::sample::select(&[5, 8, 60][..]),
        quiet in 0_u64..60_000,
        troubles in prop::collection::vec((away(), 250_u64..10_000), 1..6),
    ) {
        let mut world = World::signed_in_with(Millis::from_secs(lifetime), seed, tabs);
        world.run(quiet);
        let before = world.sent(0);
        let mut left = 20_000_u64;
        for ((mode, network), millis) in troubles {
            (world.server.mode, world.network) = (mode, network);
            let millis = millis.min(left);
            left -= millis;
            for _ in 0..millis / 250 {
                for tab in 0..tabs {
                    world.api(tab);
                }
                world.run(250);
            }
        }
        // If responses were lost, a token that arrived in time is refreshed in addition.
        let sent = world.sent(0) - before;
        (world.server.mode, world.network) = (Mode::Fine, Network::Fine);
        world.run(5_000);

        let failed = world.calls.iter().find(|call| matches!(call.ending, Some(Ending::Failed(_))));
        prop_assert!(failed.is_none(), "{:?}\n{}", failed, world.story());
        prop_assert_eq!(world.waiting(), 0, "{}", world.story());
        prop_assert!(sent <= 10, "{} refreshes\n{}", sent, world.story());
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn p02_p08_p16_p17_nobody_is_signed_out_by_anything_but_a_sign_out(
        seed in any::<u64>(),
        tabs in 1_usize..5,
        schedule in steps(Menu::NobodySignsOut, 40),
    ) {
        let world = check_schedule(seed, tabs, &schedule)?;
        if world.counts.excused_alarms == 0 {
            for tab in world.tabs_of(0) {
                let is_in = matches!(world.status(tab), Status::SignedIn { .. });
                prop_assert!(is_in, "tab {} is {:?}
{}", tab, world.status(tab), world.story());
            }
        }
    }

    #[test]
    fn p12_p18_p19_p56_once_things_settle_all_tabs_and_the_cookie_agree(
        seed in any::<u64>(),
        tabs in 1_usize..5,
        schedule in steps(Menu::Everything, 40),
    ) {
        let mut world = check_schedule(seed, tabs, &schedule)?;
        check_push(&mut world)?;
    }

    #[test]
    fn p11_no_caller_waits_longer_than_thirty_seconds(
        seed in any::<u64>(),
        schedule in steps(Menu::Everything, 30),
    ) {
        let mut world = play(seed, 2, &schedule);
        let runs: Vec<_> = world.tabs_of(0).into_iter().filter(|tab| !world.tabs[*tab].is_frozen).collect();
        let before = world.calls.len();
        for tab in runs {
            world.tabs[tab].is_throttled = false;
            world.api(tab);
        }
        world.run(30_000);
        let hanging = world.calls[before..].iter().filter(|call| call.ending.is_none()).count();
        prop_assert_eq!(hanging, 0, "{}", world.story());
        let wrong = world.calls[before..].iter().any(|call| call.ending == Some(Ending::Aborted));
        prop_assert!(!wrong);
    }

    #[test]
    fn p06_tokens_of_any_life_are_never_sent_late_and_never_missing(
        lifetime in prop::sample::select(&[5, 6, 8, 13, 30, 120][..]),
        seed in any::<u64>(),
        tabs in 1_usize..4,
        schedule in steps(Menu::NobodySignsOut, 30),
    ) {
        let mut world = play_with(lifetime, seed, tabs, &schedule);
        check_always(&world)?;
        check_settled(&mut world)?;
        check_always(&world)?;
    }
}
