//! Access tokens: the input is an `Authorization` header, or, after a first byte that names a key, a header and claims of a
//! token, a line each, that is signed with that key and has any content.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use base64ct::{Base64UrlUnpadded, Encoding};
use nolapse_server::{
    domain::Timestamp,
    fuzzing::{sign, signing_key},
    keys::SigningKey,
    verifier::{Algorithm, KeySet, KeySource, MAX_TOKEN_BYTES, Verifier},
};
use serde_json::Value;

use crate::now;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const ISSUER: &str = "https://auth.example.com";
const AUDIENCE: &str = "https://api.example.com";

/// The keys: the first byte that names each, its `kid`, and what it signs with.
const KEYS: [(u8, &str, Algorithm); 4] = [
    (b'!', "k1", Algorithm::Ed25519),
    (b'#', "k2", Algorithm::Es256),
    (b'$', "k3", Algorithm::Rs256),
    (b'%', "k4", Algorithm::EdDsa),
];

/// A private key for each of [`KEYS`].
static PRIVATE: LazyLock<[SigningKey; 4]> = LazyLock::new(|| {
    KEYS.map(|(_, _, algorithm)| signing_key(algorithm).expect("there are random bytes"))
});
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let keys = KEYS.iter().zip(PRIVATE.iter());
    let keys: KeySet = keys
        .map(|((_, id, _), key)| ((*id).to_owned(), key.public().clone()))
        .collect();
    Verifier::new(ISSUER, AUDIENCE, KeySource::given(keys))
});

/// Verifies the token and returns whether it is accepted. It must be signed, and parse in a second reader of JSON.
///
/// # Panics
/// Panics if something does.
pub fn check(input: &[u8]) -> bool {
    for (place, (name, _, _)) in KEYS.iter().enumerate() {
        if let Some(parts) = input.strip_prefix(&[*name]) {
            return check_signed(place, parts);
        }
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

/// Signs with the key at a place of [`KEYS`]: what is accepted names it and its algorithm.
fn check_signed(place: usize, parts: &[u8]) -> bool {
    let mut parts = parts.splitn(2, |byte| *byte == b'\n');
    let (head, claims) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let encode = Base64UrlUnpadded::encode_string;
    let signed = format!("{}.{}", encode(head), encode(claims));
    let signature = sign(&PRIVATE[place], signed.as_bytes()).expect("there are random bytes");
    let token = format!("{signed}.{}", encode(&signature));
    let Ok(verified) = now(VERIFIER.verify(NOW, &token)) else {
        return false;
    };
    assert!(token.len() <= MAX_TOKEN_BYTES);
    let read = |part: &[u8]| serde_json::from_slice::<Value>(part).unwrap_or_default();
    let (head, claims) = (read(head), read(claims));
    let (_, id, algorithm) = KEYS[place];
    assert_eq!(head["alg"], algorithm.as_str());
    assert_eq!(head["kid"], id);
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
