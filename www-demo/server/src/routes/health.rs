//! `GET /healthz` and `GET /readyz`, for whoever runs the server.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::App;
use crate::problem::Problem;

/// That all is well.
#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
}

const OK: Json<Health> = Json(Health { status: "ok" });

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(alive))
        .routes(routes!(ready))
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = Health)))]
async fn alive() -> Json<Health> {
    OK
}

/// The database answers too, and the key file opens what is in it.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, body = Health),
    )
)]
async fn ready(State(app): State<App>) -> Result<Json<Health>, Problem> {
    app.store.ping().await?;
    if app.keys.is_behind() {
        return Err(Problem::unavailable("the key file is out of date", 5));
    }
    Ok(OK)
}
