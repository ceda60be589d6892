//! JWK Sets: one odd key spoils nothing, and no odd key is taken (RFC 7517 §5).

use nolapse_server::verifier::{Algorithm, KeySet, Refusal};
use serde_json::{Value, json};

use super::{NOW, claims, forging::Forger, less, with};

/// Keys of Ed25519, for what is the same for all; `algorithms` has the entries of the other kinds.
fn forger() -> &'static Forger {
    Forger::of(Algorithm::Ed25519)
}

fn x_of(seed: u8) -> String {
    let jwk = Forger::new(Algorithm::Ed25519, seed).jwk();
    jwk["x"].as_str().unwrap_or_default().to_owned()
}

fn jwk() -> Value {
    forger().jwk()
}

/// Returns the result for a valid token signed by `k1` with this set; `None` if the set is malformed.
async fn judge(set: &str) -> Option<Result<(), Refusal>> {
    let keys = KeySet::from_json(set.as_bytes())?;
    let token = forger().forge(&forger().header(), &claims());
    Some(super::judge(&keys, NOW, &token).await.map(drop))
}

fn set_of(entries: &[Value]) -> String {
    json!({ "keys": entries }).to_string()
}

#[tokio::test]
async fn p46_line16_an_odd_entry_is_passed_over_and_the_others_are_read() {
    let own = jwk();
    let doubled = own.to_string().replacen('{', r#"{"kid":"k1","#, 1);
    let odd = [
        json!(null),
        json!(1),
        json!("key"),
        json!([]),
        json!({}),
        json!([own.clone()]),
        with(own.clone(), "kty", json!("RSA")),
        with(own.clone(), "kty", json!(["OKP"])),
        with(own.clone(), "kty", json!("okp")),
        less(own.clone(), "kty"),
        with(own.clone(), "crv", json!("X25519")),
        with(own.clone(), "crv", json!(1)),
        less(own.clone(), "crv"),
        with(own.clone(), "x", json!(null)),
        with(own.clone(), "x", json!("")),
        with(own.clone(), "x", json!("!!")),
        with(own.clone(), "x", json!(format!("{}=", x_of(7)))),
        with(own.clone(), "x", json!(format!(" {}", x_of(7)))),
        with(own.clone(), "x", json!("A".repeat(43))),
        less(own.clone(), "x"),
        with(own.clone(), "kid", json!(1)),
        with(own.clone(), "kid", json!(["k1"])),
        less(own.clone(), "kid"),
        with(own.clone(), "use", json!("enc")),
        with(own.clone(), "use", json!(null)),
        with(own.clone(), "use", json!(["sig"])),
        with(own.clone(), "alg", json!("ES256")),
        with(own.clone(), "alg", json!("none")),
        with(own.clone(), "alg", json!(1)),
        with(own.clone(), "key_ops", json!(["sign"])),
        with(own.clone(), "key_ops", json!([])),
        with(own.clone(), "key_ops", json!("verify")),
        with(own.clone(), "key_ops", json!(["verify", "verify"])),
        with(own.clone(), "key_ops", json!(["verify", 1])),
        with(own.clone(), "k", json!("secret")),
        with(own.clone(), "d", json!("secret")),
        with(own.clone(), "d", json!(null)),
    ];
    for entry in &odd {
        let alone = judge(&set_of(std::slice::from_ref(entry))).await;
        assert_eq!(alone, Some(Err(Refusal::UnknownKey)), "{entry}");
        for entries in [[entry.clone(), own.clone()], [own.clone(), entry.clone()]] {
            assert_eq!(judge(&set_of(&entries)).await, Some(Ok(())), "{entry}");
        }
    }
    let doubled = format!(r#"{{"keys":[{doubled},{own}]}}"#);
    assert_eq!(judge(&doubled).await, Some(Ok(())), "a doubled member");
    for good in [
        with(own.clone(), "use", json!("sig")),
        with(own.clone(), "alg", json!("Ed25519")),
        with(own.clone(), "key_ops", json!(["verify"])),
        with(own.clone(), "x5c", json!([1])),
        with(own.clone(), "exp", json!(0)),
    ] {
        assert_eq!(judge(&set_of(&[good])).await, Some(Ok(())));
    }
}

#[tokio::test]
async fn p46_line16_one_name_for_two_keys_names_none() {
    let own = jwk();
    let other = with(own.clone(), "x", json!(x_of(8)));
    let unknown = Some(Err(Refusal::UnknownKey));

    assert_eq!(
        judge(&set_of(&[own.clone(), own.clone()])).await,
        Some(Ok(()))
    );
    assert_eq!(judge(&set_of(&[own.clone(), other.clone()])).await, unknown);
    assert_eq!(judge(&set_of(&[other.clone(), own.clone()])).await, unknown);
    assert_eq!(judge(&set_of(&[own.clone(), other, own])).await, unknown);
}

#[tokio::test]
async fn p46_line16_what_is_no_set_or_too_large_a_one_is_refused() {
    let own = jwk();
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"Keys":[]}"#,
        "<html>",
        r#"{"keys":[]}x"#,
        r#"{"keys":[],"keys":[]}"#,
        "\u{feff}{\"keys\":[]}",
    ] {
        assert_eq!(judge(text).await, None, "{text}");
    }
    let padded = |bytes: usize| format!(r#"{{"pad":"{}","keys":[{own}]}}"#, "x".repeat(bytes));
    assert_eq!(judge(&padded(60_000)).await, Some(Ok(())));
    assert_eq!(judge(&padded(65_536)).await, None);
    let mut entries = vec![json!({ "kty": "RSA" }); 99];
    entries.push(own.clone());
    assert_eq!(judge(&set_of(&entries)).await, Some(Ok(())));
    entries.insert(0, json!({}));
    assert_eq!(
        judge(&set_of(&entries)).await,
        Some(Err(Refusal::UnknownKey))
    );
    let mut many: Vec<Value> = (0..40_u8)
        .map(|seed| {
            with(
                with(jwk(), "x", json!(x_of(seed + 100))),
                "kid",
                json!(format!("o{seed}")),
            )
        })
        .collect();
    many.insert(0, own);
    let keys = KeySet::from_json(set_of(&many).as_bytes()).expect("a key set");
    assert_eq!(keys.ids().count(), 16);
    assert_eq!(judge(&set_of(&many)).await, Some(Ok(())));
}
