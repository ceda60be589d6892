//! What opens no session: each with the code that a page is told.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use base64ct::{Base64UrlUnpadded, Encoding};
use nolapse_server::config::{ClientCredential, ProviderMode};
use serde_json::{Value, json};

use crate::{
    hostile::{ACCESS_TOKEN, Key, REFRESH_TOKEN, encode, half_hash, now},
    scene::{Scene, error, header, location},
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
            claims["iss"] = json!("https://other.example")
        }),
        ("an issuer with a slash", "iss", |claims, scene| {
            claims["iss"] = json!(format!("{}/", scene.provider.issuer));
        }),
        ("another client", "aud", |claims, _| {
            claims["aud"] = json!("another")
        }),
        ("no client", "aud", |claims, _| claims["aud"] = json!([])),
        ("two clients, and no azp", "azp", |claims, _| {
            claims["aud"] = json!(["client", "another"])
        }),
        ("another azp", "azp", |claims, _| {
            claims["azp"] = json!("another")
        }),
        ("another nonce", "nonce", |claims, _| {
            claims["nonce"] = json!("another")
        }),
        ("no nonce", "nonce", |claims, _| {
            drop(claims.as_object_mut().unwrap().remove("nonce"))
        }),
        ("another at_hash", "at_hash", |claims, _| {
            claims["at_hash"] = json!(half_hash("another"))
        }),
        (
            "an at_hash that is no text",
            "id_token_claims",
            |claims, _| claims["at_hash"] = json!(7),
        ),
        ("over", "expired", |claims, _| {
            claims["exp"] = json!(now() - 60)
        }),
        ("never over", "id_token_claims", |claims, _| {
            drop(claims.as_object_mut().unwrap().remove("exp"))
        }),
        ("of tomorrow", "early", |claims, _| {
            claims["iat"] = json!(now() + 86_400)
        }),
        ("no subject", "id_token_claims", |claims, _| {
            drop(claims.as_object_mut().unwrap().remove("sub"))
        }),
        ("an empty subject", "sub", |claims, _| {
            claims["sub"] = json!("")
        }),
        ("an endless subject", "sub", |claims, _| {
            claims["sub"] = json!("x".repeat(256))
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
async fn what_a_provider_answers_in_place_of_tokens_is_told_apart() {
    let scene = Scene::new().await;
    let tokens = |status: StatusCode, body: Value| (status, body);
    let table = BTreeMap::from([
        (
            "a used code",
            (
                tokens(StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" })),
                "provider_refused",
            ),
        ),
        (
            "another client",
            (
                tokens(
                    StatusCode::UNAUTHORIZED,
                    json!({ "error": "invalid_client" }),
                ),
                "provider_failed",
            ),
        ),
        (
            "a failure",
            (
                tokens(StatusCode::BAD_GATEWAY, json!("no JSON object")),
                "provider_failed",
            ),
        ),
        (
            "no ID token",
            (
                tokens(
                    StatusCode::OK,
                    json!({ "access_token": "a", "token_type": "bearer" }),
                ),
                "provider_failed",
            ),
        ),
        (
            "another type",
            (
                tokens(
                    StatusCode::OK,
                    json!({ "access_token": "a", "token_type": "mac" }),
                ),
                "provider_failed",
            ),
        ),
        (
            "too much",
            (
                tokens(StatusCode::OK, json!("x".repeat(10_000_000))),
                "provider_failed",
            ),
        ),
        (
            "a redirect",
            (
                tokens(StatusCode::TEMPORARY_REDIRECT, json!({})),
                "provider_failed",
            ),
        ),
    ]);
    for (what, (answer, expected)) in table {
        scene.provider.answers.lock().unwrap().token = answer;
        let asked = scene.begin().await;
        let told = error(&scene.come_back(&asked).await);
        assert_eq!(told.as_deref(), Some(expected), "{what}");
    }
    for (sent, expected) in [
        ("access_denied", "provider_denied"),
        ("server_error", "provider_failed"),
    ] {
        let asked = scene.begin().await;
        let path = format!(
            "/auth/providers/op/callback?error={sent}&state={}",
            asked.state
        );
        let told = error(&scene.get(&path, &asked.cookie).await);
        assert_eq!(told.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn discovery_that_redirects_is_huge_or_another_issuers_is_a_failure() {
    for (what, expected) in [
        ("a redirect", "provider_failed"),
        ("10 MB", "provider_failed"),
        ("another issuer", "provider_refused"),
        ("http of another machine", "provider_failed"),
        ("no JSON", "provider_failed"),
    ] {
        let scene = Scene::new().await;
        {
            let issuer = scene.provider.issuer.clone();
            let mut answers = scene.provider.answers.lock().unwrap();
            match what {
                "a redirect" => answers.redirect = Some(format!("{issuer}/jwks")),
                "10 MB" => answers.padding = 10_000_000,
                "another issuer" => answers.metadata["issuer"] = json!("https://other.example"),
                "no JSON" => answers.metadata = json!("no object"),
                _ => answers.metadata["token_endpoint"] = json!("http://other.example/token"),
            }
        }
        let answer = scene.get(&scene.sign_in_path(), "").await;
        assert_eq!(error(&answer).as_deref(), Some(expected), "{what}");
        assert_eq!(header(&answer, "set-cookie: "), None, "{what}");
    }
}

#[tokio::test]
async fn a_page_that_may_not_call_is_not_returned_to() {
    let scene = Scene::new().await;
    let page = scene.page();
    let host = page.trim_start_matches("http://");
    for to in [
        "",
        "/page",
        "//evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        &format!("{page}.evil.example/"),
        &format!("{page}@evil.example/"),
        &format!("http://ada@{host}/"),
        &format!("https://{host}/"),
        &format!("{page}\\@evil.example"),
        &format!("http:{host}/"),
        &format!("{page}/{}", "x".repeat(2_048)),
        "http://LOCALHOST/",
        "%0d%0aset-cookie:%20a=b",
    ] {
        let path = format!("/auth/providers/op/sign-in?return_to={to}");
        assert_eq!(scene.get(&path, "").await.status, 400, "{to}");
    }
    for (more, status) in [
        ("&display=frame", 400),
        ("&link=2", 400),
        ("&link=1", 401),
        ("&return_to=a", 400),
    ] {
        let path = format!("{}{more}", scene.sign_in_path());
        assert_eq!(scene.get(&path, "").await.status, status, "{more}");
    }
}

#[tokio::test]
async fn a_window_tells_its_opener_and_no_other() {
    let scene = Scene::new().await;
    let path = format!("{}&display=popup", scene.sign_in_path());
    scene.provider.answers.lock().unwrap().redirect = Some("/".to_owned());

    let answer = scene.get(&path, "").await;

    assert_eq!(answer.status, 200);
    let page = scene.page();
    let message = r#"{"error":"provider_failed","provider":"op","type":"nolapse:sign-in"}"#;
    assert!(
        answer
            .body
            .contains(&format!("postMessage({message}, \"{page}\")")),
        "{}",
        answer.body
    );
    let policy = header(&answer, "content-security-policy: ").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"));
}

#[tokio::test]
async fn no_token_of_the_providers_reaches_a_browser_or_is_readable_in_the_database() {
    for mode in [ProviderMode::Own, ProviderMode::Mediate] {
        let scene = Scene::with(|config| config.providers[0].mode = mode).await;
        let cookie = scene.sign_in().await;
        let answer = scene.refresh(&cookie).await;
        assert_eq!(answer.status, 200);
        let seen = format!("{}{}", answer.head, answer.body);
        assert!(!seen.contains(REFRESH_TOKEN));
        assert_eq!(seen.contains(ACCESS_TOKEN), mode == ProviderMode::Mediate);
        let folder = std::fs::read_dir(scene.folder.path()).unwrap();
        for file in folder {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let has = |text: &str| {
                bytes
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
            };
            assert!(!has(REFRESH_TOKEN) && !has(ACCESS_TOKEN));
        }
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("client.pem");
    std::fs::write(&file, "no key").unwrap();
    let missing = folder.path().join("missing.pem");
    for file in [file, missing] {
        let mut provider =
            nolapse_server::config::ProviderConfig::new("op", "https://op.example", "client", "");
        provider.credential = ClientCredential::PrivateKey(file);
        let config = nolapse_server::config::Config {
            port: 0,
            api_port: 0,
            database_url: format!("sqlite://{}", folder.path().join("test.db").display()),
            key_file: folder.path().join("test.keys"),
            password_memory_kib: 64,
            providers: vec![provider],
            ..nolapse_server::config::Config::default()
        };
        let started = nolapse_server::serve::Server::start(config).await;
        let error = started.err().map(|error| error.to_string()).unwrap();
        assert!(
            error.starts_with("the provider op cannot be used"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_an_id_token_says_of_the_authentication_is_in_ours() {
    let scene = Scene::new().await;
    let asked = scene.begin().await;
    let mut claims = scene.provider.claims(&asked.nonce);
    claims["auth_time"] = json!(now() - 100);
    claims["amr"] = json!(["pwd", "mfa"]);
    scene.provider.give(&scene.provider.key.sign(&claims));
    let answer = scene.come_back(&asked).await;
    assert_eq!(location(&answer), format!("{}/page", scene.page()));

    let refreshed = scene.refresh(&answer.cookie()).await;

    let body: Value = serde_json::from_str(&refreshed.body).unwrap();
    let token = body["access_token"].as_str().unwrap();
    let payload = Base64UrlUnpadded::decode_vec(token.split('.').nth(1).unwrap()).unwrap();
    let ours: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(ours["auth_time"], claims["auth_time"]);
    assert_eq!(ours["amr"], json!(["mfa", "fed"]));
    assert_eq!(ours["acr"], json!("urn:nolapse:acr:2"));
}
