//! The first password of an account that was made without one, on both databases.

use std::time::Duration;

use hyper::{Method, StatusCode};
use nolapse::wire::{PASSKEYS_PATH, PASSWORD_PATH, SIGN_IN_PATH};
use nolapse_server::config::Config;
use serde_json::{Value, json};

use crate::{
    authenticator::Authenticator,
    passkeys::{claims, post, sign_in, sign_up},
    support::{Answer, EMAIL, PASSWORD, World},
    two_databases::on_both,
};

const OTHER: &str = "staple of another kind";

async fn sign_in_with(world: &World, password: &str) -> Answer {
    let call = world.auth(Method::POST, SIGN_IN_PATH);
    let body = json!({ "email": EMAIL, "password": password });
    call.json(&body).send().await
}

#[tokio::test]
async fn an_account_without_a_password_gets_its_first_one_after_a_recent_sign_in() {
    on_both(async |world| {
        let mut key = Authenticator::es256(&world.page());
        let here = sign_up(world, EMAIL, &mut key).await.signed();
        let elsewhere = sign_in(world, &mut key).await.signed();
        let refused = |body: Value| post_own(world, &here, body);
        refused(json!({ "current_password": PASSWORD, "new_password": OTHER }))
            .await
            .is_problem(403, "invalid_credentials");
        for weak in ["short", "password1"] {
            refused(json!({ "new_password": weak }))
                .await
                .is_problem(400, "invalid_request");
        }

        let given = post_own(world, &here, json!({ "new_password": PASSWORD })).await;

        assert_eq!(given.status, StatusCode::NO_CONTENT, "{:?}", given.body);
        let ended = world.refresh(&elsewhere.cookie).await;
        ended.is_problem(401, "session_ended");
        let here = world.refresh(&given.cookie().unwrap()).await.signed();
        let again = post_own(world, &here, json!({ "new_password": OTHER })).await;
        again.is_problem(403, "invalid_credentials");
        let signed = sign_in_with(world, PASSWORD).await.signed();
        assert_eq!(claims(&signed.token)["amr"], json!(["pwd"]));
        // The passkey is the last way in no more.
        let list = world.own(&signed, Method::GET, PASSKEYS_PATH).send().await;
        let path = format!("{PASSKEYS_PATH}/{}", list.text("/passkeys/0/id"));
        let removed = world.own(&signed, Method::DELETE, &path).send().await;
        assert_eq!(removed.status, StatusCode::NO_CONTENT, "{:?}", removed.body);
    })
    .await;
}

async fn post_own(world: &World, signed: &crate::support::Signed, body: Value) -> Answer {
    post(world, signed, PASSWORD_PATH, &body).await
}

#[tokio::test]
async fn a_first_password_after_an_old_sign_in_is_challenged_for_a_step_up() {
    let world = World::new().await;
    let mut key = Authenticator::es256(&world.page());
    let signed = sign_up(&world, EMAIL, &mut key).await.signed();
    let recent = Config::default().recent_sign_in;
    world.pass(recent + Duration::from_secs(1)).await;

    let asked = post_own(&world, &signed, json!({ "new_password": PASSWORD })).await;

    asked.is_problem(401, "insufficient_user_authentication");
    sign_in_with(&world, PASSWORD)
        .await
        .is_problem(401, "invalid_credentials");
}
