//! The example `embed`, over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "common/client.rs"]
mod client;
#[path = "../examples/embed.rs"]
#[expect(dead_code, reason = "its main is the program's")]
mod embed;

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        mpsc::{self, Sender},
    },
    time::Duration,
};

use client::Response;
use nolapse::wire::{PASSWORD_PATH, REFRESH_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, SIGN_UP_PATH};
use nolapse_server::{
    AuthServer,
    config::{Config, Notices, ProviderSecret},
    notices::{Change, Notice, Notifier},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot, task::JoinHandle};

const CREDENTIALS: &str = r#"{ "email": "ada@example.org", "password": "correct horse battery" }"#;
const REFRESH: &str = r#"{ "reason": "load", "page": "visible" }"#;

/// The example on a free port.
struct World {
    runtime: Runtime,
    address: String,
    users: Arc<embed::Users>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
        let users = Arc::new(embed::Users::default());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.block_on(listener).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let database = folder.path().join("sessions.db");
        let config = Config {
            database_url: format!("sqlite://{}", database.display()),
            key_file: folder.path().join("sessions.keys"),
            ..Config::default()
        };
        let directory = Arc::clone(&users);
        let serving = runtime.spawn(async move {
            let stop = async { stopped.await.unwrap() };
            embed::serve(listener, config, directory, stop)
                .await
                .unwrap();
        });
        Self {
            runtime,
            address,
            users,
            stop,
            serving,
            _folder: folder,
        }
    }

    fn post(&self, path: &str, cookie: &str, body: &str) -> Response {
        let (_, port) = self.address.rsplit_once(':').unwrap();
        let origin = format!("http://localhost:{port}");
        client::post(&self.address, path, &origin, cookie, body)
    }

    fn get(&self, path: &str, token: &str) -> Response {
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n",
            self.address
        );
        client::send(&self.address, &head)
    }

    fn stop(self) {
        self.stop.send(()).unwrap();
        self.runtime.block_on(self.serving).unwrap();
    }
}

fn text(response: &Response, pointer: &str) -> String {
    let body: Value = serde_json::from_str(&response.body).unwrap();
    body.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn an_app_with_users_of_its_own_signs_in_refreshes_checks_tokens_and_signs_out() {
    let world = World::new();
    let created = world.post(SIGN_UP_PATH, "", CREDENTIALS);
    assert_eq!(created.status, 200, "{}", created.body);
    assert_eq!(world.post(SIGN_UP_PATH, "", CREDENTIALS).status, 409);
    let wrong = CREDENTIALS.replace("correct", "another");
    assert_eq!(world.post(SIGN_IN_PATH, "", &wrong).status, 401);

    let signed = world.post(SIGN_IN_PATH, "", CREDENTIALS);
    let refreshed = world.post(REFRESH_PATH, &signed.cookie(), REFRESH);
    let token = text(&refreshed, "/access_token");
    let me = world.get("/api/me", &token);
    let signed_out = world.post(SIGN_OUT_PATH, &refreshed.cookie(), "");
    let after = world.post(REFRESH_PATH, &refreshed.cookie(), REFRESH);

    assert_eq!((signed.status, refreshed.status), (200, 200));
    assert_ne!(signed.cookie(), refreshed.cookie());
    assert_eq!(
        (me.status, &me.body),
        (200, &text(&refreshed, "/session/user/id"))
    );
    assert_eq!(world.get("/api/me", "").status, 401);
    assert_eq!(signed_out.status, 204, "{}", signed_out.body);
    assert_eq!(text(&after, "/error"), "session_ended");
    assert_eq!(world.get("/", "").body, "a page of the app");
    assert_eq!(world.get("/.well-known/jwks.json", "").status, 200);
    assert_eq!(
        world.post(PASSWORD_PATH, &refreshed.cookie(), "{}").status,
        404
    );
    world.stop();
}

#[test]
fn a_session_ends_at_the_next_refresh_when_its_user_is_disabled_in_the_directory_or_gone() {
    let world = World::new();
    let ada = world.post(SIGN_UP_PATH, "", CREDENTIALS);
    let eve = world.post(SIGN_UP_PATH, "", &CREDENTIALS.replace("ada", "eve"));
    assert_eq!((ada.status, eve.status), (200, 200));

    {
        let mut rows = world.users.0.blocking_lock();
        rows[0].disabled = true;
        rows.truncate(1);
    }

    for cookie in [ada.cookie(), eve.cookie()] {
        let refused = world.post(REFRESH_PATH, &cookie, REFRESH);
        assert_eq!(
            text(&refused, "/reason"),
            "user_disabled",
            "{}",
            refused.body
        );
    }
    assert_eq!(world.post(SIGN_IN_PATH, "", CREDENTIALS).status, 401);
    world.stop();
}

#[test]
fn the_example_has_at_most_60_lines() {
    let lines = include_str!("../examples/embed.rs").lines().count();

    assert!(lines <= 60, "{lines}");
}

#[test]
fn the_snippet_of_the_document_is_in_the_example() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let document = include_str!("../../../docs/embedding.md");
    let (_, snippet) = document.split_once("```rust\n").unwrap();
    let (snippet, _) = snippet.split_once("```").unwrap();

    assert!(words(include_str!("../examples/embed.rs")).contains(&words(snippet)));
}

/// An app's own way to its users.
struct Letters(Mutex<Sender<Notice>>);

#[async_trait::async_trait]
impl Notifier for Letters {
    async fn notify(&self, notice: &Notice) -> io::Result<()> {
        let letters = self.0.lock().unwrap();
        letters.send(notice.clone()).map_err(io::Error::other)
    }
}

#[test]
fn an_app_tells_its_users_of_changes_itself_in_place_of_the_mailer_of_the_settings() {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = runtime.block_on(listener).unwrap();
    let address = listener.local_addr().unwrap();
    let origin = format!("http://localhost:{}", address.port());
    let (sender, letters) = mpsc::channel();
    let config = Config {
        database_url: format!("sqlite://{}", folder.path().join("sessions.db").display()),
        key_file: folder.path().join("sessions.keys"),
        password_memory_kib: 64,
        notices: Some(Notices {
            url: format!("http://{address}/no-mailer"),
            secret: ProviderSecret::new("s".repeat(32)),
        }),
        ..Config::default()
    };
    let auth = AuthServer::builder(config)
        .origin(&origin)
        .notifier(Arc::new(Letters(Mutex::new(sender))));
    let auth = runtime.block_on(auth.build()).unwrap();
    let app = auth.router();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = runtime.spawn(async move {
        let stop = async { stopped.await.unwrap() };
        auth.serve(listener, app, stop).await.unwrap();
    });
    let post = |path: &str, cookie: &str, body: &str| {
        client::post(&address.to_string(), path, &origin, cookie, body)
    };

    let signed = post(SIGN_UP_PATH, "", CREDENTIALS);
    let change = r#"{ "current_password": "correct horse battery", "new_password": "another horse battery" }"#;
    let refused = post(PASSWORD_PATH, "", change);
    let changed = post(PASSWORD_PATH, &signed.cookie(), change);

    assert_eq!((refused.status, changed.status), (401, 204));
    let letter = letters.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(letter.change, Change::PasswordChanged);
    assert_eq!(letter.user, text(&signed, "/session/user/id"));
    assert_eq!(letter.email.as_deref(), Some("ada@example.org"));
    stop.send(()).unwrap();
    runtime.block_on(serving).unwrap();
    assert!(letters.try_recv().is_err(), "there is one letter");
}
