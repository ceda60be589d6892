//! Goal: each result changes only its own part of the session's state, whatever arrives in between.

use nolapse::core::{
    Answer, CallerId, Effect, Event, Failure, Input, PageChange, RecordState, SignInOutcome,
    SignOutOutcome, Status, StoredState, TabMessage, WallTime,
};
use nolapse::wire::EndReason;

use crate::tab::{BEGIN, Tab, grant, grant_of, nth_version, signed_in_record};

const SOME: u32 = 77;

/// A stored record of a session whose token expires in 60 s.
fn in_use(version: u64, fingerprint: u32) -> StoredState {
    let expires = WallTime::from_millis(1_700_000_000_000 + BEGIN + 60_000);
    StoredState::Record(signed_in_record(nth_version(version), expires, fingerprint))
}

/// A tab with a token, with storage, and with a refresh in flight.
fn asking() -> (Tab, nolapse::core::AttemptId) {
    let mut tab = Tab::open(1, StoredState::Empty);
    tab.adopt(grant());
    tab.now += 20_000;
    tab.refresh(true);
    let attempt = tab.send();
    (tab, attempt)
}

#[test]
fn p12_an_end_that_a_sign_in_has_overtaken_ends_nothing() {
    let fingerprint = grant().session.fingerprint();
    for (overtakes, stays) in [(true, true), (false, false)] {
        let (mut tab, attempt) = asking();
        if overtakes {
            tab.stored = in_use(tab.version().number() + 1, fingerprint);
        }

        tab.end(attempt, EndReason::Revoked);

        assert_eq!(tab.is_in(), stays);
        assert!(tab.has(|effect| matches!(effect, Effect::ReleaseLock { .. })));
    }
}

#[test]
fn p13_of_two_tokens_of_a_session_the_one_that_was_asked_for_later_stays() {
    for (age_ms, kept) in [(0, "theirs"), (1_000, "ours")] {
        let (mut tab, attempt) = asking();
        tab.now += 100;
        tab.hear_token(
            tab.version().next(),
            grant_of("theirs", "session", "user"),
            age_ms,
        );

        tab.grant(attempt, grant_of("ours", "session", "user"));

        assert_eq!(tab.token(), Some(kept), "{age_ms}");
    }
}

#[test]
fn p12_a_page_that_slept_through_a_sign_in_does_not_bring_the_session_before_back() {
    let before = grant().session.fingerprint();
    for (version, fingerprint, is_taken) in [
        (6, before ^ 1, false),
        (6, before, true),
        (5, before ^ 1, true),
    ] {
        let mut tab = Tab::open(1, in_use(5, before));
        let attempt = tab.wish().expect("it asks for the lock");
        tab.feed(Input::LockGranted { attempt });
        let (heard, _) = tab.alarm();
        tab.ring(heard);
        assert_eq!(tab.sent(), Some(attempt));
        tab.feed(Input::PageChanged(PageChange::Frozen));
        tab.stored = in_use(version, fingerprint);
        tab.feed(Input::PageChanged(PageChange::Resumed));

        tab.grant(attempt, grant());

        assert_eq!(tab.token().is_some(), is_taken, "{version} {fingerprint}");
        assert_eq!(tab.wish().is_some(), !is_taken, "it asks again");
    }
}

#[test]
fn p12_an_answer_to_the_session_before_is_of_no_use() {
    let (mut tab, attempt) = asking();
    tab.now += 100;
    tab.hear_token(
        tab.version().next(),
        grant_of("theirs", "another", "user"),
        1_000,
    );

    tab.grant(attempt, grant_of("ours", "session", "user"));

    assert_eq!(tab.token(), Some("theirs"));
    assert!(tab.has(|effect| matches!(effect, Effect::ReleaseLock { .. })));
}

#[test]
fn p19_the_app_is_told_of_another_user_and_of_no_renewal() {
    let mut tab = Tab::signed_in(1);
    let changes = |tab: &Tab| {
        let is_change = |event: &&&Event| matches!(event, Event::UserChanged { .. });
        tab.events().iter().filter(is_change).count()
    };

    tab.adopt(grant_of("b", "session", "user"));
    assert_eq!(changes(&tab), 0);
    tab.adopt(grant_of("c", "another", "user"));
    assert_eq!(changes(&tab), 0);
    tab.adopt(grant_of("d", "a third", "somebody"));
    assert_eq!(changes(&tab), 1);
}

