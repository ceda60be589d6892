//! The table of attacks.

use nolapse_server::verifier::{MAX_TOKEN_BYTES, Refusal};
use serde_json::json;

use super::{NOW, assert_refused, claims, forge, header, less, sign, with};

#[tokio::test]
async fn p46_headers_with_another_algorithm_or_key_are_refused() {
    let table = [
        ("alg", json!("none"), Refusal::Algorithm),
        ("alg", json!("None"), Refusal::Algorithm),
        ("alg", json!("HS256"), Refusal::Algorithm),
        ("alg", json!("HS512"), Refusal::Algorithm),
        ("alg", json!(["ES256"]), Refusal::Malformed),
        // The type of an ID token.
        ("typ", json!("JWT"), Refusal::Type),
        ("typ", json!(1), Refusal::Type),
        ("crit", json!(["exp"]), Refusal::Header),
        ("b64", json!(false), Refusal::Header),
        ("jwk", json!({ "kty": "OKP" }), Refusal::Header),
        ("jku", json!("https://evil.example"), Refusal::Header),
        ("x5u", json!("https://evil.example"), Refusal::Header),
        ("x5c", json!(["MII"]), Refusal::Header),
        ("cty", json!("cbor"), Refusal::Header),
        ("kid", json!("k2"), Refusal::UnknownKey),
        ("kid", json!("../../dev/null"), Refusal::UnknownKey),
        ("kid", json!("' OR 1=1 --"), Refusal::UnknownKey),
        ("kid", json!(""), Refusal::UnknownKey),
    ];
    for (member, value, refusal) in table {
        let token = forge(&with(header(), member, value.clone()), &claims());
        assert_refused(&format!("{member}: {value}"), &token, refusal).await;
    }
    for (member, refusal) in [
        ("alg", Refusal::Malformed),
        ("typ", Refusal::Type),
        ("kid", Refusal::Malformed),
    ] {
        let token = forge(&less(header(), member), &claims());
        assert_refused(&format!("no {member}"), &token, refusal).await;
    }
}

#[tokio::test]
async fn p46_claims_that_are_wrong_or_of_the_wrong_type_are_refused() {
    let now = NOW.as_secs();
    let table = [
        ("iss", json!("https://auth.example.com/"), Refusal::Issuer),
        ("aud", json!("https://api.example.co"), Refusal::Audience),
        ("aud", json!(["a", "b"]), Refusal::Audience),
        ("aud", json!([]), Refusal::Audience),
        ("aud", json!(1), Refusal::Malformed),
        ("exp", json!("9999999999"), Refusal::Malformed),
        ("exp", json!(null), Refusal::Malformed),
        // Beyond what a time can be, and before it.
        ("exp", json!(u64::MAX), Refusal::Malformed),
        ("exp", json!(-1), Refusal::Malformed),
        ("exp", json!(now), Refusal::Expired),
        ("exp", json!(now - 1), Refusal::Expired),
        ("iat", json!(now + 30), Refusal::Early),
        // After `exp`.
        ("iat", json!(now + 61), Refusal::Expired),
        ("nbf", json!(now + 30), Refusal::Early),
        ("nbf", json!("now"), Refusal::Malformed),
        ("sub", json!(7), Refusal::Malformed),
        ("role", json!(["admin"]), Refusal::Malformed),
    ];
    for (member, value, refusal) in table {
        let token = forge(&header(), &with(claims(), member, value.clone()));
        assert_refused(&format!("{member}: {value}"), &token, refusal).await;
    }
}

#[tokio::test]
async fn p46_claims_that_are_missing_are_refused() {
    for member in ["iss", "aud", "exp", "iat", "sub", "sid", "jti", "client_id"] {
        let token = forge(&header(), &less(claims(), member));
        assert_refused(&format!("no {member}"), &token, Refusal::Malformed).await;
    }
}

#[tokio::test]
async fn p46_doubled_members_are_refused_wherever_they_are() {
    let header = header().to_string();
    let claims = claims().to_string();
    let doubled = |text: &str, more: &str| text.replacen('{', &format!("{{{more},"), 1);

    for more in [r#""alg":"ES256""#, r#""kid":"k1""#, r#""typ":"at+jwt""#] {
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
