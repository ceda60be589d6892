//! `GET /healthz` and `GET /readyz`, for whoever runs the server.

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};

use super::App;
use crate::problem::Problem;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
}

/// The process answers.
async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The database answers too.
async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    app.store.ping().await?;
    Ok(Json(json!({ "status": "ok" })))
}
