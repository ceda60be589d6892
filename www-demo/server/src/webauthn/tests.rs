//! What authenticators and attackers send (P55): each input is accepted or refused with a reason, and none panics.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use ciborium::Value as Cbor;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::{Credential, SessionId};
use authenticator::{Authenticator, BACKED_UP, ELIGIBLE, PRESENT, VERIFIED, encode};

#[path = "../../tests/common/authenticator.rs"]
mod authenticator;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const ORIGIN: &str = "https://app.example.com";
const PURPOSE: Purpose<'static> = Purpose::Register(SessionId::from_bytes([1; 16]));

fn party() -> RelyingParty {
    RelyingParty {
        id: "example.com".to_owned(),
        origins: AllowedOrigins::parse([ORIGIN].into_iter()).unwrap(),
        challenges: ChallengeKey::from_bytes([7; 32]),
    }
}

fn at(now: Timestamp) -> Expected<'static> {
    Expected {
        now,
        purpose: PURPOSE,
    }
}

fn options(party: &RelyingParty) -> Value {
    let (_, challenge) = party.challenges.issue(NOW, PURPOSE);
    json!({ "publicKey": {
        "rp": { "id": "example.com" }, "rpId": "example.com",
        "user": { "id": "dXNlcg" }, "challenge": challenge,
    } })
}

fn registered(response: &Value) -> Result<Credential, Refused> {
    let response = serde_json::from_value(response.clone()).map_err(|_| Refused::Malformed)?;
    register(&response, &party(), at(NOW)).map(|(credential, _)| credential)
}

fn signed_in(response: &Value, credential: &Credential) -> Result<u32, Refused> {
    let response: AuthenticationResponse =
        serde_json::from_value(response.clone()).map_err(|_| Refused::Malformed)?;
    response.credential_id()?;
    authenticate(&response, credential, &party(), at(NOW)).map(|asserted| asserted.counter)
}

/// Returns the response to a registration whose attestation object was changed.
fn attested(change: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) -> Value {
    let mut response = Authenticator::es256(ORIGIN).register(&options(&party()));
    let object = response["response"]["attestationObject"].as_str().unwrap();
    let object = Base64UrlUnpadded::decode_vec(object).unwrap();
    let value: Cbor = ciborium::from_reader(object.as_slice()).unwrap();
    let mut members = value.into_map().unwrap();
    change(&mut members);
    let object = encode(&Cbor::Map(members));
    response["response"]["attestationObject"] = json!(Base64UrlUnpadded::encode_string(&object));
    response
}

#[test]
fn p55_a_challenge_expires_and_is_of_this_server() {
    let party = party();
    let (challenge, text) = party.challenges.issue(NOW, PURPOSE);
    let open = |now, key: &ChallengeKey| key.open(&text, at(now));

    let last = (NOW + CHALLENGE_LIFETIME).before(Duration::from_millis(1));
    assert_eq!(open(last, &party.challenges), Some(challenge));
    assert_eq!(open(NOW + CHALLENGE_LIFETIME, &party.challenges), None);
    assert_eq!(open(NOW, &ChallengeKey::from_bytes([8; 32])), None);
    let other = Expected {
        now: NOW,
        purpose: Purpose::StepUp(SessionId::from_bytes([1; 16])),
    };
    assert_eq!(party.challenges.open(&text, other), None);
}

#[test]
fn p55_flags_that_contradict_each_other_register_nothing() {
    let with = |flags| {
        let mut key = Authenticator::es256(ORIGIN);
        key.flags = flags;
        let registered = registered(&key.register(&options(&party())));
        registered.map(|one| (one.backup_eligible, one.backed_up))
    };
    let both = PRESENT | VERIFIED;
    assert_eq!(with(both), Ok((false, false)));
    assert_eq!(with(both | ELIGIBLE), Ok((true, false)));
    assert_eq!(with(both | ELIGIBLE | BACKED_UP), Ok((true, true)));
    assert_eq!(with(both | BACKED_UP), Err(Refused::Flags));
    assert_eq!(with(PRESENT), Err(Refused::UserVerification));
    assert_eq!(with(VERIFIED), Err(Refused::UserVerification));
}

