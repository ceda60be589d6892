//! `GET /metrics`, on a port of its own.

use axum::{
    Router,
    extract::State,
    http::header,
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};

use super::{App, health, host, method_not_allowed, not_found, response_headers};
use crate::metrics::{self, Gauges};

/// The routes of the metrics' port: metrics and health checks.
pub(crate) fn routes(app: &App) -> Router {
    Router::new()
        .route("/metrics", get(read))
        .merge(Router::from(health::routes()))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(middleware::from_fn(host::check))
        .layer(middleware::from_fn(response_headers::complete))
        .with_state(app.clone())
}

async fn read(State(app): State<App>) -> Response {
    let gauges = Gauges::of(&app).await;
    let (events, security_events) = (app.counters.read(), app.security_counts.read());
    let text = metrics::write(&app.timings, &events, &security_events, &gauges);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let kind = [(header::CONTENT_TYPE, kind)];
    (kind, text).into_response()
}
