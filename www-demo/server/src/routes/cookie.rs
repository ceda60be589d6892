//! The refresh cookie (RFC 6265bis, prefix `__Host-Http-`).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use nolapse::wire::COOKIE;

use crate::domain::{Grant, Ticket, TicketKey, Timestamp};

/// Reads the ticket of a request's cookie: `None` where there is none, more than one, or one that this
/// server did not issue.
pub(super) fn ticket(headers: &HeaderMap, key: &TicketKey) -> Option<Ticket> {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut values = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value);
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    key.open(only)
}

/// Hands out a grant's ticket until the session's absolute end.
pub(super) fn set(now: Timestamp, grant: &Grant, key: &TicketKey) -> HeaderValue {
    let life = grant.session.expires_at.since(now);
    spell(&key.seal(&grant.ticket), life)
}

/// Takes the cookie away.
pub(super) fn clear() -> HeaderValue {
    spell("", Duration::ZERO)
}

fn spell(value: &str, life: Duration) -> HeaderValue {
    let seconds = life.as_secs();
    let text =
        format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}
