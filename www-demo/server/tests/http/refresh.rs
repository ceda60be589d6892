//! `/auth/refresh`.

use std::{fs, time::Duration};

use hyper::{Method, StatusCode};
use nolapse::wire::{COOKIE, REFRESH_PATH, SIGN_OUT_PATH};
use serde_json::json;
use tokio::time::Instant;

use crate::support::{self, EMAIL, PASSWORD, World, eventually, successors};

#[tokio::test]
async fn p42_each_refresh_replaces_the_secret_and_a_repeat_gets_the_same_successor() {
    let world = World::new().await;
    let signed = world.sign_up().await;

    let first = world.refresh(&signed.cookie).await;
    let repeated = world.refresh(&signed.cookie).await;
    let next = world.refresh(&first.cookie().unwrap()).await;

    assert_eq!(first.status, StatusCode::OK);
    assert_ne!(first.cookie().unwrap(), signed.cookie);
    assert_eq!(repeated.cookie(), first.cookie());
    assert_ne!(repeated.text("/access_token"), first.text("/access_token"));
    assert_ne!(next.cookie(), first.cookie());
    assert_eq!(world.count("reuse_alarms"), 0);
}

#[tokio::test]
async fn p42_fifty_concurrent_refreshes_make_one_generation_and_no_alarm() {
    let world = World::new().await;
    let signed = world.sign_up().await;

    let calls: Vec<_> = (0..50)
        .map(|_| {
            let body = json!({ "reason": "demand", "page": "visible" });
            let call = world
                .auth(Method::POST, REFRESH_PATH)
                .cookie(&signed.cookie);
            tokio::spawn(call.json(&body).send())
        })
        .collect();
    assert_eq!(successors(calls).await.len(), 1);
    assert_eq!(world.count("refreshes_rotated"), 1);
    assert_eq!(world.count("refreshes_repeated"), 49);
    assert_eq!(world.count("reuse_alarms"), 0);
}

#[tokio::test]
async fn p42_two_servers_on_one_database_rotate_once() {
    let world = World::new().await;
    let mut config = support::config(&world.folder);
    config.allowed_origins = Some(vec![world.page()]);
    let second = World::start(config, tempfile::tempdir().unwrap()).await;
    let signed = world.sign_up().await;

    let body = json!({ "reason": "demand", "page": "visible" });
    let page = world.page();
    let calls: Vec<_> = (0..20)
        .map(|turn| {
            let server = if turn % 2 == 0 { &world } else { &second };
            let call = server.auth(Method::POST, REFRESH_PATH);
            let call = call.header("origin", &page).cookie(&signed.cookie);
            tokio::spawn(call.json(&body).send())
        })
        .collect();
    assert_eq!(successors(calls).await.len(), 1);
    let rotated = world.count("refreshes_rotated") + second.count("refreshes_rotated");
    assert_eq!(rotated, 1);
}

