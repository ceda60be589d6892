//! P47: two processes on one `PostgreSQL` behind nginx behave as one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use hyper::{Method, StatusCode};
use nolapse::wire::{self, EndReason};
use nolapse_server::{
    domain::{SessionId, Store as _},
    store::{PgStore, Pooler},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{
    instances::{Instance, program},
    nginx::Nginx,
    postgres::Postgres,
    support::{Answer, Call, EMAIL, PASSWORD, Signed, eventually, successors},
};

const PAGE: &str = "https://app.example.com";

/// Two servers, their database, and nginx in front of their auth servers.
struct Pair {
    servers: [Instance; 2],
    nginx: Nginx,
    url: String,
    postgres: Arc<Postgres>,
    settings: Vec<(&'static str, String)>,
    folder: TempDir,
}

impl Pair {
    async fn on(postgres: Arc<Postgres>, settings: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = postgres.database().await;
        let mut all = vec![
            ("DATABASE_URL", &*url),
            ("DEMO", "1"),
            ("ISSUER", "https://auth.example.com"),
            ("AUDIENCE", "https://api.example.com"),
            ("ALLOWED_ORIGINS", PAGE),
        ];
        all.extend(settings);
        let servers = [(); 2].map(|()| Instance::start(folder.path(), &all));
        let nginx = Nginx::start(folder.path(), &[&servers[0].auth, &servers[1].auth]);
        let pair = Self {
            servers,
            nginx,
            settings: all.iter().map(|(n, v)| (*n, (*v).to_owned())).collect(),
            url,
            postgres,
            folder,
        };
        eventually("nginx answers", || async {
            let answer = Call::new(pair.nginx.address.clone(), Method::GET, "/healthz");
            let answer = answer.try_send().await?;
            (answer.status == StatusCode::OK).then_some(())
        })
        .await;
        pair
    }

    async fn new(settings: &[(&'static str, &str)]) -> Self {
        Self::on(Postgres::shared(), settings).await
    }

    /// Runs a command of the program with the servers' settings; returns its output.
    fn command(&self, words: &[&str]) -> String {
        self.command_with(&[], words)
    }

    fn command_with(&self, settings: &[(&str, &str)], words: &[&str]) -> String {
        let mut all: Vec<(&str, &str)> = self.settings.iter().map(|(n, v)| (*n, &**v)).collect();
        all.extend(settings);
        let done = program(self.folder.path(), &all).args(words).output();
        let done = done.unwrap();
        assert_eq!(done.status.success(), done.stderr.is_empty());
        String::from_utf8([done.stdout, done.stderr].concat()).unwrap()
    }

    async fn sign_up(&self, email: &str) -> Signed {
        let credentials = json!({ "email": email, "password": PASSWORD });
        let answer = call(&self.nginx.address, wire::SIGN_UP_PATH).json(&credentials);
        let answer = answer.send().await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer.signed()
    }
}

fn call(address: &str, path: &str) -> Call {
    Call::new(address.to_owned(), Method::POST, path)
        .header("origin", PAGE)
        .header(wire::VERSION_HEADER, wire::VERSION)
}

fn refreshing(address: &str, cookie: &str) -> Call {
    let body = json!({ "reason": "timer", "page": "visible", "active_ago": 0 });
    call(address, wire::REFRESH_PATH).cookie(cookie).json(&body)
}

async fn me(address: &str, token: &str) -> Answer {
    let call = Call::new(address.to_owned(), Method::GET, "/me");
    call.bearer(token).send().await
}

#[tokio::test]
async fn p47_a_session_refreshed_here_goes_on_there_and_revoked_here_is_ended_there() {
    let pair = Pair::new(&[]).await;
    let [here, there] = &pair.servers;
    let first = pair.sign_up(EMAIL).await;

    let second = refreshing(&here.auth, &first.cookie).send().await.signed();
    let third = refreshing(&there.auth, &second.cookie)
        .send()
        .await
        .signed();
    for token in [&first.token, &second.token, &third.token] {
        for server in &pair.servers {
            assert_eq!(me(&server.api, token).await.status, StatusCode::OK);
        }
    }
    let path = format!("{}/{}", wire::SESSIONS_PATH, third.session);
    let revoked = Call::new(here.auth.clone(), Method::DELETE, &path);
    let revoked = revoked
        .header("origin", PAGE)
        .header(wire::VERSION_HEADER, wire::VERSION)
        .cookie(&third.cookie);
    let revoked = revoked.send().await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);

    let refused = refreshing(&there.auth, &third.cookie).send().await;
    refused.is_problem(401, "session_ended");
    assert_eq!(refused.text("/reason"), "revoked");
}

#[tokio::test]
async fn p42_p47_fifty_refreshes_of_one_secret_at_two_servers_make_one_generation() {
    let pair = Pair::new(&[]).await;
    let signed = pair.sign_up(EMAIL).await;

    let calls: Vec<_> = (0..50)
        .map(|turn| {
            let address = match turn % 3 {
                0 => &pair.nginx.address,
                1 => &pair.servers[0].auth,
                _ => &pair.servers[1].auth,
            };
            tokio::spawn(refreshing(address, &signed.cookie).send())
        })
        .collect();
    assert_eq!(successors(calls).await.len(), 1);
    let store = PgStore::open(&pair.url, 2, Pooler::None).await.unwrap();
    let id = SessionId::parse(&signed.session).unwrap();
    let (row, _) = store.session(id).await.unwrap().unwrap();
    assert_eq!((row.generation, row.ended), (1, None));
    let alarms = store.recorded_endings(id, EndReason::ReuseDetected).await;
    assert_eq!(alarms.unwrap(), 0);
}

#[tokio::test]
async fn p42_p47_a_replay_after_the_grace_at_another_server_ends_the_session_and_is_recorded() {
    let pair = Pair::new(&[("GRACE_SECONDS", "1")]).await;
    let [here, there] = &pair.servers;
    let stolen = pair.sign_up(EMAIL).await;
    let owner = refreshing(&here.auth, &stolen.cookie).send().await.signed();
    let owner = refreshing(&here.auth, &owner.cookie).send().await.signed();
    let refused = eventually("the grace ends", || async {
        let answer = refreshing(&there.auth, &stolen.cookie).send().await;
        (answer.status != StatusCode::OK).then_some(answer)
    })
    .await;

    refused.is_problem(401, "session_ended");
    assert_eq!(refused.text("/reason"), "reuse_detected");
    let owners = refreshing(&here.auth, &owner.cookie).send().await;
    assert_eq!(owners.text("/reason"), "reuse_detected");
    let store = PgStore::open(&pair.url, 2, Pooler::None).await.unwrap();
    let id = SessionId::parse(&stolen.session).unwrap();
    let recorded = store.recorded_endings(id, EndReason::ReuseDetected);
    assert_eq!(recorded.await.unwrap(), 1);
}

/// The names of the keys that a server publishes.
async fn published(address: &str) -> BTreeSet<String> {
    let answer = Call::new(address.to_owned(), Method::GET, wire::JWKS_PATH);
    let answer = answer.send().await;
    let keys = answer.body["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p46_keys_rotated_by_command_cost_no_request_at_any_server() {
    let pair = Pair::new(&[("KEY_WAIT_SECONDS", "0")]).await;
    let [here, there] = &pair.servers;
    let mut signed = pair.sign_up(EMAIL).await;
    let before = published(&here.auth).await;

    let output = pair.command(&["keys", "rotate"]);

    assert!(output.contains("signs now"), "{output}");
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut tokens = vec![signed.token.clone()];
    loop {
        let everywhere = published(&here.auth).await.len() == 3
            && published(&there.auth).await == published(&here.auth).await;
        signed = refreshing(&pair.nginx.address, &signed.cookie)
            .send()
            .await
            .signed();
        tokens.push(signed.token.clone());
        for token in tokens.iter().rev().take(3).chain(tokens.first()) {
            assert_eq!(me(&here.api, token).await.status, StatusCode::OK);
            assert_eq!(me(&there.api, token).await.status, StatusCode::OK);
        }
        if everywhere {
            break;
        }
        assert!(Instant::now() < deadline, "the servers take the new keys");
    }
    assert!(published(&there.auth).await.is_superset(&before));
}

#[tokio::test]
async fn commands_administer_a_running_server() {
    let pair = Pair::new(&[]).await;
    let [here, there] = &pair.servers;
    let (first, second) = (
        pair.sign_up(EMAIL).await,
        pair.sign_up("eve@example.org").await,
    );

    let listed = pair.command(&["sessions", "list", EMAIL]);
    assert!(listed.contains(&first.session) && !listed.contains(&second.session));
    assert!(!listed.contains(EMAIL));
    let ended = pair.command(&["sessions", "revoke", &first.session]);
    assert_eq!(ended, "1 session ended\n");
    let ended = pair.command(&["sessions", "revoke-all", "eve@example.org"]);
    assert_eq!(ended, "1 sessions ended\n");
    for (server, signed) in [(here, &first), (there, &second)] {
        let refused = refreshing(&server.auth, &signed.cookie).send().await;
        assert_eq!(refused.text("/reason"), "revoked");
    }

    assert_eq!(pair.command(&["migrate"]), "the tables are up to date\n");
    let early = pair.command(&["keys", "rotate"]);
    assert!(early.contains("KEY_WAIT_SECONDS"), "{early}");
    let unknown = pair.command(&["session", "list"]);
    assert!(unknown.contains("there is no such command"), "{unknown}");
    let port = here.auth.rsplit_once(':').unwrap().1;
    assert_eq!(
        pair.command_with(&[("PORT", port)], &["healthcheck"]),
        "ready\n"
    );
    let absent = pair.command_with(&[("PORT", "9")], &["healthcheck"]);
    assert!(absent.contains("does not answer"), "{absent}");
}

/// The result of a client that refreshed until it was stopped.
struct Served {
    granted: u32,
    turned_away: u32,
}

/// Refreshes as the SDK does: after a lost or refused response, it repeats the request with the same cookie.
async fn refresh_until(stop: watch::Receiver<bool>, address: String, signed: Signed) -> Served {
    let mut served = Served {
        granted: 0,
        turned_away: 0,
    };
    let mut cookie = signed.cookie;
    while !*stop.borrow() {
        let answer = refreshing(&address, &cookie).try_send().await;
        match answer.map(|answer| (answer.status.as_u16(), answer)) {
            Some((200, answer)) => {
                cookie = answer.signed().cookie;
                served.granted += 1;
            }
            Some((503, answer)) => {
                assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
                served.turned_away += 1;
            }
            Some((502 | 504, _)) | None => served.turned_away += 1,
            Some((status, answer)) => panic!("{status}: {answer:?}"),
        }
    }
    // Whatever happened, the session lives.
    eventually("the session goes on", || async {
        let answer = refreshing(&address, &cookie).try_send().await?;
        assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
        (answer.status == StatusCode::OK).then_some(())
    })
    .await;
    served
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p47_a_killed_server_and_a_restarted_database_end_no_session() {
    let postgres = Arc::new(Postgres::start(&[]));
    let mut pair = Pair::on(postgres, &[("REFRESHES_PER_MINUTE", "0")]).await;
    let (stop, stopped) = watch::channel(false);
    let mut clients = Vec::new();
    for number in 0..8 {
        let signed = pair.sign_up(&format!("user{number}@example.org")).await;
        let address = pair.nginx.address.clone();
        clients.push(tokio::spawn(refresh_until(
            stopped.clone(),
            address,
            signed,
        )));
    }

    let postgres = Arc::clone(&pair.postgres);
    let restart = tokio::task::spawn_blocking(move || postgres.restart());
    restart.await.unwrap();
    assert_ne!(pair.servers[0].process(), pair.servers[1].process());
    pair.servers[0].kill();
    // The one that is left goes on by itself.
    let fresh = timeout(Duration::from_secs(10), async {
        eventually("the other one serves", || async {
            let credentials = json!({ "email": EMAIL, "password": PASSWORD });
            let answer = call(&pair.nginx.address, wire::SIGN_UP_PATH).json(&credentials);
            let answer = answer.try_send().await?;
            (answer.status == StatusCode::OK).then_some(Instant::now())
        })
        .await
    });
    fresh.await.unwrap();
    stop.send_replace(true);

    let (mut granted, mut turned_away) = (0, 0);
    for client in clients {
        let served = client.await.unwrap();
        granted += served.granted;
        turned_away += served.turned_away;
    }
    assert!(granted > 16, "{granted} granted, {turned_away} turned away");
}
