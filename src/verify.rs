//! Checks the signature of access tokens where a page wants to know more than that its auth server sent them.
//!
//! Whether a token's life is over is not judged here: a page's clock may be wrong by a day, and the session gives out
//! no token past its life by a clock that cannot be.

use std::collections::BTreeMap;
use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::alg::Ed25519;
use jwt_compact::{Algorithm, AlgorithmExt, UntrustedToken};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

type PublicKey = <Ed25519 as Algorithm>::VerifyingKey;

/// What a valid token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// Who made it.
    pub iss: Option<String>,
    /// For whom it is meant.
    pub aud: Vec<String>,
    /// The user.
    pub sub: Option<String>,
    /// When it was issued, in seconds since 1970.
    pub iat: Option<i64>,
    /// From when on it is valid, in seconds since 1970.
    pub nbf: Option<i64>,
    /// The first second at which it is no longer valid.
    pub exp: i64,
    /// All the rest.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Public Ed25519 keys by name, as a JWK Set (RFC 7517 §5) publishes them.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<(String, PublicKey)>);

/// A JWK Set as it is written; keys of other kinds are passed over, as the RFC asks.
#[derive(Deserialize)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no JWT, too large, or a claim of it is missing or of the wrong type.
    Malformed,
    /// It is another kind of token than `at+jwt` (RFC 9068 §4), or asks for something that is not understood
    /// (`crit`, RFC 7515 §4.1.11).
    Type,
    /// It names a key that is not in the set.
    UnknownKey,
    /// Its signature does not match, or is of another algorithm than the key's.
    Signature,
    /// Another issuer made it.
    Issuer,
    /// It is meant for somebody else.
    Audience,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the access token is no JWT with the claims that one must have",
            Self::Type => "the access token is another kind of token",
            Self::UnknownKey => "the access token names a key that the issuer does not publish",
            Self::Signature => "the access token's signature does not match",
            Self::Issuer => "another issuer made the access token",
            Self::Audience => "the access token is meant for somebody else",
        })
    }
}

impl std::error::Error for Refusal {}

impl KeySet {
    /// Takes the usable keys of a set.
    #[must_use]
    pub fn new(set: JwkSet) -> Self {
        let usable = set.keys.into_iter().filter_map(|jwk| {
            let fits = jwk.kty == "OKP"
                && jwk.crv.as_deref() == Some("Ed25519")
                && jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
                && jwk
                    .alg
                    .as_deref()
                    .is_none_or(|alg| matches!(alg, "Ed25519" | "EdDSA"));
            let bytes = Base64UrlUnpadded::decode_vec(&jwk.x?).ok()?;
            let key = PublicKey::from_bytes(&bytes.try_into().ok()?).ok()?;
            fits.then_some((jwk.kid?, key))
        });
        Self(usable.collect())
    }
}

/// The members of a header that matter; a key that a token brings along is never looked at.
#[derive(Clone, Debug, Deserialize)]
struct Extra {
    crit: Option<Value>,
}

/// The claims that the library does not read by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OwnClaims {
    iss: Option<String>,
    aud: Option<Audience>,
    sub: Option<String>,
    iat: Option<i64>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Checks a token: form, `typ`, `crit`, key, signature, and issuer and audience where they are given.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn verify(
    token: &str,
    keys: &KeySet,
    issuer: Option<&str>,
    audience: Option<&str>,
) -> Result<Claims, Refusal> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Refusal::Malformed);
    }
    let token = UntrustedToken::<Extra>::try_from(token).map_err(|_| Refusal::Malformed)?;
    let header = token.header();
    let kind = header.token_type.as_deref().unwrap_or_default();
    let is_access_token =
        kind.eq_ignore_ascii_case("at+jwt") || kind.eq_ignore_ascii_case("application/at+jwt");
    if !is_access_token || header.other_fields.crit.is_some() {
        return Err(Refusal::Type);
    }
    let named = header.key_id.as_deref().ok_or(Refusal::UnknownKey)?;
    let (_, key) = keys
        .0
        .iter()
        .find(|(name, _)| name == named)
        .ok_or(Refusal::UnknownKey)?;
    let signed = Ed25519::with_specific_name()
        .validator::<OwnClaims>(key)
        .validate(&token)
        .map_err(|_| Refusal::Signature)?;
    let (times, own) = (signed.claims(), &signed.claims().custom);
    let aud = match own.aud.clone() {
        Some(Audience::One(one)) => vec![one],
        Some(Audience::Several(several)) => several,
        None => Vec::new(),
    };
    if issuer.is_some_and(|issuer| own.iss.as_deref() != Some(issuer)) {
        return Err(Refusal::Issuer);
    }
    if audience.is_some_and(|audience| !aud.iter().any(|one| one == audience)) {
        return Err(Refusal::Audience);
    }
    let exp = times.expiration.ok_or(Refusal::Malformed)?.timestamp();
    Ok(Claims {
        iss: own.iss.clone(),
        aud,
        sub: own.sub.clone(),
        iat: times.issued_at.map(|at| at.timestamp()).or(own.iat),
        nbf: times.not_before.map(|at| at.timestamp()),
        exp,
        other: own.other.clone(),
    })
}
