//! P46: every known way to forge, confuse or bend an access token is refused, each by its own name.

mod attacks;
mod curve;
mod key_sets;
mod readings;

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::{Algorithm, alg::Ed25519};
use nolapse::verify::Expected;
use nolapse_server::{
    domain::{Email, PasswordHash, Role, SessionId, Timestamp, User, UserId},
    keys::ServerKeys,
    tokens::{self, TokenConfig},
    verifier::{KeySet, KeySource, PublicKey, Refusal, Verified, Verifier},
};
use serde_json::{Value, json};

type PrivateKey = <Ed25519 as Algorithm>::SigningKey;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const ISSUER: &str = "https://auth.example.com";
const AUDIENCE: &str = "https://api.example.com";

fn key() -> PrivateKey {
    PrivateKey::from_bytes(&[7; 32])
}

fn public() -> PublicKey {
    key().verifying_key()
}

fn verifier() -> Verifier {
    let keys: KeySet = [("k1".to_owned(), public())].into_iter().collect();
    Verifier::new(ISSUER, AUDIENCE, KeySource::given(keys))
}

fn header() -> Value {
    json!({ "alg": "Ed25519", "typ": "at+jwt", "kid": "k1" })
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "u", "sid": "s", "jti": "j", "client_id": "web",
        "role": "member", "iat": NOW.as_secs(), "nbf": NOW.as_secs(), "exp": NOW.as_secs() + 60,
    })
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn less(mut object: Value, name: &str) -> Value {
    object.as_object_mut().expect("an object").remove(name);
    object
}

fn encode(part: &str) -> String {
    Base64UrlUnpadded::encode_string(part.as_bytes())
}

/// Signs these texts as header and claims, whatever they are.
fn sign(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = Ed25519.sign(&key(), message.as_bytes()).to_bytes();
    format!("{message}.{}", Base64UrlUnpadded::encode_string(&signature))
}

fn forge(header: &Value, claims: &Value) -> String {
    sign(&header.to_string(), &claims.to_string())
}

async fn verify_at(now: Timestamp, token: &str) -> Result<Verified, Refusal> {
    verifier().verify(now, token).await
}

/// Expects the same refusal of the server's verifier and of the reader that `nolapse/verify` is made of, which has no
/// clock.
async fn assert_refused(name: &str, token: &str, refusal: Refusal) {
    assert_eq!(verify_at(NOW, token).await, Err(refusal), "{name}");
    let keys: KeySet = [("k1".to_owned(), public())].into_iter().collect();
    let read = nolapse::verify::verify(token, &keys, expected());
    let judged = read.and_then(|claims| claims.check_times(NOW.as_millis()));
    assert_eq!(judged, Err(refusal), "{name}");
}

fn expected() -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        audience: AUDIENCE,
    }
}

#[tokio::test]
async fn p46_a_good_token_is_accepted_from_its_first_to_its_last_moment() {
    let token = forge(&header(), &claims());

    let found = verify_at(NOW, &token).await.expect("it is good");
    assert_eq!(found.subject, "u");
    assert_eq!(found.session, "s");
    let last = Timestamp::from_millis(NOW.as_millis() + 59_999);
    assert!(verify_at(last, &token).await.is_ok());
    let over = NOW + Duration::from_mins(1);
    assert_eq!(
        verify_at(over, &token).await,
        Err(Refusal::Expired),
        "no leeway"
    );
    let many = with(claims(), "aud", json!(["https://other.example", AUDIENCE]));
    assert!(verify_at(NOW, &forge(&header(), &many)).await.is_ok());
    let long_typ = with(header(), "typ", json!("application/AT+JWT"));
    assert!(verify_at(NOW, &forge(&long_typ, &claims())).await.is_ok());
}

#[tokio::test]
async fn p46_what_the_server_issues_passes_and_survives_a_rotation_of_keys() {
    let keys = ServerKeys::generate();
    let verifier = Verifier::new(ISSUER, AUDIENCE, KeySource::given(keys.public()));
    let config = TokenConfig {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        lifetime: Duration::from_mins(1),
    };
    let user = User {
        id: UserId::from_bytes([1; 16]),
        email: Email::parse("ada@example.org").expect("an address"),
        password: PasswordHash::from_text(String::new()),
        role: Role::Admin,
        disabled: false,
        created_at: NOW,
    };
    let session = SessionId::from_bytes([2; 16]);

    for key in [&keys.current, &keys.next] {
        let token = tokens::issue(NOW, &config, key, session, NOW, &user).expect("it is signed");
        let found = verifier.verify(NOW, &token).await.expect("it is good");
        assert_eq!(found.role, "admin");
        assert_eq!(found.expires_at.since(found.issued_at), config.lifetime);
        assert!(token.len() < 1_024, "{} bytes", token.len());
    }
}

#[tokio::test]
async fn p46_a_key_set_of_other_keys_is_read_without_them() {
    let own = Base64UrlUnpadded::encode_string(public().as_bytes());
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": own, "kid": "k1" });
    let set = json!({ "keys": [
        { "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "r" },
        { "kty": "oct", "k": own, "kid": "k1" },
        with(key.clone(), "use", json!("enc")),
        with(key.clone(), "alg", json!("EdDSA")),
        with(key.clone(), "x", json!("AAAA")),
        key,
    ]});
    let keys = KeySet::from_json(set.to_string().as_bytes()).expect("a key set");
    let verifier = Verifier::new(ISSUER, AUDIENCE, KeySource::given(keys));

    assert!(
        verifier
            .verify(NOW, &forge(&header(), &claims()))
            .await
            .is_ok()
    );
    assert!(KeySet::from_json(b"{}").is_none());
    assert!(KeySet::from_json(b"<html>").is_none());
}
