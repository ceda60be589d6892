//! Extractors for routes that need more than a valid token: a live session, a recent or a strong sign-in.
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
    http::request::Parts,
    response::{IntoResponse, Response},
};

use super::{Refusal, Refused, Verified, Verifier};
use crate::{
    clock,
    domain::{AuthenticationContext, SessionId, SessionService, StoreResult, Timestamp},
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

/// What a route requires of the user's authentication (RFC 9470 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// The longest time since the authentication, `max_age`.
    pub max_age: Option<Duration>,
    /// The weakest authentication, `acr_values`.
    pub context: Option<AuthenticationContext>,
}

impl StepUp {
    /// Requires an authentication that is at most `max_age` ago.
    #[must_use]
    pub const fn within(max_age: Duration) -> Self {
        Self {
            max_age: Some(max_age),
            context: None,
        }
    }

    /// Requires an authentication of this strength.
    #[must_use]
    pub const fn as_strong_as(mut self, context: AuthenticationContext) -> Self {
        self.context = Some(context);
        self
    }

    /// Returns whether an authentication of that time and strength is enough.
    pub(crate) fn is_met(
        &self,
        now: Timestamp,
        at: Option<Timestamp>,
        context: Option<AuthenticationContext>,
    ) -> bool {
        let is_recent = |max_age| at.is_some_and(|at| now.since(at) <= max_age);
        let is_strong = |required| context.is_some_and(|context| context >= required);
        self.max_age.is_none_or(is_recent) && self.context.is_none_or(is_strong)
    }

    /// Returns the value of `WWW-Authenticate`.
    pub(crate) fn challenge(&self) -> String {
        let mut challenge = concat!(
            r#"Bearer error="insufficient_user_authentication", "#,
            r#"error_description="a recent or a stronger authentication is needed""#
        )
        .to_owned();
        if let Some(context) = self.context {
            challenge = format!(r#"{challenge}, acr_values="{}""#, context.as_str());
        }
        if let Some(max_age) = self.max_age {
            challenge = format!(r#"{challenge}, max_age="{}""#, max_age.as_secs());
        }
        challenge
    }
}

/// The response to a token whose authentication is too old or too weak: the challenge of RFC 9470 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insufficient(pub StepUp);

impl Verified {
    /// Checks that `auth_time` is at most `max_age` ago; a token without it is too old.
    ///
    /// # Errors
    /// Responds 401 `insufficient_user_authentication` with the required `max_age`.
    pub fn max_age(&self, now: Timestamp, max_age: Duration) -> Result<(), Insufficient> {
        self.step_up(now, StepUp::within(max_age))
    }

    /// Checks `auth_time` and `acr`; a token without a claim that is required does not meet the requirement.
    ///
    /// # Errors
    /// Responds 401 `insufficient_user_authentication` with what is required (RFC 9470 §3).
    pub fn step_up(&self, now: Timestamp, required: StepUp) -> Result<(), Insufficient> {
        let context = self.authentication_context.as_deref();
        let context = context.and_then(AuthenticationContext::parse);
        if required.is_met(now, self.authenticated_at, context) {
            Ok(())
        } else {
            Err(Insufficient(required))
        }
    }
}

impl IntoResponse for Insufficient {
    fn into_response(self) -> Response {
        let Self(required) = self;
        Problem::step_up(required).into_response()
    }
}
