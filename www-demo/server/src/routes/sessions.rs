//! `GET /auth/sessions` and `DELETE /auth/sessions/{id}`: the user's devices.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, SESSIONS_PATH};
use serde::Serialize;
use utoipa::ToSchema;

use super::{App, openapi, path_id::PathId, security_events::note, signed::Signed};
use crate::{
    clock,
    domain::{Applied, SessionId},
    problem::{Body, Problem},
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

/// The sessions of a user, most recently refreshed first.
#[derive(Serialize, ToSchema)]
pub(super) struct Devices {
    sessions: Vec<DeviceView>,
}

/// Lists the sessions of the cookie's user.
#[utoipa::path(
    get,
    path = SESSIONS_PATH,
    operation_id = "list_sessions",
    responses((status = 200, body = Devices))
)]
pub(super) async fn list(State(app): State<App>, signed: Signed) -> Result<Response, Problem> {
    let now = clock::now();
    let rows = app.store.sessions_of(signed.user.id).await?;
    let alive = rows
        .into_iter()
        .filter(|session| session.ended_reason(now, app.sessions.limits()).is_none());
    let sessions = alive
        .map(|session| DeviceView {
            id: session.id.to_string(),
            current: session.id == signed.session.id,
            device: session.device,
            created_at: session.created_at.as_millis(),
            last_seen_at: session.last_seen_at.as_millis(),
            expires_at: session.expires_at.as_millis(),
        })
        .collect();
    Ok((NO_STORE, Json(Devices { sessions })).into_response())
}

/// Ends a session of the user. Another user's session is 404.
#[utoipa::path(
    delete,
    path = openapi::one_of(SESSIONS_PATH),
    operation_id = "revoke_session",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, description = "no session of the user", body = Body))
)]
pub(super) async fn revoke(
    State(app): State<App>,
    signed: Signed,
    PathId(id): PathId<SessionId>,
) -> Result<Response, Problem> {
    note(|subject| subject.target = Some(id));
    let row = app.store.session(id).await?;
    let own = row.is_some_and(|(session, _)| session.user == signed.user.id);
    if !own {
        return Err(Problem::not_found());
    }
    let ended = app.store.end_session(id, clock::now(), EndReason::Revoked);
    if ended.await? == Applied::Yes {
        app.counters.count("revocations");
        tracing::info!(session = %id, "revoked by its user");
    }
    Ok((StatusCode::NO_CONTENT, NO_STORE).into_response())
}

/// Responses that depend on a cookie are not cached.
pub(super) const NO_STORE: [(HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
