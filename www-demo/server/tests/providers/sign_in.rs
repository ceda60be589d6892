//! What opens no session: each with the code that a page is told.

use serde_json::{Value, json};

use crate::{
    hostile::{Key, encode, half_hash, now},
    scene::{Scene, error},
};

/// A change of a good ID token's claims.
type Change = fn(&mut Value, &Scene);

/// Signs in with an ID token that differs from a good one, and expects an error.
async fn is_refused(scene: &Scene, what: &str, reason: &str, token: impl FnOnce(Value) -> String) {
    let asked = scene.begin().await;
    scene
        .provider
        .give(&token(scene.provider.claims(&asked.nonce)));
    let answer = scene.come_back(&asked).await;
    let told = error(&answer);
    assert_eq!(told.as_deref(), Some("provider_refused"), "{what}");
    assert_eq!(answer.cookie(), "", "{what}");
    assert_eq!(scene.reason().await, reason, "{what}");
}

#[tokio::test]
async fn an_id_token_that_is_not_the_answer_is_refused() {
    let scene = Scene::new().await;
    let changes: [(&str, &str, Change); 17] = [
        ("another issuer", "iss", |claims, _| {
            claims["iss"] = json!("https://other.example");
        }),
        ("an issuer with a slash", "iss", |claims, scene| {
            claims["iss"] = json!(format!("{}/", scene.provider.issuer));
        }),
        ("another client", "aud", |claims, _| {
            claims["aud"] = json!("another");
        }),
        ("no client", "aud", |claims, _| claims["aud"] = json!([])),
        ("two clients, and no azp", "azp", |claims, _| {
            claims["aud"] = json!(["client", "another"]);
        }),
        ("another azp", "azp", |claims, _| {
            claims["azp"] = json!("another");
        }),
        ("another nonce", "nonce", |claims, _| {
            claims["nonce"] = json!("another");
        }),
        ("no nonce", "nonce", |claims, _| {
            drop(claims.as_object_mut().unwrap().remove("nonce"));
        }),
        ("another at_hash", "at_hash", |claims, _| {
            claims["at_hash"] = json!(half_hash("another"));
        }),
        (
            "an at_hash that is no text",
            "id_token_claims",
            |claims, _| claims["at_hash"] = json!(7),
        ),
        ("over", "expired", |claims, _| {
            claims["exp"] = json!(now() - 60);
        }),
        ("never over", "id_token_claims", |claims, _| {
            drop(claims.as_object_mut().unwrap().remove("exp"));
        }),
        ("of tomorrow", "early", |claims, _| {
            claims["iat"] = json!(now() + 86_400);
        }),
        ("no subject", "id_token_claims", |claims, _| {
            drop(claims.as_object_mut().unwrap().remove("sub"));
        }),
        ("an empty subject", "sub", |claims, _| {
            claims["sub"] = json!("");
        }),
        ("an endless subject", "sub", |claims, _| {
            claims["sub"] = json!("x".repeat(256));
        }),
        (
            "a subject that is a number",
            "id_token_claims",
            |claims, _| claims["sub"] = json!(7),
        ),
    ];
    for (what, reason, change) in changes {
        is_refused(&scene, what, reason, |mut claims| {
            change(&mut claims, &scene);
            scene.provider.key.sign(&claims)
        })
        .await;
    }
    assert_ne!(scene.sign_in().await, "");
}

#[tokio::test]
async fn an_id_token_that_the_provider_has_not_signed_is_refused() {
    let scene = Scene::new().await;
    let stranger = Key::new("first");
    is_refused(&scene, "another key", "signature", |claims| {
        stranger.sign(&claims)
    })
    .await;
    let unnamed = Key::new("unnamed");
    is_refused(
        &scene,
        "a key that is not published",
        "signature",
        |claims| unnamed.sign(&claims),
    )
    .await;
    let key = &scene.provider.key;
    for alg in ["none", "HS256", "RS256", "es256", "ES384"] {
        is_refused(&scene, alg, "signature", |claims| {
            key.sign_with(&json!({ "alg": alg, "kid": "first" }), &claims)
        })
        .await;
    }
    is_refused(&scene, "crit", "id_token_form", |claims| {
        key.sign_with(
            &json!({ "alg": "ES256", "kid": "first", "crit": ["b64"] }),
            &claims,
        )
    })
    .await;
    is_refused(&scene, "another's claims", "signature", |claims| {
        let good = key.sign(&claims);
        let mut segments: Vec<&str> = good.split('.').collect();
        let other = json!({ "sub": "eve" }).to_string();
        let other = encode(other.as_bytes());
        segments[1] = &other;
        segments.join(".")
    })
    .await;
    is_refused(&scene, "no token", "id_token_form", |_| {
        "no token".to_owned()
    })
    .await;
    is_refused(&scene, "a doubled member", "id_token_claims", |claims| {
        let text = claims
            .to_string()
            .replace("\"sub\":\"ada\"", "\"sub\":\"ada\",\"sub\":\"eve\"");
        key.sign_text(&text)
    })
    .await;
}

