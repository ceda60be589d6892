//! Signatures and keys of the four algorithms, and what one of them could be taken for.

use hmac::{Hmac, Mac};
use nolapse_server::verifier::{Algorithm, KeySet, PublicKey, Refusal};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    NOW, assert_refused_by, claims, encode,
    forging::{Forger, spell},
    judge, less, with,
};

/// The order of P-256 (SP 800-186 §3.2.1.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn all() -> impl Iterator<Item = &'static Forger> {
    Algorithm::ALL.into_iter().map(Forger::of)
}

fn good(forger: &Forger) -> String {
    forger.forge(&forger.header(), &claims())
}

/// The two segments that are signed, with this `alg`.
fn message(forger: &Forger, algorithm: &str) -> String {
    let header = with(forger.header(), "alg", json!(algorithm));
    format!(
        "{}.{}",
        encode(&header.to_string()),
        encode(&claims().to_string())
    )
}

fn set_of(entries: &[Value]) -> KeySet {
    let set = json!({ "keys": entries }).to_string();
    KeySet::from_json(set.as_bytes()).expect("a key set")
}

#[tokio::test]
async fn p46_part1_each_algorithm_is_accepted_with_a_key_of_its_kind() {
    for forger in all() {
        let named = with(forger.jwk(), "alg", json!(forger.algorithm.as_str()));
        for keys in [forger.keys(), set_of(&[forger.jwk()]), set_of(&[named])] {
            let judged = judge(&keys, NOW, &good(forger)).await;
            assert!(judged.is_ok(), "{}", forger.algorithm);
        }
    }
}

#[tokio::test]
async fn p46_part1_a_token_that_names_another_algorithm_than_its_keys_is_refused() {
    for own in all() {
        let keys = own.keys();
        for other in all().filter(|other| other.algorithm != own.algorithm) {
            let name = format!("{} as {}", own.algorithm, other.algorithm);
            let token = own.sign_message(&message(own, other.algorithm.as_str()));
            assert_refused_by(&keys, &name, &token, Refusal::Algorithm).await;
            let token = good(other);
            assert_refused_by(&keys, &name, &token, Refusal::Algorithm).await;
        }
        for alg in [
            "none", "HS256", "HS384", "ES384", "ES256K", "PS256", "RS512",
        ] {
            let unsigned = message(own, alg);
            assert_refused_by(&keys, alg, &spell(&unsigned, &[]), Refusal::Algorithm).await;
            // The public key as a shared secret.
            let mut mac = Hmac::<Sha256>::new_from_slice(&own.public_bytes()).expect("any length");
            mac.update(unsigned.as_bytes());
            let confused = spell(&unsigned, &mac.finalize().into_bytes());
            assert_refused_by(&keys, alg, &confused, Refusal::Algorithm).await;
        }
    }
}

#[tokio::test]
async fn p46_part1_a_key_that_names_no_algorithm_verifies_by_those_of_its_kind_alone() {
    for own in all() {
        let keys = set_of(&[own.jwk()]);
        for other in all() {
            let is_of_kind = own.unrestricted().admits(other.algorithm);
            let judged = judge(&keys, NOW, &good(other)).await.err();
            let expected = (!is_of_kind).then_some(Refusal::Algorithm);
            assert_eq!(judged, expected, "{} as {}", own.algorithm, other.algorithm);
        }
    }
}

#[tokio::test]
async fn p46_part1_one_name_for_keys_of_two_kinds_or_algorithms_names_none() {
    let named = |forger: &Forger| with(forger.jwk(), "alg", json!(forger.algorithm.as_str()));
    for own in all() {
        for other in all().filter(|other| other.algorithm != own.algorithm) {
            let keys = set_of(&[named(own), named(other)]);
            assert_refused_by(&keys, "two keys", &good(own), Refusal::UnknownKey).await;
        }
    }
}

