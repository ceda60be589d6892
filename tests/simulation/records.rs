//! Goal: no text that a script writes into the record that tabs share makes later records unreadable, parts the tabs for
//! longer than until the next refresh, sign-in or sign-out, or undoes a sign-out.

use nolapse::core::{Input, PageChange, Status};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::sim::{Forged, ForgedVersion, World, record};

/// The user's action after the record was overwritten.
#[derive(Clone, Copy, Debug)]
enum Action {
    Refresh,
    SignIn,
    SignOut,
}

fn act(world: &mut World, tab: usize, action: Action) {
    match action {
        Action::Refresh => world.refresh(tab, true),
        Action::SignIn => world.sign_in(tab, 2),
        Action::SignOut => world.sign_out(tab, false),
    };
}

/// Checks that all tabs agree with the cookie, and that every tab can read and supersede the record.
fn check_agreement(world: &World, action: Action) -> Result<(), TestCaseError> {
    let cookie = world
        .cookie_session(0)
        .filter(|session| world.server.is_alive(*session));
    if matches!(action, Action::SignOut) {
        prop_assert_eq!(cookie, None, "the sign-out was undone\n{}", world.story());
    }
    if matches!(action, Action::SignIn) {
        prop_assert!(
            cookie.is_some(),
            "the sign-in was undone\n{}",
            world.story()
        );
    }
    let name = cookie.map(|session| format!("{:?}", session.as_bytes()));
    for tab in world.tabs_of(0) {
        let said = match world.status(tab) {
            Status::SignedIn { session, .. } => Some(session.id.to_string()),
            Status::SignedOut { .. } => None,
            Status::Unknown { .. } => Some("unknown".to_owned()),
        };
        prop_assert_eq!(&said, &name, "tab {}\n{}", tab, world.story());
    }
    let number = world.record_version();
    prop_assert!(
        number.is_some_and(|number| (1..=2_000_001).contains(&number)),
        "{:?}\n{}",
        world.browsers[0].stored,
        world.story()
    );
    Ok(())
}

/// A record, the tab that writes it, how long it stays in milliseconds, and whether that tab is reloaded afterwards.
type Writing = (Result<Forged, String>, usize, u64, bool);

/// Checks that after the last forged record, one sign-in and two refreshes make all tabs agree, and that they stay so.
fn check_no_trace(
    seed: u64,
    tabs: usize,
    records: &[Writing],
    frozen: bool,
) -> Result<(), TestCaseError> {
    let mut world = World::signed_in(seed, tabs);
    if frozen {
        world.page(tabs - 1, PageChange::Frozen);
    }
    for (record, by, wait, reloads) in records {
        let all = world.tabs_of(0);
        world.spoil(all[by % all.len()], record);
        world.run(*wait);
        if *reloads {
            let all = world.tabs_of(0);
            world.reload(all[by % all.len()]);
        }
    }
    if frozen {
        world.page(tabs - 1, PageChange::Resumed);
    }
    world.run(700_000);
    let all = world.tabs_of(0);
    // The user of a tab that was forged to be signed out signs in. A tab that saw only some of the forged records may not
    // have read the version that this sign-in supersedes. It may be two ahead of that: then the sign-in counts as a write of
    // the same moment, the first refresh has its own version, and it accepts the second.
    act(&mut world, all[0], Action::SignIn);
    world.run(120_000);
    check_agreement(&world, Action::SignIn)?;
    let before = world.sent(0);
    world.run(300_000);
    check_agreement(&world, Action::SignIn)?;
    let sent = world.sent(0) - before;
    prop_assert!(
        sent <= 8,
        "{} refreshes in five minutes\n{}",
        sent,
        world.story()
    );
    act(&mut world, all[0], Action::SignOut);
    world.run(5_000);
    check_agreement(&world, Action::SignOut)?;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn line13_after_any_record_one_refresh_sign_in_or_sign_out_brings_all_tabs_together(
        seed in any::<u64>(),
        tabs in 1_usize..5,
        record in record(),
        by in 0_usize..5,
        opens in any::<bool>(),
        actor in 0_usize..6,
        action in prop::sample::select(&[Action::Refresh, Action::SignIn, Action::SignOut][..]),
    ) {
        let mut world = World::signed_in(seed, tabs);
        let known = world.record_version().unwrap_or_default();
        world.spoil(by % tabs, &record);
        // A page that opens without a record counts from zero, where these tabs began, too.
        let is_recent = world.record_version().is_none_or(|forged| forged <= 2_000_001 && (known + 2_000_001 - forged) % 2_000_001 <= 2);
        if opens {
            world.open(0);
        }
        let before = world.sent(0);
        world.run(3_000);
        // A forged back-off requested by the server is respected, for ten minutes at most.
        world.run(if matches!(&record, Ok(forged) if forged.backoff.is_empty()) || record.is_err() { 0 } else { 660_000 });
        let all = world.tabs_of(0);
        for tab in &all {
            world.feed(*tab, Input::StorageChanged);
        }
        let mut actor = all[actor % all.len()];
        if matches!(action, Action::SignOut) && !world.is_in(actor) {
            // A sign-out requires a session, so sign in first if no tab has one.
            let signed_in = all.iter().copied().find(|tab| world.is_in(*tab));
            if signed_in.is_none() {
                act(&mut world, actor, Action::SignIn);
                world.run(5_000);
            }
            actor = signed_in.unwrap_or(actor);
        }
        act(&mut world, actor, action);
        // A record that looks recent is indistinguishable from a real one: then all tabs accept the next refresh.
        world.run(if is_recent { 60_000 } else { 5_000 });
        check_agreement(&world, action)?;
        let elapsed = u64::from(world.sent(0) - before);
        prop_assert!(elapsed <= 5 + world.now.saturating_sub(1_700_000_000_000) / 40_000, "{} refreshes\n{}", elapsed, world.story());

        // The agreement holds, also for pages opened later.
        let before = world.sent(0);
        let tab = world.open(0);
        world.run(400_000);
        check_agreement(&world, action)?;
        let sent = world.sent(0) - before;
        prop_assert!(sent <= 12, "{} refreshes\n{}", sent, world.story());
        prop_assert!(world.tabs[tab].is_alive);
        prop_assert_eq!(world.counts.zombies, 0);
        prop_assert_eq!(world.counts.false_alarms, 0);
    }

    #[test]
    fn line13_records_that_are_spoilt_again_and_again_leave_no_trace(
        seed in any::<u64>(),
        tabs in 1_usize..4,
        records in prop::collection::vec((record(), 0_usize..4, 1_u64..90_000, any::<bool>()), 1..8),
        frozen in any::<bool>(),
    ) {
        check_no_trace(seed, tabs, &records, frozen)?;
    }
}

