//! A client that sends exactly the given request, and its response.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{collections::BTreeSet, sync::Arc};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Bytes,
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use nolapse::wire;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinHandle};

use crate::contract::Document;

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

    /// Requires a response that the document describes.
    pub(crate) fn held_to(mut self, document: &Arc<Document>) -> Self {
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

    /// Sends the request over a connection of its own; `None` if that broke.
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
        let (head, mut body) = answer.into_parts();
        let kind = head.headers.get(header::CONTENT_TYPE);
        let is_stream = kind.is_some_and(|kind| kind == "text/event-stream");
        let (bytes, body) = if is_stream {
            // It has no end: its first events will do.
            let bytes = body.frame().await?.ok()?.into_data().ok()?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            (bytes, Value::String(text))
        } else {
            let bytes = body.collect().await.ok()?.to_bytes();
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            (bytes, body)
        };
        connection.abort();
        let answer = Answer {
            status: head.status,
            headers: head.headers,
            body,
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

/// Returns the different cookies that concurrent refreshes set; each must succeed.
pub(crate) async fn successors(refreshes: Vec<JoinHandle<Answer>>) -> BTreeSet<String> {
    let mut successors = BTreeSet::new();
    for refresh in refreshes {
        let answer = refresh.await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        successors.insert(answer.cookie().unwrap());
    }
    successors
}

/// The members that a problem may have.
const MEMBERS: [&str; 5] = [
    "dpop_nonce",
    "error",
    "error_description",
    "reason",
    "server_time",
];

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
        let shape = self
            .body
            .as_object()
            .is_some_and(|body| body.keys().all(|key| MEMBERS.contains(&key.as_str())));
        let has_text = !self.text("/error_description").is_empty();
        let (got, error) = (self.status.as_u16(), self.text("/error"));
        assert!(
            shape && has_text && got == status && error == code,
            "expected {status} {code}: {self:?}"
        );
    }
}
