//! Tokens that two readers could read in two ways: each is refused, by both of ours alike.

use nolapse_server::verifier::Refusal;
use serde_json::{Value, json};

use super::{
    NOW, assert_refused, claims, encode, forge, forger, header, less, sign, verify_at, with,
};

fn sign_bytes(header: &[u8], claims: &[u8]) -> String {
    forger().sign_bytes(header, claims)
}

#[tokio::test]
async fn p46_line16_headers_with_unknown_members_are_refused() {
    for (name, value) in [
        ("crit", json!([])),
        ("crit", json!(null)),
        ("crit", json!(["b64"])),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("zip", json!(null)),
        ("jwk", json!(null)),
        ("jku", json!("")),
        ("x5u", json!([])),
        ("x5c", json!({})),
        ("x5t", json!("a")),
        ("x5t#S256", json!("a")),
        ("enc", json!("A128GCM")),
        ("epk", json!({})),
        ("p2c", json!(1)),
        ("cty", json!("JWT")),
        ("exp", json!(1)),
        ("Kid", json!("k1")),
        ("ALG", json!("none")),
        ("", json!("")),
        ("__proto__", json!({ "alg": "none" })),
    ] {
        let token = forge(&with(header(), name, value.clone()), &claims());
        assert_refused(&format!("{name} {value}"), &token, Refusal::Header).await;
    }
}

#[tokio::test]
async fn p46_line16_header_members_of_other_types_and_spellings_are_refused() {
    let odd = [
        json!(null),
        json!(1),
        json!(true),
        json!([]),
        json!({}),
        json!(["k1"]),
    ];
    for value in &odd {
        let name = value.to_string();
        let kid = forge(&with(header(), "kid", value.clone()), &claims());
        assert_refused(&name, &kid, Refusal::Malformed).await;
        let typ = forge(&with(header(), "typ", value.clone()), &claims());
        assert_refused(&name, &typ, Refusal::Type).await;
        let alg = forge(&with(header(), "alg", value.clone()), &claims());
        assert_refused(&name, &alg, Refusal::Malformed).await;
    }
    for alg in [
        "", "es256", "Es256", "ES256 ", "ES256\0", "ES256K", "ES384", "Ed448", "PS256",
    ] {
        let token = forge(&with(header(), "alg", json!(alg)), &claims());
        assert_refused(alg, &token, Refusal::Algorithm).await;
    }
    for typ in [
        "",
        "jwt",
        "at+jwt ",
        " at+jwt",
        "at+JWT;v=1",
        "text/at+jwt",
        "at-jwt",
        "at+jws",
        "at+\u{2c7}jwt",
    ] {
        let token = forge(&with(header(), "typ", json!(typ)), &claims());
        assert_refused(typ, &token, Refusal::Type).await;
    }
    for kid in ["K1", "k1 ", "k1\0", "k", "k11"] {
        let token = forge(&with(header(), "kid", json!(kid)), &claims());
        assert_refused(kid, &token, Refusal::UnknownKey).await;
    }
    let long = forge(&with(header(), "kid", json!("k".repeat(300))), &claims());
    assert_refused("long kid", &long, Refusal::Malformed).await;
}

