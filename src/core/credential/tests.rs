//! Goal: the newest fact counts, an unconfirmed sign-out is reverted, and other numberings are continued.

use super::super::fixtures::{self, NOW, WALL, context, version};
use super::super::storage_record::{RecordState, StorageRecord};
use super::*;

fn session(id: &str) -> SessionInfo {
    SessionInfo::new(id, "user", "{}")
}

fn grant(id: &str) -> Grant {
    Grant {
        session: session(id),
        ..fixtures::grant()
    }
}

/// A credential with this tab's own token of session `a` and version 5.
fn active() -> Credential {
    let mut credential = Credential::new(0);
    let page = PageVisibility::Visible;
    let previous = credential.on_granted(version(5), grant("a"), NOW, true, page);
    assert_eq!(previous, None);
    credential
}

fn record(number: u64, state: RecordState) -> StorageRecord {
    StorageRecord {
        version: version(number),
        state,
        backoff: None,
    }
}

fn signed_in(id: &str) -> RecordState {
    RecordState::SignedIn {
        expires: WALL + Millis::from_secs(60),
        fingerprint: session(id).fingerprint(),
    }
}

fn signed_out(id: &str, told: bool) -> RecordState {
    RecordState::SignedOut {
        reason: EndReason::SignedOut,
        fingerprint: session(id).fingerprint(),
        told,
        everywhere: false,
    }
}

#[test]
fn an_epoch_begins_with_each_session_and_ends_with_it() {
    let mut credential = active();
    let epoch = credential.epoch();
    let page = PageVisibility::Visible;
    let renewed = credential.on_granted(version(6), grant("a"), NOW, true, page);
    assert_eq!((renewed, credential.epoch()), (Some(session("a")), epoch));

    let replaced = credential.on_granted(version(7), grant("b"), NOW, true, page);
    assert_eq!(replaced, Some(session("a")));
    assert_eq!(credential.epoch(), epoch + 1);
    assert!(credential.on_ended(EndReason::Revoked, SignOutSync::Done, 0));
    assert_eq!(credential.epoch(), epoch + 2);
    assert!(!credential.on_ended(EndReason::Revoked, SignOutSync::Done, 0));
}

#[test]
fn callers_are_offered_a_token_while_it_is_usable_and_the_page_runs() {
    let credential = active();
    let later = NOW + Millis::from_secs(59);
    assert!(matches!(credential.offer(NOW, false), Offer::Token(_)));
    assert!(matches!(credential.offer(NOW, true), Offer::Nothing));
    assert!(matches!(credential.offer(later, false), Offer::Nothing));
    let unknown = Credential::new(0);
    assert!(matches!(unknown.offer(NOW, false), Offer::Nothing));
}

#[test]
fn a_reported_sign_out_is_reverted_unless_the_record_confirms_it_in_time() {
    let before = record(5, signed_in("a"));
    for (confirmed, is_reverted) in [(false, true), (true, false)] {
        let mut credential = active();
        credential.on_ended(EndReason::Revoked, SignOutSync::Done, 0);
        credential.on_sign_out_reported(&context(StoredState::Record(before)), version(6));
        let until = NOW + Millis::from_secs(2);
        assert_eq!(credential.deadline(), Some((until, "sign_out")));
        assert!(!credential.on_deadline(until.before(Millis::from_millis(1))));
        assert_eq!(credential.message(&context(StoredState::Empty)), None);

        if confirmed {
            credential.on_record(NOW, &record(6, signed_out("a", true)));
        }

        assert_eq!(credential.on_deadline(until), is_reverted);
        let expected = if is_reverted { 5 } else { 6 };
        assert_eq!(credential.version(), version(expected));
        assert_eq!(credential.is_confirmed_signed_out(), !is_reverted);
        assert_eq!(credential.deadline(), None);
    }
}

