//! A change of `SIGNING_ALG` at two servers on one `PostgreSQL`, one after the other as a deployment restarts them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use hyper::{Method, StatusCode};
use nolapse::wire;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{
    algorithms::{algorithm_of, algorithms_of_set},
    instances::Instance,
    postgres::Postgres,
    support::{Call, EMAIL, PASSWORD, Signed},
};

/// The `KEY_WAIT_SECONDS` of these servers: a change takes twice as long.
const KEY_WAIT: Duration = Duration::from_secs(2);

/// Two servers of one database, whose algorithms may differ.
struct Pair {
    servers: [Instance; 2],
    url: String,
    folder: TempDir,
}

impl Pair {
    fn start(url: String, algorithms: [&str; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let servers = algorithms.map(|algorithm| start(&folder, &url, algorithm));
        Self {
            servers,
            url,
            folder,
        }
    }

    /// Starts a server again, with this algorithm.
    fn restart(&mut self, number: usize, algorithm: &str) {
        self.servers[number].terminate();
        self.servers[number] = start(&self.folder, &self.url, algorithm);
    }
}

fn start(folder: &TempDir, url: &str, algorithm: &str) -> Instance {
    let wait = KEY_WAIT.as_secs().to_string();
    let settings = [
        ("DATABASE_URL", url),
        ("ISSUER", "https://auth.example.com"),
        ("AUDIENCE", "https://api.example.com"),
        ("ALLOWED_ORIGINS", "https://app.example.com"),
        ("REFRESHES_PER_MINUTE", "0"),
        ("KEY_WAIT_SECONDS", &wait),
        ("SIGNING_ALG", algorithm),
    ];
    Instance::start(folder.path(), &settings)
}

/// The user of the test, who calls both servers in turn.
struct Caller {
    signed: Signed,
    /// What each server's tokens were signed with, each change once. They follow each other within a second.
    seen: [Vec<String>; 2],
}

impl Caller {
    async fn sign_up(server: &Instance) -> Self {
        let credentials = json!({ "email": EMAIL, "password": PASSWORD });
        let call = post(server, wire::SIGN_UP_PATH).json(&credentials);
        let signed = call.send().await.signed();
        Self {
            signed,
            seen: Default::default(),
        }
    }

    /// Refreshes at a server, and calls both APIs with the token of before and with the new one.
    async fn call(&mut self, number: usize, all: &[Instance; 2]) {
        let body = json!({ "reason": "timer", "page": "visible", "active_ago": 0 });
        let call = post(&all[number], wire::REFRESH_PATH).cookie(&self.signed.cookie);
        let signed = call.json(&body).send().await.signed();
        for token in [&self.signed.token, &signed.token] {
            for server in all {
                let me = Call::new(server.api.clone(), Method::GET, "/me").bearer(token);
                assert_eq!(me.send().await.status, StatusCode::OK, "{:?}", self.seen);
            }
        }
        self.seen[number].push(algorithm_of(&signed.token));
        self.seen[number].dedup();
        self.signed = signed;
    }
}

fn post(server: &Instance, path: &str) -> Call {
    Call::new(server.auth.clone(), Method::POST, path)
        .header("origin", "https://app.example.com")
        .header(wire::VERSION_HEADER, wire::VERSION)
}

async fn published(server: &Instance) -> Vec<String> {
    let set = Call::new(server.auth.clone(), Method::GET, wire::JWKS_PATH);
    algorithms_of_set(&set.send().await)
}

/// Calls both servers until both publish keys of this algorithm alone; then as long again as two changes would take.
async fn call_until_settled(pair: &Pair, caller: &mut Caller, algorithm: &str) {
    let deadline = Instant::now() + Duration::from_secs(40);
    let mut settled: Option<Instant> = None;
    while settled.is_none_or(|at| at.elapsed() < KEY_WAIT * 4) {
        assert!(Instant::now() < deadline, "{:?}", caller.seen);
        let mut is_settled = true;
        for (number, server) in pair.servers.iter().enumerate() {
            caller.call(number, &pair.servers).await;
            let keys = published(server).await;
            // The one that signs and the one that follows; retired ones are behind them.
            is_settled &= keys[..2].iter().all(|one| one == algorithm);
        }
        assert!(is_settled || settled.is_none(), "{:?}", caller.seen);
        settled = settled.or(is_settled.then(Instant::now));
    }
}

#[tokio::test]
async fn p46_p47_two_servers_of_different_algorithms_change_once_and_no_request_fails() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    let mut pair = Pair::start(url, ["Ed25519", "Ed25519"]);
    let mut caller = Caller::sign_up(&pair.servers[0]).await;

    // A deployment has reached the second server only: both sign with what it asks for, and it stays so.
    pair.restart(1, "ES256");
    call_until_settled(&pair, &mut caller, "ES256").await;
    assert_eq!(caller.seen, [["Ed25519", "ES256"]; 2]);

    // The first one follows, and finds what it asks for.
    pair.restart(0, "ES256");
    call_until_settled(&pair, &mut caller, "ES256").await;
    assert_eq!(caller.seen, [["Ed25519", "ES256"]; 2]);
}
