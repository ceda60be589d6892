//! `GET`, `POST` and `DELETE /auth/totp`: one-time passwords as the second factor of the user's password.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use nolapse::wire::{ErrorCode, TOTP_PATH};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App, body::StrictJson, limits::Throttled, openapi, recent, second_factor,
    security_events::note, sessions::NO_STORE, signed::Signed,
};
use crate::{
    clock,
    domain::Applied,
    notices::Change,
    one_time::{TotpSecret, TypedCode, recovery_codes},
    problem::{Body, Problem},
};

/// The state of a user's one-time passwords.
#[derive(Serialize, ToSchema)]
pub(super) struct TotpView {
    /// Whether sign-ins with the password need a code.
    enabled: bool,
    /// How many recovery codes are left.
    recovery_codes: u32,
}

/// A new secret, for the user's authenticator app. It is shown once.
#[derive(Serialize, ToSchema)]
pub(super) struct TotpEnrolment {
    /// In base 32.
    secret: String,
    /// `otpauth://totp/…`, for a QR code.
    uri: String,
}

/// A password of the new secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TotpProof {
    /// Six digits; blanks and hyphens do not count.
    code: String,
}

/// Recovery codes, each of which replaces a one-time password once. They are shown once.
#[derive(Serialize, ToSchema)]
pub(super) struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

/// Says whether the cookie's user has one-time passwords.
#[utoipa::path(get, path = TOTP_PATH, operation_id = "totp_state", responses((status = 200, body = TotpView)))]
pub(super) async fn state(State(app): State<App>, signed: Signed) -> Result<Response, Problem> {
    let totp = app.store.totp(signed.user.id).await?;
    let totp = totp.filter(|totp| totp.is_confirmed);
    let view = TotpView {
        enabled: totp.is_some(),
        recovery_codes: totp.map_or(0, |totp| totp.recovery_codes),
    };
    Ok((NO_STORE, Json(view)).into_response())
}

/// Makes a secret, which is not asked for until it is confirmed. Requires a recent authentication.
#[utoipa::path(
    post,
    path = TOTP_PATH,
    operation_id = "begin_totp",
    responses(
        (status = 201, body = TotpEnrolment),
        (status = 409, description = "the user has one-time passwords; remove them first", body = Body),
    )
)]
pub(super) async fn begin(State(app): State<App>, signed: Signed) -> Result<Response, Problem> {
    recent::require(&app, &signed).await?;
    let user = &signed.user;
    let secret = TotpSecret::generate();
    let sealed = app
        .keys
        .seal(second_factor::sealing(&user.id), secret.expose());
    let sealed = sealed.ok_or(Problem::internal())?;
    if app.store.begin_totp(user.id, &sealed).await? == Applied::No {
        return Err(ENABLED);
    }
    let enrolment = TotpEnrolment {
        secret: secret.to_base32(),
        uri: secret.to_uri(&app.relying_party.id, &user.email),
    };
    Ok((StatusCode::CREATED, NO_STORE, Json(enrolment)).into_response())
}

/// Confirms the secret by one of its passwords: sign-ins need one from now on. Requires a recent authentication.
#[utoipa::path(
    post,
    path = openapi::below(TOTP_PATH, "confirm"),
    operation_id = "confirm_totp",
    request_body = TotpProof,
    responses(
        (status = 200, body = RecoveryCodes),
        (status = 403, description = "the code is wrong, or the request is not from an allowed origin", body = Body),
        (status = 409, description = "there is no secret to be confirmed", body = Body),
        Throttled,
    )
)]
pub(super) async fn confirm(
    State(app): State<App>,
    signed: Signed,
    StrictJson(body): StrictJson<TotpProof>,
) -> Result<Response, Problem> {
    recent::require(&app, &signed).await?;
    let (now, user, store) = (clock::now(), signed.user.id, &*app.store);
    let Some(TypedCode::Password(password)) = TypedCode::parse(&body.code) else {
        return Err(WRONG);
    };
    let turns = app.limits.code(store, now, user).await?;
    let totp = store.totp(user).await?;
    let totp = totp.filter(|totp| !totp.is_confirmed).ok_or(NONE_BEGUN)?;
    let step = second_factor::find(&app, now, user, &totp, &password).await?;
    let step = step.ok_or(WRONG)?;
    let (shown, kept) = recovery_codes(user);
    let confirmed = store.confirm_totp(user, &totp.sealed, step, &kept);
    if confirmed.await? == Applied::No {
        return Err(NONE_BEGUN);
    }
    turns.succeed(store).await?;
    app.counters.count("totp_enabled");
    note(|subject| subject.change = Some(Change::TotpAdded));
    tracing::info!(%user, "one-time passwords were set up");
    let codes = RecoveryCodes {
        recovery_codes: shown,
    };
    Ok((NO_STORE, Json(codes)).into_response())
}

/// Replaces the recovery codes. Requires a recent authentication of two factors.
#[utoipa::path(
    post,
    path = openapi::below(TOTP_PATH, "recovery-codes"),
    operation_id = "replace_recovery_codes",
    responses(
        (status = 200, body = RecoveryCodes),
        (status = 404, description = "the user has no one-time passwords", body = Body),
    )
)]
pub(super) async fn replace_codes(
    State(app): State<App>,
    signed: Signed,
) -> Result<Response, Problem> {
    recent::require(&app, &signed).await?;
    let user = signed.user.id;
    let (shown, kept) = recovery_codes(user);
    if app.store.replace_recovery_codes(user, &kept).await? == Applied::No {
        return Err(Problem::not_found());
    }
    note(|subject| subject.change = Some(Change::RecoveryCodesReplaced));
    let codes = RecoveryCodes {
        recovery_codes: shown,
    };
    Ok((NO_STORE, Json(codes)).into_response())
}

/// Removes one-time passwords and recovery codes. Requires a recent authentication of two factors.
#[utoipa::path(
    delete,
    path = TOTP_PATH,
    operation_id = "remove_totp",
    responses((status = 204), (status = 404, description = "the user has no one-time passwords", body = Body))
)]
pub(super) async fn remove(State(app): State<App>, signed: Signed) -> Result<Response, Problem> {
    recent::require(&app, &signed).await?;
    let user = signed.user.id;
    if app.store.remove_totp(user).await? == Applied::No {
        return Err(Problem::not_found());
    }
    app.counters.count("totp_disabled");
    note(|subject| subject.change = Some(Change::TotpRemoved));
    tracing::info!(%user, "one-time passwords were removed");
    Ok((StatusCode::NO_CONTENT, NO_STORE).into_response())
}

const ENABLED: Problem = Problem::new(
    StatusCode::CONFLICT,
    ErrorCode::LimitReached,
    "the user has one-time passwords; remove them first",
);

const NONE_BEGUN: Problem = Problem::new(
    StatusCode::CONFLICT,
    ErrorCode::InvalidCode,
    "there is no secret to be confirmed; begin again",
);

const WRONG: Problem = Problem::new(
    StatusCode::FORBIDDEN,
    ErrorCode::InvalidCode,
    "the code is wrong",
);