#[test]
fn p05_a_hidden_tab_renews_later_than_a_visible_one() {
    let mut later = 0;
    for seed in 0..50 {
        let [visible, hidden] = [PageChange::Visible, PageChange::Hidden].map(|change| {
            let mut tab = Tab::open(seed, StoredState::Unavailable);
            tab.feed(Input::PageChanged(change));
            tab.adopt(grant());
            tab.alarm().0
        });
        assert!(visible <= hidden, "seed {seed}");
        later += u64::from(visible < hidden);
    }
    assert!(later > 40, "{later}");
}

#[test]
fn p18_a_sign_out_before_the_first_response_names_the_session_of_the_record() {
    let mut tab = Tab::open(1, in_use(5, SOME));

    tab.sign_out(false);

    let Some(RecordState::SignedOut { fingerprint, .. }) = tab.written().map(|record| record.state)
    else {
        panic!("{:?}", tab.effects);
    };
    assert_eq!(fingerprint, SOME);
    assert!(tab.said().iter().any(|message| matches!(
        message,
        TabMessage::SignedOut {
            fingerprint: SOME,
            ..
        }
    )));
}

#[test]
fn p31_the_app_is_told_once_that_it_is_signed_out() {
    let is_end = |event: &&Event| matches!(event, Event::SignedOut { .. });
    let mut tab = Tab::signed_in(1);

    tab.sign_out(false);
    assert_eq!(tab.events().into_iter().filter(is_end).count(), 1);
    tab.sign_out(true);
    assert_eq!(tab.events().into_iter().filter(is_end).count(), 0);
}

#[test]
fn p18_a_sign_out_is_answered_once_the_server_knows_and_at_once_where_it_does() {
    let told = Ok(Answer::SignedOut {
        server_notified: true,
    });
    let mut tab = Tab::signed_in(1);
    let first = tab.sign_out(false);
    assert_eq!(tab.told(first), None);
    let attempt = tab.wish().expect("it asks for the lock");
    let second = tab.sign_out(false);
    assert_eq!(tab.told(second), None, "the server does not know yet");

    tab.feed(Input::LockGranted { attempt });
    let knows = |tab: &Tab| {
        matches!(
            tab.core.status(),
            Status::SignedOut {
                server_notified: true,
                ..
            }
        )
    };
    assert!(!knows(&tab));
    let outcome = SignOutOutcome::Notified;
    tab.feed(Input::SignOutFinished { attempt, outcome });
    assert!(knows(&tab));
    assert_eq!(tab.told(first), Some(&told));
    assert_eq!(tab.told(second), Some(&told));
    let third = tab.sign_out(false);
    assert_eq!(tab.told(third), Some(&told));
    assert_eq!(tab.wish(), None);
    // A sign-out everywhere exceeds the one that the server has confirmed.
    let fourth = tab.sign_out(true);
    assert_eq!(tab.told(fourth), None);
    assert!(tab.wish().is_some());
}

#[test]
fn p18_a_sign_out_that_only_a_message_reported_is_carried_out_when_requested() {
    let mut tab = Tab::open(1, StoredState::Empty);
    tab.adopt(grant());
    tab.hear(TabMessage::SignedOut {
        version: tab.version().next(),
        reason: EndReason::SignedOut,
        fingerprint: grant().session.fingerprint(),
    });
    assert!(!tab.is_in());

    let caller = tab.sign_out(false);

    assert_eq!(tab.told(caller), None);
    assert!(tab.wish().is_some());
}

#[test]
fn p18_a_sign_out_that_does_not_reach_the_server_is_sent_again_after_a_back_off() {
    let mut tab = Tab::open(1, StoredState::Empty);
    tab.adopt(grant());
    let caller = tab.sign_out(false);
    let attempt = tab.wish().expect("it asks for the lock");
    tab.feed(Input::LockGranted { attempt });

    let outcome = SignOutOutcome::Failed(Failure::from_status(503, None));
    tab.feed(Input::SignOutFinished { attempt, outcome });

    assert_eq!(
        tab.told(caller),
        Some(&Ok(Answer::SignedOut {
            server_notified: false
        }))
    );
    assert_eq!(tab.wish(), None);
    assert!(tab.written().is_some_and(|record| record.backoff.is_some()));
    let (rested, what_for) = tab.alarm();
    assert_eq!(what_for, "sign_out");
    assert!(rested >= tab.now + 500, "{rested}");
    tab.ring(rested);
    assert!(tab.wish().is_some());
}

