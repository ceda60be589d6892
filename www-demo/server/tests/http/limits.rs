//! Limits of rate, time and size.

use std::{ops::Range, time::Duration};

use hyper::{Method, StatusCode};
use nolapse::wire::{REFRESH_PATH, SIGN_IN_PATH, SIGN_UP_PATH};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::support::{Answer, EMAIL, PASSWORD, World};

async fn sign_in(world: &World, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    let call = world.auth(Method::POST, SIGN_IN_PATH).json(&body);
    call.send().await
}

/// Refuses sign-ins to an account and to none until the ratio of their times is within the range, at most 45 times. Compares the
/// least of each: other work on the machine adds to a time, and takes nothing from it.
pub(crate) async fn assert_alike(world: &World, range: Range<f64>) {
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for attempt in 0..45 {
        for (email, least) in [(EMAIL, &mut known), ("nobody@example.org", &mut unknown)] {
            let begun = Instant::now();
            let answer = sign_in(world, email, "not the password").await;
            answer.is_problem(401, "invalid_credentials");
            *least = begun.elapsed().min(*least);
        }
        let ratio = known.as_secs_f64() / unknown.as_secs_f64();
        if attempt >= 8 && range.contains(&ratio) {
            return;
        }
    }
    panic!("an account {known:?}, none {unknown:?}");
}

#[tokio::test]
async fn p48_passwords_are_throttled_alike_whether_there_is_an_account_or_not() {
    let world = World::with(|config| config.passwords_per_account = 4).await;
    world.sign_up().await;

    for (email, tries) in [(EMAIL, 3), ("nobody@example.org", 4)] {
        for _ in 0..tries {
            let answer = sign_in(&world, email, "not the password").await;
            answer.is_problem(401, "invalid_credentials");
        }
    }
    let known = sign_in(&world, EMAIL, PASSWORD).await;
    let unknown = sign_in(&world, "nobody@example.org", PASSWORD).await;

    for answer in [&known, &unknown] {
        answer.is_problem(429, "too_many_requests");
        let seconds: u32 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=75).contains(&seconds), "{seconds}");
    }
    assert_eq!(known.bytes, unknown.bytes);
    // The limit does not apply to another account from the same address.
    let body = json!({ "email": "eve@example.org", "password": PASSWORD });
    let other = world.auth(Method::POST, SIGN_UP_PATH).json(&body);
    assert_eq!(other.send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn p48_an_address_cannot_try_account_after_account() {
    let world = World::with(|config| config.passwords_per_account = 1).await;

    for number in 0..10 {
        let email = format!("user{number}@example.org");
        let answer = sign_in(&world, &email, PASSWORD).await;
        answer.is_problem(401, "invalid_credentials");
    }

    let answer = sign_in(&world, "user10@example.org", PASSWORD).await;
    answer.is_problem(429, "too_many_requests");
}

#[tokio::test]
async fn p48_the_time_of_a_refused_sign_in_is_independent_of_the_account() {
    let world = World::with(|config| {
        config.password_memory_kib = 4_096;
        config.passwords_per_account = 0;
    })
    .await;
    world.sign_up().await;

    // Without the hash the ratio would be beyond ten.
    assert_alike(&world, 0.4..2.5).await;
}

#[tokio::test]
async fn p48_a_session_that_refreshes_too_often_gets_429_with_retry_after() {
    let world = World::with(|config| config.refreshes_per_minute = 5).await;
    let mut signed = world.sign_up().await;
    for _ in 0..5 {
        signed = world.refresh(&signed.cookie).await.signed();
    }

    let refused = world.refresh(&signed.cookie).await;

    refused.is_problem(429, "too_many_requests");
    assert_eq!(refused.header("retry-after"), "12");
    assert_eq!(refused.cookie(), None, "the session is not touched");
    assert_eq!(world.me(&signed.token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn common_passwords_are_refused_and_long_odd_ones_are_not() {
    let world = World::new().await;
    let sign_up = async |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password });
        let call = world.auth(Method::POST, SIGN_UP_PATH).json(&body);
        call.send().await
    };

    for common in [
        "password",
        "12345678",
        "Password1",
        "p@ssw0rd",
        "iloveyou1",
        "aaaaaaaaaa",
        "qwertyuiop",
        "trustno1",
        "sunshine",
        "football",
    ] {
        let refused = sign_up("ada@example.org", common).await;
        refused.is_problem(400, "invalid_request");
        assert!(
            refused.text("/error_description").contains("common"),
            "{common}"
        );
    }
    let odd = "zwölf Boxkämpfer ".repeat(3) + "jagen Viktor";
    assert_eq!(
        sign_up("eve@example.org", &odd).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn p14_beyond_the_limit_of_sessions_the_one_seen_longest_ago_ends() {
    let world = World::with(|config| config.limits.sessions_per_user = 3).await;
    let mut all = vec![world.sign_up().await];
    for _ in 0..2 {
        all.push(sign_in(&world, EMAIL, PASSWORD).await.signed());
    }
    all[0] = world.refresh(&all[0].cookie).await.signed();

    let newest = sign_in(&world, EMAIL, PASSWORD).await.signed();

    let oldest = world.refresh(&all[1].cookie).await;
    assert_eq!(oldest.text("/reason"), "revoked");
    for signed in [&all[0], &all[2], &newest] {
        assert_eq!(world.refresh(&signed.cookie).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn p48_a_head_larger_than_any_valid_one_is_refused() {
    let world = World::new().await;

    let large = world
        .bare(Method::GET, "/healthz")
        .header("x-large", &"x".repeat(20_000));
    let mut many = world.bare(Method::GET, "/healthz");
    for number in 0..80 {
        many = many.header(&format!("x-{number}"), "x");
    }

    for call in [large, many] {
        let answer = call.send().await;
        assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
}

#[tokio::test]
async fn p48_slow_clients_are_dropped_while_others_are_served() {
    let world = World::with(|config| config.request_timeout = Duration::from_secs(1)).await;
    let begin = async |head: &str| {
        let mut slow = TcpStream::connect(world.server.auth_addr)
            .await
            .expect("it connects");
        slow.write_all(head.as_bytes())
            .await
            .expect("it is written");
        slow
    };
    let mut head = begin("POST /auth/refresh HTTP/1.1\r\nhost: x\r\n").await;
    let page = world.page();
    let mut body = begin(&format!(
        "POST {REFRESH_PATH} HTTP/1.1\r\nhost: x\r\norigin: {page}\r\nnolapse-version: 1\r\n\
         content-type: application/json\r\ncontent-length: 50\r\n\r\n{{"
    ))
    .await;
    let healthy = world.bare(Method::GET, "/healthz").send().await;
    assert_eq!(healthy.status, StatusCode::OK);

    let (mut of_head, mut of_body) = (Vec::new(), Vec::new());
    let both = async {
        tokio::join!(
            head.read_to_end(&mut of_head),
            body.read_to_end(&mut of_body)
        )
    };
    let (first, second) = timeout(Duration::from_secs(10), both)
        .await
        .expect("they are dropped");

    assert!(first.is_ok() && second.is_ok());
    let output = String::from_utf8_lossy(&of_body).into_owned();
    assert!(
        output.starts_with("HTTP/1.1 503") && output.contains("took too long"),
        "{output}"
    );
}
