//! `/auth/sign-out`.

use hyper::{Method, StatusCode};
use nolapse::wire::{SIGN_IN_PATH, SIGN_OUT_PATH};
use serde_json::json;

use crate::support::{EMAIL, PASSWORD, World};

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie_away() {
    let world = World::new().await;
    let signed = world.sign_up().await;

    let answer = world
        .auth(Method::POST, SIGN_OUT_PATH)
        .cookie(&signed.cookie)
        .send()
        .await;

    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.cookie().unwrap(), "");
    assert!(
        answer
            .header("set-cookie")
            .contains("Max-Age=0; Secure; HttpOnly")
    );
    assert_eq!(
        world.refresh(&signed.cookie).await.text("/reason"),
        "signed_out"
    );
}

#[tokio::test]
async fn a_secret_replaced_a_moment_ago_signs_out_as_well() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let newest = world.refresh(&signed.cookie).await.cookie().unwrap();

    world
        .auth(Method::POST, SIGN_OUT_PATH)
        .cookie(&signed.cookie)
        .send()
        .await;

    assert_eq!(world.refresh(&newest).await.text("/reason"), "signed_out");
    assert_eq!(world.count("reuse_alarms"), 0);
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_of_the_user() {
    let world = World::new().await;
    let phone = world.sign_up().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let laptop = world
        .auth(Method::POST, SIGN_IN_PATH)
        .json(&body)
        .send()
        .await
        .signed();

    let out = world
        .auth(Method::POST, SIGN_OUT_PATH)
        .cookie(&phone.cookie);
    out.json(&json!({ "everywhere": true })).send().await;

    for cookie in [phone.cookie, laptop.cookie] {
        assert_eq!(world.refresh(&cookie).await.text("/reason"), "signed_out");
    }
}

#[tokio::test]
async fn signing_out_without_a_session_succeeds() {
    let world = World::new().await;

    let none = world.auth(Method::POST, SIGN_OUT_PATH).send().await;
    let invented = world
        .auth(Method::POST, SIGN_OUT_PATH)
        .cookie(&"A".repeat(96))
        .send()
        .await;

    assert_eq!(none.status, StatusCode::NO_CONTENT);
    assert_eq!(invented.status, StatusCode::NO_CONTENT);
}
