//! Servers on two shards: what the end of one does to sessions of each.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{process::Stdio, sync::Arc, time::Duration};

use hyper::{Method, StatusCode};
use nolapse::wire::{
    REFRESH_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, SIGN_UP_PATH, VERSION, VERSION_HEADER,
};
use nolapse_server::domain::SessionId;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use crate::{
    instances::{Instance, program},
    postgres::Postgres,
    support::{Answer, Call, PASSWORD, Signed},
};

const PAGE: &str = "https://app.example.com";
const PATIENCE: Duration = Duration::from_secs(60);

/// A server's folder and settings.
pub(crate) struct Setup {
    folder: TempDir,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn settings<'a>(database: &'a str, urls: &'a str) -> [(&'a str, &'a str); 6] {
        [
            (database, urls),
            ("ALLOWED_ORIGINS", PAGE),
            ("ISSUER", "https://auth.example.com"),
            ("AUDIENCE", "https://api.example.com"),
            ("METRICS_PORT", "0"),
            ("PASSWORDS_PER_ACCOUNT", "0"),
        ]
    }

    /// Starts a server on a set.
    pub(crate) fn start(&self, urls: &str) -> Instance {
        Instance::start(self.folder.path(), &Self::settings("DATABASE_URLS", urls))
    }

    /// Runs a command with the settings of a set; returns whether it succeeded, and what it printed.
    fn command(&self, urls: &str, words: &[&str]) -> (bool, String) {
        let mut command = program(self.folder.path(), &Self::settings("DATABASE_URLS", urls));
        let done = command.args(words).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        (done.status.success(), text)
    }
}

pub(crate) fn call(server: &Instance, method: Method, path: &str) -> Call {
    Call::new(server.auth.clone(), method, path)
        .header("origin", PAGE)
        .header(VERSION_HEADER, VERSION)
}

async fn enter(server: &Instance, path: &str, number: u32) -> Answer {
    let email = format!("user{number}@example.org");
    let credentials = json!({ "email": email, "password": PASSWORD });
    let call = call(server, Method::POST, path).json(&credentials);
    call.send().await
}

pub(crate) fn shard_of(signed: &Signed) -> u8 {
    let id = SessionId::parse(&signed.session).unwrap();
    id.shard().number()
}

/// Signs users up until each of two shards has so many sessions; returns those of each.
pub(crate) async fn sessions_on_both(server: &Instance, each: usize) -> [Vec<(u32, Signed)>; 2] {
    let mut sessions = [Vec::new(), Vec::new()];
    for number in 0..200 {
        let signed = enter(server, SIGN_UP_PATH, number).await.signed();
        let shard = usize::from(shard_of(&signed));
        if sessions[shard].len() < each {
            sessions[shard].push((number, signed));
        }
        if sessions.iter().all(|of| of.len() == each) {
            return sessions;
        }
    }
    panic!("200 users are on one shard");
}

async fn refresh(server: &Instance, cookie: &str) -> Answer {
    let body = json!({ "reason": "timer", "page": "visible", "active_ago": 0 });
    let call = call(server, Method::POST, REFRESH_PATH);
    call.cookie(cookie).json(&body).send().await
}

async fn ready(server: &Instance) -> (StatusCode, Value) {
    let answer = Call::new(server.auth.clone(), Method::GET, "/readyz")
        .send()
        .await;
    (answer.status, answer.body)
}

