//! `/auth/sign-up` and `/auth/sign-in`.

use hyper::{Method, StatusCode};
use nolapse::wire::{SIGN_IN_PATH, SIGN_UP_PATH};
use serde_json::json;

use crate::support::{Answer, EMAIL, PASSWORD, World};

async fn sign_in(world: &World, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    world
        .auth(Method::POST, SIGN_IN_PATH)
        .json(&body)
        .send()
        .await
}

#[tokio::test]
async fn a_sign_up_returns_a_token_and_an_http_only_cookie() {
    let world = World::new().await;

    let answer = world
        .auth(Method::POST, SIGN_UP_PATH)
        .json(&json!({ "email": "Ada@Example.org", "password": PASSWORD }))
        .send()
        .await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["expires_in"], 60);
    assert_eq!(answer.text("/session/user/email"), EMAIL);
    assert_eq!(answer.text("/session/user/role"), "member");
    assert_eq!(answer.header("cache-control"), "no-store");
    let cookie = answer.header("set-cookie");
    let value = answer.cookie().unwrap();
    let flags = cookie.split_once("; ").unwrap().1;
    assert_eq!(
        flags,
        "Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Strict"
    );
    assert_eq!(value.len(), 96);
    assert!(!String::from_utf8_lossy(&answer.bytes).contains(&value));
}

#[tokio::test]
async fn where_sign_up_is_closed_no_response_reveals_an_account() {
    let world = World::with(|config| config.sign_up = false).await;

    for email in [EMAIL, "eve@example.org"] {
        let body = json!({ "email": email, "password": PASSWORD });
        let call = world.auth(Method::POST, SIGN_UP_PATH).json(&body);
        call.send().await.is_problem(404, "not_found");
        let wrong = sign_in(&world, email, "another password").await;
        wrong.is_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn a_second_account_with_one_address_is_refused() {
    let world = World::new().await;
    world.sign_up().await;

    let answer = world
        .auth(Method::POST, SIGN_UP_PATH)
        .json(&json!({ "email": EMAIL.to_uppercase(), "password": "another password" }))
        .send()
        .await;

    answer.is_problem(409, "account_exists");
    assert_eq!(answer.cookie(), None);
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_answer() {
    let world = World::new().await;
    world.sign_up().await;

    let wrong = sign_in(&world, EMAIL, "not the password").await;
    let unknown = sign_in(&world, "nobody@example.org", PASSWORD).await;

    wrong.is_problem(401, "invalid_credentials");
    assert_eq!(wrong.bytes, unknown.bytes);
    assert_eq!(wrong.status, unknown.status);
    assert_eq!(wrong.cookie(), None);
}

#[tokio::test]
async fn a_sign_in_creates_a_session_and_ends_the_one_of_the_requests_cookie() {
    let world = World::new().await;
    let before = world.sign_up().await;

    let answer = world
        .auth(Method::POST, SIGN_IN_PATH)
        .cookie(&before.cookie)
        .json(&json!({ "email": EMAIL, "password": PASSWORD }))
        .send()
        .await;

    let after = answer.signed();
    assert_ne!(after.session, before.session);
    let old = world.refresh(&before.cookie).await;
    old.is_problem(401, "session_ended");
    assert_eq!(old.text("/reason"), "signed_out");
    assert_eq!(world.refresh(&after.cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_disabled_user_can_neither_sign_in_nor_refresh() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let order = json!({ "session_id": signed.session, "change": "disable" });
    world
        .auth(Method::POST, "/demo/session")
        .json(&order)
        .send()
        .await;

    let refreshed = world.refresh(&signed.cookie).await;

    assert_eq!(refreshed.text("/reason"), "user_disabled");
    sign_in(&world, EMAIL, PASSWORD)
        .await
        .is_problem(401, "invalid_credentials");
}
