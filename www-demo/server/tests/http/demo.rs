//! `/demo/…`.

use hyper::{Method, StatusCode};
use nolapse::wire::VERSION_HEADER;
use serde_json::{Value, json};

use crate::support::World;

async fn order(world: &World, order: &Value) {
    world.contract.auth.expect_anything();
    let answer = world
        .auth(Method::POST, "/demo/outage")
        .json(order)
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{:?}", answer.body);
}

#[tokio::test]
async fn the_demo_controls_are_not_served_by_default() {
    let world = World::with(|config| config.demo = false).await;

    for path in [
        "/demo/role",
        "/demo/session",
        "/demo/outage",
        "/demo/reset-counters",
    ] {
        let answer = world.auth(Method::POST, path).json(&json!({})).send().await;
        answer.is_problem(404, "not_found");
    }
    let counters = world.auth(Method::GET, "/demo/counters").send().await;
    counters.is_problem(404, "not_found");
}

#[tokio::test]
async fn every_kind_of_outage_hits_the_refresh_alone_and_the_session_survives() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    for (kind, status) in [("503", 503), ("429", 429), ("500", 500), ("html", 200)] {
        order(
            &world,
            &json!({ "seconds": 60, "kind": kind, "retry_after": "7" }),
        )
        .await;

        let answer = world.refresh(&signed.cookie).await;

        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.header("retry-after"), "7");
        assert_eq!(world.me(&signed.token).await.status, StatusCode::OK);
    }
    order(&world, &json!({ "seconds": 60, "kind": "reset" })).await;
    let body = json!({ "reason": "timer", "page": "visible" });
    let call = world
        .auth(Method::POST, "/auth/refresh")
        .cookie(&signed.cookie);
    assert!(
        call.json(&body).try_send().await.is_none(),
        "the connection breaks"
    );

    order(&world, &json!({ "seconds": 0 })).await;
    assert_eq!(world.refresh(&signed.cookie).await.status, StatusCode::OK);
    assert_eq!(world.count("refreshes_rotated"), 1);
}

#[tokio::test]
async fn an_answer_can_be_lost_after_the_rotation() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    order(
        &world,
        &json!({ "seconds": 60, "kind": "503", "after_rotation": true, "times": 1 }),
    )
    .await;

    let lost = world.refresh(&signed.cookie).await;
    let again = world.refresh(&signed.cookie).await;

    lost.is_problem(503, "unavailable");
    assert_eq!(lost.cookie(), None);
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(world.count("refreshes_rotated"), 1);
    assert_eq!(world.count("refreshes_repeated"), 1);
}

#[tokio::test]
async fn a_raw_answer_is_sent_as_it_is() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let body = json!({
        "seconds": 60, "kind": "raw", "status": 206, "content_type": "text/odd",
        "body": "ab", "repeat": 40_000,
    });
    order(&world, &body).await;

    let answer = world.refresh(&signed.cookie).await;

    assert_eq!(answer.status.as_u16(), 206);
    assert_eq!(answer.header("content-type"), "text/odd");
    assert_eq!(answer.bytes.len(), 80_000);
}

#[tokio::test]
async fn a_stalled_refresh_does_not_keep_the_server_from_stopping() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    order(&world, &json!({ "seconds": 60, "kind": "stall" })).await;
    let body = json!({ "reason": "timer", "page": "visible" });
    let call = world
        .auth(Method::POST, "/auth/refresh")
        .cookie(&signed.cookie);
    let stalled = tokio::spawn(call.json(&body).try_send());
    crate::support::eventually("the refresh stalls", || async {
        (world.count("refreshes_failed_on_purpose") == 1).then_some(())
    })
    .await;
    assert!(!stalled.is_finished());

    let stopping = tokio::time::Instant::now();
    world.server.shutdown().await;

    assert!(stopping.elapsed().as_secs() < 8);
}

#[tokio::test]
async fn the_demo_controls_need_the_version_header_and_valid_settings() {
    let world = World::new().await;
    world.sign_up().await;

    let call = world
        .auth(Method::POST, "/demo/outage")
        .without(VERSION_HEADER);
    let foreign = call.json(&json!({ "seconds": 1 })).send().await;
    foreign.is_problem(400, "invalid_request");
    for body in [
        json!({ "seconds": 4_000 }),
        json!({ "seconds": 1, "kind": "flood" }),
        json!({ "seconds": 1, "kind": "raw", "status": 42 }),
        json!({ "seconds": 1, "retry_after": "a\nb" }),
        json!({ "seconds": 1, "kind": "raw", "body": "x", "repeat": 99_999_999 }),
    ] {
        let answer = world
            .auth(Method::POST, "/demo/outage")
            .json(&body)
            .send()
            .await;
        answer.is_problem(400, "invalid_request");
    }
    world
        .auth(Method::POST, "/demo/reset-counters")
        .send()
        .await;
    assert_eq!(
        world.auth(Method::GET, "/demo/counters").send().await.body,
        json!({})
    );
}
