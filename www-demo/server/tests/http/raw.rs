//! Requests that no client library would send, byte for byte.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a server may take to respond to a request of a few bytes.
const DEADLINE: Duration = Duration::from_secs(10);

/// A response as it came.
#[derive(Debug)]
pub(crate) struct RawResponse {
    /// Its status code.
    pub(crate) status: u16,
    /// Status line and header fields.
    pub(crate) head: String,
    /// What follows the head.
    pub(crate) body: String,
}

impl RawResponse {
    /// Returns the values of all header fields of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1);
        let fields = fields.filter_map(|line| line.split_once(':'));
        fields
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// Returns the `error` member of a problem; empty where the body is none.
    pub(crate) fn error(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends bytes over a connection of their own and reads until the server closes it.
///
/// The request must have `connection: close`, unless the server closes by itself.
pub(crate) async fn exchange(address: &str, request: &[u8]) -> RawResponse {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(request).await.expect("it reads");
    let mut bytes = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut bytes)).await;
    read.expect("the server responds and closes")
        .expect("it writes");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    RawResponse {
        status: status.unwrap_or_default(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
