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
    accounts::parse_password,
    body::StrictJson,
    limits::Throttled,
    recent,
    security_events::note,
    sessions::NO_STORE,
    signed::{SUPERSEDED, Signed},
};
use crate::{
    clock,
    domain::{DirectoryError, Password, PasswordHash, Session, Timestamp, User},
    notices::Change,
    problem::{Body, Problem},
};

/// The current password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// Left out for an account that has none yet.
    #[schema(format = "password", min_length = 8, max_length = 256)]
    current_password: Option<String>,
    #[schema(format = "password", min_length = 8, max_length = 256)]
    new_password: String,
}

/// Replaces the user's password, ends all other sessions, and renews the cookie, which voids copies of it.
///
/// Requires the cookie of a live session and the current password, which is throttled. An account that was made with a passkey
/// or through a provider has none: its first one requires a recent authentication, as a change of its passkeys does.
#[utoipa::path(
    post,
    path = PASSWORD_PATH,
    operation_id = "change_password",
    request_body = NewPassword,
    responses(
        (status = 204, headers(("set-cookie" = String))),
        (status = 401, description = "no live session; or a first password without a recent authentication", body = Body),
        (status = 403, description = "the current password is another one, or the request is not from an allowed origin", body = Body),
        Throttled,
    )
)]
pub(super) async fn change(
    State(app): State<App>,
    signed: Signed,
    StrictJson(body): StrictJson<NewPassword>,
) -> Result<Response, Problem> {
    let current = body.current_password.as_deref().map(parse_password);
    let current = current.transpose()?;
    let new = parse_password(&body.new_password)?;
    let successor = match &current {
        Some(current) => replacement(&app, &signed, current, new).await?,
        None => first(&app, &signed, new).await?,
    };
    let Signed {
        mut session,
        user,
        is_newest,
    } = signed;
    if !is_newest {
        return Err(SUPERSEDED);
    }
    let now = clock::now();
    let renewed = app
        .sessions
        .renew(now, &mut session, clock::random())
        .await?;
    let refresh_token = renewed.ok_or(SUPERSEDED)?;
    // The secret is renewed: every response from here on sets the new cookie.
    let changed = replace(&app, now, &session, user, current.as_ref(), &successor).await;
    let mut response = match changed {
        Ok(()) => (StatusCode::NO_CONTENT, NO_STORE).into_response(),
        Err(problem) => problem.into_response(),
    };
    let (headers, key) = (response.headers_mut(), &app.refresh_token_key);
    let cookies = &app.settings.cookies;
    cookies.set(headers, now, &session, &refresh_token, key);
    Ok(response)
}

/// Hashes the new password, after the current one has matched.
async fn replacement(
    app: &App,
    signed: &Signed,
    current: &Password,
    new: Password,
) -> Result<PasswordHash, Problem> {
    let (store, session) = (&*app.store, signed.session.id);
    let turns = app.limits.current_password(store, clock::now(), session);
    let turns = turns.await?;
    let passwords = app.passwords.as_ref().ok_or(Problem::not_found())?;
    let stored = signed.user.password.clone();
    let successor = passwords.replace(current.clone(), stored, new).await;
    let successor = successor.map_err(DirectoryError::from);
    let successor = turns.unless_busy(store, successor).await?.ok_or(OTHER)?;
    turns.succeed(store).await?;
    Ok(successor)
}

/// Hashes the first password of an account: once it has one, this is refused. Without an address nobody could sign in with it.
async fn first(app: &App, signed: &Signed, new: Password) -> Result<PasswordHash, Problem> {
    let passwords = app.passwords.as_ref().ok_or(Problem::not_found())?;
    if signed.user.has_password() {
        return Err(OTHER);
    }
    if signed.user.email.address().is_none() {
        return Err(Problem::invalid("the account has no e-mail address"));
    }
    recent::require(app, signed).await?;
    let hashed = passwords.hash_new(new).await;
    Ok(hashed.map_err(DirectoryError::from)?)
}

/// Replaces the password, also if a concurrent sign-in renews its hash.
async fn replace(
    app: &App,
    now: Timestamp,
    session: &Session,
    mut user: User,
    current: Option<&Password>,
    successor: &PasswordHash,
) -> Result<(), Problem> {
    for _ in 0..CHANGE_TRIES {
        let changed = app
            .sessions
            .change_password(now, &user, successor, session)
            .await?;
        if let Some(ended) = changed {
            app.counters.count("password_changes");
            note(|subject| subject.change = Some(Change::PasswordChanged));
            tracing::info!(user = %user.id, ended, "password changed");
            return Ok(());
        }
        let found = app.sessions.find_alive(now, session.id).await?;
        let found = found.filter(|(_, found)| found.password != user.password);
        (_, user) = found.ok_or(OTHER)?;
        // Another request was first with a first password.
        let current = current.ok_or(OTHER)?;
        let verified = app.users.verify(Some(user), current).await?;
        user = verified.ok_or(OTHER)?;
    }
    Err(OTHER)
}

/// How often a change is retried after a concurrent renewal of the hash.
const CHANGE_TRIES: usize = 3;

const OTHER: Problem = Problem::new(
    StatusCode::FORBIDDEN,
    ErrorCode::InvalidCredentials,
    "the current password is another one",
);