#[test]
fn a_recorded_sign_out_ends_the_session_unless_it_is_of_an_earlier_one() {
    let done = SignOutSync::Done;
    let pending = SignOutSync::Pending { everywhere: false };
    let ended = |sync| RecordChange::Ended(EndReason::SignedOut, sync);
    for (number, state, change) in [
        (4, signed_out("a", true), RecordChange::None),
        (5, signed_out("a", true), ended(done)),
        (6, signed_out("a", false), ended(pending)),
        (5, signed_out("b", true), RecordChange::Superseded),
        (6, signed_out("b", true), ended(done)),
        (6, signed_in("a"), RecordChange::None),
    ] {
        let mut credential = active();
        let record = record(number, state);
        assert_eq!(credential.on_record(NOW, &record), change, "{record:?}");
    }
}

#[test]
fn a_recorded_session_invalidates_the_token_of_another_one() {
    let mut credential = active();
    let epoch = credential.epoch();
    credential.on_record(NOW, &record(6, signed_in("b")));
    assert!(matches!(credential.offer(NOW, false), Offer::Nothing));
    assert_eq!(credential.epoch(), epoch + 1);

    credential.on_ended(EndReason::Revoked, SignOutSync::Done, 0);
    let change = credential.on_record(NOW, &record(7, signed_in("b")));
    assert_eq!(change, RecordChange::SignOutSettled);
    assert!(credential.signed_out().is_none());
}

#[test]
fn versions_continue_from_the_record() {
    let mut credential = active();
    assert!(!credential.on_version(version(0)));
    assert!(!credential.on_version(version(8)));
    assert_eq!(credential.highest_version(), version(8));
    credential.raise_version();
    assert_eq!(credential.version(), version(9));
    assert!(!credential.on_version(version(8)));

    assert!(credential.on_version(version(3)), "of another numbering");
    assert_eq!(credential.version(), version(3));
}

#[test]
fn a_sign_out_is_pending_until_the_server_is_notified_in_the_same_epoch() {
    let mut credential = active();
    let sync = SignOutSync::Pending { everywhere: true };
    credential.on_ended(EndReason::SignedOut, sync, 0);
    let stored = context(StoredState::Record(record(5, signed_in("a"))));
    assert_eq!(credential.notification(), Some(true));
    assert!(!credential.is_replaced_by(&stored, version(9)));
    assert!(!credential.on_notified(credential.epoch() + 1));

    assert!(credential.on_notified(credential.epoch()));

    assert!(credential.is_notified());
    assert!(credential.is_replaced_by(&stored, version(9)));
    assert!(!credential.is_replaced_by(&stored, version(5)));
}

#[test]
fn a_recorded_sign_out_of_another_session_voids_the_notification_in_flight() {
    let mut credential = active();
    let sync = SignOutSync::Pending { everywhere: false };
    credential.on_ended(EndReason::SignedOut, sync, 0);
    let epoch = credential.epoch();

    credential.on_record(NOW, &record(6, signed_out("a", false)));
    assert_eq!(
        (credential.epoch(), credential.is_notified()),
        (epoch, false)
    );
    credential.on_record(NOW, &record(7, signed_out("b", false)));
    assert_eq!(credential.epoch(), epoch + 1);
    assert!(!credential.on_notified(epoch), "of the session before");
    assert_eq!(credential.notification(), Some(false));
    credential.on_record(NOW, &record(8, signed_out("b", true)));
    assert_eq!(
        (credential.epoch(), credential.is_notified()),
        (epoch + 1, true)
    );
}

#[test]
fn the_record_and_the_message_show_the_credential() {
    let credential = active();
    let empty = context(StoredState::Empty);
    assert!(matches!(
        credential.message(&empty),
        Some(TabMessage::Token { .. })
    ));
    let hidden = credential.record_state(&empty, true);
    assert!(matches!(hidden, Some(RecordState::SignedIn { expires, .. }) if expires == WALL));
    assert_eq!(Credential::new(0).record_state(&empty, false), None);

    let ahead = context(StoredState::Record(record(6, signed_in("a"))));
    assert!(credential.is_behind(&ahead) && !credential.is_behind(&empty));
}
