//! `GET /auth/passkeys`, `POST` and `DELETE /auth/passkeys/{id}`: the user's passkeys.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use nolapse::wire::{ErrorCode, PASSKEYS_PATH};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App, body::StrictJson, openapi, path_id::PathId, recent, security_events::note,
    sessions::NO_STORE, signed::Signed,
};
use crate::{
    domain::{Applied, Passkey, PasskeyId, PasskeyName, PasskeyRemoved},
    notices::Change,
    problem::{Body, Problem},
};

/// A passkey as its user sees it. Times are milliseconds since the Unix epoch.
#[derive(Serialize, ToSchema)]
#[schema(as = Passkey)]
pub(super) struct PasskeyView {
    id: String,
    name: String,
    /// The credential's id, for the Signal API (`WebAuthn` Level 3 §5.1.10).
    credential_id: String,
    created_at: u64,
    last_used_at: u64,
    /// Whether it is synchronised between devices.
    backed_up: bool,
}

impl PasskeyView {
    pub(super) fn of(passkey: &Passkey) -> Self {
        let credential = &passkey.credential;
        Self {
            id: passkey.id.to_string(),
            name: passkey.name.as_str().to_owned(),
            credential_id: Base64UrlUnpadded::encode_string(&credential.id),
            created_at: passkey.created_at.as_millis(),
            last_used_at: passkey.last_used_at.as_millis(),
            backed_up: credential.backed_up,
        }
    }
}

/// The passkeys of a user, oldest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Passkeys)]
pub(super) struct PasskeyList {
    /// What they are bound to, `rp.id`.
    rp_id: String,
    /// The user's id for authenticators, in base64url.
    user_id: String,
    passkeys: Vec<PasskeyView>,
}

/// A new name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    /// Spaces around it are not kept.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\0-\u{1f}\u{7f}-\u{9f}]*[^\0- \u{7f}-\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}][^\0-\u{1f}\u{7f}-\u{9f}]*$"
    )]
    name: String,
}

/// Lists the passkeys of the cookie's user.
#[utoipa::path(
    get,
    path = PASSKEYS_PATH,
    operation_id = "list_passkeys",
    responses((status = 200, body = PasskeyList))
)]
pub(super) async fn list(State(app): State<App>, signed: Signed) -> Result<Response, Problem> {
    let user = signed.user.id;
    let passkeys = app.store.passkeys_of(user).await?;
    let passkeys = PasskeyList {
        rp_id: app.relying_party.id.clone(),
        user_id: Base64UrlUnpadded::encode_string(user.as_bytes()),
        passkeys: passkeys.iter().map(PasskeyView::of).collect(),
    };
    Ok((NO_STORE, Json(passkeys)).into_response())
}

/// Renames a passkey. Another user's is 404.
#[utoipa::path(
    post,
    path = openapi::one_of(PASSKEYS_PATH),
    operation_id = "rename_passkey",
    params(("id" = String, Path)),
    request_body = Rename,
    responses((status = 204), (status = 404, description = "no passkey of the user", body = Body))
)]
pub(super) async fn rename(
    State(app): State<App>,
    signed: Signed,
    PathId(id): PathId<PasskeyId>,
    StrictJson(body): StrictJson<Rename>,
) -> Result<Response, Problem> {
    let name = parse_name(&body.name)?;
    match app.store.rename_passkey(signed.user.id, id, &name).await? {
        Applied::Yes => Ok((StatusCode::NO_CONTENT, NO_STORE).into_response()),
        Applied::No => Err(Problem::not_found()),
    }
}

/// Removes a passkey. Requires a recent authentication; the last way to sign in stays. Another user's is 404.
#[utoipa::path(
    delete,
    path = openapi::one_of(PASSKEYS_PATH),
    operation_id = "remove_passkey",
    params(("id" = String, Path)),
    responses(
        (status = 204),
        (status = 404, description = "no passkey of the user", body = Body),
        (status = 409, description = "it is the last way to sign in", body = Body),
    )
)]
pub(super) async fn remove(
    State(app): State<App>,
    signed: Signed,
    PathId(id): PathId<PasskeyId>,
) -> Result<Response, Problem> {
    recent::require(&app, &signed).await?;
    // A directory of the embedding app verifies passwords itself.
    let keep_one = app.passwords.is_some() && !signed.user.has_password();
    let user = signed.user.id;
    match app.store.remove_passkey(user, id, keep_one).await? {
        PasskeyRemoved::Yes => {
            app.counters.count("passkeys_removed");
            note(|subject| subject.change = Some(Change::PasskeyRemoved));
            tracing::info!(%user, "a passkey was removed");
            Ok((StatusCode::NO_CONTENT, NO_STORE).into_response())
        }
        PasskeyRemoved::LastWayIn => Err(LAST_WAY_IN),
        PasskeyRemoved::Missing => Err(Problem::not_found()),
    }
}

pub(super) fn parse_name(text: &str) -> Result<PasskeyName, Problem> {
    PasskeyName::parse(text).ok_or(BAD_NAME)
}

const BAD_NAME: Problem = Problem::invalid(
    "name must have 1 to 100 characters, not blanks alone, and no control characters",
);

const LAST_WAY_IN: Problem = Problem::new(
    StatusCode::CONFLICT,
    ErrorCode::LastWayIn,
    "the account has no password: this passkey is the last way to sign in",
);
