//! Verifies access tokens without a database: for any API server, this one's or your own.
//!
//! ```no_run
//! use std::sync::Arc;
//! use axum::{Router, extract::FromRef, routing::get};
//! use nolapse_server::verifier::{Verified, Verifier, KeySource};
//!
//! #[derive(Clone)]
//! struct App { verifier: Arc<Verifier> }
//!
//! impl FromRef<App> for Arc<Verifier> {
//!     fn from_ref(app: &App) -> Self { Self::clone(&app.verifier) }
//! }
//!
//! let keys = KeySource::fetched("http://auth.internal/.well-known/jwks.json").expect("a URL");
//! let verifier = Arc::new(Verifier::new("https://auth.example.com", "https://api.example.com", keys));
//! let app: Router = Router::new()
//!     .route("/me", get(|token: Verified| async move { token.subject }))
//!     .with_state(App { verifier });
//! ```

mod bearer;
mod freshness;
mod jwks;
mod strict;

use chrono::DateTime;
use jwt_compact::{AlgorithmExt, UntrustedToken, ValidationError, alg::Ed25519};
use serde::Deserialize;

pub use bearer::Refused;
pub use freshness::{Live, MaxAge, Sessions, TooOld};
pub use jwks::{BadKeyUrl, KeySet, KeySource, PublicKey};

use crate::domain::Timestamp;

/// The largest token that is looked at, in bytes. Ours have about 500.
pub const MAX_TOKEN_BYTES: usize = 4_096;

/// How far the issuer's clock may be ahead of this one, in seconds. It never lengthens a token's life.
const CLOCK_SKEW_SECONDS: u64 = 5;

/// What a valid token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The user, `sub`.
    pub subject: String,
    /// The session, `sid`.
    pub session: String,
    /// What the user may do, `role`.
    pub role: String,
    /// When the user signed in, `auth_time`, where the token says so.
    pub authenticated_at: Option<Timestamp>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The first moment at which it is no longer valid.
    pub expires_at: Timestamp,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Refusal {
    /// The request carries none.
    Missing,
    /// It is longer than [`MAX_TOKEN_BYTES`].
    Oversize,
    /// It is not a JWT, or a member of it is missing, doubled or of the wrong type.
    Malformed,
    /// It is signed with another algorithm than the key's (RFC 8725 §3.1).
    Algorithm,
    /// It is another kind of token (RFC 9068 §4).
    Type,
    /// Its header asks for something that is not understood (RFC 7515 §4.1.11), or brings its own key.
    Header,
    /// It names a key that the issuer does not publish.
    UnknownKey,
    /// Its signature does not match.
    Signature,
    /// Another issuer made it.
    Issuer,
    /// It is meant for another API.
    Audience,
    /// Its life is over: now is at or after `exp` (RFC 7519 §4.1.4).
    Expired,
    /// Its life has not begun: `nbf` or `iat` is in the future.
    Early,
    /// The issuer's keys could not be fetched, so that nothing can be said.
    NoKeys,
}

impl Refusal {
    /// Returns the name of the cause, for counters and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Oversize => "oversize",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::Header => "header",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::Early => "early",
            Self::NoKeys => "no_keys",
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Said {
    iss: String,
    aud: Audience,
    sub: String,
    sid: String,
    // Its presence and type are part of the profile (RFC 9068 §2.2).
    #[serde(rename = "jti")]
    _token: String,
    #[serde(rename = "client_id")]
    _client: String,
    role: String,
    auth_time: Option<u64>,
}

/// Checks access tokens of one issuer for one audience.
#[derive(Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    keys: KeySource,
}

impl Verifier {
    /// Makes a verifier of tokens by `issuer` for `audience`.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: KeySource) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            keys,
        }
    }

    /// Checks a token at `now`: size, form, header, key, signature, issuer, audience and times.
    ///
    /// No leeway is given on `exp`. No database is asked; keys come from memory.
    ///
    /// # Errors
    /// Says why the token is refused.
    pub async fn verify(&self, now: Timestamp, token: &str) -> Result<Verified, Refusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::Oversize);
        }
        let key_id = strict::key_id(token)?;
        let key = self.keys.find(now, &key_id).await?;
        let token = UntrustedToken::new(token).map_err(|_| Refusal::Malformed)?;
        let algorithm = Ed25519::with_specific_name();
        let checked = algorithm.validator::<Said>(&key).validate(&token);
        let checked = checked.map_err(|error| refusal(&error))?;
        let claims = checked.claims();
        let issued_at = seconds(claims.issued_at)?;
        let expires_at = seconds(claims.expiration)?;
        let not_before = claims.not_before.map(|at| seconds(Some(at))).transpose()?;
        let said = &claims.custom;
        if said.iss != self.issuer {
            return Err(Refusal::Issuer);
        }
        let for_us = match &said.aud {
            Audience::One(audience) => *audience == self.audience,
            Audience::Many(audiences) => audiences.contains(&self.audience),
        };
        if !for_us {
            return Err(Refusal::Audience);
        }
        if now >= expires_at || expires_at <= issued_at {
            return Err(Refusal::Expired);
        }
        if not_before.unwrap_or(issued_at).max(issued_at).as_secs()
            > now.as_secs() + CLOCK_SKEW_SECONDS
        {
            return Err(Refusal::Early);
        }
        Ok(Verified {
            subject: said.sub.clone(),
            session: said.sid.clone(),
            role: said.role.clone(),
            authenticated_at: said
                .auth_time
                .map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1_000))),
            issued_at,
            expires_at,
        })
    }
}

fn refusal(error: &ValidationError) -> Refusal {
    if matches!(error, ValidationError::AlgorithmMismatch { .. }) {
        return Refusal::Algorithm;
    }
    let forged = matches!(
        error,
        ValidationError::InvalidSignature
            | ValidationError::InvalidSignatureLen { .. }
            | ValidationError::MalformedSignature(_)
    );
    if forged {
        Refusal::Signature
    } else {
        Refusal::Malformed
    }
}

fn seconds(at: Option<DateTime<chrono::Utc>>) -> Result<Timestamp, Refusal> {
    let millis = at.map(|at| at.timestamp_millis());
    let millis = millis.and_then(|millis| u64::try_from(millis).ok());
    millis.map(Timestamp::from_millis).ok_or(Refusal::Malformed)
}

/// Says whether a `typ` names an access token, with or without the media type's first half.
fn is_access_token(typ: &str) -> bool {
    typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
}
