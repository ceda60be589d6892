//! Issues access tokens (RFC 9068).

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::DateTime;
use jwt_compact::{AlgorithmExt, Claims, Header, alg::Ed25519};
use serde::Serialize;

use crate::{
    clock,
    domain::{SessionId, Timestamp, User},
    keys::SigningKey,
};

/// The `typ` of access tokens (RFC 9068 §2.1).
pub const TOKEN_TYPE: &str = "at+jwt";

/// The `client_id` of access tokens: one app signs in here (RFC 9068 §2.2).
const CLIENT_ID: &str = "web";

/// The claims that all tokens of a server share.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// `exp − iat`, in whole seconds.
    pub lifetime: Duration,
}

#[derive(Serialize)]
struct CustomClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    sid: String,
    jti: String,
    client_id: &'static str,
    role: &'static str,
    auth_time: u64,
}

/// Why a token could not be signed: a time past the year 262,000, or no memory.
#[derive(Debug)]
pub struct SigningFailed;

/// Signs a token for a session's user, who signed in at `authenticated_at`.
///
/// # Errors
/// Fails only if `now` is out of the calendar.
pub fn issue(
    now: Timestamp,
    config: &TokenConfig,
    key: &SigningKey,
    session: SessionId,
    authenticated_at: Timestamp,
    user: &User,
) -> Result<String, SigningFailed> {
    let moment = |seconds: u64| {
        i64::try_from(seconds)
            .ok()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .ok_or(SigningFailed)
    };
    let mut claims = Claims::new(CustomClaims {
        iss: &config.issuer,
        aud: &config.audience,
        sub: user.id.to_string(),
        sid: session.to_string(),
        jti: Base64UrlUnpadded::encode_string(&clock::random::<16>()),
        client_id: CLIENT_ID,
        role: user.role.as_str(),
        auth_time: authenticated_at.as_secs(),
    });
    let issued_at = moment(now.as_secs())?;
    claims.issued_at = Some(issued_at);
    claims.not_before = Some(issued_at);
    claims.expiration = Some(moment(
        now.as_secs().saturating_add(config.lifetime.as_secs()),
    )?);
    let header = Header::empty()
        .with_token_type(TOKEN_TYPE)
        .with_key_id(&key.id);
    Ed25519::with_specific_name()
        .token(&header, &claims, &key.private)
        .map_err(|_| SigningFailed)
}
