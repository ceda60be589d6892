//! `Host` (RFC 9112 §3.2): a request that lacks it, doubles it or has an invalid one is malformed.
//!
//! No response depends on the value. The check prevents a proxy and this server from reading different targets.

use std::net::Ipv6Addr;

use axum::{
    extract::Request,
    http::{Uri, Version, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::problem::Problem;

/// Rejects a request without exactly one valid `Host`, or whose absolute target has another authority.
pub(super) async fn check(request: Request, next: Next) -> Response {
    if names_one_host(&request) {
        return next.run(request).await;
    }
    Problem::invalid("the request needs one valid Host, and no other authority in its target")
        .into_response()
}

fn names_one_host(request: &Request) -> bool {
    let mut fields = request.headers().get_all(header::HOST).iter();
    let (first, second) = (fields.next(), fields.next());
    let Some(field) = first else {
        // HTTP/1.0 has no such rule.
        return request.version() < Version::HTTP_11 && is_target_valid(request.uri(), None);
    };
    let host = field.to_str().ok().filter(|host| is_host(host));
    second.is_none() && host.is_some() && is_target_valid(request.uri(), host)
}

/// Returns whether a target is in origin form, or in absolute form (RFC 9112 §3.2.2) with the authority of `host`.
fn is_target_valid(target: &Uri, host: Option<&str>) -> bool {
    let Some(authority) = target.authority().map(Authority::as_str) else {
        return true;
    };
    let is_http = matches!(target.scheme_str(), Some("http" | "https"));
    is_http && is_host(authority) && host.is_none_or(|host| host.eq_ignore_ascii_case(authority))
}

/// Reads `uri-host [ ":" port ]` (RFC 9110 §7.2). Of the names that RFC 3986 §3.2.2 allows, those that DNS and
/// certificates have: neither empty nor percent-encoded, and without delimiters that a proxy could read as two.
fn is_host(text: &str) -> bool {
    let (is_named, port) = if let Some(literal) = text.strip_prefix('[') {
        let (address, port) = literal.split_once(']').unwrap_or_default();
        (address.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let colon = text.find(':').unwrap_or(text.len());
        let (name, port) = text.split_at_checked(colon).unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        (!name.is_empty() && name.bytes().all(plain), port)
    };
    let is_port = |digits: &str| {
        let is_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.is_empty() || is_digits && digits.parse::<u16>().is_ok()
    };
    is_named && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}
