//! What a provider, a page and a key file may be, and what becomes of a provider's tokens.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use base64ct::{Base64UrlUnpadded, Encoding};
use nolapse_server::config::{ClientCredential, ProviderMode};
use serde_json::{Value, json};

use crate::{
    hostile::{ACCESS_TOKEN, REFRESH_TOKEN, now},
    scene::{Scene, error, header, location},
};

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
        ("&return_to=a", 400),
    ] {
        let path = format!("{}{more}", scene.sign_in_path());
        assert_eq!(scene.get(&path, "").await.status, status, "{more}");
    }
    // The browser is at a page's navigation: it goes back to the page, which has the error.
    let path = format!("{}&link=1", scene.sign_in_path());
    let answer = scene.get(&path, "").await;
    assert_eq!(error(&answer).as_deref(), Some("provider_refused"));
    assert_eq!(header(&answer, "set-cookie: "), None);
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
