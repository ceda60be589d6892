//! JSON bodies, read strictly.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use nolapse::wire::ErrorCode;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};

use crate::problem::Problem;

/// A JSON body without unknown, missing, doubled or ill-typed members.
pub(super) struct StrictJson<T>(pub(super) T);

/// The same, but no body and `null` are an empty object.
pub(super) struct StrictJsonOrEmpty<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(NOT_JSON);
        }
        let body = read(request, state).await?;
        parse(&body).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for StrictJsonOrEmpty<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let body = read(request, state).await?;
        if body.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !json {
            return Err(NOT_JSON);
        }
        if body.trim_ascii() == b"null" {
            return parse(b"{}").map(Self);
        }
        parse(&body).map(Self)
    }
}

pub(super) const NOT_JSON: Problem = Problem::new(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    ErrorCode::UnsupportedMediaType,
    "the body must be application/json",
);

pub(super) async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let read = Bytes::from_request(request, state).await;
    read.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let text = "the body is larger than any valid one";
            return Problem::new(rejection.status(), ErrorCode::PayloadTooLarge, text);
        }
        Problem::invalid("the body ended before its end")
    })
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde would read an array as an object whose members have no names.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::invalid("the body is not a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        Problem::invalid(if error.is_data() {
            "a member of the body is unknown, missing, doubled or of the wrong type"
        } else {
            "the body is not JSON"
        })
    })
}

/// An integer of JSON Schema (draft 2020-12, "Validation" §6.1.1): a number without a fraction, such as `251.0`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<T>(pub(super) T);

impl<'de, T: TryFrom<u64>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let whole = number.as_u64().or_else(|| number.as_f64().and_then(whole));
        let fits = whole.and_then(|whole| T::try_from(whole).ok());
        fits.map(Self).ok_or(D::Error::custom("no such integer"))
    }
}

/// Returns a number that is whole, not negative and exact in a double (RFC 8259 §6).
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let fits = number.fract() == 0.0 && (0.0..EXACT).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it has neither a fraction nor a sign"
    )]
    fits.then_some(number as u64)
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    has_type(headers, "application/json")
}

/// Returns whether a request's body is of a media type, whatever its parameters are.
pub(super) fn has_type(headers: &HeaderMap, media_type: &str) -> bool {
    let sent = headers.get(header::CONTENT_TYPE);
    let sent = sent.and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(media_type)
}
