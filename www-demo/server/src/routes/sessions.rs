//! `GET /auth/sessions` and `DELETE /auth/sessions/{id}`: the user's devices.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, SESSIONS_PATH};
use serde::Serialize;
use utoipa::ToSchema;

use super::{App, openapi};
use crate::{
    clock,
    domain::{Session, SessionId, User, Written},
    problem::{Body, Problem},
    verifier::{Refusal, Refused, Verified},
};

/// A session as its user sees it. Times are milliseconds since the Unix epoch.
#[derive(Serialize, ToSchema)]
#[schema(as = Device)]
pub(super) struct DeviceView {
    id: String,
    device: String,
    created_at: u64,
    last_seen_at: u64,
    expires_at: u64,
    current: bool,
}

/// The sessions of a user, the last seen first.
#[derive(Serialize, ToSchema)]
pub(super) struct Devices {
    sessions: Vec<DeviceView>,
}

/// Lists the sessions of the token's user.
#[utoipa::path(
    get,
    path = SESSIONS_PATH,
    operation_id = "list_sessions",
    responses(
        (status = 200, body = Devices),
        (status = 401, description = "no token, or none of a live session", body = Body),
    ),
    security(("bearer" = []))
)]
pub(super) async fn list(State(app): State<App>, token: Verified) -> Result<Response, Response> {
    let (current, user) = live(&app, &token).await?;
    let now = clock::now();
    let rows = app.store.sessions_of(user.id).await.map_err(problem)?;
    let alive = rows
        .into_iter()
        .filter(|session| session.over(now, app.desk.limits()).is_none());
    let sessions = alive
        .map(|session| DeviceView {
            id: session.id.to_string(),
            current: session.id == current.id,
            device: session.device,
            created_at: session.created_at.as_millis(),
            last_seen_at: session.last_seen_at.as_millis(),
            expires_at: session.expires_at.as_millis(),
        })
        .collect();
    let mut response = Json(Devices { sessions }).into_response();
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

/// Ends one of them. One that is not the user's is not there.
#[utoipa::path(
    delete,
    path = openapi::one_of(SESSIONS_PATH),
    operation_id = "revoke_session",
    params(("id" = String, Path)),
    responses(
        (status = 204),
        (status = 401, description = "no token, or none of a live session", body = Body),
        (status = 404, description = "no session of the user", body = Body),
    ),
    security(("bearer" = []))
)]
pub(super) async fn revoke(
    State(app): State<App>,
    token: Verified,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Response> {
    let (_, user) = live(&app, &token).await?;
    let absent = || Problem::not_found().into_response();
    let id = path.ok().and_then(|Path(id)| SessionId::parse(&id));
    let id = id.ok_or_else(absent)?;
    let row = app.store.session(id).await.map_err(problem)?;
    let own = row.is_some_and(|(session, _)| session.user == user.id);
    if !own {
        return Err(absent());
    }
    let ended = app.store.end_session(id, clock::now(), EndReason::Revoked);
    if ended.await.map_err(problem)? == Written::Yes {
        app.counters.count("revocations");
        tracing::info!(session = %id, "revoked by its user");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Finds the token's session alive: who was signed out a moment ago manages no devices.
pub(super) async fn live(app: &App, token: &Verified) -> Result<(Session, User), Response> {
    let refused = || Refused(Refusal::Expired).into_response();
    let id = SessionId::parse(&token.session).ok_or_else(refused)?;
    let alive = app.desk.find_alive(clock::now(), id).await;
    alive.map_err(problem)?.ok_or_else(refused)
}

fn problem(error: crate::domain::StoreError) -> Response {
    Problem::from(error).into_response()
}
