//! The refresh cookie (RFC 6265bis, prefix `__Host-Http-`).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use nolapse::wire::COOKIE;

use crate::domain::{Grant, Ticket, TicketKey, Timestamp};

/// Reads the ticket of a request's cookie: `None` where there is none, more than one, or one that this
/// server did not issue.
pub(super) fn ticket(headers: &HeaderMap, key: &TicketKey) -> Option<Ticket> {
    let lines = headers.get_all(header::COOKIE).iter();
    // Other cookies may hold any bytes: they are of no concern here.
    let mut values = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| pair.trim_ascii().strip_prefix(COOKIE.as_bytes()))
        .filter_map(|rest| rest.strip_prefix(b"="));
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    key.open(str::from_utf8(only).ok()?)
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
