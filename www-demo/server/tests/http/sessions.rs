//! `/auth/sessions`, and how soon a revocation is felt.

use std::time::Duration;

use hyper::{Method, StatusCode};
use nolapse::wire::{PASSWORD_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_UP_PATH};
use nolapse_server::config::{Config, ServerSecrets};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{EMAIL, PASSWORD, World, eventually};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

#[tokio::test]
async fn a_user_sees_the_devices_and_ends_one() {
    let world = World::new().await;
    let phone = world.sign_up().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let call = world
        .auth(Method::POST, SIGN_IN_PATH)
        .header("user-agent", FIREFOX);
    let laptop = call.json(&body).send().await.signed();
    let list = || async {
        let call = world.own(&laptop, Method::GET, SESSIONS_PATH);
        call.send().await.body["sessions"]
            .as_array()
            .unwrap()
            .clone()
    };

    let before = list().await;
    let path = format!("{SESSIONS_PATH}/{}", phone.session);
    let revoked = world.own(&laptop, Method::DELETE, &path).send().await;
    let after = list().await;

    assert_eq!(before.len(), 2);
    let current: Vec<&Value> = before.iter().filter(|row| row["current"] == true).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["device"], "Firefox on Linux");
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    assert_eq!(after.len(), 1);
    assert_eq!(
        world.refresh(&phone.cookie).await.text("/reason"),
        "revoked"
    );
}

#[tokio::test]
async fn a_session_of_another_user_cannot_be_ended() {
    let world = World::new().await;
    let ada = world.sign_up().await;
    let body = json!({ "email": "eve@example.org", "password": PASSWORD });
    let eve = world
        .auth(Method::POST, SIGN_UP_PATH)
        .json(&body)
        .send()
        .await
        .signed();

    let path = format!("{SESSIONS_PATH}/{}", ada.session);
    let answer = world.own(&eve, Method::DELETE, &path).send().await;

    answer.is_problem(404, "not_found");
    assert_eq!(world.refresh(&ada.cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_has_ended_manages_no_devices_with_the_cookie_that_is_left() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let order = json!({ "session_id": signed.session, "change": "revoke" });
    world
        .auth(Method::POST, "/demo/session")
        .json(&order)
        .send()
        .await;

    let answer = world.own(&signed, Method::GET, SESSIONS_PATH).send().await;

    answer.is_problem(401, "session_ended");
    assert_eq!(answer.text("/reason"), "revoked");
}

#[tokio::test]
async fn p14_after_a_revocation_no_api_call_is_accepted_for_longer_than_one_token_life() {
    let life = Duration::from_secs(4);
    // Without a secret of servers nobody follows what is revoked.
    let world = World::with(|config| {
        config.token_lifetime = life;
        config.server_secrets = ServerSecrets::default();
    })
    .await;
    let signed = world.sign_up().await;
    // The newest token that the session can have at the moment of its revocation.
    let signed = world.refresh(&signed.cookie).await.signed();
    let order = json!({ "session_id": signed.session, "change": "revoke" });
    let revoked_at = Instant::now();
    world
        .auth(Method::POST, "/demo/session")
        .json(&order)
        .send()
        .await;

    let accepted = world.me(&signed.token).await.status;
    // Its times are whole seconds.
    let is_younger = revoked_at.elapsed() + Duration::from_secs(1) < life;
    let refresh = world.refresh(&signed.cookie).await;
    let refused = eventually("the token expires", || async {
        let asked_at = Instant::now();
        let answer = world.me(&signed.token).await;
        if answer.status == StatusCode::OK {
            assert!(
                asked_at.duration_since(revoked_at) <= life,
                "accepted too late"
            );
            return None;
        }
        Some(answer)
    })
    .await;

    assert!(accepted == StatusCode::OK || !is_younger, "{accepted}");
    assert_eq!(refresh.text("/reason"), "revoked");
    refused.is_problem(401, "invalid_token");
    assert!(world.count("api_refused_expired") >= 1);
}

#[tokio::test]
async fn an_apis_token_opens_no_endpoint_of_the_auth_server() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let own = format!("{SESSIONS_PATH}/{}", signed.session);
    let change = json!({ "current_password": PASSWORD, "new_password": "staple of another kind" });
    let role = json!({ "role": "admin" });

    for (method, path, body) in [
        (Method::GET, SESSIONS_PATH, Value::Null),
        (Method::DELETE, &own, Value::Null),
        (Method::POST, PASSWORD_PATH, change),
        (Method::POST, "/demo/role", role),
    ] {
        let bare = path.starts_with("/auth");
        let call = if bare {
            world.bare(method, path)
        } else {
            world.auth(method, path)
        };
        let call = call.bearer(&signed.token);
        let call = if body.is_null() {
            call
        } else {
            call.json(&body)
        };
        call.send().await.is_problem(401, "session_ended");
    }
    assert_eq!(world.refresh(&signed.cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn p45_the_devices_are_shown_and_ended_for_the_own_page_alone() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let one = format!("{SESSIONS_PATH}/{}", signed.session);

    for (method, path) in [
        (Method::GET, SESSIONS_PATH),
        (Method::HEAD, SESSIONS_PATH),
        (Method::DELETE, &one),
        (Method::POST, PASSWORD_PATH),
    ] {
        let own = || world.own(&signed, method.clone(), path);
        for forged in [
            own().without("nolapse-version"),
            own().header("origin", "https://evil.example"),
            own().header("origin", "null"),
            own().without("origin"),
            own()
                .without("origin")
                .header("sec-fetch-site", "same-site"),
            own()
                .without("origin")
                .header("sec-fetch-site", "cross-site"),
        ] {
            assert_eq!(
                forged.send().await.status,
                StatusCode::FORBIDDEN,
                "{method} {path}"
            );
        }
    }
    let page = world.own(&signed, Method::GET, SESSIONS_PATH);
    let page = page
        .without("origin")
        .header("sec-fetch-site", "same-origin");
    let shown = page.send().await;
    assert_eq!(shown.status, StatusCode::OK);
    assert_eq!(
        shown.cookie(),
        None,
        "looking at the devices rotates nothing"
    );
}

#[tokio::test]
async fn p42_a_cookie_whose_successor_was_used_shows_the_devices_within_the_grace_and_not_later() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let newest = world.refresh(&signed.cookie).await.signed();
    let newest = world.refresh(&newest.cookie).await.signed();

    let within = world.own(&signed, Method::GET, SESSIONS_PATH).send().await;
    let grace = Config::default().limits.grace;
    world.pass(grace + Duration::from_secs(1)).await;
    let after = world.own(&signed, Method::GET, SESSIONS_PATH).send().await;

    assert_eq!(within.status, StatusCode::OK);
    assert_eq!(after.text("/reason"), "reuse_detected");
    // Listing with a replaced token is refused, but does not end the session.
    assert_eq!(world.refresh(&newest.cookie).await.status, StatusCode::OK);
}