#[test]
fn attestations_are_none_or_by_the_key_itself() {
    assert!(registered(&attested(|_| {})).is_ok());
    let text = |text: &'static str| Cbor::from(text);
    let named = |name: &'static str, value: Cbor| {
        let place = text(name);
        attested(|members| {
            let found = members.iter_mut().find(|(key, _)| *key == place);
            found.expect("a member").1 = value;
        })
    };
    let statement = Cbor::Map(vec![(text("x5c"), Cbor::Array(Vec::new()))]);
    for (response, expected) in [
        (named("fmt", text("fido-u2f")), Refused::Attestation),
        (named("fmt", text("packed")), Refused::Malformed),
        (named("fmt", Cbor::from(1)), Refused::Malformed),
        (named("attStmt", statement), Refused::Attestation),
        (named("attStmt", text("none")), Refused::Malformed),
        (
            named("authData", Cbor::Bytes(Vec::new())),
            Refused::Malformed,
        ),
        (attested(Vec::clear), Refused::Malformed),
        (
            attested(|members| members.extend(members.clone())),
            Refused::Malformed,
        ),
    ] {
        assert_eq!(registered(&response), Err(expected), "{response}");
    }
}

#[test]
fn a_self_attestation_is_verified() {
    let forged = |signature: Vec<u8>, algorithm: i64| {
        attested(|members| {
            for (key, value) in members {
                if *key == Cbor::from("fmt") {
                    *value = Cbor::from("packed");
                } else if *key == Cbor::from("attStmt") {
                    *value = Cbor::Map(vec![
                        (Cbor::from("alg"), Cbor::from(algorithm)),
                        (Cbor::from("sig"), Cbor::Bytes(signature.clone())),
                    ]);
                }
            }
        })
    };
    assert_eq!(
        registered(&forged(vec![0; 70], -7)),
        Err(Refused::Signature)
    );
    assert_eq!(
        registered(&forged(vec![0; 70], -8)),
        Err(Refused::Attestation)
    );
}

#[test]
fn p55_a_signature_of_each_algorithm_signs_in_and_none_that_was_changed() {
    for mut key in [
        Authenticator::es256(ORIGIN),
        Authenticator::ed25519(ORIGIN),
        Authenticator::rs256(ORIGIN),
    ] {
        let options = options(&party());
        let credential = registered(&key.register(&options)).unwrap();
        let response = key.sign_in(&options);
        assert_eq!(signed_in(&response, &credential), Ok(2));

        let signature = response["response"]["signature"].as_str().unwrap();
        let mut bytes = Base64UrlUnpadded::decode_vec(signature).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let mut forged = response.clone();
        forged["response"]["signature"] = json!(Base64UrlUnpadded::encode_string(&bytes));
        assert_eq!(signed_in(&forged, &credential), Err(Refused::Signature));
    }
}

#[test]
fn keys_of_other_kinds_and_points_that_are_none_are_refused() {
    let int = |number: i64| Cbor::from(number);
    let key = |members: &[(i64, Cbor)]| {
        let members = members
            .iter()
            .map(|(key, value)| (int(*key), value.clone()));
        let bytes = encode(&Cbor::Map(members.collect()));
        cose::PublicKey::read(&bytes).map(drop)
    };
    let zeros = |length| Cbor::Bytes(vec![0; length]);
    let ones = |length| Cbor::Bytes(vec![0xff; length]);
    let ec = |alg, curve, x, y| {
        key(&[
            (1, int(2)),
            (3, int(alg)),
            (-1, int(curve)),
            (-2, x),
            (-3, y),
        ])
    };
    assert_eq!(ec(-7, 1, zeros(32), zeros(32)), Err(Refused::Key));
    assert_eq!(ec(-7, 1, zeros(31), zeros(32)), Err(Refused::Key));
    assert_eq!(ec(-7, 2, zeros(32), zeros(32)), Err(Refused::Key));
    assert_eq!(ec(-35, 2, zeros(48), zeros(48)), Err(Refused::Key));
    let rsa = |n, e: &[u8]| {
        let e = Cbor::Bytes(e.to_vec());
        key(&[(1, int(3)), (3, int(-257)), (-1, n), (-2, e)])
    };
    assert_eq!(rsa(ones(256), &[1, 0, 1]), Ok(()));
    assert_eq!(rsa(ones(256), &[3]), Err(Refused::Key));
    assert_eq!(rsa(ones(128), &[1, 0, 1]), Err(Refused::Key));
    assert_eq!(rsa(ones(600), &[1, 0, 1]), Err(Refused::Key));
    let okp = |x| key(&[(1, int(1)), (3, int(-8)), (-1, int(6)), (-2, x)]);
    assert_eq!(okp(ones(31)), Err(Refused::Key));
    assert_eq!(key(&[(1, int(2))]), Err(Refused::Malformed));
    assert_eq!(key(&[]), Err(Refused::Malformed));
}

