//! A server of its own for each test.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use hyper::{Method, StatusCode};
use nolapse::wire;
use nolapse_server::{
    config::{Config, ServerSecrets},
    serve::{RunningServer, Server},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

pub(crate) use crate::call::{Answer, Call, Signed, successors};
use crate::contract::Contract;

/// What the user of the tests signs in with.
pub(crate) const EMAIL: &str = "ada@example.org";
/// Their password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The secret of the operator's own servers.
pub(crate) const SERVER_SECRET: &str = "c2VjcmV0IG9mIGEgcmVuZGVyZXIgaW4gYSB0ZXN0Lg==";

/// A running server in a folder of its own.
pub(crate) struct World {
    /// The server.
    pub(crate) server: RunningServer,
    /// Its folder.
    pub(crate) folder: TempDir,
    /// Its `OpenAPI` documents.
    pub(crate) contract: Contract,
    /// The URLs of its databases.
    pub(crate) databases: Vec<String>,
}

/// Settings that suit a test: free ports, cheap password hashes, a folder of its own.
pub(crate) fn config(folder: &TempDir) -> Config {
    Config {
        port: 0,
        api_port: 0,
        database_url: format!("sqlite://{}", folder.path().join("test.db").display()),
        key_file: folder.path().join("test.keys"),
        password_memory_kib: 64,
        server_secrets: ServerSecrets::parse(SERVER_SECRET).unwrap(),
        demo: true,
        ..Config::default()
    }
}

impl World {
    /// Starts a server with the defaults.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server with changed settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        change(&mut config);
        Self::start(config, folder).await
    }

    /// Starts a server with these settings.
    pub(crate) async fn start(config: Config, folder: TempDir) -> Self {
        let databases = vec![config.database_url.clone()];
        let server = Server::start(config).await.unwrap();
        let contract = Contract::of(&server).await;
        Self {
            server,
            folder,
            contract,
            databases,
        }
    }

    /// Returns the origin of the page.
    pub(crate) fn page(&self) -> String {
        format!("http://localhost:{}", self.server.auth_addr.port())
    }

    /// Begins a request to the auth server, as the page would send it.
    pub(crate) fn auth(&self, method: Method, path: &str) -> Call {
        self.bare(method, path)
            .header("origin", &self.page())
            .header(wire::VERSION_HEADER, wire::VERSION)
    }

    /// Begins a request to the API.
    pub(crate) fn api(&self, method: Method, path: &str) -> Call {
        Call::new(self.server.api_addr.to_string(), method, path).held_to(&self.contract.api)
    }

    /// Begins a request to the auth server with nothing in it.
    pub(crate) fn bare(&self, method: Method, path: &str) -> Call {
        Call::new(self.server.auth_addr.to_string(), method, path).held_to(&self.contract.auth)
    }

    /// Signs up and returns what the browser then has.
    pub(crate) async fn sign_up(&self) -> Signed {
        let answer = self
            .auth(Method::POST, wire::SIGN_UP_PATH)
            .json(&json!({ "email": EMAIL, "password": PASSWORD }))
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer.signed()
    }

    /// Refreshes with a cookie's value.
    pub(crate) async fn refresh(&self, cookie: &str) -> Answer {
        self.refreshing(
            cookie,
            &json!({ "reason": "timer", "page": "visible", "active_ago": 0 }),
        )
        .await
    }

    /// Refreshes with a cookie's value and a body.
    pub(crate) async fn refreshing(&self, cookie: &str, body: &Value) -> Answer {
        self.auth(Method::POST, wire::REFRESH_PATH)
            .cookie(cookie)
            .json(body)
            .send()
            .await
    }

    /// Looks a cookie's session up, as a renderer does.
    pub(crate) async fn look_up(&self, cookie: &str) -> Answer {
        let call = self.bare(Method::POST, wire::SESSION_PATH);
        call.bearer(SERVER_SECRET).cookie(cookie).send().await
    }

    /// Begins a request to an endpoint that the cookie of a session opens.
    pub(crate) fn own(&self, signed: &Signed, method: Method, path: &str) -> Call {
        self.auth(method, path).cookie(&signed.cookie)
    }

    /// Calls the API with a token.
    pub(crate) async fn me(&self, token: &str) -> Answer {
        self.api(Method::GET, "/me").bearer(token).send().await
    }

    /// Reads a counter.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.server
            .counters()
            .read()
            .get(name)
            .copied()
            .unwrap_or_default()
    }
}

/// How long to wait between two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Repeats `attempt` until it gives something, for ten seconds at most.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    attempt: impl Fn() -> F,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if let Some(found) = attempt().await {
            return found;
        }
        // Fewer attempts than any throttle allows.
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    panic!("{what}: not within ten seconds");
}
