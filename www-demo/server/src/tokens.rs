//! Issues access tokens (RFC 9068).

use std::{collections::BTreeMap, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::DateTime;
use jwt_compact::{AlgorithmExt, Claims, Header, alg::Ed25519};
use serde::Serialize;
use serde_json::Value;

use crate::{
    clock,
    contexts::ContextGrant,
    domain::{Session, SessionId, Timestamp, User},
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
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    #[serde(flatten)]
    further: BTreeMap<&'a str, &'a Value>,
}

/// The claims that those of a context do not replace.
const FIXED_CLAIMS: [&str; 13] = [
    "iss",
    "aud",
    "sub",
    "sid",
    "jti",
    "client_id",
    "role",
    "auth_time",
    "context",
    "iat",
    "nbf",
    "exp",
    "cnf",
];

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
    let claims = claims(config, session, authenticated_at, user);
    sign(now, config, key, claims)
}

/// Signs a token of a context, by its name and what the policy grants.
///
/// # Errors
/// Fails only if `now` is out of the calendar.
pub fn issue_within(
    now: Timestamp,
    config: &TokenConfig,
    key: &SigningKey,
    session: &Session,
    user: &User,
    (name, context): (&str, &ContextGrant),
) -> Result<String, SigningFailed> {
    let mut claims = claims(config, session.id, session.created_at, user);
    claims.context = Some(name);
    if let Some(audience) = &context.audience {
        claims.aud = audience;
    }
    if let Some(role) = context.role {
        claims.role = role.as_str();
    }
    let further = context.claims.iter();
    claims.further = further
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(name, _)| !FIXED_CLAIMS.contains(name))
        .collect();
    sign(now, config, key, claims)
}

/// Signs a token with one claim more, `user`: what a token response has as its session's user.
///
/// # Errors
/// Fails only if `now` is out of the calendar.
pub fn issue_for_pages(
    now: Timestamp,
    config: &TokenConfig,
    key: &SigningKey,
    session: &Session,
    user: &User,
    view: &Value,
) -> Result<String, SigningFailed> {
    let mut claims = claims(config, session.id, session.created_at, user);
    claims.further = BTreeMap::from([("user", view)]);
    sign(now, config, key, claims)
}

fn claims<'a>(
    config: &'a TokenConfig,
    session: SessionId,
    authenticated_at: Timestamp,
    user: &User,
) -> CustomClaims<'a> {
    CustomClaims {
        iss: &config.issuer,
        aud: &config.audience,
        sub: user.id.to_string(),
        sid: session.to_string(),
        jti: Base64UrlUnpadded::encode_string(&clock::random::<16>()),
        client_id: CLIENT_ID,
        role: user.role.as_str(),
        auth_time: authenticated_at.as_secs(),
        context: None,
        further: BTreeMap::new(),
    }
}

fn sign(
    now: Timestamp,
    config: &TokenConfig,
    key: &SigningKey,
    claims: CustomClaims<'_>,
) -> Result<String, SigningFailed> {
    let moment = |seconds: u64| {
        i64::try_from(seconds)
            .ok()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .ok_or(SigningFailed)
    };
    let mut claims = Claims::new(claims);
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
