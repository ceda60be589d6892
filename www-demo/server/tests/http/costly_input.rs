//! Costly input does not delay other requests.

use std::time::Duration;

use hyper::{Method, StatusCode};
use nolapse::wire::{PASSWORD_PATH, SIGN_UP_PATH};
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::support::{PASSWORD, World};

/// Passwords that took a second or more each, of several kinds.
fn costly() -> Vec<String> {
    [
        "4@8({[<369&#!1/|0$5+7%2",
        "17|4@({[<6950$+8%2!3",
        "||11699@1[{!<74{$!$a|49(a5++59<@",
        "1-1-1999",
        "passwordiloveyou",
    ]
    .iter()
    .map(|unit| unit.chars().cycle().take(100).collect())
    .collect()
}

/// Asks for `/healthz` until the tasks are done; returns the longest that it took.
async fn slowest_answer(world: &World, tasks: &mut JoinSet<StatusCode>) -> Duration {
    let mut slowest = Duration::ZERO;
    while !tasks.is_empty() {
        let begun = Instant::now();
        let answer = world.bare(Method::GET, "/healthz").send().await;
        assert_eq!(answer.status, StatusCode::OK);
        slowest = slowest.max(begun.elapsed());
        while let Some(done) = tasks.try_join_next() {
            let status = done.expect("it is answered");
            assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
    slowest
}

#[tokio::test]
async fn issue_9_1_passwords_that_are_costly_to_judge_hold_no_other_request_up() {
    let world = World::with(|config| config.passwords_per_account = 0).await;
    let signed = world.sign_up().await;
    let mut tasks = JoinSet::new();

    for (number, password) in costly().into_iter().cycle().take(15).enumerate() {
        let body = json!({ "email": format!("user{number}@example.org"), "password": password });
        let call = world.auth(Method::POST, SIGN_UP_PATH).json(&body);
        tasks.spawn(async move { call.send().await.status });
        let body = json!({ "current_password": PASSWORD, "new_password": password });
        let call = world.auth(Method::POST, PASSWORD_PATH).json(&body);
        let call = call.cookie(&signed.cookie);
        tasks.spawn(async move { call.send().await.status });
    }

    // Judged on the runtime's thread, they would hold it for more than a minute.
    let slowest = slowest_answer(&world, &mut tasks).await;
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}