#[tokio::test]
async fn keys_that_rotate_in_the_middle_are_fetched_once_more_and_not_for_each_token() {
    let mut scene = Scene::new().await;
    scene.sign_in().await;
    scene.reason().await;
    assert_eq!(scene.provider.key_requests(), 1);
    scene.provider.rotate("second");
    // Later than the shortest time between two fetches.
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let asked = scene.begin().await;
        let claims = scene.provider.claims(&asked.nonce);
        scene.provider.give(&scene.provider.key.sign(&claims));
        let answer = scene.come_back(&asked).await;
        scene.reason().await;
        if error(&answer).is_none() {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "never fetched");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(scene.provider.key_requests(), 2);
    let stranger = Key::new("third");
    for _ in 0..5 {
        is_refused(&scene, "an invented key", "signature", |claims| {
            stranger.sign(&claims)
        })
        .await;
    }
    assert_eq!(scene.provider.key_requests(), 2);
}

#[tokio::test]
async fn a_callback_that_is_not_the_answer_to_this_browsers_request_opens_nothing() {
    let scene = Scene::new().await;
    let asked = scene.begin().await;
    let good = scene
        .provider
        .key
        .sign(&scene.provider.claims(&asked.nonce));
    scene.provider.give(&good);
    let callback = |provider: &str, state: &str| {
        format!("/auth/providers/{provider}/callback?code=c&state={state}")
    };

    // Another browser's, which has no transaction, or another one (RFC 9700 §4.7).
    let path = callback("op", &asked.state);
    let stranger = scene.get(&path, "").await;
    assert_eq!(error(&stranger).as_deref(), Some("provider_refused"));
    let other = scene.begin().await;
    let mixed = scene.get(&path, &other.cookie).await;
    assert_eq!(error(&mixed).as_deref(), Some("provider_refused"));
    // A state that is none, or of another provider (RFC 9700 §4.4).
    for (path, status) in [
        (callback("op", "forged"), 400),
        (callback("op", ""), 400),
        (callback("other", &asked.state), 400),
        (callback("unknown", &asked.state), 404),
        ("/auth/providers/op/callback".to_owned(), 400),
        (format!("{path}&state={}", asked.state), 400),
    ] {
        assert_eq!(
            scene.get(&path, &asked.cookie).await.status,
            status,
            "{path}"
        );
    }
    // An issuer that is not the provider's (RFC 9207).
    let wrong = format!("{path}&iss=https://other.example");
    let answer = scene.get(&wrong, &asked.cookie).await;
    assert_eq!(error(&answer).as_deref(), Some("provider_refused"));
    assert!(scene.provider.codes.lock().unwrap().is_empty());
    // The transaction is used up by that, and a second answer opens nothing.
    let again = scene.get(&path, &asked.cookie).await;
    assert_eq!((error(&again), again.cookie()), (None, String::new()));
    assert!(scene.provider.codes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_provider_that_names_itself_in_responses_must_do_so() {
    let scene = Scene::new().await;
    scene.provider.answers.lock().unwrap().metadata["authorization_response_iss_parameter_supported"] =
        json!(true);
    let asked = scene.begin().await;
    let answer = scene.come_back(&asked).await;
    assert_eq!(error(&answer).as_deref(), Some("provider_refused"));
}

#[tokio::test]
async fn p50_of_two_callbacks_at_once_one_uses_the_code() {
    let scene = Scene::new().await;
    let asked = scene.begin().await;
    let claims = scene.provider.claims(&asked.nonce);
    scene.provider.give(&scene.provider.key.sign(&claims));

    let (one, two) = tokio::join!(scene.come_back(&asked), scene.come_back(&asked));

    let opened = [&one, &two].map(|answer| usize::from(!answer.cookie().is_empty()));
    assert_eq!(opened.iter().sum::<usize>(), 1);
    assert_eq!(scene.provider.codes.lock().unwrap().len(), 1);
    assert_eq!([error(&one), error(&two)], [None, None]);
}

#[tokio::test]
async fn p54_a_sign_in_that_names_a_key_binds_its_session() {
    let scene = Scene::new().await;
    let path = scene.sign_in_path();
    for malformed in [
        "",
        "short",
        "AAAA",
        "+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let answer = scene.get(&format!("{path}&dpop_jkt={malformed}"), "").await;
        assert_eq!(answer.status, 400, "{malformed}");
    }
    let thumbprint = encode(&[7; 32]);
    let asked = scene.begin_with(&format!("&dpop_jkt={thumbprint}")).await;
    let claims = scene.provider.claims(&asked.nonce);
    scene.provider.give(&scene.provider.key.sign(&claims));
    let cookie = scene.come_back(&asked).await.cookie();

    let refused = scene.refresh(&cookie).await;

    assert_eq!(refused.status, 401);
    let body: Value = serde_json::from_str(&refused.body).unwrap();
    assert_eq!(body["error"], "invalid_dpop_proof");
    // One that names none is refreshed without a proof.
    assert_eq!(scene.refresh(&scene.sign_in().await).await.status, 200);
}
