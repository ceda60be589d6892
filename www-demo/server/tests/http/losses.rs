//! Refresh tokens that come back after the grace: lost responses, and copies.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use hyper::{Method, StatusCode};
use nolapse::wire::{EndReason, SESSIONS_PATH, SIGN_OUT_PATH};
use nolapse_server::{
    domain::{SessionId, Store as _},
    store::SqliteStore,
};
use tokio::time::Instant;

use crate::support::{Signed, World, eventually};

const GRACE: Duration = Duration::from_millis(300);

/// A world with a short grace, a session, and the cookie of a response that was lost.
async fn lost() -> (World, Signed, String) {
    let world = World::with(|config| config.limits.grace = GRACE).await;
    let signed = world.sign_up().await;
    let lost = world.refresh(&signed.cookie).await.cookie().unwrap();
    (world, signed, lost)
}

/// Repeats a refresh until the grace is over and the response has another cookie; returns it.
async fn forked(world: &World, cookie: &str, lost: &str) -> String {
    eventually("the grace ends", || async {
        let answer = world.refresh(cookie).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer.cookie().filter(|sibling| sibling != lost)
    })
    .await
}

#[tokio::test]
async fn issue11_line2_a_lost_response_costs_no_session_however_late_the_repeat() {
    let (world, signed, lost) = lost().await;

    let forked = forked(&world, &signed.cookie, &lost).await;
    let next = world.refresh(&forked).await;

    assert_eq!(next.status, StatusCode::OK);
    assert_eq!(world.count("refreshes_forked"), 1);
    assert_eq!(world.count("reuse_alarms"), 0);
}

#[tokio::test]
async fn issue11_line2_a_delayed_response_that_arrives_after_the_repeat_costs_no_session() {
    let (world, signed, delayed) = lost().await;
    forked(&world, &signed.cookie, &delayed).await;

    let next = world.refresh(&delayed).await;

    assert_eq!(next.status, StatusCode::OK);
    assert_eq!(world.count("reuse_alarms"), 0);
}

#[tokio::test]
async fn issue11_line2_two_parties_that_both_refresh_are_detected() {
    let (world, stolen, owners) = lost().await;
    let thiefs = forked(&world, &stolen.cookie, &owners).await;
    assert_eq!(world.refresh(&owners).await.status, StatusCode::OK);

    let refused = eventually("the grace ends", || async {
        let answer = world.refresh(&thiefs).await;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(answer.cookie(), None);
            return None;
        }
        Some(answer)
    })
    .await;

    refused.is_problem(401, "session_ended");
    assert_eq!(refused.text("/reason"), "reuse_detected");
    assert_eq!(world.count("reuse_alarms"), 1);
}

#[tokio::test]
async fn p42_after_the_grace_a_secret_whose_successor_was_used_ends_the_session_and_is_recorded() {
    let (world, signed, owner) = lost().await;
    let replaced_at = Instant::now();
    let owner = world.refresh(&owner).await.cookie().unwrap();

    let refused = eventually("the grace ends", || async {
        let answer = world.refresh(&signed.cookie).await;
        (answer.status != StatusCode::OK).then_some(answer)
    })
    .await;

    assert!(replaced_at.elapsed() + Duration::from_millis(50) >= GRACE);
    refused.is_problem(401, "session_ended");
    assert_eq!(refused.text("/reason"), "reuse_detected");
    assert_eq!(refused.cookie().unwrap(), "");
    assert_eq!(
        world.refresh(&owner).await.text("/reason"),
        "reuse_detected"
    );
    assert_eq!(world.count("reuse_alarms"), 1);
    let store = SqliteStore::open(&world.databases[0]).await.unwrap();
    let session = SessionId::parse(&signed.session).unwrap();
    let recorded = store.recorded_endings(session, EndReason::ReuseDetected);
    assert_eq!(recorded.await.unwrap(), 1);
}

#[tokio::test]
async fn issue11_line2_a_late_cookie_lists_the_devices_and_signs_out() {
    let (world, signed, lost) = lost().await;
    forked(&world, &signed.cookie, &lost).await;
    tokio::time::timeout(
        Duration::from_secs(10),
        forked(&world, &signed.cookie, &lost),
    )
    .await
    .unwrap();

    let listed = world.own(&signed, Method::GET, SESSIONS_PATH).send().await;
    let out = world.own(&signed, Method::POST, SIGN_OUT_PATH).send().await;
    let after = world.refresh(&lost).await;

    assert_eq!(listed.status, StatusCode::OK);
    assert_eq!(listed.cookie(), None);
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(after.text("/reason"), "signed_out");
}
