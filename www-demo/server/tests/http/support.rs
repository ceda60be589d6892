//! A server of its own for each test, and a client that sends exactly what it is told.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Bytes,
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use nolapse::wire;
use nolapse_server::{
    config::Config,
    serve::{RunningServer, Server},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpStream, time::Instant};

use crate::contract::{Contract, Document};

/// What the user of the tests signs in with.
pub(crate) const EMAIL: &str = "ada@example.org";
/// Their password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running server in a folder of its own.
pub(crate) struct World {
    /// The server.
    pub(crate) server: RunningServer,
    /// Its folder.
    pub(crate) folder: TempDir,
    /// What it says that it answers.
    pub(crate) contract: Contract,
}

/// Settings that suit a test: free ports, cheap password hashes, a folder of its own.
pub(crate) fn config(folder: &TempDir) -> Config {
    Config {
        port: 0,
        api_port: 0,
        database_url: format!("sqlite://{}", folder.path().join("test.db").display()),
        key_file: folder.path().join("test.keys"),
        password_memory_kib: 64,
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
        let server = Server::start(config).await.unwrap();
        let contract = Contract::of(&server).await;
        Self {
            server,
            folder,
            contract,
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

/// What a browser has after signing in.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    /// The value of the cookie.
    pub(crate) cookie: String,
    /// The access token.
    pub(crate) token: String,
    /// The session's name.
    pub(crate) session: String,
}

/// A request in the making.
pub(crate) struct Call {
    address: String,
    request: Request<Full<Bytes>>,
    document: Option<Arc<Document>>,
}

impl Call {
    /// Begins a request to an address with nothing in it.
    pub(crate) fn new(address: String, method: Method, path: &str) -> Self {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &address)
            .body(Full::default())
            .unwrap();
        Self {
            address,
            request,
            document: None,
        }
    }

    /// Wants the answer to be one that the document tells of.
    fn held_to(mut self, document: &Arc<Document>) -> Self {
        self.document = Some(Arc::clone(document));
        self
    }

    /// Sets a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).unwrap();
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Sets a header to bytes that need not be text.
    pub(crate) fn bytes(mut self, name: &str, value: &[u8]) -> Self {
        let name = HeaderName::try_from(name).unwrap();
        let value = HeaderValue::from_bytes(value).unwrap();
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Adds a header beside those of the same name.
    pub(crate) fn another(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).unwrap();
        let value = HeaderValue::try_from(value).unwrap();
        self.request.headers_mut().append(name, value);
        self
    }

    /// Removes a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    /// Sends the refresh cookie.
    pub(crate) fn cookie(self, value: &str) -> Self {
        self.header("cookie", &format!("other=1; {}={value}", wire::COOKIE))
    }

    /// Sends an access token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sends a JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sends any body.
    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self.header("content-type", content_type)
    }

    /// Sends the request over a connection of its own; `None` where that broke.
    pub(crate) async fn try_send(self) -> Option<Answer> {
        let stream = TcpStream::connect(&self.address).await.ok()?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.ok()?;
        let connection = tokio::spawn(connection);
        let (method, path) = (
            self.request.method().clone(),
            self.request.uri().path().to_owned(),
        );
        let answer = sender.send_request(self.request).await.ok()?;
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await.ok()?.to_bytes();
        connection.abort();
        let answer = Answer {
            status: head.status,
            headers: head.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes,
        };
        if let Some(document) = self.document {
            document.check(&method, &path, &answer);
        }
        Some(answer)
    }

    /// Sends the request over a connection of its own.
    pub(crate) async fn send(self) -> Answer {
        self.try_send().await.expect("the server answers")
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body, `Null` where that is not JSON.
    pub(crate) body: Value,
    /// The bytes of the body.
    pub(crate) bytes: Bytes,
}

impl Answer {
    /// Reads what a browser keeps of a token response.
    pub(crate) fn signed(&self) -> Signed {
        Signed {
            cookie: self.cookie().expect("a cookie is set"),
            token: self.text("/access_token"),
            session: self.text("/session/id"),
        }
    }

    /// Returns the refresh cookie's new value.
    pub(crate) fn cookie(&self) -> Option<String> {
        let set = self.headers.get(header::SET_COOKIE)?.to_str().ok()?;
        let (pair, _) = set.split_once(';')?;
        let (name, value) = pair.split_once('=')?;
        assert_eq!(name, wire::COOKIE);
        Some(value.to_owned())
    }

    /// Returns the device cookie, as it is to be sent.
    pub(crate) fn device(&self) -> Option<String> {
        let mut all = self.headers.get_all(header::SET_COOKIE).iter();
        let set = all.find_map(|set| {
            set.to_str()
                .ok()?
                .strip_prefix("__Host-Http-nolapse-device=")
        })?;
        let (value, _) = set.split_once(';')?;
        Some(format!("__Host-Http-nolapse-device={value}"))
    }

    /// Returns a text of the body.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let value = self.body.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    }

    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that this is a problem in the one error shape, with that status and code.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        let shape = self.body.as_object().is_some_and(|body| {
            body.keys()
                .all(|key| ["error", "error_description", "reason"].contains(&key.as_str()))
        });
        let says = !self.text("/error_description").is_empty();
        let (got, error) = (self.status.as_u16(), self.text("/error"));
        assert!(
            shape && says && got == status && error == code,
            "expected {status} {code}: {self:?}"
        );
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
