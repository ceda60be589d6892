//! Authentication of servers of the operator's own: `Authorization: Bearer` with a secret of `SERVER_SECRETS`.

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use nolapse::wire::ErrorCode;

use super::{
    App,
    security_events::{WRONG_SECRET, note},
};
use crate::{
    problem::Problem,
    verifier::{Refusal, bearer_of},
};

/// The sender of the request is a server of the operator's own, such as a renderer or an API.
pub(super) struct AuthenticatedServer;

/// Why the sender is none.
pub(super) enum NotAServer {
    /// `SERVER_SECRETS` is not set: there is no such route.
    Off,
    /// The request has no credentials.
    Missing,
    /// The request has other credentials, or several.
    Wrong,
}

impl FromRequestParts<App> for AuthenticatedServer {
    type Rejection = NotAServer;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, NotAServer> {
        let secrets = &app.settings.server_secrets;
        if secrets.is_empty() {
            return Err(NotAServer::Off);
        }
        let refused = match bearer_of(&parts.headers) {
            Ok(presented) if secrets.contains(presented) => return Ok(Self),
            Err(Refusal::Missing) => NotAServer::Missing,
            Ok(_) | Err(_) => {
                note(|subject| subject.reason = Some(WRONG_SECRET));
                NotAServer::Wrong
            }
        };
        app.counters.count("servers_refused");
        Err(refused)
    }
}

impl IntoResponse for NotAServer {
    fn into_response(self) -> Response {
        let (challenge, text) = match self {
            Self::Off => {
                let text = "this path is off; SERVER_SECRETS opens it to servers";
                let status = StatusCode::NOT_FOUND;
                return Problem::new(status, ErrorCode::NotFound, text).into_response();
            }
            // Without credentials the challenge has no error code (RFC 6750 §3.1).
            Self::Missing => ("Bearer", "a secret of SERVER_SECRETS is needed"),
            Self::Wrong => (
                r#"Bearer error="invalid_token""#,
                "the secret is none of SERVER_SECRETS",
            ),
        };
        let status = StatusCode::UNAUTHORIZED;
        let problem = Problem::new(status, ErrorCode::InvalidToken, text);
        let mut response = problem.into_response();
        let challenge = HeaderValue::from_static(challenge);
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
        response
    }
}
