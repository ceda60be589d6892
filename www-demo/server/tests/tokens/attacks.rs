//! The table of attacks.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use jwt_compact::{Algorithm, alg::Ed25519};
use nolapse_server::verifier::{MAX_TOKEN_BYTES, Refusal};
use serde_json::json;

use super::{
    NOW, PrivateKey, assert_refused, claims, encode, forge, header, less, public, sign, with,
};

#[tokio::test]
async fn p46_headers_that_ask_for_another_way_of_checking_are_refused() {
    let table = [
        (
            "none",
            with(header(), "alg", json!("none")),
            Refusal::Algorithm,
        ),
        (
            "None",
            with(header(), "alg", json!("None")),
            Refusal::Algorithm,
        ),
        (
            "HS256",
            with(header(), "alg", json!("HS256")),
            Refusal::Algorithm,
        ),
        (
            "EdDSA",
            with(header(), "alg", json!("EdDSA")),
            Refusal::Algorithm,
        ),
        (
            "ES256",
            with(header(), "alg", json!("ES256")),
            Refusal::Algorithm,
        ),
        (
            "alg as a list",
            with(header(), "alg", json!(["Ed25519"])),
            Refusal::Malformed,
        ),
        ("no alg", less(header(), "alg"), Refusal::Malformed),
        (
            "an ID token",
            with(header(), "typ", json!("JWT")),
            Refusal::Type,
        ),
        ("no typ", less(header(), "typ"), Refusal::Type),
        (
            "typ as a number",
            with(header(), "typ", json!(1)),
            Refusal::Type,
        ),
        (
            "unknown crit",
            with(header(), "crit", json!(["exp"])),
            Refusal::Header,
        ),
        ("b64", with(header(), "b64", json!(false)), Refusal::Header),
        (
            "own key",
            with(header(), "jwk", json!({ "kty": "OKP" })),
            Refusal::Header,
        ),
        (
            "key URL",
            with(header(), "jku", json!("https://evil.example")),
            Refusal::Header,
        ),
        (
            "certificate URL",
            with(header(), "x5u", json!("https://evil.example")),
            Refusal::Header,
        ),
        (
            "certificate",
            with(header(), "x5c", json!(["MII"])),
            Refusal::Header,
        ),
        (
            "content type",
            with(header(), "cty", json!("cbor")),
            Refusal::Header,
        ),
        ("no kid", less(header(), "kid"), Refusal::Malformed),
        (
            "unknown kid",
            with(header(), "kid", json!("k2")),
            Refusal::UnknownKey,
        ),
        (
            "kid as a path",
            with(header(), "kid", json!("../../dev/null")),
            Refusal::UnknownKey,
        ),
        (
            "kid as SQL",
            with(header(), "kid", json!("' OR 1=1 --")),
            Refusal::UnknownKey,
        ),
        (
            "empty kid",
            with(header(), "kid", json!("")),
            Refusal::UnknownKey,
        ),
    ];
    for (name, header, refusal) in table {
        assert_refused(name, &forge(&header, &claims()), refusal).await;
    }
}

#[tokio::test]
async fn p46_claims_that_are_missing_wrong_or_of_the_wrong_type_are_refused() {
    let now = NOW.as_secs();
    let table = [
        (
            "issuer",
            with(claims(), "iss", json!("https://auth.example.com/")),
            Refusal::Issuer,
        ),
        ("no issuer", less(claims(), "iss"), Refusal::Malformed),
        (
            "audience",
            with(claims(), "aud", json!("https://api.example.co")),
            Refusal::Audience,
        ),
        (
            "audiences",
            with(claims(), "aud", json!(["a", "b"])),
            Refusal::Audience,
        ),
        (
            "no audience at all",
            with(claims(), "aud", json!([])),
            Refusal::Audience,
        ),
        ("no audience", less(claims(), "aud"), Refusal::Malformed),
        (
            "audience as a number",
            with(claims(), "aud", json!(1)),
            Refusal::Malformed,
        ),
        ("no exp", less(claims(), "exp"), Refusal::Malformed),
        (
            "exp as a text",
            with(claims(), "exp", json!("9999999999")),
            Refusal::Malformed,
        ),
        (
            "exp as null",
            with(claims(), "exp", json!(null)),
            Refusal::Malformed,
        ),
        (
            "exp beyond time",
            with(claims(), "exp", json!(u64::MAX)),
            Refusal::Malformed,
        ),
        (
            "exp before time",
            with(claims(), "exp", json!(-1)),
            Refusal::Malformed,
        ),
        (
            "exp now",
            with(claims(), "exp", json!(now)),
            Refusal::Expired,
        ),
        (
            "exp past",
            with(claims(), "exp", json!(now - 1)),
            Refusal::Expired,
        ),
        ("no iat", less(claims(), "iat"), Refusal::Malformed),
        (
            "iat ahead",
            with(claims(), "iat", json!(now + 30)),
            Refusal::Early,
        ),
        (
            "iat after exp",
            with(claims(), "iat", json!(now + 61)),
            Refusal::Expired,
        ),
        (
            "nbf ahead",
            with(claims(), "nbf", json!(now + 30)),
            Refusal::Early,
        ),
        (
            "nbf as a text",
            with(claims(), "nbf", json!("now")),
            Refusal::Malformed,
        ),
        ("no sub", less(claims(), "sub"), Refusal::Malformed),
        (
            "sub as a number",
            with(claims(), "sub", json!(7)),
            Refusal::Malformed,
        ),
        ("no sid", less(claims(), "sid"), Refusal::Malformed),
        ("no jti", less(claims(), "jti"), Refusal::Malformed),
        ("no client", less(claims(), "client_id"), Refusal::Malformed),
        (
            "role as a list",
            with(claims(), "role", json!(["admin"])),
            Refusal::Malformed,
        ),
    ];
    for (name, claims, refusal) in table {
        assert_refused(name, &forge(&header(), &claims), refusal).await;
    }
}

