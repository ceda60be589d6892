//! Requests from elsewhere.

use hyper::{Method, StatusCode};
use nolapse::wire::{REFRESH_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, SIGN_UP_PATH, VERSION_HEADER};
use serde_json::json;

use crate::support::{Call, EMAIL, PASSWORD, World};

type Alter = fn(Call) -> Call;

const WITH_COOKIE: [&str; 4] = [SIGN_UP_PATH, SIGN_IN_PATH, REFRESH_PATH, SIGN_OUT_PATH];

#[tokio::test]
async fn p45_cookie_endpoints_refuse_requests_of_other_origins_and_change_nothing() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let alter: [(&str, Alter); 9] = [
        ("no version header", |call| call.without(VERSION_HEADER)),
        ("another version", |call| call.header(VERSION_HEADER, "2")),
        ("two version headers", |call| {
            call.another(VERSION_HEADER, "1")
        }),
        ("neither origin nor fetch metadata", |call| {
            call.without("origin")
        }),
        ("a foreign origin", |call| {
            call.header("origin", "https://evil.example")
        }),
        ("the origin null", |call| call.header("origin", "null")),
        ("an origin that begins alike", |call| {
            call.header("origin", "http://localhost.evil.example")
        }),
        ("cross-site without an origin", |call| {
            call.without("origin")
                .header("sec-fetch-site", "cross-site")
        }),
        ("same-site without an origin", |call| {
            call.without("origin").header("sec-fetch-site", "same-site")
        }),
    ];

    for path in WITH_COOKIE {
        for (name, alter) in alter {
            let body = match path {
                REFRESH_PATH => json!({ "reason": "load", "page": "visible" }),
                SIGN_OUT_PATH => json!({}),
                _ => json!({ "email": EMAIL, "password": PASSWORD }),
            };
            let call = world.auth(Method::POST, path).cookie(&signed.cookie);
            let answer = alter(call).json(&body).send().await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}: {name}");
            answer.is_problem(403, "forbidden_origin");
            assert_eq!(answer.cookie(), None, "{path}: {name}");
        }
    }

    assert_eq!(world.count("refreshes_rotated"), 0);
    assert_eq!(world.refresh(&signed.cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn p45_a_page_of_the_same_origin_is_accepted_by_its_fetch_metadata() {
    let world = World::new().await;
    let signed = world.sign_up().await;

    let call = world.auth(Method::POST, REFRESH_PATH).without("origin");
    let answer = call
        .header("sec-fetch-site", "same-origin")
        .cookie(&signed.cookie)
        .json(&json!({ "reason": "load", "page": "visible" }))
        .send()
        .await;

    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn p45_only_listed_origins_may_read_answers_or_pass_a_preflight() {
    let world = World::new().await;
    let page = world.page();
    let preflight = |origin: &str| {
        world
            .bare(Method::OPTIONS, REFRESH_PATH)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "content-type,nolapse-version",
            )
            .send()
    };

    let own = preflight(&page).await;
    assert_eq!(own.header("access-control-allow-origin"), page);
    assert_eq!(own.header("access-control-allow-credentials"), "true");
    assert_eq!(own.header("access-control-max-age"), "7200");
    let headers = own.header("access-control-allow-headers");
    assert_eq!(headers, "authorization,content-type,dpop,nolapse-version");
    for foreign in ["https://evil.example", "null", "http://localhost"] {
        let answer = preflight(foreign).await;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "",
            "{foreign}"
        );
        assert!(answer.header("vary").contains("origin"));
    }

    let api = world
        .api(Method::GET, "/me")
        .header("origin", &page)
        .send()
        .await;
    assert_eq!(api.header("access-control-allow-origin"), page);
    let exposed = api.header("access-control-expose-headers");
    assert_eq!(exposed, "dpop-nonce,retry-after,www-authenticate");
    assert!(api.header("vary").contains("origin"));
}
