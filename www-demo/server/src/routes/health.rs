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
    /// The shards that do not answer, by their numbers: their sessions are refused with 503, and those of others are served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    shards_away: Vec<u8>,
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

/// Returns 200 if the database responds, or one of its shards, and the key file decrypts its signing keys.
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
    let shards = app.store.shards().into_iter();
    let away = shards.filter(|shard| !shard.serves);
    Ok(Json(Ready {
        status: "ok",
        shards_away: away.map(|shard| shard.shard.number()).collect(),
        revocations_live: app.revocations.state().is_live,
    }))
}
