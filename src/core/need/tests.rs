//! Goal: a need is met by the tokens that meet it, and refused where no refresh can help.

use crate::wire::EndReason;

use super::super::fixtures::{at, grant};
use super::super::token::{ActiveToken, Jitter};
use super::*;

/// A token of 60 s from a request at 10 s: it is sent for 58.5 s.
fn token(own: bool) -> ActiveToken {
    let jitter = Jitter {
        shared: 0,
        own: 0,
        is_hidden: false,
    };
    ActiveToken::new(grant(), Version::default().next(), at(10_000), own, jitter)
}

fn need(min_validity_ms: u64, asked: u64) -> Need {
    Need::Token {
        min_validity: Millis::from_millis(min_validity_ms),
        asked: at(asked),
        waits_out: true,
    }
}

#[test]
fn a_validity_is_met_waited_for_or_impossible() {
    let token = token(true);
    let offer = Offer::Token(&token);
    let met = |need: Need, now| need.meet(at(now), offer).map(|answer| answer.is_ok());

    assert_eq!(met(need(0, 60_000), 60_000), Some(true));
    assert_eq!(met(need(8_500, 60_000), 60_000), Some(true));
    assert_eq!(met(need(8_501, 60_000), 60_000), None);
    assert_eq!(met(need(58_500, 60_000), 60_000), Some(false));
    assert_eq!(met(need(58_499, 10_999), 10_999), Some(false));
    assert_eq!(met(need(58_499, 11_000), 11_000), None);
}

#[test]
fn another_token_is_one_of_another_version_and_a_forced_one_is_of_a_later_request() {
    let (own, peers) = (token(true), token(false));
    let is_met = |need: Need, token| need.meet(at(20_000), Offer::Token(token)).is_some();
    let (old, current) = (Version::default(), own.version());

    assert!(is_met(Need::Renewed { than: old }, &peers));
    assert!(!is_met(Need::Renewed { than: current }, &own));
    assert!(!is_met(Need::Replaced { than: current }, &own));
    let forced = |asked| Need::Forced {
        asked: at(asked),
        than: old,
    };
    assert!(is_met(forced(10_000), &own) && !is_met(forced(10_001), &own));
    assert!(!is_met(forced(10_000), &peers));
    // The token was there when the refresh was forced, in the same millisecond.
    let forced = Need::Forced {
        asked: at(10_000),
        than: current,
    };
    assert!(!is_met(forced, &own));
}

#[test]
fn without_a_session_only_an_explicit_request_waits_for_the_server() {
    let signed_out = |is_notified| Offer::SignedOut {
        reason: Some(EndReason::Revoked),
        is_notified,
    };
    let than = Version::default();
    let waits = |need: Need, offer| need.meet(at(0), offer).is_none();

    assert!(waits(Need::Renewed { than }, signed_out(true)));
    assert!(!waits(Need::Renewed { than }, signed_out(false)));
    assert!(!waits(Need::Replaced { than }, signed_out(true)));
    assert!(waits(Need::SignOut, signed_out(true)));
    assert!(waits(need(0, 0), Offer::Nothing));
}
