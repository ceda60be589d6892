//! Responses that are streams of Server-Sent Events (WHATWG HTML §9.2).

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};

/// A comment, of which no reader is told: proxies close connections on which nothing is sent.
pub(super) const HEARTBEAT: &[u8] = b":\n\n";

/// Responds with a stream, which no cache keeps and no proxy buffers.
pub(super) fn respond(body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx passes it on as it comes.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, body).into_response()
}