#[tokio::test]
async fn p46_doubled_members_are_refused_wherever_they_are() {
    let header = header().to_string();
    let claims = claims().to_string();
    let doubled = |text: &str, more: &str| text.replacen('{', &format!("{{{more},"), 1);

    for more in [r#""alg":"Ed25519""#, r#""kid":"k1""#, r#""typ":"at+jwt""#] {
        assert_refused(
            more,
            &sign(&doubled(&header, more), &claims),
            Refusal::Malformed,
        )
        .await;
    }
    for more in [
        r#""role":"admin""#,
        r#""sub":"someone""#,
        r#""exp":9999999999"#,
        r#""extra":{"a":1,"a":2}"#,
        r#""extra":[{"a":1,"\u0061":2}]"#,
    ] {
        assert_refused(
            more,
            &sign(&header, &doubled(&claims, more)),
            Refusal::Malformed,
        )
        .await;
    }
}

#[tokio::test]
async fn p46_signatures_that_do_not_match_are_refused() {
    let good = forge(&header(), &claims());
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let short: String = signature.chars().take(80).collect();
    let admin = with(claims(), "role", json!("admin")).to_string();
    let (head, _) = message.split_once('.').expect("two parts");
    let hs_header = encode(&with(header(), "alg", json!("HS256")).to_string());
    let hs_message = format!("{hs_header}.{}", encode(&claims().to_string()));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(public().as_bytes()).expect("any length");
    mac.update(hs_message.as_bytes());
    let confused = Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes());
    let zeros = Base64UrlUnpadded::encode_string(&[0; 64]);
    let other = PrivateKey::from_bytes(&[8; 32]);
    let foreign = Ed25519.sign(&other, message.as_bytes()).to_bytes();
    let foreign = Base64UrlUnpadded::encode_string(&foreign);

    let table = [
        ("stripped", format!("{message}."), Refusal::Signature),
        ("zeros", format!("{message}.{zeros}"), Refusal::Signature),
        ("short", format!("{message}.{short}"), Refusal::Signature),
        (
            "another key",
            format!("{message}.{foreign}"),
            Refusal::Signature,
        ),
        (
            "changed claims",
            format!("{head}.{}.{signature}", encode(&admin)),
            Refusal::Signature,
        ),
        (
            "the public key as a secret",
            format!("{hs_message}.{confused}"),
            Refusal::Algorithm,
        ),
    ];
    for (name, token, refusal) in table {
        assert_refused(name, &token, refusal).await;
    }
}

#[tokio::test]
async fn p46_what_is_no_token_is_refused_before_anything_is_decoded() {
    let good = forge(&header(), &claims());
    let large = with(claims(), "extra", json!("x".repeat(MAX_TOKEN_BYTES)));
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));

    let table = [
        ("empty", String::new(), Refusal::Malformed),
        ("dots", "..".to_owned(), Refusal::Malformed),
        ("two parts", "a.b".to_owned(), Refusal::Malformed),
        ("five parts", "a.b.c.d.e".to_owned(), Refusal::Malformed),
        ("four parts", format!("{good}.x"), Refusal::Malformed),
        ("padding", good.replacen('.', "=.", 1), Refusal::Malformed),
        ("blank", format!(" {good}"), Refusal::Malformed),
        (
            "plain base64",
            good.replace('_', "/").replace('e', "+"),
            Refusal::Malformed,
        ),
        (
            "not JSON",
            sign("{", &claims().to_string()),
            Refusal::Malformed,
        ),
        (
            "a list",
            sign("[]", &claims().to_string()),
            Refusal::Malformed,
        ),
        (
            "claims as a list",
            sign(&header().to_string(), "[]"),
            Refusal::Malformed,
        ),
        (
            "deep",
            sign(&header().to_string(), &deep),
            Refusal::Malformed,
        ),
        ("large", forge(&header(), &large), Refusal::Oversize),
        ("huge", "a".repeat(1_000_000), Refusal::Oversize),
    ];
    for (name, token, refusal) in table {
        assert_refused(name, &token, refusal).await;
    }
}
