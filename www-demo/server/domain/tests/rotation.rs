//! Goal: for any tokens, in any order and at any rate, a session has one newest refresh token; a token within the grace
//! yields that one; a token past it ends the session, if its successor was used.

mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use nolapse::wire::EndReason;
use nolapse_domain::{
    Limits, MAX_FORKS, RefreshSecret, RefreshToken, SessionId, Timestamp, Verdict,
};
use proptest::prelude::*;
use world::{NOW, World, granted, long_lived};

#[test]
fn p42_the_previous_token_yields_the_same_successor_within_the_grace() {
    let mut world = World::new(Limits::default());
    let first = world.newest();

    let rotated = world.refresh(&first, NOW);
    world.pass(world.limits.grace);
    let repeated = world.refresh(&first, NOW);

    assert_eq!(rotated, Verdict::Rotate(world.newest()));
    assert_eq!(repeated, Verdict::Repeat(world.newest()));
    assert_eq!(world.session.generation, 1);
}

#[test]
fn p42_after_the_grace_a_token_whose_successor_was_used_is_theft_and_ends_the_session_for_all() {
    let mut world = World::new(Limits::default());
    let first = world.newest();
    world.refresh(&first, NOW);
    world.refresh(&world.newest(), NOW);

    world.pass(world.limits.grace + Duration::from_millis(1));
    let replayed = world.refresh(&first, NOW);

    assert_eq!(replayed, Verdict::Theft);
    let owner = world.refresh(&world.newest(), NOW);
    assert_eq!(owner, Verdict::Refuse(EndReason::ReuseDetected));
}

#[test]
fn p42_a_request_overtaken_by_two_refreshes_is_accepted_within_the_grace() {
    let mut world = World::new(Limits::default());
    let late = world.newest();
    world.refresh(&late, NOW);
    world.refresh(&world.newest(), NOW);

    let answer = world.refresh(&late, NOW);

    assert_eq!(answer, Verdict::Repeat(world.newest()));
}

#[test]
fn p42_a_long_replaced_token_is_theft_however_many_refreshes_followed() {
    let mut world = World::new(Limits::default());
    let stolen = world.newest();
    for _ in 0..40 {
        world.pass(Duration::from_secs(50));
        world.refresh(&world.newest(), NOW);
    }

    assert_eq!(world.judge(&stolen, NOW), Verdict::Theft);
}

#[test]
fn p42_without_a_grace_every_reuse_is_theft_once_the_successor_was_used() {
    let mut world = World::new(Limits {
        grace: Duration::ZERO,
        ..Limits::default()
    });
    let first = world.newest();
    world.refresh(&first, NOW);
    world.refresh(&world.newest(), NOW);

    assert_eq!(world.judge(&first, NOW), Verdict::Theft);
}

#[test]
fn an_invented_token_is_unknown_and_ends_nothing() {
    let mut world = World::new(Limits::default());
    let invented = RefreshToken::first(world.session.id, [0; 32]);
    let elsewhere = RefreshToken::first(SessionId::from_bytes([8; 16]), [9; 32]);

    assert_eq!(world.refresh(&invented, NOW), Verdict::Unknown);
    assert_eq!(world.refresh(&elsewhere, NOW), Verdict::Unknown);
    assert_eq!(world.session.ended, None);
}

#[test]
fn issue14_line4_rotations_that_the_database_lost_are_none_for_the_browser() {
    for lost in [1, 2, 5] {
        let mut world = World::new(long_lived());
        let kept = world.session.clone();
        for _ in 0..lost {
            world.pass(Duration::from_secs(50));
            world.refresh(&world.newest(), NOW);
        }
        let newest = world.newest();
        let before = world.issued.iter().rev().nth(1).cloned();
        world.session = kept;

        world.pass(Duration::from_secs(50));
        let first = granted(world.refresh(&newest, NOW));

        assert!(first.is_some());
        assert_eq!(world.session.generation, newest.generation + 1);
        // A concurrent repeat, and one that overlapped the last response, get the same successor.
        assert_eq!(granted(world.refresh(&newest, NOW)), first);
        assert_eq!(
            before.and_then(|token| granted(world.refresh(&token, NOW))),
            first
        );
        // A copy is noticed as before.
        world.pass(Duration::from_secs(50));
        world.refresh(&world.newest(), NOW);
        world.pass(Duration::from_secs(50));
        assert_eq!(world.judge(&newest, NOW), Verdict::Theft);
    }
}