#[tokio::test]
async fn p46_line16_members_that_are_doubled_in_any_spelling_are_refused() {
    let (header, claims) = (header().to_string(), claims().to_string());
    let first = |text: &str, more: &str| text.replacen('{', &format!("{{{more},"), 1);
    let last = |text: &str, more: &str| format!("{},{more}}}", text.trim_end_matches('}'));
    for more in [
        r#""exp":9999999999"#,
        r#""ex\u0070":9999999999"#,
        r#""\u0065xp":9999999999"#,
        r#""aud":"https://evil.example""#,
        r#""iss":null"#,
        r#""role":"admin""#,
        r#""sub" : "someone""#,
        r#""a":{"b":[{"c":1,"c":1}]}"#,
        r#""a":1,"a":1"#,
        r#""":1,"":2"#,
    ] {
        assert_refused(
            more,
            &sign(&header, &first(&claims, more)),
            Refusal::Malformed,
        )
        .await;
        assert_refused(
            more,
            &sign(&header, &last(&claims, more)),
            Refusal::Malformed,
        )
        .await;
    }
    for more in [
        r#""al\u0067":"ES256""#,
        r#""kid":"k1""#,
        r#""crit":[],"crit":[]"#,
    ] {
        assert_refused(
            more,
            &sign(&last(&header, more), &claims),
            Refusal::Malformed,
        )
        .await;
    }
    // Names that differ in case alone are two members, of which one is none of ours.
    let both = sign(&header, &first(&claims, r#""Exp":1,"EXP":2"#));
    assert!(verify_at(NOW, &both).await.is_ok());
}

#[tokio::test]
async fn p46_line16_claims_of_other_types_are_refused() {
    let odd = [
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!(["u"]),
        json!(7),
    ];
    for name in ["iss", "sub", "sid", "jti", "client_id", "role"] {
        let mut values: Vec<Value> = odd.to_vec();
        values.extend([json!(""), json!("u\0"), json!("u\nv"), json!("\u{7f}")]);
        for value in values {
            let token = forge(&header(), &with(claims(), name, value.clone()));
            assert_refused(&format!("{name} {value}"), &token, Refusal::Malformed).await;
        }
        let token = forge(&header(), &less(claims(), name));
        assert_refused(name, &token, Refusal::Malformed).await;
    }
    for name in ["context", "acr"] {
        for value in [json!(null), json!(["u"]), json!(7), json!(""), json!("u\0")] {
            let token = forge(&header(), &with(claims(), name, value.clone()));
            assert_refused(&format!("{name} {value}"), &token, Refusal::Malformed).await;
        }
    }
    for value in [
        json!(null),
        json!("pwd"),
        json!({}),
        json!([7]),
        json!([["pwd"]]),
        json!(["pwd", ""]),
        json!(["pwd", "o\0"]),
    ] {
        let token = forge(&header(), &with(claims(), "amr", value.clone()));
        assert_refused(&format!("amr {value}"), &token, Refusal::Malformed).await;
    }
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for value in [
            json!(null),
            json!(true),
            json!([]),
            json!({}),
            json!("1800000000"),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(9.0e15),
        ] {
            let token = forge(&header(), &with(claims(), name, value.clone()));
            assert_refused(&format!("{name} {value}"), &token, Refusal::Malformed).await;
        }
    }
    for audience in [
        json!(null),
        json!({}),
        json!(1),
        json!([1]),
        json!([super::AUDIENCE, null]),
    ] {
        let token = forge(&header(), &with(claims(), "aud", audience.clone()));
        assert_refused(&audience.to_string(), &token, Refusal::Malformed).await;
    }
    for audience in [
        "",
        "https://api.example.com/",
        "HTTPS://api.example.com",
        " ",
    ] {
        let token = forge(&header(), &with(claims(), "aud", json!(audience)));
        assert_refused(audience, &token, Refusal::Audience).await;
    }
}

#[tokio::test]
async fn p46_line16_times_are_read_against_the_token() {
    let now = NOW.as_secs();
    let at = |name: &str, value: Value| forge(&header(), &with(claims(), name, value));

    assert!(
        verify_at(NOW, &at("exp", json!(1_800_000_001.9)))
            .await
            .is_ok()
    );
    assert_refused(
        "a part of now",
        &at("exp", json!(1_800_000_000.9)),
        Refusal::Expired,
    )
    .await;
    assert_refused("iat at exp", &at("iat", json!(now + 60)), Refusal::Expired).await;
    assert_refused("nbf at exp", &at("nbf", json!(now + 60)), Refusal::Expired).await;
    assert!(verify_at(NOW, &at("nbf", json!(now + 5))).await.is_ok());
    assert_refused("nbf", &at("nbf", json!(1_800_000_005.1)), Refusal::Early).await;
    assert!(
        verify_at(NOW, &forge(&header(), &less(claims(), "nbf")))
            .await
            .is_ok()
    );
    assert!(verify_at(NOW, &at("auth_time", json!(0))).await.is_ok());
}

#[tokio::test]
async fn p46_line16_bytes_that_are_no_json_object_in_utf_8_are_refused() {
    let (head, body) = (header().to_string(), claims().to_string());
    let (head, body) = (head.as_bytes(), body.as_bytes());
    let nested = format!(r#"{{"a":{}1{}}}"#, "{\"a\":".repeat(200), "}".repeat(200));
    let utf_16: Vec<u8> = claims()
        .to_string()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let table: [(&str, Vec<u8>); 12] = [
        ("a BOM", [b"\xef\xbb\xbf", body].concat()),
        ("UTF-16", utf_16),
        (
            "invalid UTF-8",
            body.iter()
                .map(|byte| if *byte == b'u' { 0xff } else { *byte })
                .collect(),
        ),
        ("a NUL behind", [body, b"\0"].concat()),
        ("a second object", [body, b"{}"].concat()),
        ("a comma behind", [body, b","].concat()),
        ("a comment", [body, b"//"].concat()),
        ("nothing", Vec::new()),
        ("null", b"null".to_vec()),
        ("a text", br#""{}""#.to_vec()),
        ("a list of it", [b"[", body, b"]"].concat()),
        ("deep", nested.into_bytes()),
    ];
    for (name, bytes) in table {
        assert_refused(name, &sign_bytes(head, &bytes), Refusal::Malformed).await;
        assert_refused(name, &sign_bytes(&bytes, body), Refusal::Malformed).await;
    }
    for text in [
        r#"{"iss":"\ud800"}"#,
        r"{'iss':1}",
        r#"{"exp":01}"#,
        r#"{"exp":+1}"#,
        r#"{"exp":NaN}"#,
        r#"{"exp":1e999}"#,
        r#"{"exp":0x10}"#,
        "{\"iss\":\"a\tb\"}",
        r#"{"iss":"\x41"}"#,
        r"{iss:1}",
    ] {
        assert_refused(text, &sign_bytes(head, text.as_bytes()), Refusal::Malformed).await;
    }
    let spaced = [b" \n\t", body, b"\r\n "].concat();
    assert!(
        verify_at(NOW, &sign_bytes(head, &spaced)).await.is_ok(),
        "JSON may be spaced"
    );
}

#[tokio::test]
async fn p46_line16_base64url_has_one_spelling() {
    let good = forge(&header(), &claims());
    let (head, rest) = good.split_once('.').expect("three parts");
    for bent in [
        format!("{head}=.{rest}"),
        format!("{head}==.{rest}"),
        format!("{head} .{rest}"),
        format!("{head}\n.{rest}"),
        format!("{head}\0.{rest}"),
        format!("{head}A.{rest}"),
        format!(".{rest}"),
        format!("{good}="),
        format!("{good}\n"),
        format!("\u{feff}{good}"),
        format!("{good}."),
        good.replace('.', ".."),
        good.replace('.', "\u{ff0e}"),
        good.replace('.', "%2E"),
    ] {
        assert_refused(&bent, &bent, Refusal::Malformed).await;
    }
    // Claims whose last character has unused bits.
    for pad in 0..3 {
        let claims = with(claims(), "pad", json!("x".repeat(pad))).to_string();
        let token = sign(&header().to_string(), &claims);
        assert!(verify_at(NOW, &token).await.is_ok());
        let parts: Vec<&str> = token.split('.').collect();
        let (head, segment) = (parts[0], parts[1]);
        if claims.len().is_multiple_of(3) {
            continue;
        }
        let last = segment.as_bytes()[segment.len() - 1];
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let place = alphabet
            .iter()
            .position(|one| *one == last)
            .expect("it is one");
        let bent = char::from(alphabet[place | 1]);
        let message = format!(
            "{head}.{}{bent}",
            segment.strip_suffix(char::from(last)).expect("its last")
        );
        let token = forger().sign_message(&message);
        assert_refused("bits without a meaning", &token, Refusal::Malformed).await;
    }
    assert_refused("nothing at all", &encode(""), Refusal::Malformed).await;
}