/// Waits until a server says which shards are away.
async fn until_away(server: &Instance, away: &Value) {
    let said = async {
        loop {
            let (status, body) = ready(server).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            if body["shards_away"] == *away {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, said).await.unwrap();
}

async fn metric(server: &Instance, series: &str) -> Option<String> {
    let call = Call::new(server.metrics.clone(), Method::GET, "/metrics");
    let text = String::from_utf8(call.send().await.bytes.to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.map(|value| value.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_p47_a_shard_is_killed_and_the_sessions_of_the_other_go_on() {
    let clusters = Arc::new([(); 2].map(|()| Postgres::start(&["-c", "fsync=off"])));
    let (home, other) = (clusters[0].database().await, clusters[1].database().await);
    let urls = format!("0={home},1={other}");
    let setup = Setup::new();
    let servers = [(); 2].map(|()| setup.start(&urls));
    let [near, far] = sessions_on_both(&servers[0], 3).await;
    assert_eq!(ready(&servers[0]).await.1["shards_away"], Value::Null);

    clusters[1].crash();

    let mut near: Vec<String> = near.into_iter().map(|(_, signed)| signed.cookie).collect();
    for turn in 0..4 {
        let server = &servers[turn % 2];
        for cookie in &mut near {
            let answer = refresh(server, cookie).await;
            assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
            *cookie = answer.signed().cookie;
        }
        for (_, signed) in &far {
            let refused = refresh(server, &signed.cookie).await;
            refused.is_problem(503, "unavailable");
            assert_eq!(refused.header("retry-after"), "2");
        }
    }
    for server in &servers {
        until_away(server, &json!([1])).await;
        assert_eq!(
            metric(server, "nolapse_shard_up{shard=\"0\"}")
                .await
                .unwrap(),
            "1"
        );
        assert_eq!(
            metric(server, "nolapse_shard_up{shard=\"1\"}")
                .await
                .unwrap(),
            "0"
        );
        assert_eq!(
            metric(server, "nolapse_sessions ").await,
            None,
            "it is not known"
        );
    }
    let begun = Instant::now();
    for (_, signed) in far.iter().cycle().take(60) {
        refresh(&servers[0], &signed.cookie)
            .await
            .is_problem(503, "unavailable");
    }
    assert!(
        begun.elapsed() < PATIENCE,
        "requests do not wait three seconds each"
    );
    // A user of the shard signs in again, on the other one; a list that leaves out sessions is none.
    let again = enter(&servers[1], SIGN_IN_PATH, far[0].0).await.signed();
    assert_eq!(shard_of(&again), 0);
    let list = call(&servers[1], Method::GET, SESSIONS_PATH).cookie(&again.cookie);
    list.send().await.is_problem(503, "unavailable");

    let restarting = Arc::clone(&clusters);
    tokio::task::spawn_blocking(move || restarting[1].restart())
        .await
        .unwrap();
    for server in &servers {
        until_away(server, &Value::Null).await;
        for (_, signed) in &far {
            // The first server has replaced the cookie: the second one repeats its successor.
            let answer = refresh(server, &signed.cookie).await;
            assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        }
    }
    let alarms = metric(
        &servers[0],
        "nolapse_events_total{event=\"reuse_detected\"}",
    )
    .await;
    assert!(alarms.is_none_or(|alarms| alarms == "0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_a_sign_out_everywhere_reaches_a_shard_that_is_away() {
    let clusters = Arc::new([(); 2].map(|()| Postgres::start(&["-c", "fsync=off"])));
    let (home, other) = (clusters[0].database().await, clusters[1].database().await);
    let setup = Setup::new();
    let server = setup.start(&format!("0={home},1={other}"));
    let [_, far] = sessions_on_both(&server, 1).await;
    let (number, far) = &far[0];
    clusters[1].crash();
    until_away(&server, &json!([1])).await;
    let near = enter(&server, SIGN_IN_PATH, *number).await.signed();
    assert_eq!(shard_of(&near), 0);

    let everywhere = call(&server, Method::POST, SIGN_OUT_PATH);
    let everywhere = everywhere.json(&json!({ "everywhere": true }));
    let everywhere = everywhere.cookie(&near.cookie).send().await;
    assert_eq!(
        everywhere.status,
        StatusCode::NO_CONTENT,
        "{:?}",
        everywhere.body
    );

    let restarting = Arc::clone(&clusters);
    tokio::task::spawn_blocking(move || restarting[1].restart())
        .await
        .unwrap();
    let refused = async {
        loop {
            let answer = refresh(&server, &far.cookie).await;
            assert_ne!(
                answer.status,
                StatusCode::OK,
                "it ended before the shard served"
            );
            if answer.status == StatusCode::UNAUTHORIZED {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let refused = timeout(PATIENCE, refused).await.unwrap();
    refused.is_problem(401, "session_ended");
    assert_eq!(refused.text("/reason"), "signed_out");
}

#[tokio::test]
async fn issue14_line5_a_shard_is_added_to_a_running_deployment_and_taken_away() {
    let postgres = Postgres::shared();
    let (home, other) = (postgres.database().await, postgres.database().await);
    let setup = Setup::new();
    let single = Setup::settings("DATABASE_URL", &home);
    let old = Instance::start(setup.folder.path(), &single);
    let before = enter(&old, SIGN_UP_PATH, 1_000).await.signed();
    assert!(!before.session.starts_with("c2hhcmQ"), "it names no shard");

    // First all servers know it, then it gets sessions.
    let empty = setup.start(&format!("0={home},1x0={other}"));
    let signed = refresh(&empty, &before.cookie).await.signed();
    let first = enter(&empty, SIGN_UP_PATH, 1_001).await.signed();
    assert_eq!(shard_of(&first), 0);
    let signed = refresh(&old, &signed.cookie).await.signed();
    let full = setup.start(&format!("0={home},1={other}"));
    let [_, far] = sessions_on_both(&full, 1).await;
    let (_, far) = &far[0];
    for server in [&empty, &full] {
        let answer = refresh(server, &far.cookie).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    }
    refresh(&full, &signed.cookie).await.signed();

    let gone = setup.start(&format!("0={home},1="));
    let refused = refresh(&gone, &far.cookie).await;
    refused.is_problem(401, "session_ended");
    assert_eq!(refused.text("/reason"), "no_cookie");
    let page = call(&gone, Method::GET, SESSIONS_PATH).cookie(&far.cookie);
    page.send().await.is_problem(401, "session_ended");
}

#[tokio::test]
async fn issue14_line5_commands_reach_every_shard_and_wrong_urls_are_refused() {
    let postgres = Postgres::shared();
    let (home, other) = (postgres.database().await, postgres.database().await);
    let urls = format!("0={home},1={other}");
    let setup = Setup::new();
    let server = setup.start(&urls);
    let [near, far] = sessions_on_both(&server, 2).await;

    for sessions in [&near, &far] {
        let [(_, first), (number, second)] = &sessions[..] else {
            panic!("two of each");
        };
        let email = format!("user{number}@example.org");
        let (_, listed) = setup.command(&urls, &["sessions", "list", &email]);
        assert!(listed.contains(&second.session), "{listed}");
        let (_, ended) = setup.command(&urls, &["sessions", "revoke", &first.session]);
        assert_eq!(ended.trim(), "1 session ended");
        let (_, ended) = setup.command(&urls, &["sessions", "revoke-all", &email]);
        assert_eq!(ended.trim(), "1 sessions ended");
        for signed in [first, second] {
            let refused = refresh(&server, &signed.cookie).await;
            refused.is_problem(401, "session_ended");
            assert_eq!(refused.text("/reason"), "revoked");
        }
    }
    for (wrong, text) in [
        (format!("0={other},1={home}"), "is shard 1"),
        (format!("0={home}"), "shard 1 is missing in DATABASE_URLS"),
        (
            format!("0={home},1={home}?application_name=x"),
            "is shard 0",
        ),
        (format!("0={home},1={home}"), "DATABASE_URLS must be"),
        (format!("1={home},2={other}"), "DATABASE_URLS must be"),
    ] {
        let (done, said) = setup.command(&wrong, &["migrate"]);
        assert!(!done && said.contains(text), "{wrong}: {said}");
        assert!(!said.contains("postgres://postgres@"), "{said}");
    }
    assert!(setup.command(&urls, &["migrate"]).0);
    let (done, said) = setup.command(&urls, &["backup", "copy"]);
    assert!(!done && said.contains("pg_dump"), "{said}");
}
