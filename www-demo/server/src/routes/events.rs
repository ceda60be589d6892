//! `GET /auth/events`: the push stream of a page (WHATWG HTML, server-sent events).

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use hyper::body::Frame;
use nolapse::wire::{EVENTS_PATH, ErrorCode};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{
    App,
    event_stream::{HEARTBEAT, respond},
    security_events::note,
    signed::SUPERSEDED,
};
use crate::{
    clock,
    domain::Presented,
    problem::Problem,
    push_streams::{PushStream, Refused},
};

/// The only message: a reason to refresh, which says what the session is.
const MESSAGE: &[u8] = b"data: session_ended\n\n";
/// Precedes everything: clients that reconnect by themselves wait for half a minute. The SDK does not.
const PREAMBLE: &[u8] = b"retry: 30000\n\n";
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// Tells a page when its session may have ended: at once if it has, and later if it is revoked; then the stream ends.
///
/// Rotates no cookie, and counts as no activity. Without a cookie of a live session the stream has the message alone.
#[utoipa::path(
    get,
    path = EVENTS_PATH,
    responses((status = 200, body = String, content_type = "text/event-stream")),
    security(("cookie" = []), ())
)]
pub(super) async fn events(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(token) = app.refresh_token(&headers) else {
        return Ok(respond(Body::from(MESSAGE)));
    };
    let stream = app.push_streams.add(token.session).map_err(|refused| {
        app.counters.count("push_streams_refused");
        refuse(refused)
    })?;
    match app.sessions.present(clock::now(), &token).await? {
        Presented::Newest(alive) | Presented::Replaced(alive) => {
            let (session, user) = *alive;
            note(|subject| {
                subject.session = Some(session.id);
                subject.user = Some(user.id);
            });
            stream.set_user(user.id);
            Ok(respond(Body::new(Events::new(stream))))
        }
        Presented::Superseded => Err(SUPERSEDED),
        Presented::Refused(_) => Ok(respond(Body::from(MESSAGE))),
    }
}

fn refuse(refused: Refused) -> Problem {
    let text = "there are too many streams";
    match refused {
        Refused::Session => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            Problem::new(status, ErrorCode::TooManyRequests, text).retry_after(60)
        }
        Refused::Server => Problem::unavailable(text, 60),
    }
}

/// The body of a stream whose session is alive.
struct Events {
    preamble: Option<&'static [u8]>,
    stream: Option<PushStream>,
    heartbeat: Interval,
}

impl Events {
    fn new(stream: PushStream) -> Self {
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT_EVERY, HEARTBEAT_EVERY);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            preamble: Some(PREAMBLE),
            stream: Some(stream),
            heartbeat,
        }
    }

    fn poll_text(&mut self, context: &mut Context<'_>) -> Poll<Option<&'static [u8]>> {
        if let Some(preamble) = self.preamble.take() {
            return Poll::Ready(Some(preamble));
        }
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(is_revoked) = Pin::new(stream).poll(context) {
            self.stream = None;
            return Poll::Ready(is_revoked.then_some(MESSAGE));
        }
        self.heartbeat.poll_tick(context).map(|_| Some(HEARTBEAT))
    }
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let text = ready!(self.poll_text(context));
        Poll::Ready(text.map(|text| Ok(Frame::data(Bytes::from_static(text)))))
    }
}
