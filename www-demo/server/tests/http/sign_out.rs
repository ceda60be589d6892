//! `/auth/sign-out`.

use hyper::{Method, StatusCode};
use nolapse::wire::{SIGN_IN_PATH, SIGN_OUT_PATH, SIGN_UP_PATH};
use serde_json::json;

use crate::support::{Answer, EMAIL, PASSWORD, World};

#[tokio::test]
async fn signing_out_ends_the_session_and_deletes_the_cookie() {
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

#[tokio::test]
async fn issue11_line6_the_hint_is_set_and_deleted_with_the_refresh_cookie() {
    let world = World::new().await;
    let signing_up = world.auth(Method::POST, SIGN_UP_PATH);
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let signed = signing_up.json(&credentials).send().await;
    let refreshed = world.refresh(&signed.cookie().unwrap()).await;
    let cookie = refreshed.cookie().unwrap();
    let revoked = world.auth(Method::POST, SIGN_OUT_PATH).cookie(&cookie);

    let signed_out = revoked.send().await;
    let ended = world.refresh(&cookie).await;
    let nobody = world.refresh("x").await;

    for answer in [&signed, &refreshed] {
        let hint = hint(answer).expect("a hint");
        assert!(hint.starts_with("nolapse-hint=1; "), "{hint}");
        assert!(!hint.contains("HttpOnly"), "{hint}");
    }
    for answer in [&signed_out, &ended, &nobody] {
        let hint = hint(answer).expect("a hint");
        assert!(
            hint.starts_with("nolapse-hint=; Path=/; Max-Age=0; "),
            "{hint}"
        );
    }
    assert_eq!(nobody.text("/reason"), "no_cookie");
}

#[tokio::test]
async fn issue11_line6_the_hint_can_be_for_a_parent_domain() {
    let world = World::with(|config| {
        config.issuer = Some("https://auth.example.com".to_owned());
        config.hint_cookie_domain = Some("example.com".to_owned());
    })
    .await;
    let signing_up = world.auth(Method::POST, SIGN_UP_PATH);
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });

    let signed = signing_up.json(&credentials).send().await;

    let hint = hint(&signed).expect("a hint");
    assert!(hint.contains("; Domain=example.com; "), "{hint}");
}

/// Returns the `Set-Cookie` of the hint.
fn hint(answer: &Answer) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter();
    let mut all = all.filter_map(|line| line.to_str().ok().map(str::to_owned));
    all.find(|line| line.starts_with("nolapse-hint="))
}
