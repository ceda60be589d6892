//! A reader of `GET /auth/revocations`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode, body::Bytes, body::Incoming};
use hyper_util::rt::TokioIo;
use nolapse::wire::REVOCATIONS_PATH;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

use crate::support::SERVER_SECRET;

/// How long an event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// An event as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct Stream {
    pub(crate) status: StatusCode,
    body: Incoming,
    text: String,
    connection: JoinHandle<()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Stream {
    /// Opens a stream, from an event on; `None` if the server does not answer.
    pub(crate) async fn try_open(address: &str, last: Option<&str>) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.ok()?;
        let connection = tokio::spawn(async move { drop(connection.await) });
        let mut request = Request::get(REVOCATIONS_PATH)
            .header("host", address)
            .header("authorization", format!("Bearer {SERVER_SECRET}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.ok()?;
        Some(Self {
            status: response.status(),
            body: response.into_body(),
            text: String::new(),
            connection,
        })
    }

    /// Opens a stream, from an event on.
    pub(crate) async fn open(address: &str, last: Option<&str>) -> Self {
        let stream = Self::try_open(address, last).await;
        let stream = stream.expect("the server answers");
        assert_eq!(stream.status, StatusCode::OK);
        stream
    }

    /// Reads the next event; `None` if the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event(block), rest.to_owned());
                self.text = rest;
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let frame = timeout(PATIENCE, self.body.frame()).await;
            let frame = frame.expect("an event or a heartbeat in time")?.ok()?;
            let bytes = frame.into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// Reads revocations up to the event that says whether the stream is live; returns them and the last id.
    pub(crate) async fn until_live(&mut self, is_live: bool) -> (Vec<Event>, Option<String>) {
        let told = async {
            let (mut events, mut last) = (Vec::new(), None);
            loop {
                let event = self.next().await.expect("the stream goes on");
                last = event.id.clone().or(last);
                if event.name == "revoked" {
                    events.push(event);
                } else if event.data["live"] == is_live {
                    return (events, last);
                }
            }
        };
        timeout(PATIENCE, told).await.expect("the stream says so")
    }

    /// Reads up to the revocation of a session or user.
    pub(crate) async fn until(&mut self, name: &str, id: &str) -> Event {
        let found = async {
            loop {
                let event = self.next().await.expect("the stream goes on");
                if event.data[name] == id {
                    return event;
                }
            }
        };
        timeout(PATIENCE, found)
            .await
            .expect("the revocation arrives")
    }
}

/// Reads the fields of an event; `None` for a comment.
fn event(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let mut lines = block.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    Some(Event {
        name: field("event")?.to_owned(),
        id: field("id").map(str::to_owned),
        data: serde_json::from_str(field("data")?).unwrap(),
    })
}
