//! `GET /.well-known/jwks.json`.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use nolapse::wire::JWKS_PATH;

use super::{App, schemas::KeySetBody};
use crate::verifier::KEYS_CACHED_FOR;

/// Publishes the current and the next key (RFC 7517 §5). They may be cached for a minute, which is how long a
/// verifier elsewhere still takes a revoked key.
#[utoipa::path(
    get,
    path = JWKS_PATH,
    operation_id = "key_set",
    responses((status = 200, body = KeySetBody, content_type = "application/jwk-set+json"))
)]
pub(super) async fn keys(State(app): State<App>) -> Response {
    let max_age = format!("public, max-age={}", KEYS_CACHED_FOR.as_secs());
    let headers = [
        (header::CONTENT_TYPE, "application/jwk-set+json".to_owned()),
        (header::CACHE_CONTROL, max_age),
    ];
    (headers, app.keys.keys().public().to_json()).into_response()
}
