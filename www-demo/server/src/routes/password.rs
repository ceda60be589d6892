//! `POST /auth/password`.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use nolapse::wire::{ErrorCode, PASSWORD_PATH};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    App,
    accounts::{parse_password, refuse_common},
    body::Strict,
    limits::Address,
    sessions::live,
};
use crate::{
    clock,
    domain::{Session, User},
    problem::{Body, Problem},
    verifier::Verified,
};

/// The password that the user has, and the one to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    #[schema(format = "password", min_length = 8, max_length = 256)]
    current_password: String,
    #[schema(format = "password", min_length = 8, max_length = 256)]
    new_password: String,
}

/// Gives the user another password and ends all their other sessions.
///
/// It takes a token of a live session and the current password, which is throttled as at sign-in: whoever
/// finds a page open, or steals a token, cannot lock its user out.
#[utoipa::path(
    post,
    path = PASSWORD_PATH,
    operation_id = "change_password",
    request_body = NewPassword,
    responses(
        (status = 204),
        (status = 401, description = "no token, or none of a live session", body = Body),
        (status = 403, description = "the current password is another one", body = Body),
        (status = 429, description = "too many passwords were tried", body = Body),
    ),
    security(("bearer" = []))
)]
pub(super) async fn change(
    State(app): State<App>,
    address: Address,
    token: Verified,
    Strict(said): Strict<NewPassword>,
) -> Result<StatusCode, Response> {
    let (session, user) = live(&app, &token).await?;
    let changed = replace(&app, address, &session, &user, said).await;
    changed.map_err(IntoResponse::into_response)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn replace(
    app: &App,
    address: Address,
    session: &Session,
    user: &User,
    said: NewPassword,
) -> Result<(), Problem> {
    let current = parse_password(said.current_password)?;
    let new = parse_password(said.new_password)?;
    app.limits.password(clock::now(), &user.email, address)?;
    refuse_common(&new)?;
    if !app
        .passwords
        .check(current, Some(user.password.clone()))
        .await?
    {
        return Err(OTHER);
    }
    let successor = app.passwords.hash(new).await?;
    let changed = app
        .desk
        .change_password(clock::now(), user, &successor, session.id);
    let ended = changed.await?.ok_or(OTHER)?;
    app.counters.count("password_changes");
    tracing::info!(user = %user.id, ended, "password changed");
    Ok(())
}

const OTHER: Problem = Problem::new(
    StatusCode::FORBIDDEN,
    ErrorCode::InvalidCredentials,
    "the current password is another one",
);