#[tokio::test]
async fn p46_part1_signatures_that_do_not_match_are_refused_whatever_the_algorithm() {
    for forger in all() {
        let keys = forger.keys();
        let message = message(forger, forger.algorithm.as_str());
        let bytes = forger.signature(&message);
        let admin = with(claims(), "role", json!("admin")).to_string();
        let (head, _) = message.split_once('.').expect("two parts");
        let another = Forger::new(forger.algorithm, 8).signature(&message);
        let wrong = [
            ("stripped", Vec::new()),
            ("zeros", vec![0; bytes.len()]),
            ("ones", vec![0xff; bytes.len()]),
            ("short", bytes[..bytes.len() - 1].to_vec()),
            ("a byte more", [&bytes[..], &[0]].concat()),
            ("a zero before", [&[0], &bytes[..]].concat()),
            ("another key", another),
        ];
        for (name, signature) in wrong {
            let token = spell(&message, &signature);
            assert_refused_by(&keys, name, &token, Refusal::Signature).await;
        }
        let changed = spell(&format!("{head}.{}", encode(&admin)), &bytes);
        assert_refused_by(&keys, "changed claims", &changed, Refusal::Signature).await;
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1;
            let token = spell(&message, &flipped);
            assert_refused_by(&keys, "a bit", &token, Refusal::Signature).await;
        }
    }
}

#[tokio::test]
async fn p46_part1_a_signature_of_es256_is_r_and_s_below_the_order_and_no_other_form() {
    let forger = Forger::of(Algorithm::Es256);
    let message = message(forger, "ES256");
    let bytes = forger.signature(&message);
    let (r, s) = bytes.split_at(32);
    let zero = [0; 32];
    let wrong = [
        ("DER", der(r, s)),
        ("r = 0", [&zero, s].concat()),
        ("s = 0", [r, &zero].concat()),
        ("r = n", [&ORDER, s].concat()),
        ("s = n", [r, &ORDER].concat()),
        ("r = s = n", [ORDER, ORDER].concat()),
        ("swapped", [s, r].concat()),
        (
            "as long as one of P-384",
            [&zero[..16], r, &zero[..16], s].concat(),
        ),
    ];
    for (name, signature) in wrong {
        let token = spell(&message, &signature);
        assert_refused_by(&forger.keys(), name, &token, Refusal::Signature).await;
    }
}

/// A signature as X.509 has it (RFC 3279 §2.2.3): a sequence of two numbers, each with a zero before its highest bit.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| [&[2, 33, 0], bytes].concat();
    [&[0x30, 70], &number(r)[..], &number(s)].concat()
}

#[tokio::test]
async fn p46_part1_odd_keys_of_p256_are_passed_over_and_the_others_are_read() {
    let forger = Forger::of(Algorithm::Es256);
    let own = forger.jwk();
    let x = own["x"].as_str().expect("a coordinate").to_owned();
    let zero = encode(&"\0".repeat(32));
    let swapped = with(with(own.clone(), "x", own["y"].clone()), "y", json!(x));
    let at_zero = with(with(own.clone(), "x", json!(zero)), "y", json!(zero));
    let odd = [
        with(own.clone(), "crv", json!("P-384")),
        with(own.clone(), "crv", json!("P-521")),
        with(own.clone(), "crv", json!("secp256k1")),
        with(own.clone(), "crv", json!("Ed25519")),
        less(own.clone(), "crv"),
        with(own.clone(), "kty", json!("OKP")),
        with(own.clone(), "kty", json!("RSA")),
        swapped,
        at_zero,
        with(own.clone(), "x", json!("_".repeat(42) + "8")),
        with(own.clone(), "x", json!(format!("{x}="))),
        with(own.clone(), "x", json!(format!("AA{x}"))),
        with(own.clone(), "x", json!("")),
        less(own.clone(), "y"),
        with(own.clone(), "y", json!(1)),
        with(own.clone(), "alg", json!("ES384")),
        with(own.clone(), "alg", json!("RS256")),
        with(own.clone(), "d", json!(zero)),
    ];
    assert_passed_over(forger, &odd).await;
    // Uncompressed alone, and neither infinity nor of another curve.
    for point in [&[][..], &[0], &[2; 33], &[4; 65], &[4; 97]] {
        assert_eq!(PublicKey::p256(point), None);
    }
}