#[test]
fn issue14_line4_a_newer_token_does_not_outlive_the_session() {
    let mut world = World::new(Limits::default());
    let kept = world.session.clone();
    world.refresh(&world.newest(), NOW);
    let newest = world.newest();
    world.session = kept;
    world.session.end(world.now, EndReason::Revoked);

    assert_eq!(
        world.judge(&newest, NOW),
        Verdict::Refuse(EndReason::Revoked)
    );

    world.session.ended = None;
    world.pass(world.limits.absolute);
    let verdict = world.judge(&newest, NOW);
    assert_eq!(verdict, Verdict::LimitReached(EndReason::Expired));
}

#[test]
fn a_poller_alone_does_not_keep_an_abandoned_session_alive() {
    let mut world = World::new(Limits::default());
    let mut abandoned_for = Duration::ZERO;

    let end = loop {
        world.pass(Duration::from_secs(50));
        abandoned_for += Duration::from_secs(50);
        let verdict = world.refresh(&world.newest(), Some(abandoned_for));
        if !matches!(verdict, Verdict::Rotate(_)) {
            break verdict;
        }
    };

    assert_eq!(end, Verdict::LimitReached(EndReason::Idle));
    assert_eq!(abandoned_for, world.limits.idle);
}

#[test]
fn a_used_session_ends_at_its_absolute_limit_to_the_millisecond() {
    let mut world = World::new(Limits {
        absolute: Duration::from_hours(1),
        ..Limits::default()
    });
    for _ in 0..71 {
        world.pass(Duration::from_secs(50));
        world.refresh(&world.newest(), NOW);
    }

    world.pass(Duration::from_millis(49_999));
    let before = world.judge(&world.newest(), NOW);
    world.pass(Duration::from_millis(1));

    assert!(matches!(before, Verdict::Rotate(_)), "{before:?}");
    let after = world.judge(&world.newest(), NOW);
    assert_eq!(after, Verdict::LimitReached(EndReason::Expired));
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Present {
        back: usize,
        active_ago: Option<u64>,
    },
    Revoke,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..40_000_u64).prop_map(Step::Pass),
        12 => (0..4_usize, prop::option::of(0..100_u64))
            .prop_map(|(back, active_ago)| Step::Present { back, active_ago }),
        1 => Just(Step::Revoke),
    ]
}

#[test]
fn p42_however_many_refreshes_overtake_a_request_within_the_grace_it_gets_the_newest_token() {
    for (rotations, apart) in [(9, 300), (50, 590), (1_000, 29), (2_000, 10)] {
        let mut world = World::new(Limits::default());
        let late = world.newest();
        for _ in 0..rotations {
            world.refresh(&world.newest(), NOW);
            world.pass(Duration::from_millis(apart));
        }

        let answer = world.refresh(&late, NOW);

        assert_eq!(answer, Verdict::Repeat(world.newest()), "{rotations}");
        assert!(world.session.replaced.len() <= 31, "{rotations}");
        world.pass(world.limits.grace + Duration::from_secs(1));
        assert_eq!(world.judge(&late, NOW), Verdict::Theft, "{rotations}");
    }
}

#[test]
fn p42_a_token_thousands_of_rotations_old_within_the_grace_gets_503() {
    let mut world = World::new(Limits::default());
    let late = world.newest();
    for _ in 0..10_000 {
        world.refresh(&world.newest(), NOW);
    }

    assert_eq!(world.judge(&late, NOW), Verdict::Superseded);
    assert_eq!(world.session.replaced.len(), 1);
}

#[test]
fn p42_servers_whose_clocks_differ_apply_the_same_grace_and_keep_the_row_bounded() {
    let mut world = World::new(Limits::default());
    let late = world.newest();
    for round in 0..600 {
        // One server is 900 ms ahead of the other, and they take turns.
        let behind = world.now;
        if round % 2 == 0 {
            world.pass(Duration::from_millis(900));
        }
        world.refresh(&world.newest(), NOW);
        world.now = behind + Duration::from_millis(40);
    }

    assert!(
        world.session.replaced.len() <= 27,
        "{}",
        world.session.replaced.len()
    );
    assert_eq!(world.judge(&late, NOW), Verdict::Repeat(world.newest()));
}

