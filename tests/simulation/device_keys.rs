//! Goal: a session that is bound to a key is never served without it, whatever tabs, time and the key's store do, and nobody
//! whose key is there is signed out for it.
//!
//! The core knows of no key: its hosts sign the proofs, and the domain's rules judge them. What is simulated here is both
//! around the core: what tabs make of refusals, and of tokens that other tabs hand over.

use nolapse::core::{Millis, PageChange};
use nolapse::wire::EndReason;
use nolapse_domain::SessionId;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::schedules::{check_always, config};
use crate::sim::{DeviceKey, Menu, World, keys, steps};

const SEED: u64 = 54;
const MINUTE: u64 = 60_000;

/// A user who is signed in with a new key, on so many tabs.
fn bound(seed: u64, tabs: usize) -> World {
    let mut world = World::new(seed);
    world.browsers[0].key = DeviceKey::Missing;
    world.server.lifetime = Millis::from_secs(60);
    world.server.limits.idle = world.server.limits.absolute;
    world.open_signed_in(tabs);
    assert_eq!(world.browsers[0].key, DeviceKey::Own(1));
    world
}

/// The session of a browser's cookie.
fn session(world: &World, browser: usize) -> SessionId {
    let cookie = world.browsers[browser].cookie.as_ref();
    cookie.expect("it has a cookie").session
}

#[test]
fn p54_a_cleared_store_is_a_lost_key_in_every_tab_and_the_session_goes_on_without_them() {
    let mut world = bound(SEED, 3);
    let old = session(&world, 0);

    world.browsers[0].key = DeviceKey::Missing;
    world.run(2 * MINUTE);

    for tab in 0..3 {
        assert_eq!(world.end_reason(tab), Some(EndReason::KeyLost), "tab {tab}");
    }
    assert!(world.server.is_alive(old), "its owner may end it elsewhere");
    world.sign_in(1, 1);
    world.run(2 * MINUTE);
    assert!((0..3).all(|tab| world.is_in(tab)));
    let new = world.server.sessions[session(&world, 0).as_bytes()].jkt;
    assert_eq!(new, Some(keys::thumbprint(2)));
    assert_eq!(world.counts.downgrades, []);
}

#[test]
fn p54_a_tab_whose_store_fails_waits_for_the_others_and_signs_nobody_out() {
    let mut world = bound(SEED, 3);
    world.tabs[0].is_key_blocked = true;
    world.page(1, PageChange::Hidden);
    world.page(2, PageChange::Hidden);

    world.run(30 * MINUTE);
    assert!((0..3).all(|tab| world.is_in(tab)), "{}", world.story());

    // With no other tab it fails as in an outage, and goes on once the store works.
    world.kill(1);
    world.kill(2);
    world.run(10 * MINUTE);
    assert!(world.is_in(0));
    let failing = world.api(0).expect("the tab runs");
    world.run(MINUTE);
    assert!(!world.got_token(failing));
    world.tabs[0].is_key_blocked = false;
    world.run(10 * MINUTE);
    let call = world.api(0).expect("the tab runs");
    world.run(MINUTE);
    assert!(world.got_token(call), "{}", world.story());
    assert_eq!(world.counts.downgrades, []);
}

#[test]
fn p54_a_session_stays_as_its_sign_in_made_it_when_the_server_binds_no_more_and_again() {
    let mut world = bound(SEED, 2);
    let old = session(&world, 0);
    world.server.binds = false;
    world.run(10 * MINUTE);

    let copy = world.browsers[0].cookie.clone().expect("a cookie");
    let (now, foreign) = (world.now, world.proof_by(99));
    for proof in [None, Some(&foreign)] {
        let (reply, is_theft) = world.server.refresh(now, Some(&copy), proof);
        assert!(format!("{reply:?}").starts_with("Unproven"), "{reply:?}");
        assert!(!is_theft);
    }
    assert!(world.server.is_alive(old));

    world.sign_in(0, 2);
    world.run(MINUTE);
    let unbound = session(&world, 0);
    world.server.binds = true;
    world.run(10 * MINUTE);
    world.browsers[0].key = DeviceKey::Missing;
    world.run(10 * MINUTE);
    assert_eq!(session(&world, 0), unbound);
    assert!((0..2).all(|tab| world.is_in(tab)));
    assert_eq!(world.server.sessions[unbound.as_bytes()].jkt, None);
    assert_eq!(world.counts.downgrades, []);
}

