//! `POST /auth/passkeys/sign-in` and its options.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, PASSKEY_SIGN_IN_PATH};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    App,
    body::StrictJson,
    ceremonies::{self, PasskeyRequest},
    contexts::ContextNames,
    openapi,
    proof::HeaderProof,
    schemas,
    sessions::NO_STORE,
    sign_in::{self, SignedIn},
};
use crate::{
    clock,
    domain::Authentication,
    problem::{Body, Problem},
    webauthn::{AuthenticationResponse, Purpose},
};

/// The response of an authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasskeySignIn {
    credential: AuthenticationResponse,
    /// The contexts to issue tokens for, besides the one without a context.
    #[serde(default)]
    #[schema(schema_with = schemas::context_names, required = false)]
    contexts: ContextNames,
}

/// Issues the options of a sign-in without a user name. Stores nothing.
#[utoipa::path(
    post,
    path = openapi::options_of(PASSKEY_SIGN_IN_PATH),
    operation_id = "passkey_sign_in_options",
    responses((status = 200, body = PasskeyRequest))
)]
pub(super) async fn options(State(app): State<App>) -> Response {
    let options = PasskeyRequest::new(&app, Purpose::SignIn, &[]);
    (NO_STORE, Json(options)).into_response()
}

/// Signs in with a passkey; the session of a cookie in the request ends.
#[utoipa::path(
    post,
    path = PASSKEY_SIGN_IN_PATH,
    operation_id = "passkey_sign_in",
    request_body = PasskeySignIn,
    responses((status = 401, description = "the passkey is unknown, or its response is refused", body = Body))
)]
pub(super) async fn sign_in(
    State(app): State<App>,
    HeaderProof(proof): HeaderProof,
    headers: HeaderMap,
    StrictJson(body): StrictJson<PasskeySignIn>,
) -> Result<Response, Problem> {
    let contexts = body.contexts.parse()?;
    let now = clock::now();
    let passkey = ceremonies::assert(&app, now, &body.credential, Purpose::SignIn, None).await?;
    let user = app.users.find(passkey.user).await?;
    let user = user.filter(|user| !user.disabled).ok_or(DISABLED)?;
    let signed_in = SignedIn {
        user,
        authentication: Authentication::new(now, passkey.credential.methods()),
        contexts: &contexts,
        proof,
    };
    let begun = sign_in::begin(&app, now, &headers, signed_in).await?;
    app.counters.count("passkey_sign_ins");
    begun.ok_or(DISABLED)
}

/// The passkey is right: its user may know that the account is disabled.
pub(super) const DISABLED: Problem = Problem::session_ended(EndReason::UserDisabled);
