//! Extractors for routes that need more than a valid token: a live session, a recent sign-in.
//!
//! ```no_run
//! use std::sync::Arc;
//! use axum::{Router, extract::FromRef, routing::delete};
//! use nolapse_server::verifier::{Live, MaxAge, Sessions, Verifier};
//!
//! #[derive(Clone)]
//! struct App { verifier: Arc<Verifier>, sessions: Arc<dyn Sessions> }
//!
//! impl FromRef<App> for Arc<Verifier> {
//!     fn from_ref(app: &App) -> Self { Self::clone(&app.verifier) }
//! }
//! impl FromRef<App> for Arc<dyn Sessions> {
//!     fn from_ref(app: &App) -> Self { Self::clone(&app.sessions) }
//! }
//!
//! async fn pay(Live(token): Live, _: MaxAge<300>) -> String { token.subject }
//! let routes: Router<App> = Router::new().route("/payment", delete(pay));
//! ```

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use nolapse::wire::ErrorCode;

use super::{Refusal, Refused, Verified, Verifier};
use crate::{
    clock,
    domain::{SessionId, SessionService, StoreResult, Timestamp},
    problem::Problem,
};

/// Looks up whether sessions are live: the session service of an auth server, or a client of one.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Returns whether the session of a token is live, and its user enabled.
    ///
    /// # Errors
    /// Fails if the look-up fails.
    async fn is_alive(&self, now: Timestamp, token: &Verified) -> StoreResult<bool>;
}

#[async_trait]
impl Sessions for SessionService {
    async fn is_alive(&self, now: Timestamp, token: &Verified) -> StoreResult<bool> {
        match SessionId::parse(&token.session) {
            Some(session) => Ok(self.find_alive(now, session).await?.is_some()),
            None => Ok(false),
        }
    }
}

/// A token whose session is live. Costs one look-up, and rejects the tokens of a revoked session before they expire.
#[derive(Clone, Debug)]
pub struct Live(pub Verified);

impl<S> FromRequestParts<S> for Live
where
    S: Send + Sync,
    Arc<Verifier>: FromRef<S>,
    Arc<dyn Sessions>: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let verified = Verified::from_request_parts(parts, state).await;
        let token = verified.map_err(IntoResponse::into_response)?;
        let sessions = Arc::<dyn Sessions>::from_ref(state);
        match sessions.is_alive(clock::now(), &token).await {
            Ok(true) => Ok(Self(token)),
            Ok(false) => Err(Refused(Refusal::Expired).into_response()),
            Err(error) => Err(Problem::from(error).into_response()),
        }
    }
}

/// A token whose `auth_time` is at most `SECONDS` ago (RFC 9470). A refresh does not change `auth_time`.
#[derive(Clone, Debug)]
pub struct MaxAge<const SECONDS: u64>(pub Verified);

impl<S, const SECONDS: u64> FromRequestParts<S> for MaxAge<SECONDS>
where
    S: Send + Sync,
    Arc<Verifier>: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let verified = Verified::from_request_parts(parts, state).await;
        let token = verified.map_err(IntoResponse::into_response)?;
        let fresh = token.max_age(clock::now(), Duration::from_secs(SECONDS));
        fresh.map_err(IntoResponse::into_response)?;
        Ok(Self(token))
    }
}

/// The response to a token whose `auth_time` is too old: the challenge of RFC 9470 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOld {
    max_age: Duration,
}

impl Verified {
    /// Checks that `auth_time` is at most `max_age` ago; a token without it is too old.
    ///
    /// # Errors
    /// Responds 401 `insufficient_user_authentication` with the required `max_age`.
    pub fn max_age(&self, now: Timestamp, max_age: Duration) -> Result<(), TooOld> {
        match self.authenticated_at {
            Some(at) if now.since(at) <= max_age => Ok(()),
            Some(_) | None => Err(TooOld { max_age }),
        }
    }
}

impl IntoResponse for TooOld {
    fn into_response(self) -> Response {
        let mut response = Problem::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::InsufficientUserAuthentication,
            "this needs a sign-in that is not long ago; sign in again",
        )
        .into_response();
        let challenge = format!(
            r#"Bearer error="insufficient_user_authentication", error_description="sign in again", max_age="{}""#,
            self.max_age.as_secs()
        );
        if let Ok(challenge) = HeaderValue::try_from(challenge) {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
