use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const URL: &str = "https://auth.example.com/auth/refresh";

fn proof(claims: &Value) -> String {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let encode = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) });
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk }).to_string();
    let claims = claims.to_string();
    let signed = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.as_bytes())
    );
    let signature = pair.sign(&random, signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(signature.as_ref()))
}

fn verify(key: &ProofKey, text: &str) -> Result<Proof, Refusal> {
    let target = Target {
        method: "POST",
        is_url: &|url| url == URL,
    };
    key.verify(NOW, text, &target)
}

fn at(seconds: i64) -> Timestamp {
    let now = i64::try_from(NOW.as_secs()).unwrap();
    Timestamp::from_millis(u64::try_from(now + seconds).unwrap() * 1_000)
}

#[test]
fn p54_a_proof_is_accepted_within_two_minutes_and_remembered_until_it_is_not() {
    let key = ProofKey::from_bytes([1; 32]);
    for (seconds, is_accepted) in [
        (-121, false),
        (-120, true),
        (0, true),
        (120, true),
        (121, false),
    ] {
        let claims = json!({ "jti": "a", "htm": "POST", "htu": URL, "iat": at(seconds).as_secs() });
        let verified = verify(&key, &proof(&claims));
        assert_eq!(verified.is_ok(), is_accepted, "{seconds}");
        match verified {
            Ok(proof) => assert_eq!(proof.until, at(seconds + 120)),
            Err(refusal) => assert_eq!(refusal, Refusal::Time),
        }
    }
}

#[test]
fn p54_a_nonce_is_accepted_for_five_minutes_by_every_server_with_the_secret() {
    let (key, other) = (ProofKey::from_bytes([1; 32]), ProofKey::from_bytes([2; 32]));
    let with = |nonce: &str| {
        let claims = json!({ "jti": "a", "htm": "POST", "htu": URL, "iat": 1, "nonce": nonce });
        verify(&key, &proof(&claims))
    };
    for (age, is_accepted) in [
        (-6, false),
        (-5, true),
        (0, true),
        (300, true),
        (301, false),
    ] {
        let nonce = ProofKey::from_bytes([1; 32]).nonce(at(-age)).to_text();
        let verified = with(&nonce);
        assert_eq!(verified.is_ok(), is_accepted, "{age}");
        if let Ok(proof) = verified {
            assert_eq!(proof.until, at(300 - age));
        }
    }
    let nonce = other.nonce(NOW).to_text();
    for foreign in [
        &*nonce,
        "",
        "A",
        key.nonce(NOW).to_text().get(..20).unwrap(),
    ] {
        assert_eq!(with(foreign), Err(Refusal::Nonce));
    }
    assert_eq!(key.nonce(NOW).seconds(), NOW.as_secs());
}

#[test]
fn p54_a_changed_byte_anywhere_is_refused() {
    let key = ProofKey::from_bytes([1; 32]);
    let claims = json!({ "jti": "a", "htm": "POST", "htu": URL, "iat": NOW.as_secs() });
    let text = proof(&claims);
    assert!(verify(&key, &text).is_ok());
    for place in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify(&key, &changed).is_err(), "{place}");
        assert!(verify(&key, text.get(..place).unwrap()).is_err(), "{place}");
    }
}
