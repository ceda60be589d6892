//! The body of every error response.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, ErrorCode, NONCE_HEADER};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use crate::{
    domain::{StoreError, StoreFailure},
    proof::Nonce,
    verifier::StepUp,
};

/// An error response: `{ "error", "error_description", "reason"? }`.
///
/// Descriptions are fixed texts: no part of a request is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Problem {
    status: StatusCode,
    code: ErrorCode,
    description: &'static str,
    reason: Option<EndReason>,
    retry_after: Option<u32>,
    nonce: Option<Nonce>,
    step_up: Option<StepUp>,
}

/// The body of an error response.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body {
    #[schema(schema_with = codes)]
    error: &'static str,
    /// A fixed text for people.
    error_description: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = reasons, required = false)]
    reason: Option<&'static str>,
    /// The nonce to repeat the proof with (RFC 9449 §8).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String)]
    dpop_nonce: Option<String>,
    /// The time to make the proof with: seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = u64)]
    server_time: Option<u64>,
    /// With `second_factor_required`: what is sent with the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    ticket: Option<String>,
    /// With `second_factor_required`: seconds until the ticket expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    expires_in: Option<u64>,
}

impl Body {
    /// Creates the body of a sign-in that needs a second factor.
    pub(crate) const fn second_factor(ticket: String, expires_in: u64) -> Self {
        Self {
            error: ErrorCode::SecondFactorRequired.as_str(),
            error_description: "a one-time password is needed too",
            reason: None,
            dpop_nonce: None,
            server_time: None,
            ticket: Some(ticket),
            expires_in: Some(expires_in),
        }
    }
}

impl Problem {
    /// Creates a problem from a status, a code and a description.
    #[must_use]
    pub const fn new(status: StatusCode, code: ErrorCode, description: &'static str) -> Self {
        Self {
            status,
            code,
            description,
            reason: None,
            retry_after: None,
            nonce: None,
            step_up: None,
        }
    }

    /// The request is malformed: 400.
    #[must_use]
    pub const fn invalid(description: &'static str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::InvalidRequest,
            description,
        )
    }

    /// The session has ended: 401.
    #[must_use]
    pub const fn session_ended(reason: EndReason) -> Self {
        let text = "the session is over; sign in again";
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, ErrorCode::SessionEnded, text);
        problem.reason = Some(reason);
        problem
    }

    /// The authentication is too old or too weak: 401 with the challenge of RFC 9470 §3.
    #[must_use]
    pub const fn step_up(required: StepUp) -> Self {
        let mut problem = Self::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::InsufficientUserAuthentication,
            "this needs a recent or a stronger authentication; step up",
        );
        problem.step_up = Some(required);
        problem
    }

    /// The server cannot answer now: 503 with `Retry-After` in seconds.
    #[must_use]
    pub const fn unavailable(description: &'static str, retry_after: u32) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, ErrorCode::Unavailable, description).retry_after(retry_after)
    }

    /// There is nothing here: 404.
    #[must_use]
    pub const fn not_found() -> Self {
        let text = "there is nothing here";
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, text)
    }

    /// The server failed: 500.
    #[must_use]
    pub const fn internal() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, ErrorCode::Internal, "the server failed")
    }

    /// Returns its code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// Sets the nonce to repeat the proof with.
    #[must_use]
    pub(crate) const fn with_nonce(mut self, nonce: Nonce) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// Sets `Retry-After`, in seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

fn codes() -> Object {
    spelled(ErrorCode::ALL.iter().map(|code| code.as_str()))
}

fn reasons() -> Object {
    spelled(EndReason::ALL.iter().map(|reason| reason.as_str()))
}

/// Returns the schema of an enumeration.
pub(crate) fn spelled(words: impl Iterator<Item = &'static str>) -> Object {
    let words: Vec<&str> = words.collect();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .build()
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error.failure() {
            StoreFailure::Failed => {
                tracing::error!(%error, "the store failed");
                Self::unavailable("the database does not answer", 2)
            }
            StoreFailure::Busy => {
                tracing::warn!(%error, "the store is busy");
                Self::unavailable("the database is busy", 2)
            }
            StoreFailure::ShardAway => {
                tracing::warn!(%error, "a shard is away");
                Self::unavailable("a shard of the database does not answer", 2)
            }
            StoreFailure::MissingReference => Self::not_found(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let nonce = self.nonce.map(Nonce::to_text);
        let body = Body {
            error: self.code.as_str(),
            error_description: self.description,
            reason: self.reason.map(EndReason::as_str),
            dpop_nonce: nonce.clone(),
            server_time: self.nonce.map(Nonce::seconds),
            ticket: None,
            expires_in: None,
        };
        let mut response = (self.status, Json(body)).into_response();
        response.extensions_mut().insert(self.code);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
            headers.insert(HeaderName::from_static(NONCE_HEADER), nonce);
        }
        if let Some(required) = self.step_up
            && let Ok(challenge) = HeaderValue::try_from(required.challenge())
        {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
