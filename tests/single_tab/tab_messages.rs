//! Goal: tab messages are trusted only as far as they can be verified.
//!
//! Promises P12, P13 and P18, for single messages: the version, the age, and the stored record.

use nolapse::core::{
    Effect, FailureCause, Grant, Input, Millis, RecordState, StorageRecord, StoredState,
    TabMessage, WallTime,
};
use nolapse::wire::EndReason;

use crate::tab::{Tab, grant, grant_of, nth_version, signed_in_record};

fn theirs() -> Grant {
    grant_of("theirs", "session", "user")
}

fn failing() -> TabMessage {
    TabMessage::BackoffStarted {
        cause: FailureCause::ServerError,
        failures: 3,
        retry_in: Millis::from_secs(30),
        resets_in: Millis::ZERO,
    }
}

#[test]
fn p13_of_two_tokens_the_one_of_the_higher_order_counts() {
    for (ahead, taken) in [(0, false), (1, true), (1_000, true)] {
        let mut tab = Tab::signed_in(1);
        tab.adopt(grant());
        let version = tab.version().number();

        tab.hear_token(nth_version(version + ahead), theirs(), 0);

        assert_eq!(tab.token() == Some("theirs"), taken, "{ahead} ahead");
        tab.hear_token(
            nth_version(version - 1),
            grant_of("old", "session", "user"),
            0,
        );
        assert_ne!(tab.token(), Some("old"));
    }
}

#[test]
fn a_token_is_taken_up_to_the_last_millisecond_of_its_life() {
    for (age_ms, heard) in [(58_499, true), (59_999, true), (60_000, false)] {
        let mut tab = Tab::signed_in(1);
        let version = tab.version().next();

        tab.hear_token(version, theirs(), age_ms);

        let is_heard = tab.token() != Some("a.b.c");
        assert_eq!(is_heard, heard, "{age_ms}");
        // A token is no longer sent shortly before it expires.
        assert_eq!(tab.token() == Some("theirs"), age_ms < 58_500, "{age_ms}");
    }
}

#[test]
fn a_token_from_the_future_has_no_age_that_can_be_told() {
    for (ahead_ms, taken) in [(1_000, true), (1_001, false)] {
        let mut tab = Tab::signed_in(1);
        let version = tab.version().next();
        let posted = WallTime::from_millis(tab.wall().as_millis() + ahead_ms);

        tab.hear(TabMessage::Token {
            version,
            grant: theirs(),
            age: Millis::ZERO,
            posted,
        });

        assert_eq!(tab.token() == Some("theirs"), taken, "{ahead_ms}");
    }
}

#[test]
fn a_message_grows_old_on_its_way() {
    let mut tab = Tab::signed_in(1);
    let version = tab.version().next();
    let posted = WallTime::from_millis(tab.wall().as_millis() - 5_000);

    tab.hear(TabMessage::Token {
        version,
        grant: theirs(),
        age: Millis::from_secs(7),
        posted,
    });

    let now = nolapse::core::Timestamp::from_millis(tab.now);
    assert_eq!(tab.core.token_age(now), Millis::from_secs(12));
}

#[test]
fn p18_until_the_server_knows_of_a_sign_out_no_message_undoes_it() {
    let mut tab = Tab::open(1, StoredState::Empty);
    tab.adopt(grant());
    tab.sign_out(false);
    let attempt = tab.wish().expect("it asks for the lock");

    tab.hear_token(nth_version(50), theirs(), 0);

    assert_eq!(tab.token(), None);
    tab.feed(Input::LockGranted { attempt });
    assert!(tab.has(|effect| matches!(effect, Effect::SendSignOut { .. })));
}

#[test]
fn p18_a_failing_server_is_told_of_a_sign_out_all_the_same() {
    let mut tab = Tab::open(1, StoredState::Empty);
    tab.adopt(grant());
    tab.sign_out(false);
    let attempt = tab.wish().expect("it asks for the lock");

    tab.hear(failing());

    assert!(!tab.has(|effect| *effect == Effect::ReleaseLock { attempt }));
    tab.feed(Input::LockGranted { attempt });
    assert!(tab.has(|effect| matches!(effect, Effect::SendSignOut { .. })));
}

#[test]
fn p10_a_failure_of_another_tab_is_a_back_off_of_this_one() {
    let mut tab = Tab::signed_in(1);
    tab.now += 49_000;

    tab.hear(failing());

    let (at, what_for) = tab.alarm();
    assert_eq!(what_for, "timer");
    assert!(at >= tab.now + 30_000, "{}", at - tab.now);
}

#[test]
fn a_peer_that_has_reported_its_outcome_is_not_awaited() {
    let old_token = TabMessage::Token {
        version: nth_version(0),
        grant: theirs(),
        age: Millis::ZERO,
        posted: WallTime::from_millis(0),
    };
    for (outcome, listens) in [
        (None, true),
        (Some(failing()), false),
        (Some(old_token), false),
    ] {
        let mut tab = Tab::signed_in(1);
        tab.now += 20_000;
        tab.hear(TabMessage::RefreshStarted);
        if let Some(outcome) = outcome.clone() {
            tab.hear(outcome);
        }
        tab.refresh(true);
        let attempt = tab.wish().expect("it asks for the lock");

        tab.feed(Input::LockGranted { attempt });

        assert_eq!(tab.sent().is_none(), listens, "{outcome:?}");
    }
}

