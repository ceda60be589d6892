//! `GET /healthz` and `GET /readyz`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::App;
use crate::problem::Problem;

/// The state of a healthy server.
#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
}

/// The state of a server that is ready.
#[derive(Serialize, ToSchema)]
struct Ready {
    status: &'static str,
    /// Whether revocations of other servers and of commands arrive. Without them each token still ends by itself.
    revocations_live: bool,
}

const OK: Json<Health> = Json(Health { status: "ok" });

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(alive))
        .routes(routes!(ready))
}

/// Returns 200 while the process is running.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = Health)))]
async fn alive() -> Json<Health> {
    OK
}

/// Returns 200 if the database responds and the key file decrypts its signing keys.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, body = Ready),
    )
)]
async fn ready(State(app): State<App>) -> Result<Json<Ready>, Problem> {
    app.store.ping().await?;
    if app.keys.is_behind() {
        return Err(Problem::unavailable("the key file is out of date", 5));
    }
    Ok(Json(Ready {
        status: "ok",
        revocations_live: app.revocations.state().is_live,
    }))
}
