//! Activity is the browser's, not the tab's (issue 11, line 1), and a page that is left can still send (line 5).

#![allow(
    clippy::allow_attributes,
    clippy::wildcard_enum_match_arm,
    reason = "tests use what production code may not"
)]

use std::rc::Rc;

use nolapse::core::{
    Answer, CallerId, Effect, Input, Millis, PageChange, SessionError, StoredState, TabMessage,
    WallTime,
};

use crate::tab::{BEGIN, Tab, grant};

/// The announcements among the effects of the last input.
fn announced(tab: &Tab) -> Vec<TabMessage> {
    let messages = tab.effects.iter().filter_map(|effect| match effect {
        Effect::Broadcast(message @ TabMessage::Active { .. }) => Some(message.clone()),
        _ => None,
    });
    messages.collect()
}

/// The activity that the refresh among the effects of the last input declares.
fn declared(tab: &Tab) -> Option<Millis> {
    tab.effects.iter().find_map(|effect| match effect {
        Effect::SendRefresh { active_ago, .. } => Some(*active_ago),
        _ => None,
    })
}

/// Lets the tab refresh without a lock. Returns when the declared activity was.
fn refresh(tab: &mut Tab) -> Option<u64> {
    tab.feed(Input::DeadlineReached);
    let attempt = tab.effects.iter().find_map(|effect| match effect {
        Effect::AcquireLock { attempt } => Some(*attempt),
        _ => None,
    })?;
    tab.feed(Input::LockFailed { attempt });
    // Its peers may still answer.
    for _ in 0..1_000 {
        if let Some(ago) = declared(tab) {
            return Some(tab.now - ago.as_millis());
        }
        tab.now += 10;
        tab.feed(Input::DeadlineReached);
    }
    None
}

#[test]
fn line01_a_refresh_declares_the_activity_of_another_tab() {
    let mut tab = Tab::signed_in(1);
    tab.now = BEGIN + 49_000;
    let at = tab.wall();
    tab.feed(Input::TabMessageReceived(TabMessage::Active { at }));

    tab.now = BEGIN + 52_000;

    assert_eq!(refresh(&mut tab), Some(BEGIN + 49_000));
}

#[test]
fn line01_activity_that_reaches_a_frozen_page_late_counts_from_when_it_was() {
    let mut tab = Tab::signed_in(1);
    tab.now = BEGIN + 40_000;
    let at = WallTime::from_millis(tab.wall().as_millis() - 30_000);
    tab.feed(Input::TabMessageReceived(TabMessage::Active { at }));

    tab.now = BEGIN + 52_000;

    assert_eq!(refresh(&mut tab), Some(BEGIN + 10_000));
}

#[test]
fn line01_an_hour_of_activity_in_two_tabs_is_announced_every_five_seconds_at_most() {
    let mut tabs = [Tab::signed_in(1), Tab::signed_in(2)];
    let mut count = 0;
    for second in 0..3_600_u64 {
        for (one, other) in [(0, 1), (1, 0)] {
            tabs[one].now = BEGIN + second * 1_000;
            tabs[one].feed(Input::Active);
            for message in announced(&tabs[one]) {
                count += 1;
                tabs[other].now = BEGIN + second * 1_000;
                tabs[other].feed(Input::TabMessageReceived(message));
            }
        }
    }
    assert!((700..=720).contains(&count), "{count} messages");
}

#[test]
fn line05_a_page_that_is_left_sends_while_the_record_shows_that_it_missed_nothing() {
    let caller = CallerId(7);
    let ask = Input::TokenRequested {
        caller,
        min_validity: Millis::ZERO,
        waits_out: true,
        context: Rc::default(),
    };
    let settled = |tab: &Tab| {
        tab.effects.iter().find_map(|effect| match effect {
            Effect::Settle { answer, .. } => Some(answer.clone()),
            _ => None,
        })
    };
    let mut tab = Tab::open(1, StoredState::Empty);
    tab.adopt(grant());
    for change in [PageChange::Left, PageChange::Hidden, PageChange::Frozen] {
        tab.feed(Input::PageChanged(change));
        tab.feed(ask.clone());
        let answer = settled(&tab);
        assert!(
            matches!(answer, Some(Ok(Answer::Token { .. }))),
            "{answer:?}"
        );
    }

    // Another tab signs out while this page is in the back/forward cache.
    let text = "nolapse1;9;out;signed_out;0;1;0";
    tab.stored = StoredState::read(text);
    tab.feed(ask.clone());

    let answer = settled(&tab);
    assert!(
        matches!(answer, Some(Err(SessionError::SignedOut { .. }))),
        "{answer:?}"
    );

    let mut blind = Tab::signed_in(1);
    blind.feed(Input::PageChanged(PageChange::Left));
    blind.feed(ask);
    assert_eq!(settled(&blind), None);
}
