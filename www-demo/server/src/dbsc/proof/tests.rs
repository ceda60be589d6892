use ring::{
    rand::SystemRandom,
    rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use serde_json::json;

use super::*;

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| encode(value.to_string().as_bytes());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = sign(text.as_bytes());
    format!("{text}.{}", encode(&signature))
}

/// A key of P-256 as a JWK, and what signs with it.
fn es256() -> (Value, impl Fn(&[u8]) -> Vec<u8>) {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let sign = move |text: &[u8]| pair.sign(&random, text).unwrap().as_ref().to_vec();
    (jwk, sign)
}

/// A key of RSA as a JWK, and what signs with it.
fn rs256() -> (Value, impl Fn(&[u8]) -> Vec<u8>) {
    use ::rsa::{PrivateKey, pkcs1::EncodeRsaPrivateKey, rand_core::UnwrapErr};
    let mut random = UnwrapErr(getrandom::SysRng);
    let key = PrivateKey::new(&mut random, 2_048).unwrap();
    let der = key.to_pkcs1_der().unwrap();
    let pair = rsa::KeyPair::from_der(der.as_bytes()).unwrap();
    let numbers = rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
    let jwk = json!({ "kty": "RSA", "n": encode(&numbers.n), "e": encode(&numbers.e) });
    let sign = move |text: &[u8]| {
        let mut signature = vec![0; pair.public().modulus_len()];
        let random = SystemRandom::new();
        pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature)
            .unwrap();
        signature
    };
    (jwk, sign)
}

#[test]
fn p54_a_proof_is_by_its_own_key_of_either_kind_and_by_no_other() {
    let claims = json!({ "jti": "challenge" });
    let (ec, by_ec) = es256();
    let (rsa, by_rsa) = rs256();
    let header = |alg: &str, jwk: &Value| json!({ "typ": "dbsc+jwt", "alg": alg, "jwk": jwk });
    let ec_text = signed(&header("ES256", &ec), &claims, &by_ec);
    let rsa_text = signed(&header("RS256", &rsa), &claims, &by_rsa);

    let (one, other) = (DbscProof::parse(&ec_text), DbscProof::parse(&rsa_text));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.challenge(), "challenge");
    let (ec_key, rsa_key) = (one.own_key().unwrap(), other.own_key().unwrap());
    assert_eq!(
        (ec_key.as_bytes().len(), rsa_key.as_bytes().len()),
        (65, 256)
    );
    assert!(one.is_signed_by(&ec_key) && !one.is_signed_by(&rsa_key));
    assert!(other.is_signed_by(&rsa_key) && !other.is_signed_by(&ec_key));
    // A key of the other kind under its name.
    for (alg, jwk, by) in [("RS256", &ec, true), ("ES256", &rsa, false)] {
        let header = header(alg, jwk);
        let text = if by {
            signed(&header, &claims, &by_ec)
        } else {
            signed(&header, &claims, &by_rsa)
        };
        assert_eq!(DbscProof::parse(&text).unwrap().own_key(), None);
    }
    // A refresh has no key in its header.
    let text = signed(
        &json!({ "typ": "dbsc+jwt", "alg": "ES256" }),
        &claims,
        &by_ec,
    );
    let bare = DbscProof::parse(&text).unwrap();
    assert!(bare.is_signed_by(&ec_key));
    assert_eq!(bare.own_key(), None);
}

#[test]
fn p54_what_is_no_proof_is_refused() {
    let (jwk, sign) = es256();
    let header = json!({ "typ": "dbsc+jwt", "alg": "ES256", "jwk": jwk });
    let claims = json!({ "jti": "challenge" });
    let altered = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        header
    };
    for (name, value) in [
        ("typ", json!("JWT")),
        ("typ", json!("dpop+jwt")),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES384")),
        ("alg", Value::Null),
        ("crit", json!(["b64"])),
    ] {
        let text = signed(&altered(name, value), &claims, &sign);
        assert_eq!(DbscProof::parse(&text).err(), Some(Malformed), "{name}");
    }
    for claims in [json!({}), json!({ "jti": 1 }), json!([]), json!(null)] {
        let text = signed(&header, &claims, &sign);
        assert_eq!(DbscProof::parse(&text).err(), Some(Malformed), "{claims}");
    }
    for text in ["", "x", "a.b", "a.b.c", "....", "é.é.é"] {
        assert_eq!(DbscProof::parse(text).err(), Some(Malformed), "{text}");
    }
    let long = signed(&header, &json!({ "jti": "a".repeat(5_000) }), &sign);
    assert_eq!(DbscProof::parse(&long).err(), Some(Malformed));

    let x = jwk["x"].clone();
    for (name, value) in [
        ("crv", json!("P-384")),
        ("kty", json!("OKP")),
        ("y", x.clone()),
        ("x", json!("AA")),
        ("d", x),
    ] {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        let text = signed(&altered("jwk", jwk), &claims, &sign);
        assert_eq!(DbscProof::parse(&text).unwrap().own_key(), None, "{name}");
    }
    let (other, _) = es256();
    let text = signed(&altered("jwk", other), &claims, &sign);
    assert_eq!(DbscProof::parse(&text).unwrap().own_key(), None);
    let text = signed(&header, &claims, |_| vec![0; 64]);
    assert_eq!(DbscProof::parse(&text).unwrap().own_key(), None);
}

#[test]
fn p54_a_proof_that_differs_in_one_character_is_none_of_its_key() {
    let (jwk, sign) = es256();
    let header = json!({ "typ": "dbsc+jwt", "alg": "ES256", "jwk": jwk });
    let text = signed(&header, &json!({ "jti": "challenge" }), &sign);
    let genuine = DbscProof::parse(&text).unwrap().own_key().unwrap();

    for place in 0..text.len() {
        for other in ["A", "B", ".", "=", "é", ""] {
            let mut altered = text.clone();
            altered.replace_range(place..=place, other);
            if altered == text {
                continue;
            }
            let is_taken = DbscProof::parse(&altered)
                .is_ok_and(|proof| proof.own_key().is_some() || proof.is_signed_by(&genuine));
            assert!(!is_taken, "{place}: {altered}");
        }
    }
}
