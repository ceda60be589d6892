//! `POST /auth/password`.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use nolapse::wire::{ErrorCode, PASSWORD_PATH};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    App, accounts::parse_password, body::Strict, cookie, sessions::NO_STORE, signed::Signed,
};
use crate::{
    clock,
    problem::{Body, Problem},
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

/// Gives the user another password, ends all their other sessions, and replaces the cookie by a fresh one: a copy of
/// it is worth nothing any more.
///
/// It takes the cookie of a live session and the current password, which is throttled: a page that is found open is
/// not enough to lock its user out.
#[utoipa::path(
    post,
    path = PASSWORD_PATH,
    operation_id = "change_password",
    request_body = NewPassword,
    responses(
        (status = 204, headers(("set-cookie" = String))),
        (status = 401, description = "no cookie of a live session; reason says why", body = Body),
        (status = 403, description = "the current password is another one, or the request is not from an allowed origin", body = Body),
        (status = 429, description = "too many passwords were tried", body = Body),
    ),
    security(("cookie" = []))
)]
pub(super) async fn change(
    State(app): State<App>,
    signed: Signed,
    Strict(said): Strict<NewPassword>,
) -> Result<Response, Problem> {
    let Signed { session, user } = signed;
    let current = parse_password(&said.current_password)?;
    let new = parse_password(&said.new_password)?;
    let store = &*app.store;
    let turns = app
        .limits
        .current_password(store, clock::now(), user.id)
        .await?;
    let kept = user.password.clone();
    let successor = app.passwords.replace(current, kept, new);
    let successor = successor.await?.ok_or(OTHER)?;
    turns.succeed(store).await?;
    let now = clock::now();
    let secret = clock::random();
    let changed = app
        .desk
        .change_password(now, &user, &successor, session.id, secret);
    let changed = changed.await?.ok_or(OTHER)?;
    app.counters.count("password_changes");
    tracing::info!(user = %user.id, ended = changed.ended, "password changed");
    let mut response = (StatusCode::NO_CONTENT, NO_STORE).into_response();
    if let Some((session, ticket)) = changed.kept {
        let cookie = cookie::set(now, &session, &ticket, &app.tickets);
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

const OTHER: Problem = Problem::new(
    StatusCode::FORBIDDEN,
    ErrorCode::InvalidCredentials,
    "the current password is another one",
);
