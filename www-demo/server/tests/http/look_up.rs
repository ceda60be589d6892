//! `POST /auth/session`: a renderer asks whose cookie it has, and changes nothing by asking.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use hyper::{Method, StatusCode};
use nolapse::wire::{COOKIE, REFRESH_PATH, SESSION_PATH};
use serde_json::{Value, json};

use crate::{
    both::{Both, Logged},
    support::{Answer, EMAIL, PASSWORD, SERVER_SECRET, World, eventually, successors},
};

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).unwrap()).unwrap()
}

async fn look_up(server: &Logged, cookie: &str) -> Answer {
    let call = server.auth(Method::POST, SESSION_PATH);
    call.bearer(SERVER_SECRET).cookie(cookie).send().await
}

async fn refresh(server: &Logged, cookie: &str) -> Answer {
    let body = json!({ "reason": "timer", "page": "visible", "active_ago": 0 });
    let call = server.auth(Method::POST, REFRESH_PATH).cookie(cookie);
    call.json(&body).send().await
}

#[tokio::test]
async fn part4_a_look_up_tells_the_user_and_brings_a_token_and_sets_no_cookie() {
    let world = World::new().await;
    let signed = world.sign_up().await;

    let found = world.look_up(&signed.cookie).await;

    assert_eq!(found.status, StatusCode::OK);
    assert_eq!(found.text("/session/id"), signed.session);
    assert_eq!(found.text("/session/user/email"), EMAIL);
    assert_eq!(found.headers.get("set-cookie"), None);
    assert_eq!(found.header("cache-control"), "no-store");
    let (mine, theirs) = (claims(&signed.token), claims(&found.text("/access_token")));
    for claim in ["iss", "aud", "sub", "sid", "client_id", "role", "auth_time"] {
        assert_eq!(mine[claim], theirs[claim], "{claim}");
    }
    assert_ne!(mine["jti"], theirs["jti"]);
    let me = world.me(&found.text("/access_token")).await;
    assert_eq!(me.status, StatusCode::OK);
}

#[tokio::test]
async fn part4_a_look_up_brings_tokens_of_contexts_as_a_refresh_does() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let body = json!({ "contexts": ["org_1"] });

    let asked = |body: &Value| {
        let call = world.bare(Method::POST, SESSION_PATH).bearer(SERVER_SECRET);
        call.cookie(&signed.cookie).json(body).send()
    };

    let found = asked(&body).await;
    assert_eq!(found.text("/contexts/org_1/error"), "invalid_target");
    asked(&json!({ "contexts": [""] }))
        .await
        .is_problem(400, "invalid_request");
    asked(&json!({ "reason": "load" }))
        .await
        .is_problem(400, "invalid_request");
}

#[tokio::test]
async fn p57_look_ups_with_any_cookie_of_a_session_neither_rotate_nor_end_it_on_either_database() {
    let both = Both::with(&[
        ("SERVER_SECRETS", SERVER_SECRET),
        ("GRACE_SECONDS", "1"),
        ("REFRESHES_PER_MINUTE", "0"),
    ])
    .await;

    for server in &both.servers {
        let first = server.sign_up(EMAIL, PASSWORD).await.cookie().unwrap();
        let lost = refresh(server, &first).await.cookie().unwrap();
        are_live(server, &[&first, &lost]).await;
        let sibling = eventually("the grace ends", || async {
            let answer = refresh(server, &first).await;
            answer.cookie().filter(|sibling| *sibling != lost)
        })
        .await;
        are_live(server, &[&first, &lost, &sibling]).await;
        let newest = refresh(server, &sibling).await.cookie().unwrap();
        are_live(server, &[&sibling, &newest]).await;

        // The other sibling is dead: uncertain within the grace, and no session of anybody's after it.
        let dead = eventually("the grace ends", || async {
            let answer = look_up(server, &lost).await;
            if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                answer.is_problem(503, "unavailable");
                return None;
            }
            Some(answer)
        })
        .await;
        assert_eq!(
            dead.body,
            json!({ "session": null, "reason": "reuse_detected" })
        );
        let counters = server.auth(Method::GET, "/demo/counters").send().await;
        assert!(counters.body.get("reuse_alarms").is_none(), "{counters:?}");
        assert_eq!(refresh(server, &newest).await.status, StatusCode::OK);
    }
    both.logged_no_error();
}

async fn are_live(server: &Logged, cookies: &[&String]) {
    for cookie in cookies {
        let found = look_up(server, cookie).await;
        assert_eq!(found.text("/session/user/email"), EMAIL, "{found:?}");
        assert_eq!(found.headers.get("set-cookie"), None);
    }
}

#[tokio::test]
async fn p57_twenty_look_ups_beside_refreshes_find_the_user_and_leave_one_generation() {
    let world = World::with(|config| config.refreshes_per_minute = 0).await;
    let mut cookie = world.sign_up().await.cookie;
    let spawned = |path: &str, body: &Value, cookie: &str| {
        let call = world.auth(Method::POST, path).bearer(SERVER_SECRET);
        tokio::spawn(call.cookie(cookie).json(body).send())
    };

    for round in 1..=20 {
        let reading = (0..20).map(|_| spawned(SESSION_PATH, &json!({}), &cookie));
        let reading: Vec<_> = reading.collect();
        let body = json!({ "reason": "timer", "page": "visible" });
        let refreshing = (0..2).map(|_| spawned(REFRESH_PATH, &body, &cookie));
        let next = successors(refreshing.collect()).await;
        for read in reading {
            let found = read.await.unwrap();
            assert_eq!(found.text("/session/user/email"), EMAIL, "{found:?}");
        }
        assert_eq!(next.len(), 1);
        assert_eq!(world.count("refreshes_rotated"), round);
        cookie = next.into_iter().next().unwrap();
    }
    assert_eq!(world.count("look_ups_live"), 400);
    assert_eq!(world.count("reuse_alarms"), 0);
}

#[tokio::test]
async fn part4_look_ups_are_no_activity() {
    let world = World::with(|config| config.limits.idle = Duration::from_secs(1)).await;
    let signed = world.sign_up().await;

    let ended = eventually("the session is idle", || async {
        let found = world.look_up(&signed.cookie).await;
        found.body["session"].is_null().then_some(found)
    })
    .await;

    assert_eq!(ended.text("/reason"), "idle");
    assert_eq!(world.count("refreshes_ended_idle"), 0);
}

#[tokio::test]
async fn part4_each_account_of_a_browser_is_looked_up_below_its_path() {
    let world = World::with(|config| config.account_paths = vec!["work".to_owned()]).await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let call = |path: &str| {
        let address = world.server.auth_addr.to_string();
        crate::support::Call::new(address, Method::POST, path)
            .header("origin", &world.page())
            .header("nolapse-version", "1")
    };
    let signed = call("/work/auth/sign-up").json(&body).send().await;
    let set = signed.header("set-cookie").to_owned();
    let pair = set.split_once(';').unwrap().0;
    assert!(pair.starts_with(&format!("{COOKIE}.work=")));

    for (path, is_there) in [("/work/auth/session", true), (SESSION_PATH, false)] {
        let found = call(path).bearer(SERVER_SECRET).header("cookie", pair);
        let found = found.send().await;
        assert_eq!(found.body["session"].is_object(), is_there, "{found:?}");
    }
}