#[tokio::test]
async fn a_refresh_without_a_valid_cookie_is_no_cookie_and_changes_nothing() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let mut forged = signed.cookie.clone();
    forged.replace_range(95..96, if forged.ends_with('A') { "B" } else { "A" });
    let body = json!({ "reason": "load", "page": "visible" });

    let none = world
        .auth(Method::POST, REFRESH_PATH)
        .json(&body)
        .send()
        .await;
    none.is_problem(401, "session_ended");
    assert_eq!(none.text("/reason"), "no_cookie");
    for value in ["", "x", &forged, &"A".repeat(96), &"=".repeat(4_000)] {
        let answer = world.refresh(value).await;
        assert_eq!(answer.text("/reason"), "no_cookie", "{value}");
    }
    let twice = world
        .auth(Method::POST, REFRESH_PATH)
        .cookie(&signed.cookie);
    let pair = format!("{COOKIE}={}", signed.cookie);
    let twice = twice.another("cookie", &pair).json(&body).send().await;
    assert_eq!(twice.text("/reason"), "no_cookie");

    assert_eq!(world.refresh(&signed.cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_timer_that_declares_no_activity_lets_the_session_become_idle() {
    let world = World::with(|config| config.limits.idle = Duration::from_millis(500)).await;
    let signed = world.sign_up().await;
    let cookie = std::cell::RefCell::new(signed.cookie);

    let ended = eventually("the session becomes idle", || async {
        let sent = cookie.borrow().clone();
        let answer = world
            .refreshing(&sent, &json!({ "reason": "timer", "page": "hidden" }))
            .await;
        if answer.status == StatusCode::OK {
            *cookie.borrow_mut() = answer.cookie().unwrap();
            return None;
        }
        Some(answer)
    })
    .await;

    assert_eq!(ended.text("/reason"), "idle");
}

#[tokio::test]
async fn rotation_and_activity_do_not_move_the_absolute_limit() {
    let life = Duration::from_millis(700);
    let world = World::with(|config| config.limits.absolute = life).await;
    let signed = world.sign_up().await;
    let begun = Instant::now();
    let cookie = std::cell::RefCell::new(signed.cookie);

    let ended = eventually("the session reaches its end", || async {
        let sent = cookie.borrow().clone();
        let answer = world.refresh(&sent).await;
        if answer.status == StatusCode::OK {
            *cookie.borrow_mut() = answer.cookie().unwrap();
            return None;
        }
        Some(answer)
    })
    .await;

    assert_eq!(ended.text("/reason"), "expired");
    assert!(begun.elapsed() < life + Duration::from_secs(2));
}

/// Issue 14, part 6: browsers that an outage has made late do not refresh together from then on.
#[tokio::test]
async fn a_refresh_that_comes_late_says_when_the_next_one_is_to_be_sent() {
    let world = World::new().await;
    let signed = world.sign_up().await;

    let in_time = world.refresh(&signed.cookie).await;
    world.pass(Duration::from_secs(55)).await;
    let late = world.refresh(&in_time.cookie().unwrap()).await;
    let next = world.refresh(&late.cookie().unwrap()).await;

    assert_eq!(late.body["expires_in"], 60);
    let refresh_in = late.body["refresh_in"].as_u64();
    assert!(
        refresh_in.is_some_and(|seconds| (1..=50).contains(&seconds)),
        "{:?}",
        late.body
    );
    for planned in [in_time, next] {
        assert!(
            planned.body.get("refresh_in").is_none(),
            "{:?}",
            planned.body
        );
    }
}

#[tokio::test]
async fn a_new_role_is_in_the_token_after_the_next_refresh() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let order = json!({ "role": "admin" });
    let changed = world.own(&signed, Method::POST, "/demo/role");
    assert_eq!(
        changed.json(&order).send().await.status,
        StatusCode::NO_CONTENT
    );
    let report = |token: String| {
        world
            .api(Method::GET, "/admin/report")
            .bearer(&token)
            .send()
    };

    let before = report(signed.token.clone()).await;
    let refreshed = world.refresh(&signed.cookie).await.signed();
    let after = report(refreshed.token).await;

    before.is_problem(403, "insufficient_scope");
    assert_eq!(
        before.header("www-authenticate"),
        r#"Bearer error="insufficient_scope""#
    );
    assert_eq!(after.status, StatusCode::OK);
}

#[tokio::test]
async fn p43_a_dump_of_the_database_has_nothing_to_sign_in_with() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let next = world.refresh(&signed.cookie).await.signed();
    world
        .auth(Method::POST, SIGN_OUT_PATH)
        .cookie("x")
        .send()
        .await;
    let keys = fs::read_to_string(world.folder.path().join("test.keys")).unwrap();
    let folder = world.folder;
    world.server.shutdown().await;

    let mut dump = Vec::new();
    for file in ["test.db", "test.db-wal"] {
        dump.extend(fs::read(folder.path().join(file)).unwrap_or_default());
    }

    let holds = |needle: &[u8]| dump.windows(needle.len()).any(|window| window == needle);
    assert!(holds(EMAIL.as_bytes()), "the dump is of this database");
    assert!(holds(b"$argon2id$"));
    assert!(!holds(PASSWORD.as_bytes()));
    for secret in [&signed.cookie, &next.cookie, &signed.token, &next.token] {
        assert!(!holds(secret.as_bytes()));
        // The secret itself: 32 bytes after the session's name and the generation.
        let text = secret.as_bytes().get(32..72).unwrap();
        assert!(!holds(text));
    }
    for cookie in [&signed.cookie, &next.cookie] {
        use base64ct::Encoding;
        let bytes = base64ct::Base64UrlUnpadded::decode_vec(cookie).unwrap();
        assert!(holds(&bytes[..16]), "the session's name is there");
        assert!(!holds(&bytes[24..56]), "the secret's bytes are not");
    }
    for key in serde_json::from_str::<serde_json::Value>(&keys)
        .unwrap()
        .as_object()
        .unwrap()
    {
        let Some(text) = key.1.as_str() else { continue };
        assert!(!holds(text.as_bytes()));
    }
}

#[tokio::test]
async fn other_cookies_are_ignored_whatever_bytes_they_have() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let body = json!({ "reason": "load", "page": "visible" });
    let cookies = format!("name=J\u{fc}rgen; {COOKIE}={}", signed.cookie);

    let call = world.auth(Method::POST, REFRESH_PATH).json(&body);
    let answer = call.header("cookie", &cookies).send().await;

    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_restart_keeps_sessions_and_keys() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let (page, folder) = (world.page(), world.folder);
    world.server.shutdown().await;

    let mut config = support::config(&folder);
    config.allowed_origins = Some(vec![page.clone()]);
    let world = World::start(config, folder).await;

    let body = json!({ "reason": "load", "page": "visible" });
    let call = world
        .auth(Method::POST, REFRESH_PATH)
        .header("origin", &page);
    let answer = call.cookie(&signed.cookie).json(&body).send().await;
    assert_eq!(answer.status, StatusCode::OK);
}