proptest! {
    #[test]
    fn p42_after_a_renewal_no_token_from_before_it_is_good_for_a_token(
        before in 0..20_usize,
        after in 0..20_usize,
        apart in 0..40_000_u64,
    ) {
        let mut world = World::new(Limits::default());
        for _ in 0..before {
            world.refresh(&world.newest(), NOW);
            world.pass(Duration::from_millis(apart / 4));
        }
        let copies = world.issued.clone();

        let fresh = world.session.renew(world.now, RefreshSecret::from_bytes([77; 32]));
        world.issued.push(fresh.clone());

        for _ in 0..=after {
            for copy in &copies {
                let verdict = world.refresh(copy, NOW);
                prop_assert!(
                    matches!(verdict, Verdict::Superseded | Verdict::Void),
                    "{:?}",
                    verdict
                );
            }
            let owner = world.refresh(&world.newest(), NOW);
            prop_assert!(matches!(owner, Verdict::Rotate(_)), "{:?}", owner);
            world.pass(Duration::from_millis(apart));
        }
    }

    #[test]
    fn p42_any_schedule_keeps_the_rules_of_rotation(
        grace in 0..40_000_u64,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let limits = Limits { grace: Duration::from_millis(grace), ..Limits::default() };
        let mut world = World::new(limits);
        let mut graces: BTreeMap<u64, Timestamp> = BTreeMap::new();
        let mut used: Vec<RefreshToken> = Vec::new();
        for step in steps {
            let (back, active_ago) = match step {
                Step::Pass(millis) => { world.pass(Duration::from_millis(millis)); continue; }
                Step::Revoke => { world.session.end(world.now, EndReason::Revoked); continue; }
                Step::Present { back, active_ago } => (back, active_ago.map(Duration::from_secs)),
            };
            let place = world.issued.len().saturating_sub(back + 1);
            let token = world.issued[place].clone();
            let age = world.session.generation - token.generation;
            let before = world.session.clone();
            let was_used = used.contains(&token);
            // Generations of one second are forgiven as long as the last of them.
            let replaced_at = graces.get(&token.generation).map(|at| {
                let same = graces.values().filter(|other| other.as_secs() == at.as_secs());
                *same.max().unwrap_or(at)
            });
            let in_grace = grace > 0 && replaced_at.is_some_and(|at| world.now <= at + limits.grace);

            let verdict = world.refresh(&token, active_ago);

            match verdict {
                Verdict::Rotate(next) => {
                    prop_assert_eq!(age, 0);
                    prop_assert_eq!(next.generation, before.generation + 1);
                    used.push(token);
                    graces.insert(before.generation, world.now);
                }
                Verdict::Repeat(newest) => {
                    let is_full = before.siblings.len() == usize::from(MAX_FORKS);
                    prop_assert!(age > 0 && was_used && (in_grace || age == 1 && is_full));
                    prop_assert_eq!(&newest, &world.newest());
                    prop_assert_eq!(before.generation, world.session.generation);
                }
                Verdict::Fork(sibling) => {
                    prop_assert!(age == 1 && was_used && !in_grace);
                    prop_assert_eq!(sibling.generation, before.generation);
                    prop_assert!(!world.issued[..world.issued.len() - 1].contains(&sibling));
                    graces.insert(token.generation, world.now);
                }
                Verdict::Theft => prop_assert!(!in_grace && (age > 1 || age == 1 && !was_used)),
                Verdict::Superseded => prop_assert!(in_grace && !was_used),
                Verdict::Refuse(reason) => prop_assert_eq!(Some(reason), before.ended.map(|end| end.reason)),
                Verdict::LimitReached(_) => prop_assert!(world.now.since(before.last_active_at) >= limits.idle),
                Verdict::Void | Verdict::Unknown => {
                    prop_assert!(false, "a token that was issued is never unknown");
                }
            }
            prop_assert_eq!(before.expires_at, world.session.expires_at);
            prop_assert!(world.session.last_active_at >= before.last_active_at);
            prop_assert!(world.session.last_active_at <= world.now);
            prop_assert!(world.session.replaced.len() as u64 <= grace.div_ceil(1_000) + 1);
            prop_assert_eq!(world.session.secret_hash, world.newest().secret.hash());
        }
    }
}
