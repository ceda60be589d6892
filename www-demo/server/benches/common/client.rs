//! A client that reads no more of an answer than a measurement needs.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The origin of the page.
pub(crate) const PAGE: &str = "https://app.example.com";

/// Why a measurement stopped.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One connection that is kept.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Opens one.
    pub(crate) async fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Sends a request and returns the whole answer.
    pub(crate) async fn send(&mut self, head: &str, body: &str) -> Result<String, Failure> {
        let length = body.len();
        let request = format!("{head}host: bench\r\ncontent-length: {length}\r\n\r\n{body}");
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            let text = String::from_utf8_lossy(&self.buffer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length: usize = between(head, "content-length: ", "\r\n")
                .parse()
                .unwrap_or(0);
            if body.len() >= length {
                return Ok(text.into_owned());
            }
        }
    }

    /// Refreshes, with a proof or without; returns the next cookie and the token.
    pub(crate) async fn refresh(
        &mut self,
        cookie: &str,
        proof: Option<&str>,
    ) -> Result<(String, String), Failure> {
        let proof = proof.map_or(String::new(), |proof| format!("dpop: {proof}\r\n"));
        let head = format!(
            "POST /auth/refresh HTTP/1.1\r\norigin: {PAGE}\r\nnolapse-version: 1\r\n\
             content-type: application/json\r\ncookie: {}={cookie}\r\n{proof}",
            nolapse::wire::COOKIE
        );
        let body = r#"{"reason":"timer","page":"visible","active_ago":0}"#;
        let answer = self.send(&head, body).await?;
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(format!("a refresh failed: {}", between(&answer, " ", "\r\n")).into());
        }
        let cookie = between(&answer, "__Host-Http-nolapse=", ";").to_owned();
        let token = between(&answer, r#""access_token":""#, "\"").to_owned();
        Ok((cookie, token))
    }
}

/// Returns what is between two texts; the rest, without the second one.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split_once(after).map_or(rest, |(found, _)| found)
}
