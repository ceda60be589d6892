//! The CSRF guard, and CORS.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use nolapse::wire::{ErrorCode, VERSION, VERSION_HEADER};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::App;
use crate::{origins::AllowedOrigins, problem::Problem};

const PREFLIGHT_LIFE: Duration = Duration::from_hours(2);

/// A guard's endpoints.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) app: App,
    /// The guarded methods; the endpoints have no others.
    pub(super) methods: &'static [Method],
    /// Whether a request without the cookie has no effect, and passes to get the more specific error.
    pub(super) wants_cookie: bool,
    /// Whether requests carry the version header.
    pub(super) has_version: bool,
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
        && let Err(refused) = check(
            request.headers(),
            &app.settings.allowed_origins,
            guarded.has_version,
        )
    {
        app.counters.count("forbidden_origin");
        return refused.into_response();
    }
    next.run(request).await
}

fn check(headers: &HeaderMap, allowed: &AllowedOrigins, has_version: bool) -> Result<(), Problem> {
    if has_version
        && only(headers, &HeaderName::from_static(VERSION_HEADER)) != Some(VERSION.as_bytes())
    {
        return Err(forbidden("the header nolapse-version: 1 is needed"));
    }
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
            HeaderName::from_static(VERSION_HEADER),
        ])
        .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE])
        .max_age(PREFLIGHT_LIFE)
}
