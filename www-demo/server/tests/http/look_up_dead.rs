//! `POST /auth/session` without a session, and for those who are no server of the operator's.

use hyper::{Method, StatusCode};
use nolapse::wire::{COOKIE, PASSWORD_PATH, SESSION_PATH, SIGN_OUT_PATH};
use nolapse_server::config::ServerSecrets;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, SERVER_SECRET, World};

#[tokio::test]
async fn part4_that_there_is_no_session_is_an_answer_with_its_reason() {
    let world = World::new().await;
    let reason_of = |answer: Answer| {
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.body["session"], Value::Null);
        assert_eq!(answer.headers.get("set-cookie"), None);
        answer.text("/reason")
    };
    let signed = world.sign_up().await;
    let mut forged = signed.cookie.clone();
    forged.replace_range(95..96, if forged.ends_with('A') { "B" } else { "A" });
    let bare = || world.bare(Method::POST, SESSION_PATH).bearer(SERVER_SECRET);
    let two = format!("{COOKIE}={0}; {COOKIE}={0}", signed.cookie);

    assert_eq!(reason_of(world.look_up(&forged).await), "no_cookie");
    assert_eq!(reason_of(bare().send().await), "no_cookie");
    let doubled = bare().header("cookie", &two).send().await;
    assert_eq!(reason_of(doubled), "no_cookie");
    let disable = |change: &str| {
        let body = json!({ "session_id": signed.session, "change": change });
        world.auth(Method::POST, "/demo/session").json(&body).send()
    };
    disable("disable").await;
    assert_eq!(
        reason_of(world.look_up(&signed.cookie).await),
        "user_disabled"
    );
    // The look-up has ended nothing.
    disable("enable").await;
    let live = world.look_up(&signed.cookie).await;
    assert!(live.body["session"].is_object());
    let out = world.own(&signed, Method::POST, SIGN_OUT_PATH).send().await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(reason_of(world.look_up(&signed.cookie).await), "signed_out");
    assert_eq!(world.count("look_ups_ended"), 5);
}

#[tokio::test]
async fn part4_a_cookie_that_a_new_password_has_replaced_is_uncertain_and_not_signed_out() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let body = json!({ "current_password": PASSWORD, "new_password": "staple of another kind" });
    let change = world.own(&signed, Method::POST, PASSWORD_PATH).json(&body);
    let newest = change.send().await.cookie().expect("a fresh cookie");

    let late = world.look_up(&signed.cookie).await;

    late.is_problem(503, "unavailable");
    assert_eq!(late.header("retry-after"), "1");
    assert!(world.look_up(&newest).await.body["session"].is_object());
}

#[tokio::test]
async fn part4_only_a_secret_of_the_setting_opens_the_path() {
    let second = "0123456789abcdef0123456789abcdef";
    let world = World::with(|config| {
        let both = format!("{SERVER_SECRET},{second}");
        config.server_secrets = ServerSecrets::parse(&both).expect("two secrets");
    })
    .await;
    let signed = world.sign_up().await;
    let call = || {
        let call = world.auth(Method::POST, SESSION_PATH);
        call.cookie(&signed.cookie)
    };
    let invalid = r#"Bearer error="invalid_token""#;

    for (sent, challenge) in [
        (None, "Bearer"),
        (Some("Basic dXNlcjpwYXNzd29yZA==".to_owned()), "Bearer"),
        (Some("Bearer".to_owned()), invalid),
        (Some(format!("Bearer {second}0")), invalid),
        (Some(format!("Bearer {}", signed.token)), invalid),
        (Some(format!("Bearer  {second}")), invalid),
    ] {
        let call = match &sent {
            None => call(),
            Some(sent) => call().header("authorization", sent),
        };
        let refused = call.send().await;
        refused.is_problem(401, "invalid_token");
        assert_eq!(refused.header("www-authenticate"), challenge, "{sent:?}");
    }
    let doubled = call()
        .bearer(second)
        .another("authorization", "Bearer x")
        .send()
        .await;
    doubled.is_problem(401, "invalid_token");
    assert_eq!(world.count("servers_refused"), 7);
    for secret in [SERVER_SECRET, second] {
        let found = call().bearer(secret).send().await;
        assert_eq!(found.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn part4_without_the_setting_the_path_is_off() {
    let world = World::with(|config| config.server_secrets = ServerSecrets::default()).await;
    let signed = world.sign_up().await;

    let off = world.look_up(&signed.cookie).await;

    off.is_problem(404, "not_found");
    assert!(off.text("/error_description").contains("SERVER_SECRETS"));
}

#[tokio::test]
async fn part4_a_session_is_looked_up_ten_times_as_often_as_it_is_refreshed() {
    let world = World::with(|config| config.refreshes_per_minute = 1).await;
    let signed = world.sign_up().await;

    let mut last = world.look_up(&signed.cookie).await;
    let mut found = 0;
    while last.status == StatusCode::OK && found < 20 {
        found += 1;
        last = world.look_up(&signed.cookie).await;
    }

    last.is_problem(429, "too_many_requests");
    assert!((10..=12).contains(&found), "{found}");
    assert_eq!(world.refresh(&signed.cookie).await.status, StatusCode::OK);
}
