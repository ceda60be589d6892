//! The parsers of requests, and what signs tokens, for the fuzz targets alone.

use axum::{
    Router,
    http::{HeaderMap, Request, StatusCode, Uri},
    middleware,
};
use nolapse::wire::COOKIE;
use tower_service::Service;

use super::{
    accounts::Credentials, api::NewNote, body::parse, cookie, look_up::LookUpBody,
    outage::OutageSettings, password::NewPassword, refresh::RefreshBody, refuse_query,
    sign_out::SignOut,
};
use crate::{
    domain::{RefreshToken, RefreshTokenKey},
    keys::{SigningFailed, SigningKey},
    verifier::Algorithm,
};

/// The endpoint of a body.
#[derive(Clone, Copy, Debug)]
pub enum Endpoint {
    /// Sign-up and sign-in.
    Credentials,
    /// Refresh.
    Refresh,
    /// A look-up of a session by a server.
    LookUp,
    /// Sign-out.
    SignOut,
    /// A new password.
    Password,
    /// A new note.
    Note,
    /// An outage of the demo.
    Outage,
}

impl Endpoint {
    /// Every endpoint, with the members that its body may have.
    pub const ALL: [(Self, &'static [&'static str]); 7] = [
        (Self::Credentials, &["email", "password", "contexts"]),
        (Self::Refresh, &["reason", "page", "active_ago", "contexts"]),
        (Self::LookUp, &["contexts"]),
        (Self::SignOut, &["everywhere"]),
        (Self::Password, &["current_password", "new_password"]),
        (Self::Note, &["text"]),
        (
            Self::Outage,
            &[
                "seconds",
                "kind",
                "after_rotation",
                "times",
                "retry_after",
                "status",
                "content_type",
                "body",
                "repeat",
            ],
        ),
    ];

    /// Returns whether the endpoint accepts a body.
    #[must_use]
    pub fn takes(self, body: &[u8]) -> bool {
        match self {
            Self::Credentials => parse::<Credentials>(body).is_ok_and(|body| body.parse().is_ok()),
            Self::Refresh => parse::<RefreshBody>(body).is_ok_and(|body| body.parse().is_ok()),
            Self::LookUp => parse::<LookUpBody>(body).is_ok_and(|body| body.parse().is_ok()),
            Self::SignOut => parse::<SignOut>(body).is_ok(),
            Self::Password => parse::<NewPassword>(body).is_ok(),
            Self::Note => parse::<NewNote>(body).is_ok(),
            Self::Outage => parse::<OutageSettings>(body).is_ok(),
        }
    }
}

/// Reads the refresh token of a request's cookie.
#[must_use]
pub fn refresh_token(headers: &HeaderMap, key: &RefreshTokenKey) -> Option<RefreshToken> {
    cookie::refresh_token(headers, COOKIE, key)
}

/// Creates a key that signs access tokens.
///
/// # Errors
/// Fails without random bytes.
pub fn signing_key(algorithm: Algorithm) -> Result<SigningKey, SigningFailed> {
    SigningKey::generate(algorithm)
}

/// Signs a message as access tokens are signed.
///
/// # Errors
/// Fails without random bytes.
pub fn sign(key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
    key.sign(message)
}

/// Returns the status for a request target before routing; 200 if it would be routed.
pub async fn before_endpoints(target: Uri) -> StatusCode {
    let mut router = Router::new()
        .fallback(async || StatusCode::OK)
        .layer(middleware::from_fn(refuse_query));
    let mut request = Request::new(axum::body::Body::empty());
    *request.uri_mut() = target;
    let answered: Result<_, std::convert::Infallible> = router.call(request).await;
    answered.map_or(StatusCode::INTERNAL_SERVER_ERROR, |answer| answer.status())
}