#[test]
fn cbor_of_any_depth_and_length_is_refused_in_no_time() {
    let deep = [vec![0x81; 8_000], vec![0]].concat();
    let long = [0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let bytes = [0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for object in [&deep[..], &long, &bytes, &[0x1c], &[0xff], &[]] {
        let mut response = Authenticator::es256(ORIGIN).register(&options(&party()));
        response["response"]["attestationObject"] = json!(Base64UrlUnpadded::encode_string(object));
        assert_eq!(registered(&response), Err(Refused::Malformed));
    }
    let mut huge = attested(|_| {});
    huge["response"]["clientDataJSON"] = json!("A".repeat(16_000));
    assert_eq!(registered(&huge), Err(Refused::Malformed));
}

/// A change of one member of a response: a byte that differs, an end that is missing, or other bytes.
#[derive(Clone, Debug)]
enum Change {
    Flip(usize, u8),
    Cut(usize),
    Replace(Vec<u8>),
    Insert(usize, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    let some = || prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        (any::<usize>(), 1_u8..).prop_map(|(place, bits)| Change::Flip(place, bits)),
        any::<usize>().prop_map(Change::Cut),
        some().prop_map(Change::Replace),
        (any::<usize>(), some()).prop_map(|(place, bytes)| Change::Insert(place, bytes)),
    ]
}

fn changed(response: &Value, member: &str, change: &Change) -> Value {
    let text = response["response"][member].as_str().unwrap();
    let mut bytes = Base64UrlUnpadded::decode_vec(text).unwrap();
    let length = bytes.len();
    match change {
        Change::Flip(place, bits) => bytes[place % length] ^= bits,
        Change::Cut(place) => bytes.truncate(place % length),
        Change::Replace(other) => bytes.clone_from(other),
        Change::Insert(place, other) => {
            let tail = bytes.split_off(place % length);
            bytes.extend(other);
            bytes.extend(tail);
        }
    }
    let mut changed = response.clone();
    changed["response"][member] = json!(Base64UrlUnpadded::encode_string(&bytes));
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// A seed that fails is printed, and kept beside this file.
    #[test]
    fn p55_an_assertion_with_any_change_is_refused(
        member in prop::sample::select(vec!["clientDataJSON", "authenticatorData", "signature"]),
        change in change(),
    ) {
        let options = options(&party());
        let mut key = Authenticator::ed25519(ORIGIN);
        let credential = registered(&key.register(&options)).unwrap();
        let good = key.sign_in(&options);
        prop_assert_eq!(signed_in(&good, &credential), Ok(2));
        let bad = changed(&good, member, &change);
        prop_assert!(bad == good || signed_in(&bad, &credential).is_err());
    }

    #[test]
    fn p55_an_attestation_with_any_change_never_registers_another_key(change in change()) {
        let mut key = Authenticator::es256(ORIGIN);
        let good = key.register(&options(&party()));
        let bad = changed(&good, "attestationObject", &change);
        // What an attestation of format none says of flags and counter is not signed.
        if let Ok(credential) = registered(&bad) {
            prop_assert_eq!(credential.public_key, key.public_key());
        }
    }
}