#[test]
fn p54_a_cookie_in_a_browser_with_another_key_ends_there_alone() {
    for key in [DeviceKey::Own(77), DeviceKey::Missing] {
        let mut world = bound(SEED, 2);
        let thief = world.add_browser();
        world.browsers[thief].key = DeviceKey::Own(77);
        let tab = world.open(thief);
        world.sign_in(tab, 2);
        world.run(MINUTE);

        world.browsers[thief].key = key;
        world.browsers[thief].cookie = world.browsers[0].cookie.clone();
        world.run(10 * MINUTE);

        assert_eq!(world.end_reason(tab), Some(EndReason::KeyLost), "{key:?}");
        assert!((0..2).all(|tab| world.is_in(tab)), "{key:?}");
        assert_eq!(world.counts.false_alarms, 0);
        assert_eq!(world.counts.downgrades, []);
    }
}

/// What happens to keys between the steps of a schedule.
#[derive(Clone, Copy, Debug)]
enum KeyEvent {
    Cleared,
    Replaced(u8),
    /// `IndexedDB` fails in a tab, or works again.
    Blocked(usize, bool),
    /// `DEVICE_BINDING` at a restart.
    Binds(bool),
    /// A copy of the cookie is presented, with a key of the thief's or without.
    Copied(Option<u8>),
}

fn key_events() -> impl Strategy<Value = KeyEvent> {
    prop_oneof![
        1 => Just(KeyEvent::Cleared),
        1 => (50u8..60).prop_map(KeyEvent::Replaced),
        2 => (0usize..6, any::<bool>()).prop_map(|(tab, is)| KeyEvent::Blocked(tab, is)),
        1 => any::<bool>().prop_map(KeyEvent::Binds),
        4 => proptest::option::of(60u8..70).prop_map(KeyEvent::Copied),
    ]
}

impl World {
    fn apply_key(&mut self, event: KeyEvent) -> Result<(), TestCaseError> {
        match event {
            KeyEvent::Cleared => self.browsers[0].key = DeviceKey::Missing,
            KeyEvent::Replaced(number) => self.browsers[0].key = DeviceKey::Own(number),
            KeyEvent::Blocked(tab, is_blocked) => {
                if let Some(tab) = self.tabs.get_mut(tab) {
                    tab.is_key_blocked = is_blocked;
                }
            }
            KeyEvent::Binds(binds) => self.server.binds = binds,
            KeyEvent::Copied(number) => self.present_stolen(number)?,
        }
        Ok(())
    }

    /// A thief presents a copy of the browser's cookie; a bound session gives nothing, and stays as it was.
    fn present_stolen(&mut self, number: Option<u8>) -> Result<(), TestCaseError> {
        let Some(copy) = self.browsers[0].cookie.clone() else {
            return Ok(());
        };
        let row = self.server.sessions[copy.session.as_bytes()].clone();
        if row.jkt.is_none() || row.ended.is_some() {
            return Ok(());
        }
        let (now, proof) = (self.now, number.map(|number| self.proof_by(number)));
        let (reply, is_theft) = self.server.refresh(now, Some(&copy), proof.as_ref());
        prop_assert!(
            format!("{reply:?}").starts_with("Unproven") && !is_theft,
            "{:?}\n{}",
            reply,
            self.story()
        );
        prop_assert_eq!(&self.server.sessions[copy.session.as_bytes()], &row);
        Ok(())
    }
}

fn no_downgrade(world: &World) -> Result<(), TestCaseError> {
    prop_assert!(
        world.counts.downgrades.is_empty(),
        "{:?}\n{}",
        world.counts.downgrades,
        world.story()
    );
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn p54_no_schedule_serves_a_bound_session_without_its_key(
        seed in any::<u64>(),
        tabs in 1usize..=4,
        schedule in steps(Menu::Everything, 20),
        events in prop::collection::vec(proptest::option::of(key_events()), 20),
    ) {
        let mut world = bound(seed, tabs);
        for (step, event) in schedule.iter().zip(events) {
            world.apply(step);
            if let Some(event) = event {
                world.tell(format!("{event:?}"));
                world.apply_key(event)?;
            }
        }
        world.run(10 * MINUTE);
        no_downgrade(&world)?;
    }

    #[test]
    fn p54_a_key_that_is_there_costs_nobody_the_session(
        seed in any::<u64>(),
        tabs in 1usize..=4,
        schedule in steps(Menu::Everything, 20),
    ) {
        let mut world = bound(seed, tabs);
        for step in &schedule {
            world.apply(step);
        }
        world.run(10 * MINUTE);
        check_always(&world)?;
        no_downgrade(&world)?;
        for tab in world.tabs_of(0) {
            prop_assert_ne!(world.end_reason(tab), Some(EndReason::KeyLost), "{}", world.story());
        }
    }
}
