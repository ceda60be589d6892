//! A push stream as a page opens it, read as it comes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{fmt::Write as _, time::Duration};

use nolapse::wire::{COOKIE, EVENTS_PATH};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// What a stream says of a session that may have ended.
pub(crate) const MESSAGE: &str = "data: session_ended\n\n";
/// How long a message may take (P56).
pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// How long anything else may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// A response that is read as it comes.
pub(crate) struct Stream {
    pub(crate) connection: TcpStream,
    /// What has come, its head among it.
    pub(crate) text: String,
}

impl Stream {
    /// Opens a stream as an `EventSource` of the same origin does.
    pub(crate) async fn open(address: &str, cookie: &str) -> Self {
        let fields = [
            ("sec-fetch-site", "same-origin"),
            ("cookie", &format!("{COOKIE}={cookie}")),
        ];
        Self::send(address, EVENTS_PATH, &fields).await
    }

    /// Sends a request with these fields, and reads its head.
    pub(crate) async fn send(address: &str, path: &str, fields: &[(&str, &str)]) -> Self {
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n");
        for (name, value) in fields {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        request += "\r\n";
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let text = String::new();
        let mut stream = Self { connection, text };
        stream.until("\r\n\r\n", DEADLINE).await;
        stream
    }

    /// Returns the status of the response.
    pub(crate) fn status(&self) -> u16 {
        self.text.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Reads until a text has come.
    pub(crate) async fn until(&mut self, wanted: &str, within: Duration) {
        let text = &mut self.text;
        let reading = async {
            let mut bytes = [0; 1_024];
            while !text.contains(wanted) {
                let count = self.connection.read(&mut bytes).await.unwrap();
                assert!(count > 0, "the connection ended after {text}");
                *text += std::str::from_utf8(&bytes[..count]).unwrap();
            }
        };
        let read = timeout(within, reading).await;
        read.unwrap_or_else(|_| panic!("no {wanted:?} in {:?}", self.text));
    }

    /// Reads a push message, and the end of the stream.
    pub(crate) async fn ends_with_message(&mut self) {
        self.until(MESSAGE, SECOND).await;
        // The last chunk (RFC 9112 §7.1).
        self.until("\r\n0\r\n\r\n", SECOND).await;
    }
}
