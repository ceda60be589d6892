//! Goal: what other tabs say counts within bounds, and a newer record is never overwritten.

use crate::wire::EndReason;

use super::super::fixtures::{self, NOW, WALL, context, version};
use super::*;

fn grant(lifetime_s: u64, refresh_in_s: u64) -> Grant {
    Grant {
        lifetime: Millis::from_secs(lifetime_s),
        refresh_in: Some(Millis::from_secs(refresh_in_s)),
        ..fixtures::grant()
    }
}

fn signed_in(fingerprint: u32) -> RecordState {
    RecordState::SignedIn {
        expires: WALL,
        fingerprint,
    }
}

fn record(number: u64, state: RecordState) -> StorageRecord {
    StorageRecord {
        version: version(number),
        state,
        backoff: None,
    }
}

#[test]
fn a_tab_counts_as_open_for_two_lifetimes_after_its_last_message() {
    let mut peers = Peers::new();
    assert!(!peers.is_any_open(NOW));
    peers.on_message(NOW, &TabMessage::RefreshStarted);
    for (lifetime_s, open_s) in [(300, 600), (60, 120), (5, 120)] {
        peers.on_own_token(Millis::from_secs(lifetime_s));
        let last = NOW + Millis::from_secs(open_s);
        assert!(peers.is_any_open(last));
        assert!(!peers.is_any_open(last + Millis::from_millis(1)));
    }
}

#[test]
fn an_exchange_of_a_peer_ends_with_its_outcome() {
    let mut peers = Peers::new();
    peers.on_message(NOW, &TabMessage::RefreshStarted);
    let version = version(1);
    peers.on_message(NOW, &TabMessage::StateRequest { version });
    assert_eq!(peers.refresh_started_at(), Some(NOW));

    let reason = EndReason::SignedOut;
    let outcome = TabMessage::SignedOut {
        version,
        reason,
        fingerprint: 0,
    };
    peers.on_message(NOW, &outcome);
    assert_eq!(peers.refresh_started_at(), None);
}

#[test]
fn a_peers_token_lives_no_longer_than_this_tabs_own_one_and_its_age_counts() {
    let mut peers = Peers::new();
    let context = context(StoredState::Unavailable);
    let check = |peers: &Peers, lifetime_s, age_s, posted| {
        let age = Millis::from_secs(age_s);
        peers.check_token(&context, grant(lifetime_s, 100), age, posted)
    };
    let second = Millis::from_secs(1);

    let (limited, issued) = check(&peers, 3_600, 5, WALL.before(second)).expect("a token");
    assert_eq!(limited.lifetime, Millis::from_secs(300));
    assert_eq!(limited.refresh_in, Some(Millis::from_secs(100)));
    assert_eq!(issued, NOW.before(Millis::from_secs(6)));
    peers.on_own_token(Millis::from_secs(60));
    let (limited, _) = check(&peers, 3_600, 5, WALL).expect("a token");
    assert_eq!(limited.lifetime, Millis::from_secs(60));
    assert_eq!(limited.refresh_in, None);
    assert!(check(&peers, 60, 60, WALL).is_none());
    assert!(check(&peers, 60, 0, WALL + second).is_some());
    let future = WALL + Millis::from_millis(1_001);
    assert!(check(&peers, 60, 0, future).is_none());
}

#[test]
fn sign_outs_are_ignored_for_ten_minutes_after_a_forged_one() {
    let mut peers = Peers::new();
    assert!(!peers.ignores_sign_outs(NOW));
    peers.on_forged_sign_out(NOW);
    let end = NOW + Millis::from_secs(600);
    assert!(peers.ignores_sign_outs(end.before(Millis::from_millis(1))));
    assert!(!peers.ignores_sign_outs(end));
}

#[test]
fn the_state_of_a_newer_record_is_kept() {
    let mut effects = Effects::new();
    let newer = record(9, signed_in(9));
    for (stored, own, written) in [
        (StoredState::Empty, Some(signed_in(5)), Some((5, 5))),
        (StoredState::Empty, None, None),
        (StoredState::Record(newer), Some(signed_in(5)), Some((9, 9))),
        (StoredState::Record(newer), None, Some((9, 9))),
        (
            StoredState::Record(record(5, signed_in(9))),
            Some(signed_in(5)),
            Some((5, 5)),
        ),
    ] {
        let mut peers = Peers::new();
        peers.write_record(&context(stored), version(5), own, None, &mut effects);
        let expected = written.map(|(number, of)| record(number, signed_in(of)));
        let effect = expected.map(Effect::WriteRecord);
        assert_eq!(effects.take(), Vec::from_iter(effect));
        assert!(expected.is_none_or(|record| !peers.on_record(&record)));
    }
}

#[test]
fn a_record_is_new_once() {
    let mut peers = Peers::new();
    assert_eq!(peers.recorded_fingerprint(), 0);
    assert!(peers.on_record(&record(1, signed_in(7))));
    assert!(!peers.on_record(&record(1, signed_in(7))));
    assert_eq!(peers.recorded_fingerprint(), 7);
}
