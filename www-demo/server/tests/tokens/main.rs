//! P46: every known way to forge, confuse or bend an access token is refused, each by its own name.

mod algorithms;
mod attacks;
mod curve;
mod forging;
mod key_sets;
mod readings;

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use forging::Forger;
use nolapse::verify::Expected;
use nolapse_server::{
    domain::{
        Authentication, Email, Limits, NewSession, PasswordHash, RefreshToken, Role, Session,
        SessionId, Timestamp, User, UserId,
    },
    keys::ServerKeys,
    tokens::{self, TokenConfig},
    verifier::{Algorithm, KeySet, KeySource, Refusal, Verified, Verifier},
};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const ISSUER: &str = "https://auth.example.com";
const AUDIENCE: &str = "https://api.example.com";

/// The forger of the server's default algorithm, for all that is not about one.
fn forger() -> &'static Forger {
    Forger::of(Algorithm::default())
}

fn header() -> Value {
    forger().header()
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
    forger().sign_bytes(header.as_bytes(), claims.as_bytes())
}

fn forge(header: &Value, claims: &Value) -> String {
    forger().forge(header, claims)
}

async fn verify_at(now: Timestamp, token: &str) -> Result<Verified, Refusal> {
    judge(&forger().keys(), now, token).await
}

/// Judges a token by the server's verifier, and expects the same of the reader that `nolapse/verify` is made of, which has
/// no clock.
async fn judge(keys: &KeySet, now: Timestamp, token: &str) -> Result<Verified, Refusal> {
    let verifier = Verifier::new(ISSUER, AUDIENCE, KeySource::given(keys.clone()));
    let found = verifier.verify(now, token).await;
    let read = nolapse::verify::verify(token, keys, expected());
    let judged = read.and_then(|claims| claims.check_times(now.as_millis()));
    assert_eq!(judged.err(), found.as_ref().err().copied());
    found
}

async fn assert_refused(name: &str, token: &str, refusal: Refusal) {
    assert_refused_by(&forger().keys(), name, token, refusal).await;
}

async fn assert_refused_by(keys: &KeySet, name: &str, token: &str, refusal: Refusal) {
    assert_eq!(judge(keys, NOW, token).await, Err(refusal), "{name}");
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
async fn p46_part1_what_the_server_issues_passes_by_each_algorithm_and_survives_a_rotation_of_keys()
{
    for algorithm in Algorithm::ALL {
        let keys = ServerKeys::generate(algorithm).expect("random bytes");
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
        let first = RefreshToken::first(SessionId::from_bytes([2; 16]), [0; 32]);
        let new = NewSession::new(String::new(), Authentication::by_password(NOW));
        let session = Session::begin(NOW, &first, user.id, new, &Limits::default());
        // As a verifier elsewhere gets it.
        let published = KeySet::from_json(keys.public().to_json().as_bytes()).expect("a key set");

        for key in [&keys.current, &keys.next] {
            let token = tokens::issue(NOW, &config, key, &session, &user).expect("signed");
            for keys in [&keys.public(), &published] {
                let found = judge(keys, NOW, &token).await.expect("it is good");
                assert_eq!(found.role, "admin");
                assert_eq!(found.authenticated_at, Some(NOW));
                assert_eq!(
                    found.authentication_context.as_deref(),
                    Some("urn:nolapse:acr:1")
                );
                assert_eq!(found.authentication_methods, ["pwd"]);
                assert_eq!(found.expires_at.since(found.issued_at), config.lifetime);
            }
            assert!(token.len() < 1_024, "{} bytes", token.len());
        }
    }
}

#[tokio::test]
async fn p46_a_key_set_of_other_keys_is_read_without_them() {
    let key = forger().jwk();
    let set = json!({ "keys": [
        { "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "r" },
        { "kty": "oct", "k": key["x"], "kid": "k1" },
        with(key.clone(), "use", json!("enc")),
        with(key.clone(), "alg", json!("ES384")),
        with(key.clone(), "x", json!("AAAA")),
        key,
    ]});
    let keys = KeySet::from_json(set.to_string().as_bytes()).expect("a key set");

    assert!(
        judge(&keys, NOW, &forge(&header(), &claims()))
            .await
            .is_ok()
    );
    assert!(KeySet::from_json(b"{}").is_none());
    assert!(KeySet::from_json(b"<html>").is_none());
}
