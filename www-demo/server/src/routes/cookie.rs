//! The refresh cookie (RFC 6265bis, prefix `__Host-Http-`).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use nolapse::wire::COOKIE;

use crate::domain::{RefreshToken, RefreshTokenKey, Session, Timestamp};

/// Reads the refresh token of a request's cookie; `None` if there is none, more than one, or a forged one.
pub(super) fn refresh_token(headers: &HeaderMap, key: &RefreshTokenKey) -> Option<RefreshToken> {
    key.decode(only(headers, COOKIE)?)
}

/// Reads the value of the cookie with this name; `None` if there is none, or more than one.
pub(super) fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter();
    // Other cookies may have any bytes.
    let mut values = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes()))
        .filter_map(|rest| rest.strip_prefix(b"="));
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    str::from_utf8(only).ok()
}

/// Sets the refresh cookie, until the session's absolute limit.
pub(super) fn set(
    now: Timestamp,
    session: &Session,
    refresh_token: &RefreshToken,
    key: &RefreshTokenKey,
) -> HeaderValue {
    spell(
        COOKIE,
        &key.encode(refresh_token),
        session.expires_at.since(now),
    )
}

/// Deletes the refresh cookie.
pub(super) fn clear() -> HeaderValue {
    spell(COOKIE, "", Duration::ZERO)
}

/// Formats a `Set-Cookie` that neither scripts nor other hosts can read or set.
pub(super) fn spell(name: &str, value: &str, lifetime: Duration) -> HeaderValue {
    let seconds = lifetime.as_secs();
    let text =
        format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}
