//! Pages of other origins: previews, app shells, extensions, and apps that are embedded in another site.

use hyper::{Method, StatusCode};
use nolapse::wire::{COOKIE, REFRESH_PATH, SIGN_OUT_PATH, SIGN_UP_PATH};
use nolapse_server::config::SameSite;
use serde_json::json;

use crate::support::{Answer, EMAIL, PASSWORD, World};

const LISTED: [&str; 8] = [
    "https://app.example.com",
    "https://app-*.team.example",
    "https://my_app.example.com",
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "https://tauri.localhost",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
];

async fn world() -> World {
    World::with(|config| config.allowed_origins = Some(LISTED.map(str::to_owned).to_vec())).await
}

/// Asks for a preflight and for a sign-out from an origin; returns whether each was allowed.
async fn allowed(world: &World, origin: &str, site: &str) -> (bool, bool) {
    let preflight = world
        .bare(Method::OPTIONS, REFRESH_PATH)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "nolapse-version")
        .send()
        .await;
    assert!(preflight.header("vary").contains("origin"), "{origin}");
    let may_read = preflight.header("access-control-allow-origin") == origin;
    let call = world.auth(Method::POST, SIGN_OUT_PATH);
    let call = call.header("origin", origin).header("sec-fetch-site", site);
    let answer = call.send().await;
    let may_call = answer.status == StatusCode::NO_CONTENT;
    if !may_call {
        answer.is_problem(403, "forbidden_origin");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
    }
    (may_read, may_call)
}

#[tokio::test]
async fn issue11_line14_listed_origins_may_call_whatever_their_scheme() {
    let world = world().await;
    let previews = [
        "https://app-x.team.example",
        "https://app-pr_7.team.example",
    ];
    let exact = LISTED.iter().filter(|origin| !origin.contains('*'));
    for origin in exact.chain(&previews) {
        for site in ["same-origin", "same-site", "cross-site", "none"] {
            let both = allowed(&world, origin, site).await;
            assert_eq!(both, (true, true), "{origin} {site}");
        }
    }
}

#[tokio::test]
async fn issue11_line14_look_alikes_may_neither_call_nor_read() {
    let world = world().await;
    for origin in [
        "https://app-*.team.example",
        "https://app-x.team.example.evil.test",
        "https://app-a.b.team.example",
        "https://app-.team.example",
        "https://app-x.team.example:8443",
        "http://app-x.team.example",
        "http://app.example.com",
        "https://myxapp.example.com",
        "capacitor://localhost.evil.test",
        "capacitor://evil",
        "http://localhost",
        "https://localhost",
        "tauri://localhost:1",
        "http://tauri.localhost",
        "chrome-extension://bbcdefghijklmnopabcdefghijklmnop",
        "moz-extension://0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        "null",
    ] {
        for site in ["same-origin", "cross-site"] {
            let both = allowed(&world, origin, site).await;
            assert_eq!(both, (false, false), "{origin} {site}");
        }
    }
}

/// Returns the `Set-Cookie` lines.
fn set(answer: &Answer) -> Vec<String> {
    let all = answer.headers.get_all("set-cookie").iter();
    all.filter_map(|line| line.to_str().ok().map(str::to_owned))
        .collect()
}

/// Returns the refresh cookie's value as a browser with partitioned cookies stores it.
fn partitioned(answer: &Answer) -> String {
    let lines = set(answer);
    let line = lines
        .iter()
        .find(|line| line.starts_with(COOKIE) && line.ends_with("; SameSite=None; Partitioned"));
    let line = line.expect("a partitioned cookie");
    let (pair, _) = line.split_once(';').expect("attributes");
    pair.split_once('=').expect("a value").1.to_owned()
}

#[tokio::test]
async fn issue11_line14_an_embedded_app_has_partitioned_cookies_and_the_same_guard() {
    let world = World::with(|config| {
        config.allowed_origins = Some(vec!["https://app.example.com".to_owned()]);
        config.cookie_same_site = SameSite::None;
    })
    .await;
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let embedded = |path, origin: &str| {
        let call = world.auth(Method::POST, path).header("origin", origin);
        call.header("sec-fetch-site", "cross-site")
    };
    let own = "https://app.example.com";

    let signed = embedded(SIGN_UP_PATH, own).json(&credentials).send().await;
    let cookie = partitioned(&signed);
    let body = json!({ "reason": "load", "page": "visible" });
    let forged = embedded(REFRESH_PATH, "https://evil.example").cookie(&cookie);
    let forged = forged.json(&body).send().await;
    let refreshing = embedded(REFRESH_PATH, own).cookie(&cookie);
    let refreshed = refreshing.json(&body).send().await;
    let out = embedded(SIGN_OUT_PATH, own).cookie(&partitioned(&refreshed));
    let out = out.send().await;

    forged.is_problem(403, "forbidden_origin");
    assert_eq!(refreshed.status, StatusCode::OK);
    for answer in [&signed, &refreshed] {
        let lines = set(answer);
        assert!(lines.iter().all(|line| line.contains("; SameSite=None")));
        assert!(lines.iter().all(|line| line.contains("; Secure")));
    }
    assert!(partitioned(&out).is_empty());
}
