//! `GET /metrics`, on a port of its own: the numbers are for whoever runs the server.

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use super::{App, health, method_not_allowed, not_found};
use crate::{clock, metrics};

/// The metrics' port: nothing but them and the health checks.
pub(crate) fn routes(app: &App) -> Router {
    Router::new()
        .route("/metrics", get(read))
        .merge(Router::from(health::routes()))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(app.clone())
}

async fn read(State(app): State<App>) -> Response {
    // The other numbers are worth telling while the database is away.
    let sessions = app.store.count_sessions(clock::now()).await.ok();
    let connections = app.connections.count();
    let text = metrics::write(&app.timings, &app.counters.read(), sessions, connections);
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, text).into_response()
}
