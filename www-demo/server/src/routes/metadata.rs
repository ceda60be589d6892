//! `GET /.well-known/oauth-authorization-server`.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use nolapse::wire::{JWKS_PATH, METADATA_PATH};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use crate::verifier::KEYS_CACHED_FOR;

/// What the server is to OAuth (RFC 8414 §2). It issues tokens to its own pages and has no endpoint of OAuth: what a field
/// would list is empty, and then the field must be left out (§3.2).
#[derive(Serialize, ToSchema)]
#[schema(as = ServerMetadata)]
pub(super) struct Metadata {
    /// The `iss` of access tokens.
    issuer: String,
    /// The URL of the key set.
    jwks_uri: String,
}

/// Says where the keys are, for libraries that are given the issuer alone (RFC 8414 §3).
#[utoipa::path(
    get,
    path = METADATA_PATH,
    operation_id = "server_metadata",
    responses((status = 200, body = Metadata))
)]
pub(super) async fn metadata(
    State(app): State<App>,
) -> ([(HeaderName, String); 1], Json<Metadata>) {
    let issuer = app.tokens.issuer.clone();
    let jwks_uri = format!("{}{JWKS_PATH}", issuer.trim_end_matches('/'));
    let max_age = format!("public, max-age={}", KEYS_CACHED_FOR.as_secs());
    let metadata = Metadata { issuer, jwks_uri };
    ([(header::CACHE_CONTROL, max_age)], Json(metadata))
}
