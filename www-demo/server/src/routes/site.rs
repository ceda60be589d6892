//! The page's files and configuration.

use std::{path::Path, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    handler::HandlerWithoutStateExt,
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::Response,
};
use serde::Serialize;
use tower_http::services::ServeDir;
use utoipa::ToSchema;

use super::{App, not_found, site_path};

/// Returns whether a path belongs to the page rather than to an endpoint: files may have a query.
pub(super) fn owns(path: &str) -> bool {
    let endpoints = [
        "/auth/",
        "/.well-known/",
        "/demo/",
        "/healthz",
        "/readyz",
        "/notes",
        "/me",
        "/admin/",
        "/account",
        "/metrics",
        "/openapi.json",
    ];
    !endpoints.iter().any(|prefix| path.starts_with(prefix))
}

/// Serves the files of a folder that [`site_path`] lets through.
///
/// Documents may be kept but must be checked (`no-cache`, never `no-store`, which would cost the
/// back/forward cache); files below `/assets/` carry a hash in their names and stay.
pub(super) fn files(app: &App, folder: &Path) -> Router {
    let files = ServeDir::new(folder)
        .call_fallback_on_method_not_allowed(true)
        .fallback(not_found.into_service());
    let folder: Arc<Path> = folder.into();
    Router::new()
        .fallback_service(files)
        .layer(middleware::from_fn_with_state(folder, site_path::check))
        .layer(middleware::from_fn_with_state(app.clone(), headers))
}

/// The page's configuration.
#[derive(Serialize, ToSchema)]
pub(super) struct PageConfig {
    /// The API's origin.
    api: String,
    /// Whether `/demo/…` is open.
    demo: bool,
    /// Seconds.
    token_life: u64,
}

/// Returns the page's configuration.
#[utoipa::path(get, path = "/config.json", responses((status = 200, body = PageConfig)))]
pub(super) async fn config(State(app): State<App>) -> Json<PageConfig> {
    Json(PageConfig {
        api: app.settings.api_origin.clone(),
        demo: app.settings.demo,
        token_life: app.tokens.lifetime.as_secs(),
    })
}

async fn headers(State(app): State<App>, request: Request, next: Next) -> Response {
    let hashed = request.uri().path().starts_with("/assets/");
    let mut response = next.run(request).await;
    let found = response.status().is_success() || response.status().is_redirection();
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self' {}; worker-src 'self'; \
         manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        app.settings.api_origin
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(with_charset) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            // A sign-in in a pop-up tells this page how it went.
            "same-origin-allow-popups",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if found {
        let life = if hashed {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(life));
    }
    response
}

/// Adds `charset=utf-8` to the type of a text without one: the author of a part of the text could influence the
/// browser's guess.
fn with_charset(kind: &HeaderValue) -> Option<HeaderValue> {
    let text = kind.to_str().ok()?;
    let essence = text.split(';').next()?.trim();
    let texts = ["application/javascript", "application/xml", "image/svg+xml"];
    let is_text = essence.starts_with("text/") || texts.contains(&essence);
    let is_named = text.to_ascii_lowercase().contains("charset=");
    (is_text && !is_named).then(|| HeaderValue::try_from(format!("{text}; charset=utf-8")).ok())?
}
