//! JSON bodies, read strictly.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use nolapse::wire::ErrorCode;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// A JSON body without unknown, missing, doubled or ill-typed members.
pub(super) struct Strict<T>(pub(super) T);

/// The same, where no body at all stands for an empty object.
pub(super) struct StrictOrEmpty<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Strict<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(NOT_JSON);
        }
        let body = read(request, state).await?;
        parse(&body).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for StrictOrEmpty<T> {
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
        parse(&body).map(Self)
    }
}

const NOT_JSON: Problem = Problem::new(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    ErrorCode::UnsupportedMediaType,
    "the body must be application/json",
);

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
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

fn is_json(headers: &HeaderMap) -> bool {
    let sent = headers.get(header::CONTENT_TYPE);
    let sent = sent.and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
