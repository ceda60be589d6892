//! A browser registers its key after a provider has sent it back (W3C, Device Bound Session Credentials).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

use crate::scene::{Scene, header};

/// Signs a challenge with a new key.
fn proof(challenge: &str) -> String {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let encode = Base64UrlUnpadded::encode_string;
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) });
    let header = json!({ "typ": "dbsc+jwt", "alg": "ES256", "jwk": jwk });
    let part = |value: &Value| encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&header), part(&json!({ "jti": challenge })));
    let signature = pair.sign(&random, signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(signature.as_ref()))
}

#[tokio::test]
async fn issue13_a_key_is_registered_without_the_cookie_that_a_foreign_navigation_lacks() {
    let scene = Scene::with(|config| config.dbsc = true).await;
    let asked = scene.begin().await;
    let claims = scene.provider.claims(&asked.nonce);
    scene.provider.give(&scene.provider.key.sign(&claims));
    let answer = scene.come_back(&asked).await;
    let start =
        r#"secure-session-registration: (ES256 RS256);path="/auth/dbsc/registration";challenge=""#;
    let challenge = header(&answer, start).unwrap();
    let challenge = challenge.trim_end_matches('"');

    for (challenge, status) in [("x", 401), (challenge, 200), (challenge, 400)] {
        let sent = format!("\r\nsecure-session-response: {}", proof(challenge));
        let cookie = format!("other=1{sent}");
        let path = "/auth/dbsc/registration";
        let registered = scene.post(path, &cookie, "text/plain", "").await;
        assert_eq!(registered.status, status, "{registered:?}");
    }
    // It was not proved yet.
    assert_eq!(scene.refresh(&answer.cookie()).await.status, 200);
}
