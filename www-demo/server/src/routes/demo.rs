//! `/demo/…`: levers for the demo page and for tests. Only with `DEMO=1`: anybody can pull them.
//!
//! | call | body | effect |
//! | --- | --- | --- |
//! | `POST /demo/role` | `{ role: "member" \| "admin" }`, bearer | changes the caller's own role; tokens say so after the next refresh |
//! | `POST /demo/revoke` | `{ session_id }` | revokes a session, as if from elsewhere |
//! | `POST /demo/disable` | `{ session_id, disabled }` | disables or enables the session's user |
//! | `POST /demo/outage` | see [`Order`] | makes the refresh endpoint fail for a while |
//! | `GET /demo/counters` | – | what happened, by name |
//! | `POST /demo/reset-counters` | – | begins again at zero |

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use nolapse::wire::{EndReason, VERSION_HEADER};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, body::Strict, outage::Order};
use crate::{
    clock,
    domain::{Role, SessionId, UserId},
    problem::Problem,
    verifier::Verified,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    session_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disable {
    session_id: String,
    disabled: bool,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/demo/role", post(change_role))
        .route("/demo/revoke", post(revoke))
        .route("/demo/disable", post(disable))
        .route("/demo/outage", post(outage))
        .route("/demo/reset-counters", post(reset_counters))
        .route_layer(middleware::from_fn(not_from_foreign_pages))
        .route("/demo/counters", get(counters))
}

/// Asks for the version header, which a foreign page cannot send.
async fn not_from_foreign_pages(request: Request, next: Next) -> Response {
    if request.headers().contains_key(VERSION_HEADER) {
        return next.run(request).await;
    }
    Problem::invalid("the header nolapse-version is needed").into_response()
}

async fn change_role(
    State(app): State<App>,
    token: Verified,
    Strict(new): Strict<NewRole>,
) -> Result<StatusCode, Problem> {
    let role = Role::parse(&new.role);
    let role = role.ok_or(Problem::invalid("role must be member or admin"))?;
    let user = UserId::parse(&token.subject).ok_or(Problem::not_found())?;
    app.store.set_role(user, role).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke(
    State(app): State<App>,
    Strict(said): Strict<Revoke>,
) -> Result<StatusCode, Problem> {
    let id = SessionId::parse(&said.session_id).ok_or(Problem::not_found())?;
    app.store.session(id).await?.ok_or(Problem::not_found())?;
    let at = clock::now();
    app.store.end_session(id, at, EndReason::Revoked).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn disable(
    State(app): State<App>,
    Strict(said): Strict<Disable>,
) -> Result<StatusCode, Problem> {
    let id = SessionId::parse(&said.session_id).ok_or(Problem::not_found())?;
    let (session, _) = app.store.session(id).await?.ok_or(Problem::not_found())?;
    app.store.set_disabled(session.user, said.disabled).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn outage(
    State(app): State<App>,
    Strict(order): Strict<Order>,
) -> Result<StatusCode, Problem> {
    app.outages.begin(clock::now(), order)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn counters(State(app): State<App>) -> Json<Value> {
    Json(json!(app.counters.read()))
}

async fn reset_counters(State(app): State<App>) -> StatusCode {
    app.counters.reset();
    StatusCode::NO_CONTENT
}
