//! `/demo/…`: unauthenticated controls for the demo page and for tests. Only with `DEMO=1`.
//!
//! | call | body | effect |
//! | --- | --- | --- |
//! | `POST /demo/role` | `{ role: "member" \| "admin" }`, cookie | changes the caller's own role; in tokens from the next refresh on |
//! | `POST /demo/session` | `{ session_id, change: "revoke" \| "disable" \| "enable" }` | revokes a session, as if from elsewhere, or disables or enables its user |
//! | `POST /demo/steal-cookie` | `{}`, cookie | refreshes with the caller's cookie and without its key, as a thief would |
//! | `POST /demo/outage` | see [`OutageSettings`] | makes the refresh endpoint fail for a while |
//! | `GET /demo/counters` | – | what happened, by name |
//! | `POST /demo/reset-counters` | – | begins again at zero |

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, ErrorCode, VERSION_HEADER};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{App, body::StrictJson, outage::OutageSettings, schemas, signed::Signed};
use crate::{
    clock,
    domain::{Applied, Possession, Refreshed, Role, SessionId},
    problem::{Body, Problem},
};

/// Another role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    #[schema(schema_with = schemas::role)]
    role: String,
}

/// A change from elsewhere: of a session, or of its user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SessionChange {
    session_id: String,
    change: Change,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// Revokes the session.
    Revoke,
    /// Disables the session's user.
    Disable,
    /// Enables the session's user.
    Enable,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(change_role))
        .routes(routes!(change_session))
        .routes(routes!(outage))
        .routes(routes!(steal_cookie))
        .routes(routes!(reset_counters))
        .route_layer(middleware::from_fn(not_from_foreign_pages))
        .routes(routes!(counters))
}

/// Requires the version header, which a page of another origin cannot send.
async fn not_from_foreign_pages(request: Request, next: Next) -> Response {
    if request.headers().contains_key(VERSION_HEADER) {
        return next.run(request).await;
    }
    Problem::invalid("the header nolapse-version is needed").into_response()
}

/// Changes the caller's own role, in tokens from the next refresh on.
#[utoipa::path(
    post,
    path = "/demo/role",
    operation_id = "demo_role",
    request_body = NewRole,
    responses(
        (status = 204),
        (status = 401, description = "no cookie of a live session; reason says why", body = Body),
    ),
    security(("cookie" = []))
)]
async fn change_role(
    State(app): State<App>,
    signed: Signed,
    StrictJson(new): StrictJson<NewRole>,
) -> Result<StatusCode, Problem> {
    let role = Role::parse(&new.role);
    let role = role.ok_or(Problem::invalid("role must be member or admin"))?;
    match app.store.set_role(signed.user.id, role).await? {
        Applied::Yes => Ok(StatusCode::NO_CONTENT),
        // The account was deleted a moment ago.
        Applied::No => Err(Problem::session_ended(EndReason::NoCookie)),
    }
}

/// What a thief got: an error, or null for a token.
#[derive(Serialize, ToSchema)]
struct Theft {
    #[schema(schema_with = schemas::code_or_null)]
    error: Option<&'static str>,
}

/// Refreshes with the caller's cookie and without its key, as a thief would who has a copy.
#[utoipa::path(
    post,
    path = "/demo/steal-cookie",
    operation_id = "demo_steal_cookie",
    responses((status = 200, body = Theft)),
    security(("cookie" = []), ())
)]
async fn steal_cookie(State(app): State<App>, headers: HeaderMap) -> Result<Json<Theft>, Problem> {
    let ended = ErrorCode::SessionEnded;
    let Some(cookie) = app.refresh_token(&headers) else {
        let error = Some(ended.as_str());
        return Ok(Json(Theft { error }));
    };
    let refreshed = app
        .sessions
        .refresh(clock::now(), &cookie, None, &Possession::NONE);
    let error = match refreshed.await? {
        Refreshed::Granted(_) => None,
        Refreshed::Unproven { session, why } => Some(app.unproven(session, why).code()),
        Refreshed::Ended { .. }
        | Refreshed::Unknown
        | Refreshed::Void { .. }
        | Refreshed::Superseded
        | Refreshed::Contended => Some(ended),
    };
    let error = error.map(ErrorCode::as_str);
    Ok(Json(Theft { error }))
}

/// Revokes a session, as if from elsewhere, or disables or enables its user.
#[utoipa::path(
    post,
    path = "/demo/session",
    operation_id = "demo_session",
    request_body = SessionChange,
    responses((status = 204), (status = 404, description = "no such session", body = Body))
)]
async fn change_session(
    State(app): State<App>,
    StrictJson(body): StrictJson<SessionChange>,
) -> Result<StatusCode, Problem> {
    let id = SessionId::parse(&body.session_id).ok_or(Problem::not_found())?;
    let (session, _) = app.store.session(id).await?.ok_or(Problem::not_found())?;
    let (store, now) = (&app.store, clock::now());
    match body.change {
        Change::Revoke => drop(store.end_session(id, now, EndReason::Revoked).await?),
        Change::Disable => store.set_disabled(session.user, true).await?,
        Change::Enable => store.set_disabled(session.user, false).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the refresh endpoint fail for a while.
#[utoipa::path(
    post,
    path = "/demo/outage",
    operation_id = "demo_outage",
    request_body = OutageSettings,
    responses((status = 204))
)]
async fn outage(
    State(app): State<App>,
    StrictJson(settings): StrictJson<OutageSettings>,
) -> Result<StatusCode, Problem> {
    app.outages.begin(clock::now(), settings)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the event counters, by name.
#[utoipa::path(
    get,
    path = "/demo/counters",
    operation_id = "demo_counters",
    responses((status = 200, body = BTreeMap<String, u64>))
)]
async fn counters(State(app): State<App>) -> Json<BTreeMap<&'static str, u64>> {
    Json(app.counters.read())
}

/// Resets the event counters.
#[utoipa::path(
    post,
    path = "/demo/reset-counters",
    operation_id = "demo_reset_counters",
    responses((status = 204))
)]
async fn reset_counters(State(app): State<App>) -> StatusCode {
    app.counters.reset();
    StatusCode::NO_CONTENT
}
