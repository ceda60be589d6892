//! Issues access tokens (RFC 9068).

use std::{collections::BTreeMap, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;
use serde_json::Value;

use crate::{
    clock,
    contexts::ContextGrant,
    domain::{Session, Timestamp, User},
    keys::{SigningFailed, SigningKey},
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

/// The header of a token (RFC 7515 §4.1).
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    sid: String,
    jti: String,
    client_id: &'static str,
    role: &'static str,
    auth_time: u64,
    acr: &'static str,
    amr: Vec<&'static str>,
    iat: u64,
    nbf: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    #[serde(flatten)]
    further: BTreeMap<&'a str, &'a Value>,
}

/// The claims that those of a context do not replace.
const FIXED_CLAIMS: [&str; 15] = [
    "iss",
    "aud",
    "sub",
    "sid",
    "jti",
    "client_id",
    "role",
    "auth_time",
    "acr",
    "amr",
    "context",
    "iat",
    "nbf",
    "exp",
    "cnf",
];

/// Signs a token for a session's user.
///
/// # Errors
/// Fails only if the operating system gives no random bytes.
pub fn issue(
    now: Timestamp,
    config: &TokenConfig,
    key: &SigningKey,
    session: &Session,
    user: &User,
) -> Result<String, SigningFailed> {
    sign(key, &claims(now, config, session, user))
}

/// Signs a token of a context, by its name and what the policy grants.
///
/// # Errors
/// Fails only if the operating system gives no random bytes.
pub fn issue_within(
    now: Timestamp,
    config: &TokenConfig,
    key: &SigningKey,
    session: &Session,
    user: &User,
    (name, context): (&str, &ContextGrant),
) -> Result<String, SigningFailed> {
    let mut claims = claims(now, config, session, user);
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
    sign(key, &claims)
}

/// Signs a token with one claim more, `user`: what a token response has as its session's user.
///
/// # Errors
/// Fails only if the operating system gives no random bytes.
pub fn issue_for_pages(
    now: Timestamp,
    config: &TokenConfig,
    key: &SigningKey,
    session: &Session,
    user: &User,
    view: &Value,
) -> Result<String, SigningFailed> {
    let mut claims = claims(now, config, session, user);
    claims.further = BTreeMap::from([("user", view)]);
    sign(key, &claims)
}

fn claims<'a>(
    now: Timestamp,
    config: &'a TokenConfig,
    session: &Session,
    user: &User,
) -> Claims<'a> {
    let authentication = &session.authentication;
    let methods = authentication.methods.iter();
    Claims {
        iss: &config.issuer,
        aud: &config.audience,
        sub: user.id.to_string(),
        sid: session.id.to_string(),
        jti: Base64UrlUnpadded::encode_string(&clock::random::<16>()),
        client_id: CLIENT_ID,
        role: user.role.as_str(),
        auth_time: authentication.at.as_secs(),
        acr: authentication.context().as_str(),
        amr: methods.map(|method| method.as_str()).collect(),
        iat: now.as_secs(),
        nbf: now.as_secs(),
        exp: now.as_secs().saturating_add(config.lifetime.as_secs()),
        context: None,
        further: BTreeMap::new(),
    }
}

fn sign(key: &SigningKey, claims: &Claims<'_>) -> Result<String, SigningFailed> {
    let header = Header {
        alg: key.algorithm.as_str(),
        typ: TOKEN_TYPE,
        kid: &key.id,
    };
    let message = format!("{}.{}", segment(&header)?, segment(claims)?);
    let signature = key.sign(message.as_bytes())?;
    Ok(format!(
        "{message}.{}",
        Base64UrlUnpadded::encode_string(&signature)
    ))
}

/// Encodes a segment. Names and values are texts and numbers, which always can be.
fn segment(part: &impl Serialize) -> Result<String, SigningFailed> {
    let json = serde_json::to_vec(part).map_err(|_| SigningFailed)?;
    Ok(Base64UrlUnpadded::encode_string(&json))
}
