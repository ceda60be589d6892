//! A server, a hostile provider, and a browser's requests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use nolapse::wire::COOKIE;
use nolapse_server::{
    config::{Config, ProviderConfig},
    security_log::Destination,
    serve::{RunningServer, Server},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{client, hostile::Hostile};

pub(crate) use client::Response;

/// A server that knows a provider.
pub(crate) struct Scene {
    pub(crate) server: RunningServer,
    pub(crate) provider: Hostile,
    pub(crate) folder: TempDir,
    /// How many events of the security log were read.
    events: AtomicUsize,
}

/// A sign-in that the provider was asked for.
pub(crate) struct Asked {
    /// `name=value` of the transaction.
    pub(crate) cookie: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::of(Hostile::start().await, change).await
    }

    pub(crate) async fn of(provider: Hostile, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            port: 0,
            api_port: 0,
            database_url: format!("sqlite://{}", folder.path().join("test.db").display()),
            key_file: folder.path().join("test.keys"),
            password_memory_kib: 64,
            security_log: Destination::File(folder.path().join("security.log")),
            providers: vec![
                ProviderConfig::new("op", &provider.issuer, "client", "secret"),
                ProviderConfig::new("other", "https://other.example", "client", "secret"),
            ],
            ..Config::default()
        };
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        Self {
            server,
            provider,
            folder,
            events: AtomicUsize::default(),
        }
    }

    pub(crate) fn page(&self) -> String {
        format!("http://localhost:{}", self.server.auth_addr.port())
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Response {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n"
        );
        self.send(request).await
    }

    pub(crate) async fn post(&self, path: &str, cookie: &str, kind: &str, body: &str) -> Response {
        let (page, length) = (self.page(), body.len());
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\norigin: {page}\r\nnolapse-version: 1\r\ncookie: {cookie}\r\n\
             content-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        self.send(request).await
    }

    async fn send(&self, request: String) -> Response {
        let address = self.server.auth_addr.to_string();
        let sent = tokio::task::spawn_blocking(move || client::send(&address, &request));
        sent.await.unwrap()
    }

    pub(crate) fn sign_in_path(&self) -> String {
        let page = self.page();
        format!("/auth/providers/op/sign-in?return_to={page}/page")
    }

    /// Begins a sign-in.
    pub(crate) async fn begin(&self) -> Asked {
        self.begin_with("").await
    }

    /// Begins a sign-in with further parameters.
    pub(crate) async fn begin_with(&self, parameters: &str) -> Asked {
        self.begin_of(parameters, "").await
    }

    /// Begins to add an identity to the account of a session.
    pub(crate) async fn begin_link(&self, cookie: &str) -> Asked {
        self.begin_of("&link=1", &format!("{COOKIE}={cookie}"))
            .await
    }

    async fn begin_of(&self, parameters: &str, cookie: &str) -> Asked {
        let path = format!("{}{parameters}", self.sign_in_path());
        let answer = self.get(&path, cookie).await;
        let to = Url::parse(&location(&answer)).unwrap();
        let parameter = |name: &str| {
            let mut pairs = to.query_pairs();
            let found = pairs.find(|(one, _)| one == name);
            found.unwrap().1.into_owned()
        };
        let cookie = header(&answer, "set-cookie: __Host-nolapse-tx-").unwrap();
        let cookie = cookie.split(';').next().unwrap();
        Asked {
            cookie: format!("__Host-nolapse-tx-{cookie}"),
            state: parameter("state"),
            nonce: parameter("nonce"),
        }
    }

    /// Comes back with a code.
    pub(crate) async fn come_back(&self, asked: &Asked) -> Response {
        let path = format!("/auth/providers/op/callback?code=c&state={}", asked.state);
        self.get(&path, &asked.cookie).await
    }

    /// Ends the sessions that a logout token names.
    pub(crate) async fn log_out(&self, token: &str) -> Response {
        let form = "application/x-www-form-urlencoded";
        let path = "/auth/providers/op/backchannel-logout";
        let body = format!("logout_token={token}");
        self.post(path, "", form, &body).await
    }

    /// Signs in as a good provider does, and returns the refresh cookie.
    pub(crate) async fn sign_in(&self) -> String {
        let asked = self.begin().await;
        let claims = self.provider.claims(&asked.nonce);
        self.provider.give(&self.provider.key.sign(&claims));
        let answer = self.come_back(&asked).await;
        assert_eq!(location(&answer), format!("{}/page", self.page()));
        answer.cookie()
    }

    /// Returns the reason of the next event in the security log.
    pub(crate) async fn reason(&self) -> String {
        let number = self.events.fetch_add(1, Ordering::SeqCst);
        let file = self.folder.path().join("security.log");
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let lines = std::fs::read_to_string(&file).unwrap_or_default();
            let line = lines.split_inclusive('\n').nth(number);
            if let Some(line) = line.filter(|line| line.ends_with('\n')) {
                let event: Value = serde_json::from_str(line).unwrap();
                return event["reason"].as_str().unwrap_or_default().to_owned();
            }
            assert!(Instant::now() < deadline, "no event {number}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn refresh(&self, cookie: &str) -> Response {
        let (address, page) = (self.server.auth_addr.to_string(), self.page());
        let cookie = cookie.to_owned();
        let body = r#"{ "reason": "load", "page": "visible" }"#;
        let path = nolapse::wire::REFRESH_PATH;
        let sent = move || client::post(&address, path, &page, &cookie, body);
        tokio::task::spawn_blocking(sent).await.unwrap()
    }
}

/// Returns the rest of the header line that begins so.
pub(crate) fn header(response: &Response, start: &str) -> Option<String> {
    let mut lines = response.head.lines();
    lines.find_map(|line| line.strip_prefix(start).map(str::to_owned))
}

pub(crate) fn location(response: &Response) -> String {
    header(response, "location: ").unwrap_or_else(|| panic!("no redirect: {response:?}"))
}

/// Returns the error that a page is told.
pub(crate) fn error(response: &Response) -> Option<String> {
    let url = Url::parse(&location(response)).unwrap();
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(name, _)| name == "nolapse_error");
    found.map(|(_, error)| error.into_owned())
}
