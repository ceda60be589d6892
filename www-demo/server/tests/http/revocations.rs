//! `GET /auth/revocations`: what ends a session reaches each server that listens.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{sync::Arc, time::Duration};

use hyper::{Method, StatusCode};
use nolapse::wire::{self, PASSWORD_PATH, REVOCATIONS_PATH, SESSIONS_PATH, SIGN_OUT_PATH};
use nolapse_server::config::ServerSecrets;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::{
    postgres::Postgres,
    revocation_pair::{Pair, call},
    revocation_stream::Stream,
    support::{Call, EMAIL, PASSWORD, SERVER_SECRET, Signed, World, eventually},
};

/// The most streams of a server.
const MAX_STREAMS: usize = 256;

#[tokio::test]
async fn part3_revocations_are_for_servers_that_authenticate() {
    let world = World::new().await;
    let bare = || world.bare(Method::GET, REVOCATIONS_PATH);
    let signed = world.sign_up().await;

    let missing = bare().send().await;
    missing.is_problem(401, "invalid_token");
    assert_eq!(missing.header("www-authenticate"), "Bearer");
    let twice = format!("Bearer {SERVER_SECRET}");
    for call in [
        bare().bearer("short"),
        bare().bearer(&SERVER_SECRET.to_lowercase()),
        bare().bearer(&signed.token),
        bare()
            .bearer(SERVER_SECRET)
            .another("authorization", &twice),
    ] {
        let refused = call.send().await;
        refused.is_problem(401, "invalid_token");
        assert_eq!(
            refused.header("www-authenticate"),
            r#"Bearer error="invalid_token""#
        );
    }
    let query = format!("{REVOCATIONS_PATH}?secret={SERVER_SECRET}");
    let in_url = Call::new(world.server.auth_addr.to_string(), Method::GET, &query);
    in_url.send().await.is_problem(400, "invalid_request");

    let off = World::with(|config| config.server_secrets = ServerSecrets::default()).await;
    let off = off
        .bare(Method::GET, REVOCATIONS_PATH)
        .bearer(SERVER_SECRET);
    off.send().await.is_problem(404, "not_found");
}

/// Signs in again, which begins another session of the user.
async fn sign_in(world: &World) -> Signed {
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = world.auth(Method::POST, wire::SIGN_IN_PATH);
    answer.json(&credentials).send().await.signed()
}

#[tokio::test]
async fn p56_whatever_ends_a_session_is_streamed() {
    let world = World::with(|config| config.limits.grace = Duration::ZERO).await;
    let first = world.sign_up().await;
    let address = world.server.auth_addr.to_string();
    let mut stream = Stream::open(&address, None).await;
    assert!(stream.until_live(true).await.0.is_empty());
    let mut ended = async |signed: &Signed, call: Call| {
        let answer = call.send().await;
        assert!(answer.status.is_success() || answer.status == StatusCode::UNAUTHORIZED);
        let event = stream.until("sid", &signed.session).await;
        assert_eq!(event.name, "revoked");
        let left = event.data["expires_in"].as_u64().unwrap();
        assert!((60..=90).contains(&left), "{event:?}");
        assert!(event.data["at"].as_u64().unwrap() > 1_600_000_000_000);
    };

    let second = sign_in(&world).await;
    let out = world.own(&second, Method::POST, SIGN_OUT_PATH);
    ended(&second, out).await;
    let third = sign_in(&world).await;
    let path = format!("{SESSIONS_PATH}/{}", third.session);
    ended(&third, world.own(&first, Method::DELETE, &path)).await;
    let fourth = sign_in(&world).await;
    let changed = json!({ "current_password": PASSWORD, "new_password": "another horse battery" });
    let change = world
        .own(&first, Method::POST, PASSWORD_PATH)
        .json(&changed);
    ended(&fourth, change).await;
}

