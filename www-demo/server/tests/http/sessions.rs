//! `/auth/sessions`, and how soon a revocation is felt.

use std::time::Duration;

use hyper::{Method, StatusCode};
use nolapse::wire::{SESSIONS_PATH, SIGN_IN_PATH, SIGN_UP_PATH};
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
        let call = world.auth(Method::GET, SESSIONS_PATH).bearer(&laptop.token);
        call.send().await.body["sessions"]
            .as_array()
            .unwrap()
            .clone()
    };

    let before = list().await;
    let path = format!("{SESSIONS_PATH}/{}", phone.session);
    let revoked = world
        .auth(Method::DELETE, &path)
        .bearer(&laptop.token)
        .send()
        .await;
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
async fn nobody_ends_a_session_of_another_user() {
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
    let answer = world
        .auth(Method::DELETE, &path)
        .bearer(&eve.token)
        .send()
        .await;

    answer.is_problem(404, "not_found");
    assert_eq!(world.refresh(&ada.cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_has_ended_manages_no_devices_with_the_token_that_is_left() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let order = json!({ "session_id": signed.session });
    world
        .auth(Method::POST, "/demo/revoke")
        .json(&order)
        .send()
        .await;

    let answer = world
        .auth(Method::GET, SESSIONS_PATH)
        .bearer(&signed.token)
        .send()
        .await;

    answer.is_problem(401, "invalid_token");
}

#[tokio::test]
async fn p14_after_a_revocation_no_api_call_is_accepted_for_longer_than_one_token_life() {
    let life = Duration::from_secs(2);
    let world = World::with(|config| config.token_life = life).await;
    let signed = world.sign_up().await;
    // The newest token that the session can have at the moment of its revocation.
    let signed = world.refresh(&signed.cookie).await.signed();
    let order = json!({ "session_id": signed.session });
    let revoked_at = Instant::now();
    world
        .auth(Method::POST, "/demo/revoke")
        .json(&order)
        .send()
        .await;

    let accepted = world.me(&signed.token).await.status;
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

    assert_eq!(accepted, StatusCode::OK);
    assert_eq!(refresh.text("/reason"), "revoked");
    refused.is_problem(401, "invalid_token");
    assert!(world.count("api_refused_expired") >= 1);
}
