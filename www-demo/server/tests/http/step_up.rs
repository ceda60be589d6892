//! Step-up (RFC 9470), and what requires it.

use std::time::Duration;

use hyper::{Method, StatusCode};
use nolapse::wire::{PASSKEYS_PATH, STEP_UP_PATH, TOTP_PATH};
use nolapse_server::config::Config;
use serde_json::json;

use crate::{
    authenticator::Authenticator,
    passkeys::{add, claims, options, post},
    support::{Answer, PASSWORD, World},
    two_databases::on_both,
};

fn is_challenge(answer: &Answer, rest: &str) {
    answer.is_problem(401, "insufficient_user_authentication");
    let expected = format!(
        "Bearer error=\"insufficient_user_authentication\", \
         error_description=\"a recent or a stronger authentication is needed\"{rest}"
    );
    assert_eq!(answer.header("www-authenticate"), expected);
}

#[tokio::test]
async fn what_is_sensitive_is_challenged_until_a_step_up_and_the_cookie_stays() {
    on_both(async |world| {
        let mut signed = world.sign_up().await;
        let mut key = Authenticator::es256(&world.page());
        add(world, &signed, &mut key).await;
        let recent = Config::default().recent_sign_in;
        world.pass(recent + Duration::from_secs(1)).await;
        signed = world.refresh(&signed.cookie).await.signed();
        let before = claims(&signed.token);

        let api = world.api(Method::DELETE, "/account").bearer(&signed.token);
        is_challenge(&api.send().await, ", max_age=\"300\"");
        let begun = world.own(&signed, Method::POST, TOTP_PATH).send().await;
        is_challenge(&begun, ", max_age=\"300\"");
        let id = world.own(&signed, Method::GET, PASSKEYS_PATH).send().await;
        let path = format!("{PASSKEYS_PATH}/{}", id.text("/passkeys/0/id"));
        let removed = world.own(&signed, Method::DELETE, &path).send().await;
        is_challenge(&removed, ", max_age=\"300\"");

        let wrong = json!({ "password": "not the password" });
        let wrong = post(world, &signed, STEP_UP_PATH, &wrong).await;
        wrong.is_problem(403, "invalid_credentials");
        let nothing = post(world, &signed, STEP_UP_PATH, &json!({})).await;
        nothing.is_problem(403, "invalid_credentials");
        let right = json!({ "password": PASSWORD });
        let stepped = post(world, &signed, STEP_UP_PATH, &right).await;

        assert_eq!(stepped.status, StatusCode::OK, "{:?}", stepped.body);
        assert_eq!(stepped.cookie(), None);
        let after = claims(&stepped.text("/access_token"));
        assert!(after["auth_time"].as_u64() > before["auth_time"].as_u64());
        assert_eq!(
            (&after["acr"], &after["sid"]),
            (&before["acr"], &before["sid"])
        );
        let refreshed = world.refresh(&signed.cookie).await.signed();
        let later = claims(&refreshed.token);
        assert_eq!(later["auth_time"], after["auth_time"]);
        let stepped = stepped.text("/access_token");
        let deleted = world.api(Method::DELETE, "/account").bearer(&stepped);
        assert_eq!(deleted.send().await.status, StatusCode::NO_CONTENT);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_steps_up_to_two_factors() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let mut key = Authenticator::es256(&world.page());
    add(&world, &signed, &mut key).await;
    let path = format!("{STEP_UP_PATH}/options");
    let issued = options(world.own(&signed, Method::POST, &path)).await;
    assert_eq!(
        issued["publicKey"]["allowCredentials"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // The handle of a user who is known may be missing.
    key.user = None;
    let body = json!({ "credential": key.sign_in(&issued) });

    let stepped = post(&world, &signed, STEP_UP_PATH, &body).await;

    let claims = claims(&stepped.text("/access_token"));
    assert_eq!(claims["acr"], "urn:nolapse:acr:2");
    assert_eq!(claims["amr"], json!(["pwd", "hwk", "user", "mfa"]));
}

#[tokio::test]
async fn wrong_passwords_of_a_step_up_are_throttled() {
    let world = World::with(|config| config.passwords_per_account = 2).await;
    let signed = world.sign_up().await;
    let wrong = json!({ "password": "not the password" });
    for _ in 0..2 {
        let answer = post(&world, &signed, STEP_UP_PATH, &wrong).await;
        answer.is_problem(403, "invalid_credentials");
    }
    let right = json!({ "password": PASSWORD });
    let answer = post(&world, &signed, STEP_UP_PATH, &right).await;
    answer.is_problem(429, "too_many_requests");
}