#[tokio::test]
async fn p56_users_who_are_disabled_or_deleted_and_stolen_cookies_are_streamed() {
    let world = World::with(|config| config.limits.grace = Duration::ZERO).await;
    let address = world.server.auth_addr.to_string();
    let mut stream = Stream::open(&address, None).await;
    let signed = world.sign_up().await;
    let subject = world.me(&signed.token).await.text("/id");

    let disable = json!({ "session_id": signed.session, "change": "disable" });
    let disabled = world.auth(Method::POST, "/demo/session").json(&disable);
    assert_eq!(disabled.send().await.status, StatusCode::NO_CONTENT);
    stream.until("sub", &subject).await;
    let enable = json!({ "session_id": signed.session, "change": "enable" });
    world
        .auth(Method::POST, "/demo/session")
        .json(&enable)
        .send()
        .await;

    let owner = world.refresh(&signed.cookie).await.signed();
    let owner = world.refresh(&owner.cookie).await.signed();
    eventually("the thief is refused", || async {
        let stolen = world.refresh(&signed.cookie).await;
        (stolen.status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
    stream.until("sid", &owner.session).await;
}

#[tokio::test]
async fn part3_a_reader_that_comes_back_gets_what_it_missed() {
    let world = World::new().await;
    let owner = world.sign_up().await;
    let address = world.server.auth_addr.to_string();
    let mut ended = Vec::new();
    let revoke = async || {
        let signed = sign_in(&world).await;
        let out = world.own(&signed, Method::POST, SIGN_OUT_PATH).send().await;
        assert_eq!(out.status, StatusCode::NO_CONTENT);
        signed.session
    };
    ended.push(revoke().await);
    let mut stream = Stream::open(&address, None).await;
    let last = stream.until("sid", &ended[0]).await.id;
    drop(stream);

    ended.push(revoke().await);
    ended.push(revoke().await);

    let sessions = |events: &[crate::revocation_stream::Event]| -> Vec<String> {
        let sids = events.iter().map(|event| event.data["sid"].as_str());
        sids.map(|sid| sid.unwrap().to_owned()).collect()
    };
    let last = last.unwrap();
    // Two may still be on their way to the reader.
    let resumed = eventually("both that were missed", || async {
        let mut stream = Stream::open(&address, Some(&last)).await;
        let (events, _) = stream.until_live(true).await;
        (events.len() == 2).then(|| sessions(&events))
    })
    .await;
    assert_eq!(resumed, ended[1..]);
    for id in [
        None,
        Some("0"),
        Some("x"),
        Some("-1"),
        Some("99999999999999999"),
        Some("1e3"),
    ] {
        let mut stream = Stream::open(&address, id).await;
        let (events, _) = stream.until_live(true).await;
        assert_eq!(sessions(&events), ended, "{id:?}");
    }
    drop(owner);
}

#[tokio::test]
async fn part3_streams_are_limited_and_end_with_the_server() {
    let world = World::with(|config| config.connections_per_address = None).await;
    let address = world.server.auth_addr.to_string();
    let mut streams = Vec::new();
    for _ in 0..MAX_STREAMS {
        streams.push(Stream::open(&address, None).await);
    }

    let refused = world
        .bare(Method::GET, REVOCATIONS_PATH)
        .bearer(SERVER_SECRET);
    let refused = refused.send().await;
    refused.is_problem(503, "unavailable");
    assert_eq!(refused.header("retry-after"), "5");
    streams.truncate(3);
    eventually("there is room again", || async {
        let stream = Stream::try_open(&address, None).await?;
        (stream.status == StatusCode::OK).then_some(())
    })
    .await;

    let begun = Instant::now();
    world.server.shutdown().await;
    for mut stream in streams {
        while stream.next().await.is_some() {}
    }
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "no request was waited for"
    );
}

#[expect(
    clippy::print_stdout,
    reason = "the times are for who reads the output"
)]
pub(crate) async fn commands_and_servers_reach_every_stream(pair: &Pair) {
    let mut streams = Vec::new();
    for server in &pair.servers {
        let mut stream = Stream::open(&server.auth, None).await;
        stream.until_live(true).await;
        streams.push(stream);
    }
    let mut took = Vec::new();
    for turn in 0..10 {
        let signed = pair.sign_up(&format!("user{turn}@example.org")).await;
        let begun = Instant::now();
        let out = call(&pair.servers[turn % 2], SIGN_OUT_PATH).cookie(&signed.cookie);
        assert_eq!(out.send().await.status, StatusCode::NO_CONTENT);
        for stream in &mut streams {
            stream.until("sid", &signed.session).await;
        }
        took.push(begun.elapsed());
    }
    took.sort();
    println!("a revocation is at both servers' readers after {took:?}");

    let signed = pair.sign_up(EMAIL).await;
    pair.command(&["sessions", "revoke", &signed.session]);
    for stream in &mut streams {
        stream.until("sid", &signed.session).await;
    }
    for words in [
        ["users", "disable", EMAIL].as_slice(),
        &["users", "delete", EMAIL, "--yes"],
    ] {
        pair.command(words);
        for stream in &mut streams {
            let event = stream.next().await.unwrap();
            assert!(event.data["sub"].is_string(), "{event:?}");
        }
    }
}

#[tokio::test]
async fn p56_a_revocation_by_one_server_or_a_command_is_streamed_by_all_on_postgres() {
    let postgres = Postgres::shared();
    let pair = Pair::on(&postgres.database().await);
    commands_and_servers_reach_every_stream(&pair).await;
}

#[tokio::test]
async fn p56_a_revocation_by_one_server_or_a_command_is_streamed_by_all_on_sqlite() {
    let pair = Pair::on("sqlite://shared.db");
    commands_and_servers_reach_every_stream(&pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p56_a_restart_of_the_database_is_told_and_loses_no_revocation() {
    let postgres = Arc::new(Postgres::start(&["-c", "fsync=off"]));
    let pair = Pair::on(&postgres.database().await);
    let signed = pair.sign_up(EMAIL).await;
    let mut stream = Stream::open(&pair.servers[1].auth, None).await;
    stream.until_live(true).await;

    let restarting = Arc::clone(&postgres);
    tokio::task::spawn_blocking(move || restarting.restart())
        .await
        .unwrap();
    stream.until_live(false).await;
    let out = eventually("the first server signs out", || async {
        let out = call(&pair.servers[0], SIGN_OUT_PATH).cookie(&signed.cookie);
        let out = out.try_send().await?;
        (out.status == StatusCode::NO_CONTENT).then_some(())
    });
    out.await;

    let event = timeout(
        Duration::from_secs(30),
        stream.until("sid", &signed.session),
    )
    .await;
    assert_eq!(event.unwrap().name, "revoked");
}
