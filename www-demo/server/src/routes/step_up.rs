//! `POST /auth/step-up` and its options: authenticates the user of a session again (RFC 9470).

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, ErrorCode, STEP_UP_PATH};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    App,
    accounts::parse_password,
    ceremonies::{self, PasskeyRequest},
    contexts::ContextNames,
    limits::Throttled,
    openapi,
    said::{PlainVersion, Said, said},
    schemas, second_factor,
    sessions::NO_STORE,
    signed::Signed,
    token_response::{self, TokenResponse},
};
use crate::{
    clock,
    domain::{Applied, AuthenticationMethod, DirectoryError, Password, Session, Timestamp, User},
    problem::{Body, Problem},
    webauthn::{AuthenticationResponse, Purpose},
};

/// What a user authenticates with again: at least one of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepUpBody {
    #[serde(default)]
    #[schema(
        format = "password",
        min_length = 8,
        max_length = 256,
        required = false
    )]
    password: Option<String>,
    /// A one-time password or a recovery code.
    #[serde(default)]
    #[schema(required = false)]
    code: Option<String>,
    /// The response of an authenticator.
    #[serde(default)]
    #[schema(required = false)]
    credential: Option<AuthenticationResponse>,
    /// The contexts to issue tokens for, besides the one without a context.
    #[serde(default)]
    #[schema(schema_with = schemas::context_names, required = false)]
    contexts: ContextNames,
    /// Of a body of `text/plain`.
    #[schema(ignore)]
    version: Option<PlainVersion>,
    /// The proof of possession (RFC 9449), of a body of `text/plain` too.
    #[schema(ignore)]
    dpop: Option<String>,
}

said!(StepUpBody, may_be_empty: false);

/// Issues the options of a step-up with a passkey of the cookie's user.
#[utoipa::path(
    post,
    path = openapi::options_of(STEP_UP_PATH),
    operation_id = "step_up_options",
    responses((status = 200, body = PasskeyRequest))
)]
pub(super) async fn options(State(app): State<App>, signed: Signed) -> Result<Response, Problem> {
    let passkeys = app.store.passkeys_of(signed.user.id).await?;
    let purpose = Purpose::StepUp(signed.session.id);
    let options = PasskeyRequest::new(&app, purpose, &passkeys);
    Ok((NO_STORE, Json(options)).into_response())
}

/// Authenticates the user of the cookie's session again, and returns an access token that says so. The cookie stays.
///
/// The methods of before count with the new ones for `RECENT_SIGN_IN_SECONDS`.
#[utoipa::path(
    post,
    path = STEP_UP_PATH,
    operation_id = "step_up",
    request_body = StepUpBody,
    responses(
        (status = 200, body = TokenResponse),
        (status = 401, description = "no cookie of a live session, or the passkey's response is refused", body = Body),
        (status = 403, description = "the password is another one, the code is wrong, or the request is not from an allowed origin", body = Body),
        Throttled,
    )
)]
pub(super) async fn step_up(
    State(app): State<App>,
    headers: HeaderMap,
    Said { body, proof }: Said<StepUpBody>,
) -> Result<Response, Problem> {
    let contexts = body.contexts.parse()?;
    let signed = Signed::find(&app, &headers, proof.as_ref()).await?;
    let Signed {
        mut session, user, ..
    } = signed;
    let now = clock::now();
    let mut methods = BTreeSet::new();
    if let Some(password) = &body.password {
        let password = parse_password(password)?;
        check_password(&app, now, &session, &user, &password).await?;
        methods.insert(AuthenticationMethod::Password);
    }
    if let Some(code) = &body.code {
        second_factor::check(&app, now, user.id, code, WRONG_CODE).await?;
        methods.insert(AuthenticationMethod::OneTimePassword);
    }
    if let Some(credential) = &body.credential {
        let purpose = Purpose::StepUp(session.id);
        let passkey = ceremonies::assert(&app, now, credential, purpose, Some(user.id)).await?;
        methods.extend(passkey.credential.methods());
    }
    if methods.is_empty() {
        return Err(NOTHING);
    }
    let window = app.settings.recent_sign_in;
    session.authentication = session.authentication.step_up(now, methods, window);
    let written = app
        .store
        .set_authentication(session.id, &session.authentication);
    if written.await? == Applied::No {
        return Err(Problem::session_ended(EndReason::Revoked));
    }
    app.counters.count("step_ups");
    token_response::without_cookie(&app, now, &session, &user, &contexts).await
}

/// Checks the user's password, which counts as a current password does.
async fn check_password(
    app: &App,
    now: Timestamp,
    session: &Session,
    user: &User,
    password: &Password,
) -> Result<(), Problem> {
    let store = &*app.store;
    let turns = app.limits.current_password(store, now, session.id).await?;
    let verified: Result<_, DirectoryError> = app.users.verify(Some(user.clone()), password).await;
    let verified = turns.unless_busy(store, verified).await?;
    verified.ok_or(WRONG_PASSWORD)?;
    turns.succeed(store).await
}

const NOTHING: Problem = Problem::new(
    StatusCode::FORBIDDEN,
    ErrorCode::InvalidCredentials,
    "one of password, code and credential is needed",
);

const WRONG_PASSWORD: Problem = Problem::new(
    StatusCode::FORBIDDEN,
    ErrorCode::InvalidCredentials,
    "the password is another one",
);

const WRONG_CODE: Problem = Problem::new(
    StatusCode::FORBIDDEN,
    ErrorCode::InvalidCode,
    "the code is wrong, or was used",
);