#[test]
fn p18_a_failed_notification_of_an_earlier_sign_out_is_no_failure_of_the_next_session() {
    let mut tab = Tab::open(1, StoredState::Empty);
    tab.adopt(grant());
    tab.sign_out(false);
    let attempt = tab.wish().expect("it asks for the lock");
    tab.feed(Input::LockGranted { attempt });
    tab.adopt(grant_of("b", "another", "user"));

    let outcome = SignOutOutcome::Failed(Failure::from_status(503, None));
    tab.feed(Input::SignOutFinished { attempt, outcome });

    assert_eq!(tab.written(), None);
    assert!(matches!(
        tab.core.status(),
        Status::SignedIn { failure: None, .. }
    ));
}

#[test]
fn a_message_that_is_too_far_ahead_to_be_honest_is_ignored() {
    for (ahead, taken) in [(1_000_000, true), (1_000_001, false)] {
        let mut tab = Tab::signed_in(1);
        let version = nth_version(tab.version().number() + ahead);

        tab.hear_token(version, grant_of("theirs", "session", "user"), 0);

        assert_eq!(tab.token() == Some("theirs"), taken, "{ahead}");
    }
}

#[test]
fn after_a_forged_sign_out_messages_of_one_count_for_nothing_for_ten_minutes() {
    let cry = |tab: &mut Tab| {
        let version = nth_version(10);
        let reason = EndReason::SignedOut;
        let fingerprint = SOME;
        tab.hear(TabMessage::SignedOut {
            version,
            reason,
            fingerprint,
        });
    };
    let mut tab = Tab::open(1, StoredState::Empty);
    tab.adopt(grant());
    cry(&mut tab);
    assert!(!tab.is_in());
    let doubted = tab.now + 2_000;
    assert_eq!(tab.alarm(), (doubted, "sign_out"));
    tab.ring(doubted - 1);
    assert!(matches!(tab.core.status(), Status::SignedOut { .. }));
    tab.ring(doubted);
    assert!(matches!(tab.core.status(), Status::Unknown { .. }));
    let attempt = tab.send();
    tab.grant(attempt, grant());

    tab.now = doubted + 599_999;
    cry(&mut tab);
    assert!(tab.is_in());
    tab.now = doubted + 600_000;
    cry(&mut tab);
    assert!(!tab.is_in());
}

#[test]
fn of_two_sign_ins_that_take_their_time_each_is_answered_for_itself() {
    let mut tab = Tab::open(1, StoredState::Empty);
    let mut begun = Vec::new();
    for number in [71, 72] {
        let caller = CallerId(number);
        tab.feed(Input::SignInRequested { caller });
        let attempt = tab.wish().expect("it asks for the lock");
        tab.feed(Input::LockGranted { attempt });
        assert!(tab.has(|effect| *effect == Effect::RunSignIn { attempt, caller }));
        let (overdue, what_for) = tab.alarm();
        assert_eq!(what_for, "timeout");
        tab.ring(overdue);
        assert!(tab.has(|effect| *effect == Effect::ReleaseLock { attempt }));
        begun.push((caller, attempt));
    }

    for (place, token) in [(1, "second"), (0, "first")] {
        let (caller, attempt) = begun[place];
        let outcome = SignInOutcome::Granted(grant_of(token, token, "user"));
        tab.feed(Input::SignInFinished { attempt, outcome });
        assert_eq!(tab.told(caller), Some(&Ok(Answer::SignedIn)));
        assert_eq!(tab.token(), Some(token));
    }
}

#[test]
fn only_a_session_that_another_tab_has_recorded_meanwhile_makes_a_sign_in_ask_again() {
    let records = [
        // What the cookie beside the refresh cookie stands for, which the answer to the sign-in sets.
        ("nolapse1;0;in;0;0", false),
        ("nolapse1;1;in;1700000060000;7", true),
        ("nolapse1;1;out;signed_out;7;1;0", false),
    ];
    for (record, asks) in records {
        let mut tab = Tab::open(1, StoredState::Empty);
        let caller = CallerId(71);
        tab.feed(Input::SignInRequested { caller });
        let attempt = tab.wish().expect("it asks for the lock");
        tab.feed(Input::LockGranted { attempt });

        tab.stored = StoredState::read(record);
        let outcome = SignInOutcome::Granted(grant_of("token", "session", "user"));
        tab.feed(Input::SignInFinished { attempt, outcome });

        assert_eq!(tab.told(caller).is_none(), asks, "{record}");
        assert_eq!(tab.wish().is_some(), asks, "{record}");
    }
}
