//! `/auth/password`.

use hyper::{Method, StatusCode};
use nolapse::wire::{EndReason, PASSWORD_PATH, SESSIONS_PATH, SIGN_IN_PATH};
use serde_json::{Value, json};

use crate::support::{Answer, EMAIL, PASSWORD, Signed, World};

const OTHER: &str = "staple of another kind";

async fn change(world: &World, signed: &Signed, body: &Value) -> Answer {
    let call = world.own(signed, Method::POST, PASSWORD_PATH);
    call.json(body).send().await
}

async fn sign_in(world: &World, password: &str) -> Answer {
    let body = json!({ "email": EMAIL, "password": password });
    world
        .auth(Method::POST, SIGN_IN_PATH)
        .json(&body)
        .send()
        .await
}

fn from_to(current: &str, new: &str) -> Value {
    json!({ "current_password": current, "new_password": new })
}

async fn is_alive(world: &World, signed: &Signed) -> bool {
    world.refresh(&signed.cookie).await.status == StatusCode::OK
}

#[tokio::test]
async fn p14_a_changed_password_ends_all_other_sessions_and_this_one_goes_on() {
    let world = World::new().await;
    let here = world.sign_up().await;
    let mut elsewhere = Vec::new();
    for _ in 0..3 {
        elsewhere.push(sign_in(&world, PASSWORD).await.signed());
    }

    let changed = change(&world, &here, &from_to(PASSWORD, OTHER)).await;

    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    for session in &elsewhere {
        let refused = world.refresh(&session.cookie).await;
        refused.is_problem(401, "session_ended");
        assert_eq!(refused.text("/reason"), EndReason::Revoked.as_str());
        let live = world.api(Method::DELETE, "/account").bearer(&session.token);
        live.send().await.is_problem(401, "invalid_token");
    }
    let cookie = changed.cookie().expect("a fresh cookie");
    assert_eq!(world.refresh(&cookie).await.status, StatusCode::OK);
    sign_in(&world, PASSWORD)
        .await
        .is_problem(401, "invalid_credentials");
    assert_eq!(sign_in(&world, OTHER).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_change_of_password_without_cookie_and_current_password_changes_nothing() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let other = sign_in(&world, PASSWORD).await.signed();

    let wrong = change(&world, &signed, &from_to("another password", OTHER)).await;
    let common = change(&world, &signed, &from_to(PASSWORD, "password1")).await;
    let short = change(&world, &signed, &from_to(PASSWORD, "short")).await;
    let nobody = world.auth(Method::POST, PASSWORD_PATH);
    let nobody = nobody.json(&from_to(PASSWORD, OTHER)).send().await;

    wrong.is_problem(403, "invalid_credentials");
    common.is_problem(400, "invalid_request");
    short.is_problem(400, "invalid_request");
    nobody.is_problem(401, "session_ended");
    assert!(is_alive(&world, &other).await);
    assert_eq!(sign_in(&world, PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_is_over_changes_no_password() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let other = sign_in(&world, PASSWORD).await.signed();
    change(&world, &other, &from_to(PASSWORD, OTHER)).await;

    let late = change(&world, &signed, &from_to(OTHER, PASSWORD)).await;

    late.is_problem(401, "session_ended");
    assert_eq!(sign_in(&world, OTHER).await.status, StatusCode::OK);
}

#[tokio::test]
async fn attempts_of_the_current_password_are_limited() {
    let world = World::with(|config| config.passwords_per_account = 3).await;
    let signed = world.sign_up().await;
    let guess = from_to("another password", OTHER);
    for _ in 0..3 {
        let wrong = change(&world, &signed, &guess).await;
        wrong.is_problem(403, "invalid_credentials");
    }

    let right = change(&world, &signed, &from_to(PASSWORD, OTHER)).await;

    right.is_problem(429, "too_many_requests");
    assert!(!right.header("retry-after").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_with_the_old_password_that_races_the_change_leaves_no_session() {
    let world = World::with(|config| config.passwords_per_account = 0).await;
    let mut signed = world.sign_up().await;
    let (mut old, mut new) = (PASSWORD, OTHER);
    for round in 0..20 {
        let body = from_to(old, new);
        let (racing, changed) = tokio::join!(sign_in(&world, old), change(&world, &signed, &body));

        assert_eq!(changed.status, StatusCode::NO_CONTENT, "{round}");
        if racing.status == StatusCode::OK {
            assert!(!is_alive(&world, &racing.signed()).await, "{round}");
        }
        signed.cookie = changed.cookie().expect("a fresh cookie");
        signed = world.refresh(&signed.cookie).await.signed();
        (old, new) = (new, old);
    }
}

#[tokio::test]
async fn p42_a_copy_of_the_kept_sessions_cookie_is_worth_nothing_after_a_change_of_password() {
    let world = World::new().await;
    let owner = world.sign_up().await;
    // A thief in step has both: the cookie before the last rotation, and the newest.
    let before = owner.cookie.clone();
    let newest = world.refresh(&before).await.signed();

    let changed = change(&world, &newest, &from_to(PASSWORD, OTHER)).await;

    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    assert_eq!(changed.header("cache-control"), "no-store");
    let fresh = changed.cookie().expect("a fresh cookie");
    for copy in [&before, &newest.cookie] {
        // As of a tab that was refreshing: a passing failure, which takes no cookie away.
        let refused = world.refresh(copy).await;
        refused.is_problem(503, "unavailable");
        assert_eq!(refused.header("retry-after"), "1");
        assert_eq!(refused.cookie(), None);
        let listed = world
            .auth(Method::GET, SESSIONS_PATH)
            .cookie(copy)
            .send()
            .await;
        listed.is_problem(503, "unavailable");
    }
    let owner = world.refresh(&fresh).await.signed();
    assert_eq!(world.refresh(&owner.cookie).await.status, StatusCode::OK);
    assert_eq!(world.count("reuse_alarms"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p12_refreshes_that_race_a_change_of_password_end_no_session() {
    let world = World::with(|config| config.passwords_per_account = 0).await;
    let mut signed = world.sign_up().await;
    let (mut old, mut new) = (PASSWORD, OTHER);
    let mut count = 0;
    for round in 0..20 {
        let body = from_to(old, new);
        let (racing, changed, late) = tokio::join!(
            world.refresh(&signed.cookie),
            change(&world, &signed, &body),
            world.refresh(&signed.cookie),
        );

        // In either order, at most one of them sets a cookie that the other lacks.
        let refreshed = [&racing, &late].into_iter().find_map(Answer::cookie);
        for answer in [&racing, &late, &changed] {
            let passing = answer.status == StatusCode::SERVICE_UNAVAILABLE;
            assert!(answer.status.is_success() || passing, "{round}: {answer:?}");
        }
        if changed.status == StatusCode::NO_CONTENT {
            assert_eq!(refreshed, None, "{round}: the change had the newest cookie");
            signed.cookie = changed.cookie().expect("a fresh cookie");
            (old, new) = (new, old);
            count += 1;
        } else {
            signed.cookie = refreshed.expect("the newest cookie");
        }
        signed = world.refresh(&signed.cookie).await.signed();
    }
    assert_eq!(world.count("password_changes"), count);
    assert_eq!(world.count("reuse_alarms"), 0);
}

#[tokio::test]
async fn p12_a_change_of_password_with_a_replaced_cookie_comes_back_with_the_newest() {
    let world = World::new().await;
    let before = world.sign_up().await;
    let newest = world.refresh(&before.cookie).await.signed();

    let early = change(&world, &before, &from_to(PASSWORD, OTHER)).await;
    let repeated = change(&world, &newest, &from_to(PASSWORD, OTHER)).await;

    early.is_problem(503, "unavailable");
    assert_eq!(early.header("retry-after"), "1");
    assert_eq!(repeated.status, StatusCode::NO_CONTENT);
}
