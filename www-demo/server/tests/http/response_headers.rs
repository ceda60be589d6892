//! Header fields that every response has: of a handler, a layer or a file.

use std::fs;

use hyper::{Method, StatusCode};
use nolapse::wire::{
    PASSWORD_PATH, REFRESH_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, SIGN_UP_PATH,
};
use serde_json::json;

use crate::support::{Answer, Call, EMAIL, PASSWORD, World};

/// Paths of handlers, of files, and of neither.
const PATHS: [&str; 26] = [
    "/",
    "/nothing",
    "/assets",
    "/assets/app-1a2b.js",
    "/picture.svg",
    "/plain.txt",
    "/healthz",
    "/readyz",
    "/healthz?x=1",
    "/metrics",
    "/openapi.json",
    "/config.json",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/me",
    "/notes",
    "/notes/x",
    "/admin/report",
    "/account",
    "/demo/counters",
    SIGN_UP_PATH,
    SIGN_IN_PATH,
    REFRESH_PATH,
    SIGN_OUT_PATH,
    SESSIONS_PATH,
    PASSWORD_PATH,
];
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X",
];

#[track_caller]
fn is_not_sniffed(what: &str, answer: &Answer) {
    let values = answer.headers.get_all("x-content-type-options");
    let values: Vec<_> = values.iter().collect();
    assert_eq!(values, ["nosniff"], "{what}: {answer:?}");
}

#[track_caller]
fn is_not_stored(what: &str, answer: &Answer) {
    is_not_sniffed(what, answer);
    let values = answer.headers.get_all("cache-control");
    let values: Vec<_> = values.iter().collect();
    assert_eq!(values, ["no-store"], "{what}: {answer:?}");
}

#[tokio::test]
async fn every_response_of_every_listener_forbids_sniffing() {
    let site = tempfile::tempdir().expect("a folder");
    fs::create_dir(site.path().join("assets")).expect("it is new");
    for file in [
        "index.html",
        "assets/app-1a2b.js",
        "picture.svg",
        "plain.txt",
    ] {
        fs::write(site.path().join(file), "x").expect("it is written");
    }
    let folder = site.path().to_owned();
    let world = World::with(|config| {
        config.site_dir = Some(folder);
        config.metrics_port = Some(0);
    })
    .await;
    let metrics = world.server.metrics_addr.expect("METRICS_PORT is set");
    let listeners = [
        world.server.auth_addr.to_string(),
        world.server.api_addr.to_string(),
        metrics.to_string(),
    ];

    for address in &listeners {
        for path in PATHS {
            for method in METHODS {
                let method = Method::from_bytes(method.as_bytes()).expect("a token");
                let call = Call::new(address.clone(), method.clone(), path);
                is_not_sniffed(&format!("{method} {path}"), &call.send().await);
            }
            let preflight = Call::new(address.clone(), Method::OPTIONS, path)
                .header("origin", &world.page())
                .header("access-control-request-method", "POST");
            is_not_sniffed(&format!("preflight {path}"), &preflight.send().await);
        }
        for condition in [
            ("range", "bytes=0-0"),
            ("range", "bytes=9-"),
            ("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ] {
            let call = Call::new(address.clone(), Method::GET, "/plain.txt");
            let answer = call.header(condition.0, condition.1).send().await;
            is_not_sniffed(&format!("{condition:?}"), &answer);
        }
    }
}

#[tokio::test]
async fn what_depends_on_a_cookie_a_token_or_a_password_is_never_stored() {
    let world = World::new().await;
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let post = |path: &str| world.auth(Method::POST, path);
    let signed_up = post(SIGN_UP_PATH).json(&credentials).send().await;
    let first = signed_up.signed();
    is_not_stored("sign-up", &signed_up);
    is_not_stored("taken", &post(SIGN_UP_PATH).json(&credentials).send().await);
    let second = post(SIGN_IN_PATH).json(&credentials).send().await;
    is_not_stored("sign-in", &second);
    let second = second.signed();
    let wrong = json!({ "email": EMAIL, "password": "another password" });
    is_not_stored("wrong", &post(SIGN_IN_PATH).json(&wrong).send().await);
    is_not_stored("no JSON", &post(SIGN_IN_PATH).send().await);
    is_not_stored(
        "foreign",
        &world.bare(Method::POST, SIGN_IN_PATH).send().await,
    );
    is_not_stored("refused refresh", &world.refresh("x").await);
    let refreshed = world.refresh(&first.cookie).await;
    is_not_stored("refresh", &refreshed);
    let first = refreshed.signed();

    for (method, path) in [
        (Method::GET, SESSIONS_PATH.to_owned()),
        (Method::DELETE, format!("{SESSIONS_PATH}/x")),
        (
            Method::DELETE,
            format!("{SESSIONS_PATH}/{}", second.session),
        ),
        (Method::POST, PASSWORD_PATH.to_owned()),
        (Method::GET, "/demo/counters".to_owned()),
    ] {
        for token in [Some(&first.token), None] {
            let call = world.auth(method.clone(), &path);
            let call = match token {
                Some(token) => call.bearer(token).cookie(&first.cookie),
                None => call,
            };
            is_not_stored(
                &format!("{method} {path} {}", token.is_some()),
                &call.send().await,
            );
        }
    }
    let change = json!({ "current_password": PASSWORD, "new_password": "staple of another kind" });
    let changed = post(PASSWORD_PATH)
        .bearer(&first.token)
        .cookie(&first.cookie);
    let changed = changed.json(&change).send().await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{changed:?}");
    is_not_stored("a change of password", &changed);

    for (method, path) in [
        (Method::GET, "/me"),
        (Method::GET, "/notes"),
        (Method::POST, "/notes"),
        (Method::DELETE, "/notes/x"),
        (Method::GET, "/admin/report"),
        (Method::PUT, "/notes"),
        (Method::DELETE, "/account"),
    ] {
        let with = world.api(method.clone(), path).bearer(&first.token);
        is_not_stored(&format!("{method} {path}"), &with.send().await);
        let without = world.api(method.clone(), path).send().await;
        is_not_stored(&format!("{method} {path} without a token"), &without);
    }
    let out = post(SIGN_OUT_PATH).cookie(&first.cookie).send().await;
    is_not_stored("sign-out", &out);
}
