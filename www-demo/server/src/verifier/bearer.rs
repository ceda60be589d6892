//! Bearer tokens in requests, and the error responses (RFC 6750).

use std::sync::Arc;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use nolapse::wire::ErrorCode;

use super::{Refusal, Verified, Verifier};
use crate::{clock, problem::Problem};

/// The response to a request without a valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub Refusal);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(refusal) = self;
        if refusal == Refusal::NoKeys {
            return Problem::unavailable("the issuer's keys are not at hand", 5).into_response();
        }
        let (challenge, description) = if refusal == Refusal::Missing {
            // Without credentials the challenge has no error code (RFC 6750 §3.1).
            ("Bearer", "an access token is needed")
        } else if refusal == Refusal::Expired {
            (
                r#"Bearer error="invalid_token""#,
                "the access token has expired",
            )
        } else {
            (
                r#"Bearer error="invalid_token""#,
                "the access token is not valid here",
            )
        };
        let mut response = Problem::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::InvalidToken,
            description,
        )
        .into_response();
        let challenge = HeaderValue::from_static(challenge);
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
        response
    }
}

impl Verifier {
    /// Checks the token of a request's `Authorization` header, as of now.
    ///
    /// # Errors
    /// Responds 401 with the challenge of RFC 6750 §3, or 503 while there are no keys.
    pub async fn authorize(&self, headers: &HeaderMap) -> Result<Verified, Refused> {
        let token = bearer_of(headers).map_err(Refused)?;
        self.verify(clock::now(), token).await.map_err(Refused)
    }
}

/// Reads what the one `Authorization` header has after the scheme `Bearer` (RFC 6750 §2.1).
pub(crate) fn bearer_of(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (sent.next(), sent.next());
    if second.is_some() {
        return Err(Refusal::Malformed);
    }
    let sent = first.ok_or(Refusal::Missing)?;
    let text = sent.to_str().map_err(|_| Refusal::Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(Refusal::Malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::Missing);
    }
    Ok(token)
}

impl<S> FromRequestParts<S> for Verified
where
    S: Send + Sync,
    Arc<Verifier>: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let verifier = Arc::<Verifier>::from_ref(state);
        verifier.authorize(&parts.headers).await
    }
}
