//! Requests of version 2, which no preflight precedes: what protects them is `Origin` and Fetch Metadata.

use hyper::{Method, StatusCode};
use nolapse::wire::{REFRESH_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, SIGN_UP_PATH, VERSION_HEADER};
use nolapse_server::config::SameSite;
use serde_json::{Value, json};

use crate::support::{Call, EMAIL, PASSWORD, World};

const PLAIN: &str = "text/plain;charset=UTF-8";
const SITE: &str = "sec-fetch-site";

fn plain(world: &World, path: &str) -> Call {
    world.bare(Method::POST, path)
}

fn body(path: &str) -> Value {
    match path {
        REFRESH_PATH => json!({ "version": "2", "reason": "load", "page": "visible" }),
        SIGN_OUT_PATH => json!({ "version": "2" }),
        _ => json!({ "version": "2", "email": EMAIL, "password": PASSWORD }),
    }
}

/// The rows of the tests of Go's `http.CrossOriginProtection` for a method that changes something, with a trusted origin: what a
/// request says of its site and its origin, and whether Go serves it. `own` stands for the server's own origin.
const ROWS: [(Option<&str>, Option<&str>, bool); 14] = [
    (Some("same-origin"), None, true),
    (Some("none"), None, true),
    (Some("cross-site"), None, false),
    (Some("same-site"), None, false),
    (None, None, true),
    (None, Some("own"), true),
    (None, Some("https://attacker.example"), false),
    (None, Some("null"), false),
    (Some("cross-site"), Some("https://attacker.example"), false),
    (Some("same-site"), Some("https://attacker.example"), false),
    (None, Some("https://trusted.example"), true),
    (Some("cross-site"), Some("https://trusted.example"), true),
    (Some("same-site"), Some("https://trusted.example"), true),
    (Some("same-origin"), Some("own"), true),
];

#[tokio::test]
async fn p45_plain_requests_are_served_where_go_serves_them_or_more_rarely() {
    let world = World::with(|config| {
        config.issuer = Some("https://own.example".to_owned());
        let origins = ["https://own.example", "https://trusted.example"];
        config.allowed_origins = Some(origins.map(str::to_owned).to_vec());
    })
    .await;
    let mut stricter = Vec::new();
    for path in [SIGN_UP_PATH, SIGN_IN_PATH, REFRESH_PATH, SIGN_OUT_PATH] {
        for (site, origin, go) in ROWS {
            let mut call = plain(&world, path);
            if let Some(site) = site {
                call = call.header(SITE, site);
            }
            if let Some(origin) = origin {
                let own = "https://own.example";
                call = call.header("origin", if origin == "own" { own } else { origin });
            }
            let answer = call.body(PLAIN, body(path).to_string()).send().await;
            let served = answer.status != StatusCode::FORBIDDEN;
            assert!(go || !served, "{path}: {site:?} {origin:?}");
            if !served {
                answer.is_problem(403, "forbidden_origin");
                assert_eq!(answer.cookie(), None);
            }
            if go && !served {
                stricter.push((site, origin));
            }
        }
    }
    // A request without Origin that no Fetch Metadata vouches for; and one of another site, whose cookies are Strict.
    let expected = [
        (Some("none"), None),
        (None, None),
        (Some("cross-site"), Some("https://trusted.example")),
    ];
    assert_eq!(stricter, expected.repeat(4));
}

#[tokio::test]
async fn p45_a_form_cannot_post_a_plain_request_from_any_page() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let page = world.page();
    for mode in ["navigate", "no-cors", "nested-navigate", "websocket", ""] {
        for site in ["same-origin", "same-site"] {
            let call = plain(&world, REFRESH_PATH).header("origin", &page);
            let call = call.header(SITE, site).header("sec-fetch-mode", mode);
            let call = call
                .cookie(&signed.cookie)
                .body(PLAIN, body(REFRESH_PATH).to_string());
            call.send().await.is_problem(403, "forbidden_origin");
        }
    }
    for (name, value) in [(SITE, "same-origin"), ("sec-fetch-mode", "cors")] {
        let twice = plain(&world, REFRESH_PATH).header("origin", &page);
        let twice = twice.header(name, value).another(name, value);
        let twice = twice
            .cookie(&signed.cookie)
            .body(PLAIN, body(REFRESH_PATH).to_string());
        twice.send().await.is_problem(403, "forbidden_origin");
    }
    // What a form sends besides: its body is JSON only by luck, and its type is another one.
    let form = plain(&world, REFRESH_PATH)
        .header("origin", &page)
        .cookie(&signed.cookie);
    let form = form.body(
        "application/x-www-form-urlencoded",
        body(REFRESH_PATH).to_string(),
    );
    form.send().await.is_problem(403, "forbidden_origin");

    assert_eq!(world.count("refreshes_rotated"), 0);
    let call = plain(&world, REFRESH_PATH)
        .header("origin", &page)
        .header(SITE, "same-site");
    let call = call.header("sec-fetch-mode", "cors").cookie(&signed.cookie);
    let answer = call
        .body(PLAIN, body(REFRESH_PATH).to_string())
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}

#[tokio::test]
async fn p45_pages_of_other_sites_are_served_where_the_cookies_are_for_them() {
    let world = World::with(|config| config.cookie_same_site = SameSite::None).await;
    let call = plain(&world, SIGN_UP_PATH).header("origin", &world.page());
    let call = call
        .header(SITE, "cross-site")
        .body(PLAIN, body(SIGN_UP_PATH).to_string());
    assert_eq!(call.send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn p45_the_version_is_said_once_and_where_it_belongs() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let page = world.page();
    let call = || {
        plain(&world, REFRESH_PATH)
            .header("origin", &page)
            .cookie(&signed.cookie)
    };
    let json = json!({ "reason": "load", "page": "visible" }).to_string();

    // The text of version 1 without its header, and each in the place of the other.
    call()
        .body(PLAIN, json.clone())
        .send()
        .await
        .is_problem(400, "invalid_request");
    call()
        .body("application/json", json.clone())
        .send()
        .await
        .is_problem(403, "forbidden_origin");
    let both = call()
        .header(VERSION_HEADER, "1")
        .body(PLAIN, body(REFRESH_PATH).to_string());
    both.send().await.is_problem(415, "unsupported_media_type");
    let inside = call().header(VERSION_HEADER, "1");
    let inside = inside.body("application/json", body(REFRESH_PATH).to_string());
    inside.send().await.is_problem(400, "invalid_request");
    for version in [json!("1"), json!("3"), json!(2), json!(["2"])] {
        let body = json!({ "version": version, "reason": "load", "page": "visible" });
        call()
            .body(PLAIN, body.to_string())
            .send()
            .await
            .is_problem(400, "invalid_request");
    }
    // What acts by the cookie alone has version 1 and no other.
    let list = plain(&world, "/auth/sessions")
        .header("origin", &page)
        .cookie(&signed.cookie);
    assert_eq!(list.send().await.status, StatusCode::METHOD_NOT_ALLOWED);

    assert_eq!(world.refresh(&signed.cookie).await.status, StatusCode::OK);
}
