//! The errors of a session in a Rust app.

use std::fmt;

use serde::Deserialize;
use wasm_bindgen::JsValue;

use crate::core::{FailureCause, Millis, SessionError};
use crate::wire::EndReason;

/// Why a call is rejected.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// By the session.
    Session(SessionError),
    /// The auth server refuses the credentials of a sign-in.
    SignInRefused {
        /// The `error` of its response, like `invalid_credentials`.
        problem: String,
        /// The `error_description` of its response.
        message: String,
    },
    /// An option is invalid.
    InvalidOption {
        /// The option's name in JavaScript; empty if the platform lacks a required API.
        option: String,
        /// What it must be.
        message: String,
    },
    /// By the platform or by the app's own function, with this value.
    Js(JsValue),
}

impl Error {
    /// Returns the code, as in JavaScript; `None` for [`Error::Js`].
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Session(error) => Some(error.code()),
            Self::SignInRefused { .. } => Some("sign_in_refused"),
            Self::InvalidOption { .. } => Some("misconfigured"),
            Self::Js(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(error) => error.fmt(f),
            Self::SignInRefused { message, .. } | Self::InvalidOption { message, .. } => {
                f.write_str(message)
            }
            Self::Js(value) => write!(f, "{value:?}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<JsValue> for Error {
    /// Reads an error that the host made with `rustError`; any other value is kept.
    fn from(value: JsValue) -> Self {
        let fields: Fields = serde_wasm_bindgen::from_value(value.clone()).unwrap_or_default();
        fields.into_error().unwrap_or(Self::Js(value))
    }
}

/// The fields of an error that the host made, or that names an option.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Fields {
    name: String,
    code: String,
    message: String,
    reason: String,
    failure: String,
    retry_in_ms: Option<f64>,
    problem: String,
    option: String,
}

impl Fields {
    fn into_error(self) -> Option<Error> {
        if !self.option.is_empty() {
            let (option, message) = (self.option, self.message);
            return Some(Error::InvalidOption { option, message });
        }
        if self.name != "SessionError" {
            return None;
        }
        let retry_in = self
            .retry_in_ms
            .and_then(|millis| Millis::from_secs_f64(millis / 1_000.0))
            .unwrap_or_default();
        let cause = FailureCause::parse(&self.failure);
        let error = match &*self.code {
            "sign_in_refused" => {
                let (problem, message) = (self.problem, self.message);
                return Some(Error::SignInRefused { problem, message });
            }
            "signed_out" => SessionError::SignedOut {
                reason: EndReason::parse(&self.reason),
            },
            "min_validity" => SessionError::MinValidity,
            "context_refused" => SessionError::ContextRefused,
            "overloaded" => SessionError::Overloaded,
            "closed" => SessionError::Closed,
            "misconfigured" if cause.is_none() => SessionError::InvalidTokenResponse,
            _ => SessionError::from_failure(cause?, retry_in),
        };
        Some(Error::Session(error))
    }
}
