//! P56 over two shards: whatever ends a session on one of them reaches each server that listens.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use hyper::{Method, StatusCode};
use nolapse::wire::SIGN_OUT_PATH;
use tokio::time::timeout;

use crate::{
    postgres::Postgres,
    revocation_pair::Pair,
    revocation_stream::Stream,
    revocations::commands_and_servers_reach_every_stream,
    shards::{call, sessions_on_both},
    support::Signed,
};

#[tokio::test]
async fn issue14_line5_p56_a_revocation_by_one_server_or_a_command_is_streamed_by_all_on_shards() {
    let postgres = Postgres::shared();
    let (home, other) = (postgres.database().await, postgres.database().await);
    let urls = format!("0x0={home},1={other}");
    let pair = Pair::with(("DATABASE_URLS", &urls));
    commands_and_servers_reach_every_stream(&pair).await;
}

async fn sign_out(pair: &Pair, signed: &Signed) {
    let out = call(&pair.servers[0], Method::POST, SIGN_OUT_PATH).cookie(&signed.cookie);
    assert_eq!(out.send().await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn issue14_line5_p56_a_reader_resumes_exactly_at_another_server() {
    let postgres = Postgres::shared();
    let (home, other) = (postgres.database().await, postgres.database().await);
    let pair = Pair::with(("DATABASE_URLS", &format!("0={home},1={other}")));
    let [near, far] = sessions_on_both(&pair.servers[0], 3).await;
    let mut stream = Stream::open(&pair.servers[0].auth, None).await;
    stream.until_live(true).await;
    for (_, signed) in [&near[0], &far[0]] {
        sign_out(&pair, signed).await;
        stream.until("sid", &signed.session).await;
    }
    drop(stream);
    // A transaction of another database of the cluster holds the positions back: what is after them is read again.
    let read_all = async {
        let (mut last, mut heard) = (None, BTreeSet::new());
        loop {
            let mut stream = Stream::open(&pair.servers[1].auth, last.as_deref()).await;
            let (events, read) = stream.until_live(true).await;
            if events.is_empty() && heard.len() == 2 {
                return read.unwrap();
            }
            heard.extend(events.iter().map(|event| event.data["sid"].to_string()));
            last = read.or(last);
        }
    };
    let last = timeout(Duration::from_secs(60), read_all).await.unwrap();
    assert!(last.starts_with("0:") && last.contains(",1:"), "{last}");
    for (_, signed) in [&far[1], &near[1]] {
        sign_out(&pair, signed).await;
    }

    for server in &pair.servers {
        // A server that has not read as far as that cannot know the place, and would send all.
        let missed = BTreeSet::from([&far[1].1.session, &near[1].1.session].map(String::clone));
        let mut all = Stream::open(&server.auth, None).await;
        let mut heard = BTreeSet::new();
        while !missed.is_subset(&heard) {
            heard.insert(next_revoked(&mut all).await);
        }
        let mut stream = Stream::open(&server.auth, Some(&last)).await;
        let found = [
            next_revoked(&mut stream).await,
            next_revoked(&mut stream).await,
        ];
        assert_eq!(
            BTreeSet::from(found),
            missed,
            "what is missing, and nothing else"
        );
    }
}

/// Returns the session of the next revocation.
async fn next_revoked(stream: &mut Stream) -> String {
    loop {
        let event = stream.next().await.expect("the stream goes on");
        if event.name == "revoked" {
            return event.data["sid"].as_str().expect("a session").to_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_p56_an_outage_of_a_shard_is_told_and_the_other_streams_on() {
    let clusters = Arc::new([(); 2].map(|()| Postgres::start(&["-c", "fsync=off"])));
    let (home, other) = (clusters[0].database().await, clusters[1].database().await);
    let pair = Pair::with(("DATABASE_URLS", &format!("0={home},1={other}")));
    let [near, far] = sessions_on_both(&pair.servers[0], 2).await;
    let mut stream = Stream::open(&pair.servers[1].auth, None).await;
    stream.until_live(true).await;

    clusters[1].crash();

    stream.until_live(false).await;
    sign_out(&pair, &near[0].1).await;
    stream.until("sid", &near[0].1.session).await;
    let restarting = Arc::clone(&clusters);
    tokio::task::spawn_blocking(move || restarting[1].restart())
        .await
        .unwrap();
    let out = async {
        loop {
            let out = call(&pair.servers[0], Method::POST, SIGN_OUT_PATH).cookie(&far[0].1.cookie);
            if out.send().await.status == StatusCode::NO_CONTENT {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(60), out).await.unwrap();
    stream.until("sid", &far[0].1.session).await;
}
