//! Goal: a password change invalidates stolen cookies and signs out none of the user's own tabs.
//!
//! Promises on rotation (test names carry the numbers of `promises.md`): no copy of the cookie from before the change ever
//! yields a token; the tabs of the browser that made the change stay signed in, whatever refreshes were in flight.

use nolapse_domain::RefreshToken;

use crate::sim::{Network, Random, World, server::Reply};

const SEED: u64 = 90;

/// A thief with every cookie that the browser had until the change.
#[derive(Default)]
struct Thief(Vec<RefreshToken>);

impl Thief {
    fn copy(&mut self, world: &World) {
        let cookie = world.browsers[0].cookie.clone();
        if let Some(cookie) = cookie.filter(|cookie| self.0.last() != Some(cookie)) {
            self.0.push(cookie);
        }
    }

    /// Repeats the owner's rotation within the grace period, so that the thief always has the owner's cookie.
    fn keep_in_step(&mut self, world: &mut World) {
        let owner = world.browsers[0].cookie.as_ref();
        if let Some(newest) = self.0.last()
            && owner.is_some_and(|owner| owner.generation > newest.generation)
            && let Reply::Granted { ticket, .. } = world.server.present_copy(world.now, newest)
        {
            self.0.push(ticket);
        }
    }

    fn tries_all(&self, world: &mut World, story: &str) {
        for copy in &self.0 {
            let reply = world.server.present_copy(world.now, copy);
            assert!(
                matches!(reply, Reply::Status(503, _) | Reply::Ended(_)),
                "{story}: the thief got {reply:?}"
            );
        }
    }
}

/// Simulates a password change among refreshing tabs, with at most `within` milliseconds between two refreshes.
fn play(seed: u64, network: Network, within: u64) {
    let story = format!("seed {seed}");
    let mut random = Random(seed);
    let mut world = World::signed_in(seed, 5);
    let mut thief = Thief::default();
    world.network = network;
    thief.copy(&world);
    // Refreshes are in flight before, at and after the change.
    let changes_at = random.between(0, 6 * within);
    world.change_password_in(0, changes_at);
    for _ in 0..12 {
        let tab = usize::try_from(random.below(5)).expect("there is one");
        world.refresh(tab, true);
        world.run(random.between(0, within));
        if world.counts.passwords_changed == 0 {
            thief.copy(&world);
        }
    }
    let deadline = world.now + 300_000;
    while world.counts.passwords_changed == 0 {
        assert!(world.now < deadline, "{story}: the change was never made");
        world.run(50);
    }
    let newest = world.browsers[0].cookie.clone().expect("there is one");
    thief.0.retain(|copy| copy.generation < newest.generation);

    for _ in 0..12 {
        thief.tries_all(&mut world, &story);
        let tab = usize::try_from(random.below(5)).expect("there is one");
        world.refresh(tab, true);
        world.run(random.between(0, 9_000));
    }
    world.network = Network::Fine;
    world.run(300_000);
    thief.tries_all(&mut world, &story);

    assert_eq!(world.counts.false_alarms, 0, "{story}");
    assert_eq!(world.counts.passwords_changed, 1, "{story}");
    for tab in 0..5 {
        assert!(
            world.is_in(tab),
            "{story}: tab {tab} is {:?}",
            world.status(tab)
        );
        let call = world.api(tab).expect("there is one");
        world.run(2_000);
        assert!(world.got_token(call), "{story}: tab {tab} got no token");
    }
}

#[test]
fn p42_a_change_of_the_password_costs_no_tab_its_session_and_shuts_copies_out() {
    for seed in SEED..SEED + 300 {
        play(seed, Network::Fine, 700);
    }
}

#[test]
fn p42_the_same_where_answers_take_up_to_nine_seconds() {
    for seed in SEED..SEED + 300 {
        // Refreshes that wait longer than this for another response continue without the lock.
        play(seed, Network::Slow, 20_000);
    }
}

#[test]
fn p42_a_thief_in_step_is_shut_out_and_the_owner_stays() {
    for seed in SEED..SEED + 100 {
        let mut world = World::signed_in(seed, 2);
        let mut thief = Thief::default();
        thief.copy(&world);
        for _ in 0..40 {
            world.run(10_000);
            thief.keep_in_step(&mut world);
        }
        assert!(thief.0.len() > 5, "seed {seed}: the thief was in step");
        assert_eq!(
            world.counts.false_alarms, 0,
            "seed {seed}: nobody notices the thief"
        );

        world.refresh(0, true);
        world.run(1_000);
        world.change_password_in(0, 0);
        world.run(5_000);

        assert_eq!(world.counts.passwords_changed, 1, "seed {seed}");
        for _ in 0..20 {
            thief.tries_all(&mut world, &format!("seed {seed}"));
            world.run(20_000);
        }
        assert!((0..2).all(|tab| world.is_in(tab)), "seed {seed}");
    }
}
