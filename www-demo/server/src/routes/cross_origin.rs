//! The CSRF guard, and CORS.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use nolapse::wire::{ErrorCode, NONCE_HEADER, PLAIN_TYPE, PROOF_HEADER, VERSION, VERSION_HEADER};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{App, Settings, body::has_type};
use crate::{config::SameSite, origins::AllowedOrigins, problem::Problem};

const PREFLIGHT_LIFE: Duration = Duration::from_hours(2);

/// A guard's endpoints.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) app: App,
    /// The guarded methods; the endpoints have no others.
    pub(super) methods: &'static [Method],
    /// Whether a request without the cookie has no effect, and passes to get the more specific error.
    pub(super) wants_cookie: bool,
    /// How requests say which version of the contract they are of.
    pub(super) version: Versioning,
}

/// How a guard's endpoints are told the version of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versioning {
    /// Not at all: an `EventSource` sends no header of the page's own.
    Absent,
    /// By the header, which is version 1.
    Header,
    /// By the header, or in a plain body, which is version 2.
    HeaderOrBody,
}

/// Returns whether a request is one of version 2, which CORS sends without a preflight.
pub(super) fn is_plain(headers: &HeaderMap) -> bool {
    !headers.contains_key(VERSION_HEADER) && has_type(headers, PLAIN_TYPE)
}

/// Rejects a request to a cookie-authenticated endpoint without the version header or from an origin that is not
/// allowed, independently of the cookie's `SameSite`.
pub(super) async fn guard(
    State(guarded): State<Guarded>,
    request: Request,
    next: Next,
) -> Response {
    let app = guarded.app;
    let harmless = guarded.wants_cookie && app.refresh_token(request.headers()).is_none();
    if guarded.methods.contains(request.method())
        && !harmless
        && let Err(refused) = check(request.headers(), &app.settings, guarded.version)
    {
        app.counters.count("forbidden_origin");
        return refused.into_response();
    }
    next.run(request).await
}

fn check(headers: &HeaderMap, settings: &Settings, version: Versioning) -> Result<(), Problem> {
    if version == Versioning::HeaderOrBody && is_plain(headers) {
        check_origin(headers, &settings.allowed_origins)?;
        return check_fetch(headers, settings.cookies.same_site);
    }
    if version != Versioning::Absent
        && only(headers, &HeaderName::from_static(VERSION_HEADER)) != Some(VERSION.as_bytes())
    {
        return Err(forbidden("the header nolapse-version: 1 is needed"));
    }
    check_origin(headers, &settings.allowed_origins)
}

fn check_origin(headers: &HeaderMap, allowed: &AllowedOrigins) -> Result<(), Problem> {
    let origins = headers.get_all(header::ORIGIN).iter().count();
    let origin = headers.get(header::ORIGIN);
    let listed = origins == 1 && origin.is_some_and(|origin| allowed.matches(origin));
    // A listed origin may be another site. Without `Origin`, `Sec-Fetch-Site` decides; without both, reject.
    let site = only(headers, &HeaderName::from_static("sec-fetch-site"));
    let own_page = origins == 0 && site == Some(b"same-origin");
    if listed || own_page {
        return Ok(());
    }
    Err(forbidden(
        "the request must come from an allowed origin; ALLOWED_ORIGINS lists them",
    ))
}

/// Rejects what no script of a page has sent, and what comes from another site than the cookies are for: a form can post
/// `text/plain` without a preflight, and markup that was injected into a page of an allowed origin can have a form. Browsers
/// without Fetch Metadata are judged by `Origin` alone.
fn check_fetch(headers: &HeaderMap, same_site: SameSite) -> Result<(), Problem> {
    let value = |name: &'static str| {
        let name = HeaderName::from_static(name);
        let is_sent = headers.contains_key(&name);
        is_sent.then(|| only(headers, &name).unwrap_or_default())
    };
    let mode = value("sec-fetch-mode");
    if mode.is_some_and(|mode| mode != b"cors" && mode != b"same-origin") {
        return Err(forbidden("the request must be sent by fetch"));
    }
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    // The pages of app shells and extensions have no site.
    let is_shell = origin.is_some_and(|origin| !origin.starts_with(b"http"));
    let is_near = match value("sec-fetch-site") {
        None | Some(b"same-origin" | b"same-site") => true,
        Some(b"cross-site") => same_site == SameSite::None || is_shell,
        Some(b"none") => is_shell,
        Some(_) => false,
    };
    if is_near {
        return Ok(());
    }
    Err(forbidden(
        "the page is on another site; COOKIE_SAME_SITE=none is for those",
    ))
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.as_bytes())
}

const fn forbidden(text: &'static str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, ErrorCode::ForbiddenOrigin, text)
}

/// Allows the listed origins to read responses.
pub(super) fn cors(allowed: &AllowedOrigins) -> CorsLayer {
    let allowed = allowed.clone();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| {
            allowed.matches(origin)
        }))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static(PROOF_HEADER),
            HeaderName::from_static(VERSION_HEADER),
        ])
        .expose_headers([
            HeaderName::from_static(NONCE_HEADER),
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
        ])
        .max_age(PREFLIGHT_LIFE)
}