#[test]
fn the_refresh_time_of_another_tab_is_limited_as_its_lifetime_is() {
    for (life_s, refresh_s, due_s) in [(60, 20, 20), (300, 59, 59), (300, 60, 50), (300, 200, 50)] {
        let mut tab = Tab::signed_in(1);
        let version = tab.version().next();
        tab.hear_token(
            version,
            Grant {
                lifetime: Millis::from_secs(life_s),
                refresh_in: Some(Millis::from_secs(refresh_s)),
                ..theirs()
            },
            0,
        );

        // Up to two seconds before, as for the tab's own token.
        let due = tab.now + due_s * 1_000;
        let (at, _) = tab.alarm();
        assert!(
            (due - 2_000..=due).contains(&at),
            "{life_s} {refresh_s}: {}",
            at - tab.now
        );
    }
}

#[test]
fn peers_are_expected_for_two_lifetimes_of_their_token() {
    for (silent_s, listens) in [(599, true), (601, false)] {
        let mut tab = Tab::signed_in(1);
        tab.adopt(Grant {
            lifetime: Millis::from_secs(300),
            ..grant()
        });
        let version = tab.version();
        tab.hear(TabMessage::StateRequest { version });
        tab.now += silent_s * 1_000 - 500;
        tab.call();
        let attempt = tab.wish().expect("it asks for the lock");
        tab.now += 500;

        tab.feed(Input::LockGranted { attempt });

        assert_eq!(tab.sent().is_none(), listens, "{silent_s}");
    }
}

/// A record with this version of a sign-out that the auth server has confirmed.
fn signed_out_since(version: u64) -> StoredState {
    StoredState::Record(StorageRecord {
        version: nth_version(version),
        state: RecordState::SignedOut {
            reason: EndReason::SignedOut,
            fingerprint: 0,
            told: true,
            everywhere: false,
        },
        backoff: None,
    })
}

#[test]
fn p19_a_message_signs_in_before_the_record_and_an_end_without_the_record_is_unconfirmed() {
    let mut tab = Tab::open(1, signed_out_since(5));
    assert!(!tab.is_in());
    tab.hear_token(nth_version(5), theirs(), 0);
    assert_eq!(tab.token(), None, "the end is of the same order");

    tab.hear_token(nth_version(6), theirs(), 0);
    assert_eq!(tab.token(), Some("theirs"));

    tab.hear(TabMessage::SignedOut {
        version: nth_version(7),
        reason: EndReason::SignedOut,
        fingerprint: theirs().session.fingerprint(),
    });
    assert_eq!(tab.token(), None);
    assert_eq!(tab.alarm(), (tab.now + 2_000, "sign_out"));
}

#[test]
fn p18_the_record_confirms_or_reverts_an_unconfirmed_end() {
    let expired = WallTime::from_millis(1);
    let signed_in =
        |version| StoredState::Record(signed_in_record(nth_version(version), expired, 7));
    for (stored, at_once, after) in [
        (signed_out_since(7), "signed_out", "signed_out"),
        (signed_out_since(6), "signed_out", "signed_out"),
        (signed_out_since(4), "signed_out", "unknown"),
        (signed_in(6), "signed_out", "unknown"),
        (signed_in(7), "unknown", "unknown"),
    ] {
        let mut tab = Tab::open(1, signed_out_since(5));
        tab.hear_token(nth_version(6), theirs(), 0);
        tab.hear(TabMessage::SignedOut {
            version: nth_version(7),
            reason: EndReason::SignedOut,
            fingerprint: theirs().session.fingerprint(),
        });
        tab.now += 500;
        tab.stored = stored;

        tab.feed(Input::StorageChanged);

        assert_eq!(tab.core.status().name(), at_once, "{stored:?}");
        tab.ring(tab.now + 1_500);
        assert_eq!(tab.core.status().name(), after, "{stored:?}");
    }
}

#[test]
fn p19_of_an_end_and_a_sign_in_of_one_order_the_sign_in_of_this_tab_counts() {
    let fingerprint = grant().session.fingerprint();
    for (ended, stays) in [(fingerprint ^ 1, true), (fingerprint, false), (0, false)] {
        let mut tab = Tab::open(1, StoredState::Empty);
        tab.adopt(grant());
        let version = tab.version();

        tab.hear(TabMessage::SignedOut {
            version,
            reason: EndReason::Revoked,
            fingerprint: ended,
        });

        assert_eq!(tab.is_in(), stays, "{ended}");
        if stays {
            assert_eq!(tab.version(), version.next());
            assert_eq!(
                tab.written().map(|record| record.version),
                Some(version.next())
            );
            let is_token = |message: &&TabMessage| matches!(message, TabMessage::Token { .. });
            assert!(tab.said().iter().any(is_token));
        }
    }
}
