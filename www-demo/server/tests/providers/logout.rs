//! Back-channel logout: what ends sessions, and what does not (P52).

use serde_json::{Value, json};

use crate::{
    hostile::{Key, now},
    scene::Scene,
};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn claims(scene: &Scene, id: &str) -> Value {
    json!({
        "iss": scene.provider.issuer, "aud": "client", "iat": now(), "exp": now() + 120, "jti": id,
        "events": { EVENT: {} }, "sid": "s1", "sub": "ada",
    })
}

/// A change of a good logout token's claims.
type Change = fn(&mut Value);

#[tokio::test]
async fn p52_a_logout_token_ends_the_sessions_that_it_names_at_once() {
    let scene = Scene::new().await;
    for (number, named) in [
        json!({ "sid": "s1", "sub": null }),
        json!({ "sid": null, "sub": "ada" }),
        json!({ "sid": "s1", "sub": "ada" }),
    ]
    .into_iter()
    .enumerate()
    {
        // Another one each time: one that has ended at the provider is not opened again.
        let sid = format!("s{number}");
        let cookie = sign_in_as(&scene, &sid).await;
        assert_eq!(scene.refresh(&cookie).await.status, 200);
        let mut claims = claims(&scene, &format!("good {number}"));
        for name in ["sid", "sub"] {
            if named[name].is_null() {
                claims.as_object_mut().unwrap().remove(name);
            }
        }
        if !named["sid"].is_null() {
            claims["sid"] = json!(sid);
        }
        let token = scene.provider.key.sign(&claims);

        assert_eq!(scene.log_out(&token).await.status, 200);

        let ended = scene.refresh(&cookie).await;
        assert_eq!(ended.status, 401);
        assert!(
            ended.body.contains(r#""reason":"revoked""#),
            "{}",
            ended.body
        );
        // And only once.
        assert_eq!(scene.log_out(&token).await.status, 400);
    }
}

async fn sign_in_as(scene: &Scene, sid: &str) -> String {
    let asked = scene.begin().await;
    let mut claims = scene.provider.claims(&asked.nonce);
    claims["sid"] = json!(sid);
    scene.provider.give(&scene.provider.key.sign(&claims));
    scene.come_back(&asked).await.cookie()
}

#[tokio::test]
async fn p52_a_logout_token_that_is_none_ends_nothing() {
    let scene = Scene::new().await;
    let cookie = scene.sign_in().await;
    scene.reason().await;
    let changes: [(&str, &str, Change); 13] = [
        ("a nonce", "nonce", |claims| claims["nonce"] = json!("n")),
        ("another client's", "aud", |claims| {
            claims["aud"] = json!("another");
        }),
        ("another issuer's", "iss", |claims| {
            claims["iss"] = json!("https://other.example");
        }),
        ("no event", "events", |claims| claims["events"] = json!({})),
        ("another event", "events", |claims| {
            claims["events"] = json!({ "urn:other": {} });
        }),
        ("an event that is no object", "events", |claims| {
            claims["events"] = json!({ EVENT: true });
        }),
        ("nobody's", "nobody", |claims| {
            claims.as_object_mut().unwrap().remove("sid");
            claims.as_object_mut().unwrap().remove("sub");
        }),
        ("over", "expired", |claims| {
            claims["exp"] = json!(now() - 60);
        }),
        ("long ago", "expired", |claims| {
            claims["iat"] = json!(now() - 3_600);
            claims.as_object_mut().unwrap().remove("exp");
        }),
        ("of tomorrow", "early", |claims| {
            claims["iat"] = json!(now() + 86_400);
        }),
        ("no jti", "logout_token_claims", |claims| {
            drop(claims.as_object_mut().unwrap().remove("jti"));
        }),
        ("no iat", "logout_token_claims", |claims| {
            drop(claims.as_object_mut().unwrap().remove("iat"));
        }),
        ("another's subject and this sid", "", |claims| {
            claims["sub"] = json!("eve");
        }),
    ];
    for (number, (what, reason, change)) in changes.into_iter().enumerate() {
        let mut claims = claims(&scene, &format!("bad {number}"));
        change(&mut claims);
        let answer = scene.log_out(&scene.provider.key.sign(&claims)).await;
        // The last one is well-formed, and names no session.
        let expected = if what.starts_with("another's subject") {
            200
        } else {
            400
        };
        assert_eq!(answer.status, expected, "{what}: {}", answer.body);
        assert_eq!(scene.reason().await, reason, "{what}");
    }
    let stranger = Key::new("first").sign(&claims(&scene, "forged"));
    let id_token = scene.provider.key.sign(&scene.provider.claims("n"));
    let typed = json!({ "alg": "ES256", "kid": "first", "typ": "at+jwt" });
    let typed = scene
        .provider
        .key
        .sign_with(&typed, &claims(&scene, "typed"));
    for token in [&stranger, &id_token, &typed, "", "a.b.c"] {
        assert_eq!(scene.log_out(token).await.status, 400);
    }
    let path = "/auth/providers/op/backchannel-logout";
    let good = scene.provider.key.sign(&claims(&scene, "good"));
    for body in [
        format!("token={good}"),
        format!("logout_token={good}&logout_token={good}"),
    ] {
        let answer = scene
            .post(path, "", "application/x-www-form-urlencoded", &body)
            .await;
        assert_eq!(answer.status, 400);
    }
    assert_eq!(scene.refresh(&cookie).await.status, 200);
}

#[tokio::test]
async fn a_session_that_ended_at_the_provider_meanwhile_is_not_opened() {
    let scene = Scene::new().await;
    let asked = scene.begin().await;
    let good = scene.provider.claims(&asked.nonce);
    scene.provider.give(&scene.provider.key.sign(&good));
    let token = scene.provider.key.sign(&claims(&scene, "early"));
    assert_eq!(scene.log_out(&token).await.status, 200);

    let answer = scene.come_back(&asked).await;

    assert_eq!(
        crate::scene::error(&answer).as_deref(),
        Some("provider_refused")
    );
    assert_eq!(answer.cookie(), "");
}
