//! What a token must say, and what it is checked against.

use super::Refusal;
use super::json::{Json, Object};

/// How far the issuer's clock may be ahead of the reader's, in seconds: leeway on `iat` and `nbf`. There is none on
/// `exp`.
pub const CLOCK_SKEW_SECONDS: u64 = 5;

/// The last second that a date of ECMAScript can name; a later one is no time.
const LAST_SECOND: f64 = 8_640_000_000_000.0;

/// Who must have made a token, and for whom. Both are compared character by character (RFC 7519 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    /// The `iss` that the token must have.
    pub issuer: &'a str,
    /// What the token's `aud` must be, or have among others.
    pub audience: &'a str,
}

/// What a verified token says: the claims that RFC 9068 §2.2 requires, and those of the session. Times are in seconds
/// since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The user, `sub`.
    pub subject: String,
    /// The session, `sid`.
    pub session: String,
    /// The token's own name, `jti`.
    pub token_id: String,
    /// The app, `client_id`.
    pub client_id: String,
    /// What the user may do, `role`.
    pub role: String,
    /// What the token is restricted to, such as an organisation, `context`, where the token says so.
    pub context: Option<String>,
    /// When the user signed in, `auth_time`, where the token says so.
    pub authenticated_at: Option<u64>,
    /// How strongly the user was authenticated, `acr`, where the token says so.
    pub authentication_context: Option<String>,
    /// How the user was authenticated, `amr` (RFC 8176); empty where the token does not say so.
    pub authentication_methods: Vec<String>,
    /// When it was issued, `iat`.
    pub issued_at: u64,
    /// From when on it is valid, `nbf`, where the token says so.
    pub not_before: Option<u64>,
    /// The first second at which it is no longer valid, `exp`.
    pub expires_at: u64,
}

impl Claims {
    /// Reads claims and compares them with what is expected.
    pub(super) fn read(mut claims: Object, expected: Expected<'_>) -> Result<Self, Refusal> {
        let issuer = text(&mut claims, "iss")?;
        let audience = claims.take("aud").ok_or(Refusal::Malformed)?;
        let read = Self {
            subject: text(&mut claims, "sub")?,
            session: text(&mut claims, "sid")?,
            token_id: text(&mut claims, "jti")?,
            client_id: text(&mut claims, "client_id")?,
            role: text(&mut claims, "role")?,
            context: text_if_there(&mut claims, "context")?,
            authenticated_at: time(&claims, "auth_time")?.map(f64::floor).map(seconds),
            authentication_context: text_if_there(&mut claims, "acr")?,
            authentication_methods: texts(&mut claims, "amr")?,
            // Fractions count against the token (RFC 7519 §2 allows them).
            issued_at: seconds(time(&claims, "iat")?.ok_or(Refusal::Malformed)?.ceil()),
            not_before: time(&claims, "nbf")?.map(f64::ceil).map(seconds),
            expires_at: seconds(time(&claims, "exp")?.ok_or(Refusal::Malformed)?.floor()),
        };
        let is_for_us = is_meant_for(&audience, expected.audience)?;
        if issuer != expected.issuer {
            return Err(Refusal::Issuer);
        }
        if !is_for_us {
            return Err(Refusal::Audience);
        }
        if read.expires_at <= read.issued_at || Some(read.expires_at) <= read.not_before {
            return Err(Refusal::Expired);
        }
        Ok(read)
    }

    /// Compares the token's times with a clock that can be trusted, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`Refusal::Expired`] at or after `exp`, without leeway; [`Refusal::Early`] where `iat` or `nbf` is more than
    /// [`CLOCK_SKEW_SECONDS`] ahead.
    pub fn check_times(&self, now_ms: u64) -> Result<(), Refusal> {
        let now = now_ms / 1_000;
        if now >= self.expires_at {
            return Err(Refusal::Expired);
        }
        let begins = self.not_before.unwrap_or_default().max(self.issued_at);
        if begins > now + CLOCK_SKEW_SECONDS {
            return Err(Refusal::Early);
        }
        Ok(())
    }
}

/// Takes a claim that must be a text of at least one character, without control characters: names end up in logs and
/// in keys of databases.
fn text(claims: &mut Object, name: &str) -> Result<String, Refusal> {
    claims.take(name).map_or(Err(Refusal::Malformed), as_text)
}

/// Takes a claim that must be such a text where it is there.
fn text_if_there(claims: &mut Object, name: &str) -> Result<Option<String>, Refusal> {
    claims.take(name).map(as_text).transpose()
}

/// Takes a claim that must be a list of such texts where it is there.
fn texts(claims: &mut Object, name: &str) -> Result<Vec<String>, Refusal> {
    match claims.take(name) {
        None => Ok(Vec::new()),
        Some(Json::List(several)) => several.into_iter().map(as_text).collect(),
        Some(Json::Text(_) | Json::Number(_) | Json::Object(_) | Json::Other) => {
            Err(Refusal::Malformed)
        }
    }
}

fn as_text(value: Json) -> Result<String, Refusal> {
    match value {
        Json::Text(text) if is_name(&text) => Ok(text),
        Json::Text(_) | Json::Number(_) | Json::List(_) | Json::Object(_) | Json::Other => {
            Err(Refusal::Malformed)
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.bytes().any(|byte| byte.is_ascii_control())
}

/// Reads a claim that must be a time where it is there.
fn time(claims: &Object, name: &str) -> Result<Option<f64>, Refusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(Json::Number(number)) if (0.0..=LAST_SECOND).contains(number) => Ok(Some(*number)),
        Some(Json::Text(_) | Json::Number(_) | Json::List(_) | Json::Object(_) | Json::Other) => {
            Err(Refusal::Malformed)
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is whole, and between 0 and LAST_SECOND"
)]
const fn seconds(whole: f64) -> u64 {
    whole as u64
}

/// Says whether an `aud`, one text or a list of texts, has an audience.
fn is_meant_for(audience: &Json, expected: &str) -> Result<bool, Refusal> {
    match audience {
        Json::Text(one) => Ok(one == expected),
        Json::List(several) => several.iter().try_fold(false, |found, one| match one {
            Json::Text(one) => Ok(found || one == expected),
            Json::Number(_) | Json::List(_) | Json::Object(_) | Json::Other => {
                Err(Refusal::Malformed)
            }
        }),
        Json::Number(_) | Json::Object(_) | Json::Other => Err(Refusal::Malformed),
    }
}
