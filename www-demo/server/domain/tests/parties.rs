//! Goal: two parties who both go on with copies of one cookie, further apart than the grace, are noticed.

mod world;

use std::time::Duration;

use nolapse_domain::RefreshToken;
use proptest::prelude::*;
use world::{NOW, World, granted, long_lived};

const HOUR: u64 = 3_600;

/// Two holders of one cookie, each of which goes on with what it got.
struct Parties {
    world: World,
    held: [RefreshToken; 2],
}

impl Parties {
    fn new() -> Self {
        let world = World::new(long_lived());
        let held = [world.newest(), world.newest()];
        Self { world, held }
    }

    /// One of them refreshes; returns whether the session goes on.
    fn refresh(&mut self, party: usize) -> bool {
        let verdict = self.world.refresh(&self.held[party].clone(), NOW);
        if let Some(token) = granted(verdict) {
            self.held[party] = token;
        }
        self.world.session.ended.is_none()
    }
}

#[test]
fn issue11_line2_two_parties_that_both_refresh_are_detected_at_every_offset_beyond_the_grace() {
    for period in [50, 90, 120, HOUR] {
        for offset in (1..period).step_by(if period == HOUR { 97 } else { 1 }) {
            let mut parties = Parties::new();
            let mut rounds = 0;
            let is_noticed = loop {
                if rounds == 50 {
                    break false;
                }
                rounds += 1;
                if !parties.refresh(0) {
                    break true;
                }
                parties.world.pass(Duration::from_secs(offset));
                if !parties.refresh(1) {
                    break true;
                }
                parties.world.pass(Duration::from_secs(period - offset));
            };

            let grace = parties.world.limits.grace.as_secs();
            assert_eq!(is_noticed, offset > grace, "{offset} s of {period} s");
            assert!(
                !is_noticed || rounds <= 3,
                "{offset} s of {period} s: {rounds}"
            );
        }
    }
}

#[test]
fn issue11_line2_a_copy_used_while_the_owner_is_offline_is_detected_at_the_owners_next_refresh() {
    for away in [40, HOUR, 20 * HOUR] {
        let mut parties = Parties::new();
        for _ in 0..2 {
            assert!(parties.refresh(1));
            parties.world.pass(Duration::from_secs(50));
        }
        parties.world.pass(Duration::from_secs(away));

        assert!(!parties.refresh(0), "{away}");
    }
}

#[test]
fn issue11_line2_a_repeated_copy_is_detected_after_the_owners_second_refresh() {
    for repeats in [1, 5, 100] {
        let mut parties = Parties::new();
        let copy = parties.held[1].clone();
        for _ in 0..repeats {
            assert!(parties.refresh(1));
            parties.held[1] = copy.clone();
            parties.world.pass(Duration::from_secs(60));
        }
        for _ in 0..2 {
            assert!(parties.refresh(0));
            parties.world.pass(Duration::from_secs(60));
        }

        assert!(!parties.refresh(1), "{repeats}");
    }
}

proptest! {
    #[test]
    fn issue11_line2_two_parties_are_noticed_once_both_have_come_back_after_a_fork(
        turns in prop::collection::vec((0..2_usize, 30_001..80_000_u64), 2..60),
    ) {
        let mut parties = Parties::new();
        let mut since_fork = [0, 0];
        for (party, pause) in turns {
            parties.world.pass(Duration::from_millis(pause));
            let before = parties.world.session.siblings.len();
            if !parties.refresh(party) {
                return Ok(());
            }
            match parties.world.session.siblings.len() {
                forks if forks > before => since_fork = [1, 1],
                _ => since_fork[party] += i32::from(since_fork[party] > 0),
            }
            prop_assert!(since_fork.iter().any(|uses| *uses < 2), "{since_fork:?}");
        }
    }

    #[test]
    fn issue11_line2_two_parties_with_jitter_are_noticed_within_three_periods_of_their_first_fork(
        periods in prop::collection::vec((45_000..55_000_u64, 45_000..55_000_u64), 400),
        offset in 0..50_000_u64,
    ) {
        let mut parties = Parties::new();
        let mut turns: Vec<(u64, usize)> = Vec::new();
        let mut at = [0, offset];
        for (owners, thiefs) in periods {
            turns.extend([(at[0], 0), (at[1], 1)]);
            at = [at[0] + owners, at[1] + thiefs];
        }
        turns.sort_unstable();
        let begun = parties.world.now;
        let mut since_fork = None;
        for (at, party) in turns {
            parties.world.now = begun + Duration::from_millis(at);
            if !parties.refresh(party) {
                return Ok(());
            }
            if since_fork.is_some() || !parties.world.session.siblings.is_empty() {
                let turns = since_fork.get_or_insert(0);
                *turns += 1;
                prop_assert!(*turns <= 6, "after the first fork");
            }
        }
    }
}