#[tokio::test]
async fn p46_part1_odd_keys_of_rsa_are_passed_over_and_the_others_are_read() {
    let forger = Forger::of(Algorithm::Rs256);
    let own = forger.jwk();
    let n = own["n"].as_str().expect("a modulus").to_owned();
    let ones = |characters: usize| json!("_".repeat(characters));
    let mut odd = vec![
        // 1,024 and 2,040 bits, and 4,104.
        with(own.clone(), "n", json!("_".repeat(170) + "w")),
        with(own.clone(), "n", ones(340)),
        with(own.clone(), "n", ones(684)),
        with(own.clone(), "n", json!(format!("{n}=="))),
        with(own.clone(), "n", json!(format!("AAAA{n}"))),
        with(own.clone(), "n", json!("")),
        less(own.clone(), "n"),
        less(own.clone(), "e"),
        with(own.clone(), "kty", json!("EC")),
        with(own.clone(), "use", json!("enc")),
    ];
    for e in ["Aw", "AQ", "AAEAAQ", "AQAB=", "AQAC", ""] {
        odd.push(with(own.clone(), "e", json!(e)));
    }
    for alg in ["RS384", "RS512", "PS256", "HS256", "ES256", "none"] {
        odd.push(with(own.clone(), "alg", json!(alg)));
    }
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        odd.push(with(own.clone(), name, json!("AQAB")));
    }
    assert_passed_over(forger, &odd).await;
    let (mut least, mut most) = (vec![0xff; 256], vec![0xff; 512]);
    assert!(PublicKey::rsa(&least).is_some() && PublicKey::rsa(&most).is_some());
    (least[0], most[511]) = (0x7f, 0xfe);
    assert_eq!(PublicKey::rsa(&least), None, "2,047 bits");
    assert_eq!(PublicKey::rsa(&most), None, "an even number");
}

async fn assert_passed_over(forger: &Forger, odd: &[Value]) {
    for entry in odd {
        let alone = set_of(std::slice::from_ref(entry));
        assert_refused_by(
            &alone,
            &entry.to_string(),
            &good(forger),
            Refusal::UnknownKey,
        )
        .await;
        for entries in [[entry.clone(), forger.jwk()], [forger.jwk(), entry.clone()]] {
            let judged = judge(&set_of(&entries), NOW, &good(forger)).await;
            assert!(judged.is_ok(), "{entry}");
        }
    }
}

#[test]
fn p46_part1_a_key_set_says_of_each_key_what_it_is_and_is_read_as_it_was_written() {
    let named: Vec<_> = all()
        .map(|forger| (forger.algorithm.to_string(), forger.public()))
        .collect();
    let keys: KeySet = named.iter().cloned().collect();

    let json = keys.to_json();

    let read: Value = serde_json::from_str(&json).expect("JSON");
    let kinds = read["keys"].as_array().expect("a list").iter();
    let kinds: Vec<_> = kinds
        .map(|key| json!([key["kty"], key["crv"], key["alg"], key["kid"], key["use"]]))
        .collect();
    let expected = [
        json!(["EC", "P-256", "ES256", "ES256", "sig"]),
        json!(["OKP", "Ed25519", "EdDSA", "EdDSA", "sig"]),
        json!(["OKP", "Ed25519", "Ed25519", "Ed25519", "sig"]),
        json!(["RSA", null, "RS256", "RS256", "sig"]),
    ];
    assert_eq!(kinds, expected);
    let again = KeySet::from_json(json.as_bytes()).expect("a key set");
    for (name, key) in &named {
        assert_eq!(again.find(name), Some(key));
    }
}
