//! A client that is as small as can be: one request a connection.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    /// Its status code.
    pub(crate) status: u16,
    /// Status line and header fields.
    pub(crate) head: String,
    /// Its body.
    pub(crate) body: String,
}

impl Response {
    /// Returns the value of the refresh cookie.
    pub(crate) fn cookie(&self) -> String {
        let start = format!("{}=", nolapse::wire::COOKIE);
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = fields.filter_map(|(_, value)| value.strip_prefix(start.as_str()));
        let value = values.next().and_then(|value| value.split(';').next());
        value.unwrap_or_default().to_owned()
    }
}

/// Posts JSON as the page of `origin` does.
pub(crate) fn post(address: &str, path: &str, origin: &str, cookie: &str, body: &str) -> Response {
    let cookie = format!("{}={cookie}", nolapse::wire::COOKIE);
    let length = body.len();
    send(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\norigin: {origin}\r\nnolapse-version: 1\r\n\
             content-type: application/json\r\ncookie: {cookie}\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        ),
    )
}

/// Sends a request with `connection: close`.
pub(crate) fn send(address: &str, request: &str) -> Response {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it writes text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Response {
        status: status.expect("a status"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
