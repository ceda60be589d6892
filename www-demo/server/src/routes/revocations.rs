//! `GET /auth/revocations`: the revocations of sessions and users, for servers, as Server-Sent Events (WHATWG HTML §9.2).
//!
//! | event | data | |
//! | --- | --- | --- |
//! | `revoked` | `{ "sid", "at", "expires_in" }` | access tokens of this session are refused |
//! | `revoked` | `{ "sub", "at", "expires_in" }` | those of this user are, whose `iat` is not after `at` |
//! | `live` | `{ "live" }` | all that is known was sent, and whether revocations of other servers arrive |
//!
//! `at` is in milliseconds since the Unix epoch; after `expires_in` seconds no token is left that the revocation concerns.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, extract::State, http::HeaderMap, response::Response};
use http_body_util::channel::{Channel, Sender};
use hyper::body::Bytes;
use nolapse::wire::REVOCATIONS_PATH;
use serde_json::{Value, json};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout},
};

use super::{
    App,
    event_stream::{HEARTBEAT, respond},
    servers::AuthenticatedServer,
};
use crate::{
    domain::Revoked,
    problem::Problem,
    revocations::{Batch, Cursor, Entry, Reader, Update},
};

/// The most streams of a server at once.
pub(crate) const MAX_STREAMS: usize = 256;
/// How long a stream is silent before a comment shows that it is not dead.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);
/// How long a reader may take none of its stream, before the stream ends. It resumes by `Last-Event-ID`.
const STALL: Duration = Duration::from_secs(30);
/// How many frames wait for a reader, of this many events at most: some 50 KB.
const FRAMES: usize = 8;
const EVENTS_PER_FRAME: usize = 64;
/// Streams the revocations that can concern an access token, from those after `Last-Event-ID` on.
#[utoipa::path(
    get,
    path = REVOCATIONS_PATH,
    operation_id = "revocations",
    params(("last-event-id" = Option<String>, Header, description = "the id of the last event that was read; without it, all are sent")),
    responses(
        (status = 200, content_type = "text/event-stream", body = String, description = "events revoked and live"),
    )
)]
pub(super) async fn stream(
    State(app): State<App>,
    _server: AuthenticatedServer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permit = Arc::clone(&app.feed_streams).try_acquire_owned();
    let permit = permit.map_err(|_| {
        app.counters.count("revocation_streams_refused");
        Problem::unavailable("too many servers read revocations", 5)
    })?;
    let reader = app.revocations.reader(last_event_id(&headers));
    let (sender, body) = Channel::<Bytes>::new(FRAMES);
    tokio::spawn(send(app, reader, sender, permit));
    Ok(respond(Body::new(body)))
}

/// Reads the cursor that a reader has; another text than one is none.
fn last_event_id(headers: &HeaderMap) -> Option<Cursor> {
    let mut sent = headers.get_all("last-event-id").iter();
    let (first, second) = (sent.next()?, sent.next());
    let text = first.to_str().ok().filter(|_| second.is_none())?;
    text.parse().ok()
}

/// Sends what a reader reads, until the client is gone or too slow, or the server stops.
async fn send(app: App, mut reader: Reader, mut to: Sender<Bytes>, permit: OwnedSemaphorePermit) {
    loop {
        let frames = match timeout(HEARTBEAT_EVERY, reader.next()).await {
            Err(_) => vec![Bytes::from_static(HEARTBEAT)],
            Ok(None) => break,
            Ok(Some(Update::Revoked(batch))) => frames(&batch),
            Ok(Some(Update::CaughtUp { is_live, cursor })) => {
                vec![event("live", Some(&cursor), &json!({ "live": is_live })).into()]
            }
        };
        for frame in frames {
            match timeout(STALL, to.send_data(frame)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => return app.counters.count("revocation_streams_stalled"),
            }
        }
    }
    drop(permit);
}

/// Spells a batch. Only its last event has the cursor: a reader that has the events before it alone gets them again.
fn frames(batch: &Batch) -> Vec<Bytes> {
    let now = Instant::now();
    let last = batch.entries.len().saturating_sub(1);
    let events = batch.entries.iter().enumerate().map(|(index, entry)| {
        let cursor = (index == last).then_some(&batch.cursor);
        event("revoked", cursor, &data(entry, now))
    });
    let events: Vec<String> = events.collect();
    let frames = events.chunks(EVENTS_PER_FRAME);
    frames.map(|events| events.concat().into()).collect()
}

fn data(entry: &Entry, now: Instant) -> Value {
    let (name, id) = match entry.revoked {
        Revoked::Session(session, _) => ("sid", session.to_string()),
        Revoked::User(user) => ("sub", user.to_string()),
    };
    let left = entry.until.saturating_duration_since(now);
    json!({ name: id, "at": entry.at.as_millis(), "expires_in": left.as_secs() })
}

fn event(name: &str, id: Option<&Cursor>, data: &Value) -> String {
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    format!("event: {name}\n{id}data: {data}\n\n")
}
