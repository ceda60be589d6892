//! What Ed25519 allows and a verifier must not: keys of small order, and other spellings of one signature.

use base64ct::{Base64UrlUnpadded, Encoding};
use nolapse_server::verifier::{Algorithm, KeySet, PublicKey, Refusal};
use serde_json::json;

use super::{
    NOW, assert_refused_by, claims, encode,
    forging::{Forger, spell},
    judge,
};

fn forger() -> &'static Forger {
    Forger::of(Algorithm::Ed25519)
}

/// The encodings of points of small order that a decoder takes, canonical and not: y, and the sign bit of x.
fn small_order() -> Vec<[u8; 32]> {
    let hex = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        // y = p + 1 and y = p: the first two again, unreduced.
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let with_signs = hex.iter().flat_map(|text| {
        let digit = |at: usize| char::from(text.as_bytes()[at]).to_digit(16).expect("hex");
        let mut bytes: [u8; 32] = std::array::from_fn(|at| {
            u8::try_from(16 * digit(2 * at) + digit(2 * at + 1)).expect("two digits")
        });
        let positive = bytes;
        bytes[31] |= 0x80;
        [positive, bytes]
    });
    with_signs.collect()
}

fn token_with(signature: &[u8; 64]) -> String {
    let message = format!(
        "{}.{}",
        encode(&forger().header().to_string()),
        encode(&claims().to_string())
    );
    spell(&message, signature)
}

#[tokio::test]
async fn p46_line16_a_key_of_small_order_verifies_nothing_and_is_in_no_set() {
    let mut judged = 0;
    for point in small_order() {
        let x = Base64UrlUnpadded::encode_string(&point);
        let set = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k1" }] });
        let keys = KeySet::from_json(set.to_string().as_bytes()).expect("a key set");
        let given: Option<KeySet> =
            PublicKey::ed25519(&point).map(|key| [("k1".to_owned(), key)].into_iter().collect());
        // S = 0 and R of small order: with a key of small order, R = −kA for one message in eight or fewer.
        for first in small_order() {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&first);
            let token = token_with(&signature);
            assert_refused_by(&keys, &x, &token, Refusal::UnknownKey).await;
            if let Some(given) = &given {
                assert_refused_by(given, &x, &token, Refusal::Signature).await;
                judged += 1;
            }
        }
    }
    assert!(judged > 100, "{judged} pairs");
}

#[tokio::test]
async fn p46_line16_a_key_in_another_spelling_than_the_canonical_is_in_no_set() {
    // y = p + k for small k: points of any order, spelt unreduced (RFC 8032 §5.1.3).
    let mut spelt = 0;
    for k in 0..19_u8 {
        for sign in [0, 0x80] {
            let mut point = [0xff; 32];
            point[0] = 0xed + k;
            point[31] = 0x7f | sign;
            spelt += usize::from(PublicKey::ed25519(&point).is_some());
            let x = Base64UrlUnpadded::encode_string(&point);
            let set = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k1" }] });
            let keys = KeySet::from_json(set.to_string().as_bytes()).expect("a key set");
            assert_eq!(keys.to_json(), r#"{"keys":[]}"#, "{k}");
        }
    }
    assert!(spelt > 4, "{spelt} of them are points");
}

#[tokio::test]
async fn p46_line16_another_spelling_of_a_good_signature_is_refused() {
    let keys = forger().keys();
    let good = forger().forge(&forger().header(), &claims());
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let mut bytes = [0; 64];
    Base64UrlUnpadded::decode(signature, &mut bytes).expect("base64url");

    // S + L, the order of the base point: the same scalar, not reduced (RFC 8032 §5.1.7).
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut malleable = bytes;
    let mut carry = 0_u16;
    for (byte, more) in malleable[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let malleable = spell(message, &malleable);
    assert_refused_by(&keys, "S + L", &malleable, Refusal::Signature).await;
    // The last character of 86 has four unused bits.
    let last = signature.chars().last().expect("a character");
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let others = alphabet.chars().filter(|other| *other != last);
    for other in others {
        let bent = format!("{}{other}", good.strip_suffix(last).expect("its last"));
        let refused = judge(&keys, NOW, &bent).await;
        assert!(refused.is_err(), "{other} for {last}");
    }
}