#[test]
fn line13_numbers_begin_again_in_all_tabs_and_in_pages_that_open_then() {
    let mut world = World::signed_in(50, 3);
    let expires = world.now + 60_000;
    let Status::SignedIn { session, .. } = world.status(0) else {
        panic!("{:?}", world.status(0));
    };
    let fingerprint = session.fingerprint();
    for start in [900_000, 1_800_000, 1_999_998] {
        let text = format!("nolapse1;{start};in;{expires};{fingerprint}");
        world.write_storage(0, text);
        world.feed(0, Input::StorageChanged);
        world.run(100);
    }
    for round in 0..6 {
        world.refresh(round % 3, true);
        world.run(1_000);
        world.open(0);
        world.run(1_000);
    }
    assert_eq!(world.record_version(), Some(3));
    world.run(120_000);
    let before = world.sent(0);
    world.run(490_000);
    assert!(
        (9..=12).contains(&(world.sent(0) - before)),
        "one refresh for all tabs"
    );

    world.sign_out(7, false);
    world.run(1_000);
    assert!(world.tabs_of(0).into_iter().all(|tab| world.is_out(tab)));
}

#[test]
fn line13_a_page_that_finds_the_highest_number_hears_of_the_others_first() {
    for number in [2_000_002_u64, 100_000_000_000_000, 999_999_999_999_999] {
        let mut world = World::signed_in(50, 3);
        let sent = world.sent(0);
        let expires = world.now - 1_000;
        world.browsers[0].stored = Some(format!("nolapse1;{number};in;{expires};7"));

        let tab = world.open(0);
        world.run(1_000);

        assert!(world.is_in(tab), "{number}");
        assert_eq!(world.sent(0), sent, "{number}: an open tab has a token");
        world.sign_out(tab, false);
        world.run(1_000);
        assert!((0..4).all(|tab| world.is_out(tab)), "{number}");
    }
}

#[test]
fn line13_a_page_that_cannot_read_the_record_asks_once_whether_there_is_a_session() {
    for text in [
        "nolapse2;7;in;1;1",
        "{\"version\":7}",
        "nolapse1;1000000000000000;in;1;1",
    ] {
        let mut world = World::signed_in(50, 1);
        world.kill(0);
        world.run(1_000);
        world.browsers[0].stored = Some(text.to_owned());
        let sent = world.sent(0);

        let tab = world.open(0);
        world.run(1_000);

        assert!(world.is_in(tab), "{text}");
        assert_eq!(world.sent(0), sent + 1, "{text}");
        assert!(world.record_version().is_some(), "{text}");
    }
}

#[test]
fn line13_a_tab_that_is_two_numbers_ahead_of_the_record_goes_on_from_it() {
    let forged = |number, state: &str| {
        Ok(Forged {
            version: ForgedVersion::Is(number),
            state: state.to_owned(),
            backoff: String::new(),
        })
    };
    // The tab that reads the first record is reloaded; the frozen one reads only the second.
    let records = [
        (forged(4, "out;signed_out;0;0;0"), 0, 46_430, true),
        (forged(0, "in;0;0"), 0, 1, false),
    ];
    for seed in 0..50 {
        check_no_trace(seed, 2, &records, true).expect("no trace");
    }
}

#[test]
fn line13_a_sign_in_in_a_page_that_opened_without_a_record_reaches_all_tabs_with_the_next_refresh()
{
    for seed in 0..20 {
        let mut world = World::signed_in(seed, 4);
        world.spoil(1, &Err(String::new()));
        let opened = world.open(0);
        world.run(3_000);
        act(&mut world, opened, Action::SignIn);
        world.run(60_000);
        check_agreement(&world, Action::SignIn).expect("all tabs have the new session");
        assert_eq!(world.counts.false_alarms, 0);
    }
}
