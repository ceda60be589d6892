//! Access tokens: the input is an `Authorization` header, or, after a first byte of `!`, a header and claims
//! of a token, a line each, that is signed with the right key and has any content.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::{
    Algorithm,
    alg::{Ed25519, SigningKey as _},
};
use nolapse_server::{
    domain::Timestamp,
    verifier::{self, KeySet, KeySource, MAX_TOKEN_BYTES, PublicKey, Verifier},
};
use serde_json::Value;

use crate::now;

type PrivateKey = <Ed25519 as Algorithm>::SigningKey;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const ISSUER: &str = "https://auth.example.com";
const AUDIENCE: &str = "https://api.example.com";

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_bytes(&[7; 32]));
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let key = PublicKey::ed25519(KEY.to_verifying_key().as_bytes());
    let key = key.and_then(|key| key.for_algorithm(verifier::Algorithm::Ed25519));
    let keys: KeySet = key.map(|key| ("k1".to_owned(), key)).into_iter().collect();
    Verifier::new(ISSUER, AUDIENCE, KeySource::given(keys))
});

/// Verifies the token and returns whether it is accepted. It must be signed, and parse in a second reader of JSON.
///
/// # Panics
/// Panics if something does.
pub fn check(input: &[u8]) -> bool {
    if let Some(parts) = input.strip_prefix(b"!") {
        return check_signed(parts);
    }
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(line) = HeaderValue::from_bytes(line) {
            headers.append(header::AUTHORIZATION, line);
        }
    }
    assert!(
        now(VERIFIER.authorize(&headers)).is_err(),
        "nobody has signed this"
    );
    let token = String::from_utf8_lossy(input);
    assert!(
        now(VERIFIER.verify(NOW, &token)).is_err(),
        "nobody has signed this"
    );
    false
}

fn check_signed(parts: &[u8]) -> bool {
    let mut parts = parts.splitn(2, |byte| *byte == b'\n');
    let (head, claims) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let encode = Base64UrlUnpadded::encode_string;
    let signed = format!("{}.{}", encode(head), encode(claims));
    let signature = Ed25519.sign(&KEY, signed.as_bytes()).to_bytes();
    let token = format!("{signed}.{}", encode(&signature));
    let Ok(verified) = now(VERIFIER.verify(NOW, &token)) else {
        return false;
    };
    assert!(token.len() <= MAX_TOKEN_BYTES);
    let read = |part: &[u8]| serde_json::from_slice::<Value>(part).unwrap_or_default();
    let (head, claims) = (read(head), read(claims));
    assert_eq!(head["alg"], "Ed25519");
    assert_eq!(head["kid"], "k1");
    assert_eq!(head.as_object().map(serde_json::Map::len), Some(3));
    assert_eq!(claims["iss"], ISSUER);
    let is_ours = claims["aud"] == AUDIENCE
        || claims["aud"]
            .as_array()
            .is_some_and(|all| all.contains(&AUDIENCE.into()));
    assert!(is_ours);
    assert_eq!(claims["sub"], verified.subject.as_str());
    assert_eq!(claims["sid"], verified.session.as_str());
    assert!(verified.issued_at < verified.expires_at && NOW < verified.expires_at);
    true
}
