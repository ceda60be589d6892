//! The push stream of one tab (issue 12, part 3).

#![allow(
    clippy::allow_attributes,
    clippy::wildcard_enum_match_arm,
    reason = "tests use what production code may not"
)]

use nolapse::core::{
    AttemptId, Effect, Failure, FailureCause, Input, Millis, PageChange, StoredState,
};
use nolapse::wire::{EndReason, RefreshReason};

use crate::tab::{BEGIN, Tab, grant};

fn opens(tab: &Tab) -> bool {
    tab.has(|effect| *effect == Effect::OpenStream)
}

fn closes(tab: &Tab) -> bool {
    tab.has(|effect| *effect == Effect::CloseStream)
}

/// A push message arrives; the tab sends its refresh.
fn pushed(tab: &mut Tab) -> AttemptId {
    tab.feed(Input::PushReceived);
    tab.send()
}

#[test]
fn part3_the_stream_is_open_while_the_user_is_signed_in() {
    let mut tab = Tab::pushed(1);
    assert!(opens(&tab));

    let attempt = pushed(&mut tab);
    tab.end(attempt, EndReason::Revoked);
    assert!(closes(&tab) && !tab.is_in());

    tab.adopt(grant());
    assert!(opens(&tab));
    tab.feed(Input::Closed);
    assert!(closes(&tab));
}

#[test]
fn part3_before_it_is_known_who_is_signed_in_there_is_no_stream() {
    let mut tab = Tab::open_with(1, StoredState::Unavailable, true);
    assert!(!opens(&tab));

    let attempt = tab.wish().expect("it asks for the lock");
    tab.feed(Input::LockFailed { attempt });
    while !tab.sends() {
        let (at, _) = tab.alarm();
        tab.ring(at);
    }
    tab.grant(attempt, grant());

    assert!(opens(&tab));
}

#[test]
fn part3_a_page_that_is_hidden_frozen_or_left_closes_the_stream_in_the_same_input() {
    for (away, back) in [
        (PageChange::Hidden, PageChange::Visible),
        (PageChange::Frozen, PageChange::Resumed),
        (PageChange::Left, PageChange::Returned),
    ] {
        let mut tab = Tab::pushed(1);
        tab.feed(Input::PageChanged(away));
        assert!(closes(&tab), "{away:?}");

        tab.feed(Input::PageChanged(back));
        assert!(opens(&tab), "{back:?}");
    }
}

#[test]
fn part3_a_push_message_is_no_activity() {
    let mut tab = Tab::pushed(1);
    tab.now += 20_000;

    pushed(&mut tab);

    let is_idle = |effect: &Effect| {
        let ago = Millis::from_secs(20);
        matches!(effect, Effect::SendRefresh { reason: RefreshReason::Timer, active_ago, .. } if *active_ago == ago)
    };
    assert!(tab.has(is_idle), "{:?}", tab.effects);
}

#[test]
fn p56_a_push_message_during_a_refresh_is_answered_by_another_one() {
    let mut tab = Tab::pushed(1);
    let attempt = pushed(&mut tab);
    tab.now += 50;
    tab.feed(Input::PushReceived);
    tab.now += 50;

    // It may have been granted before the session ended.
    tab.grant(attempt, grant());

    assert!(tab.wish().is_some());
    let attempt = tab.send();
    tab.end(attempt, EndReason::Revoked);
    assert!(!tab.is_in());
}

#[test]
fn p56_a_token_that_another_tab_requested_before_the_push_message_does_not_answer_it() {
    let mut tab = Tab::pushed(1);
    tab.now += 20_000;
    tab.feed(Input::PushReceived);
    let attempt = tab.wish().expect("it asks for the lock");
    tab.now += 100;

    tab.hear_token(tab.version().next(), grant(), 150);
    assert!(!tab.releases(attempt), "it still wants its own");
    tab.hear_token(tab.version().next(), grant(), 50);

    assert!(tab.releases(attempt));
}

#[test]
fn part3_a_push_message_while_refreshes_fail_waits_for_the_back_off() {
    let mut tab = Tab::pushed(1);
    let attempt = pushed(&mut tab);
    tab.fail(attempt, Failure::new(FailureCause::Network));
    let (due, _) = tab.alarm();
    assert!(due > BEGIN);

    tab.feed(Input::PushReceived);

    assert_eq!(tab.wish(), None);
    assert_eq!(tab.alarm().0, due);
}

#[test]
fn part3_a_stream_that_ends_while_refreshes_fail_is_opened_when_one_succeeds() {
    let mut tab = Tab::pushed(1);
    let attempt = pushed(&mut tab);
    tab.fail(attempt, Failure::new(FailureCause::Network));
    tab.feed(Input::StreamEnded { was_open: true });
    for _ in 0..3 {
        let (at, reason) = tab.alarm();
        assert_ne!(reason, "stream");
        tab.ring(at);
        assert!(!opens(&tab));
        let attempt = tab.send();
        tab.now += 10;
        tab.fail(attempt, Failure::new(FailureCause::Network));
    }
    let (at, _) = tab.alarm();
    tab.ring(at.max(BEGIN + 40_000));
    let attempt = tab.send();

    tab.grant(attempt, grant());

    assert!(opens(&tab));
}
