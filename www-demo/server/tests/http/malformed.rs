//! Whatever is sent, the response is a 4xx in the one error shape, and nothing has changed.

use hyper::{Method, StatusCode};
use nolapse::wire::{
    JWKS_PATH, METADATA_PATH, PASSWORD_PATH, REFRESH_PATH, SESSIONS_PATH, SIGN_IN_PATH,
    SIGN_OUT_PATH, SIGN_UP_PATH,
};

use crate::support::World;

const NOT_JSON_OBJECTS: [&str; 9] = [
    "",
    "{",
    "[]",
    r#"["load","visible",null]"#,
    "null",
    "\"text\"",
    "{}",
    "{\"unknown\":1}",
    "\u{0}\u{1}",
];

#[tokio::test]
async fn p48_bodies_that_do_not_match_the_schema_get_400() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let credentials = [
        r#"{"email":"x@example.org"}"#,
        r#"{"email":"x@example.org","password":12345678}"#,
        r#"{"email":"x@example.org","password":"12345678","role":"admin"}"#,
        r#"{"email":"x@example.org","password":"12345678","password":"12345678"}"#,
        r#"{"email":"no address","password":"12345678"}"#,
        r#"{"email":"x@example.org","password":"short"}"#,
        r#"{"email":null,"password":"12345678"}"#,
    ];
    let refreshes = [
        r#"{"reason":"timer"}"#,
        r#"{"reason":"boredom","page":"visible"}"#,
        r#"{"reason":"timer","page":"sideways"}"#,
        r#"{"reason":"timer","page":"visible","active_ago":-1}"#,
        r#"{"reason":"timer","page":"visible","active_ago":1.5}"#,
        r#"{"reason":"timer","page":"visible","active_ago":99999999999}"#,
        r#"{"reason":"timer","page":"visible","more":1}"#,
    ];
    let table = [
        (SIGN_UP_PATH, &credentials[..]),
        (SIGN_IN_PATH, &credentials[..]),
        (REFRESH_PATH, &refreshes[..]),
        (
            SIGN_OUT_PATH,
            &[r#"{"everywhere":1}"#, r#"{"all":true}"#, "{"][..],
        ),
    ];

    for (path, bodies) in table {
        let more = if path == SIGN_OUT_PATH {
            &[][..]
        } else {
            &NOT_JSON_OBJECTS[..]
        };
        for body in bodies.iter().chain(more) {
            let call = world.auth(Method::POST, path).cookie(&signed.cookie);
            let answer = call.body("application/json", *body).send().await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {body}");
            answer.is_problem(400, "invalid_request");
            assert_eq!(answer.cookie(), None);
        }
    }

    for body in [
        "{}",
        r#"{"text":""}"#,
        r#"{"text":7}"#,
        r#"{"text":"x","id":"y"}"#,
        "x",
    ] {
        let call = world.api(Method::POST, "/notes").bearer(&signed.token);
        let answer = call.body("application/json", body).send().await;
        answer.is_problem(400, "invalid_request");
    }
    assert_eq!(world.count("refreshes_rotated"), 0);
    assert_eq!(world.count("sign_ups"), 1);
    assert_eq!(world.refresh(&signed.cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn p48_bodies_of_other_types_and_sizes_get_415_and_413() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let large = format!(r#"{{"reason":"{}"}}"#, "x".repeat(20_000));

    for path in [SIGN_UP_PATH, SIGN_IN_PATH, REFRESH_PATH, SIGN_OUT_PATH] {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "",
        ] {
            let call = world.auth(Method::POST, path).cookie(&signed.cookie);
            let answer = call.body(kind, "{\"a\":1}").send().await;
            answer.is_problem(415, "unsupported_media_type");
        }
        let call = world.auth(Method::POST, path).cookie(&signed.cookie);
        let answer = call.body("application/json", large.clone()).send().await;
        answer.is_problem(413, "payload_too_large");
    }

    assert_eq!(world.refresh(&signed.cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn p48_every_endpoint_answers_other_methods_with_405_and_names_its_own() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let one = format!("{SESSIONS_PATH}/x");
    let auth = [
        (SIGN_UP_PATH, "POST"),
        (SIGN_IN_PATH, "POST"),
        (REFRESH_PATH, "POST"),
        (SIGN_OUT_PATH, "POST"),
        (PASSWORD_PATH, "POST"),
        (SESSIONS_PATH, "GET,HEAD"),
        (&one, "DELETE"),
        (JWKS_PATH, "GET,HEAD"),
        (METADATA_PATH, "GET,HEAD"),
        ("/config.json", "GET,HEAD"),
        ("/healthz", "GET,HEAD"),
        ("/readyz", "GET,HEAD"),
        ("/demo/outage", "POST"),
        ("/demo/counters", "GET,HEAD"),
    ];
    let api = [
        ("/me", "GET,HEAD"),
        ("/notes", "GET,HEAD,POST"),
        ("/notes/x", "DELETE"),
        ("/admin/report", "GET,HEAD"),
        ("/healthz", "GET,HEAD"),
    ];
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];

    for method in methods {
        let auth = auth.iter().map(|row| (row, true));
        for ((path, allowed), on_auth) in auth.chain(api.iter().map(|row| (row, false))) {
            if allowed.split(',').any(|one| one == method.as_str()) {
                continue;
            }
            let call = if on_auth {
                world.auth(method.clone(), path).cookie(&signed.cookie)
            } else {
                world.api(method.clone(), path)
            };
            let answer = call.bearer(&signed.token).send().await;
            assert_eq!(answer.status, 405, "{method} {path}");
            answer.is_problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), *allowed, "{method} {path}");
        }
    }
    assert_eq!(world.refresh(&signed.cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn p48_unknown_paths_queries_and_names_get_a_problem() {
    let world = World::new().await;
    let signed = world.sign_up().await;

    for path in [
        "/nothing",
        "/auth",
        "/auth/refresh/",
        "//",
        "/%00",
        "/auth/../me",
    ] {
        let answer = world.auth(Method::GET, path).send().await;
        answer.is_problem(404, "not_found");
        world
            .api(Method::GET, path)
            .send()
            .await
            .is_problem(404, "not_found");
    }
    for path in [
        "/auth/sessions?x=1",
        "/auth/sessions?",
        "/.well-known/jwks.json?a",
    ] {
        let answer = world.own(&signed, Method::GET, path).send().await;
        answer.is_problem(400, "invalid_request");
    }
    let in_query = format!("/me?access_token={}", signed.token);
    let answer = world.api(Method::GET, &in_query).send().await;
    answer.is_problem(400, "invalid_request");
    for id in [
        "x",
        "%ff",
        "%00",
        "..%2f",
        &"A".repeat(22),
        &"A".repeat(2_000),
    ] {
        let session = format!("{SESSIONS_PATH}/{id}");
        let call = world.own(&signed, Method::DELETE, &session);
        call.send().await.is_problem(404, "not_found");
        let note = format!("/notes/{id}");
        let call = world.api(Method::DELETE, &note).bearer(&signed.token);
        call.send().await.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn p48_malformed_headers_are_refused() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let bearer = format!("Bearer {}", signed.token);

    for sent in [
        "Bearer",
        "Bearer ",
        "Bearer  x",
        "Bearer \u{e9}",
        "Bearer a b",
        "bearer ..",
    ] {
        let call = world.api(Method::GET, "/me").header("authorization", sent);
        call.send().await.is_problem(401, "invalid_token");
    }
    let twice = world
        .api(Method::GET, "/me")
        .another("authorization", &bearer);
    let twice = twice.another("authorization", &bearer).send().await;
    twice.is_problem(401, "invalid_token");
    assert_eq!(world.count("api_accepted"), 0);
}
