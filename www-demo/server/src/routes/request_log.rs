//! One log line per request, without headers, body and query.

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use tracing::Instrument;

use super::App;
use crate::clock;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Logs each request with an id, which the response has too.
pub(super) async fn log_request(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = Base64UrlUnpadded::encode_string(&clock::random::<9>());
    let begun = clock::now();
    let method = request.method().clone();
    // The pattern of the path, not the path, which may have ids.
    let path = app.endpoint(&request).unwrap_or("unmatched").to_owned();
    let span = tracing::info_span!("request", %id, %method, path = &path);

    let mut response = next.run(request).instrument(span.clone()).await;

    let took = clock::now().since(begun);
    app.timings
        .answered(&path, response.status().as_u16(), took);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), took_ms, "answered"));
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
