//! `POST /auth/passkeys/sign-up` and its options: accounts without a password.

use axum::{
    Json, RequestExt,
    extract::{FromRequest, Request, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use nolapse::wire::PASSKEY_SIGN_UP_PATH;
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::{
    App,
    accounts::{ACCOUNT_EXISTS, parse_email},
    address::Address,
    body::StrictJson,
    contexts::ContextNames,
    limits::{Throttled, Turns},
    openapi,
    passkey_registration::{self, PasskeyCreation},
    passkey_sign_in::DISABLED,
    proof::HeaderProof,
    schemas,
    sessions::NO_STORE,
    sign_in::{self, SignedIn},
};
use crate::{
    clock,
    domain::{Applied, Authentication, Email, PasswordHash, Role, User},
    problem::{Body, Problem},
    webauthn::{Purpose, RegistrationResponse},
};

/// The address of an account that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasskeySignUpOptions {
    /// As in a sign-up with a password.
    #[schema(
        format = "email",
        max_length = 254,
        pattern = "^\\s*[^\0-\u{1f}\\s@＠]+[@＠][^\0-\u{1f}\\s@＠]+\\s*$"
    )]
    email: String,
}

/// The address of a new account, and the response of an authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasskeySignUp {
    /// That of the options.
    #[schema(
        format = "email",
        max_length = 254,
        pattern = "^\\s*[^\0-\u{1f}\\s@＠]+[@＠][^\0-\u{1f}\\s@＠]+\\s*$"
    )]
    email: String,
    credential: RegistrationResponse,
    #[serde(default)]
    #[schema(
        min_length = 1,
        max_length = 100,
        required = false,
        pattern = "^[^\0-\u{1f}\u{7f}-\u{9f}]*[^\0- \u{7f}-\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}][^\0-\u{1f}\u{7f}-\u{9f}]*$"
    )]
    name: Option<String>,
    /// The contexts to issue tokens for, besides the one without a context.
    #[serde(default)]
    #[schema(schema_with = schemas::context_names, required = false)]
    contexts: ContextNames,
}

/// A body with an address, counted by the limits of passwords before the account is looked up.
pub(super) struct Counted<T> {
    body: T,
    email: Email,
    headers: HeaderMap,
    _turns: Turns,
}

/// A body with an address.
pub(super) trait HasEmail: DeserializeOwned + Send {
    fn email(&self) -> &str;
}

impl HasEmail for PasskeySignUpOptions {
    fn email(&self) -> &str {
        &self.email
    }
}

impl HasEmail for PasskeySignUp {
    fn email(&self) -> &str {
        &self.email
    }
}

impl<T: HasEmail> FromRequest<App> for Counted<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, Problem> {
        let address = request
            .extract_parts_with_state::<Address, App>(app)
            .await?;
        let headers = request.headers().clone();
        let StrictJson(body) = StrictJson::<T>::from_request(request, app).await?;
        let email = parse_email(body.email())?;
        let turns = app
            .limits
            .password(&*app.store, clock::now(), &email, address, None);
        Ok(Self {
            _turns: turns.await?,
            body,
            email,
            headers,
        })
    }
}

/// Issues the options of a new account's passkey. Stores nothing, and reveals nothing of an account.
#[utoipa::path(
    post,
    path = openapi::options_of(PASSKEY_SIGN_UP_PATH),
    operation_id = "passkey_sign_up_options",
    request_body = PasskeySignUpOptions,
    responses((status = 200, body = PasskeyCreation), Throttled)
)]
pub(super) async fn options(
    State(app): State<App>,
    counted: Counted<PasskeySignUpOptions>,
) -> Response {
    let email = counted.email;
    let challenges = &app.relying_party.challenges;
    let (challenge, text) = challenges.issue(clock::now(), Purpose::SignUp(&email));
    let user = challenges.user_of(challenge, &email);
    let options = PasskeyCreation::new(&app, text, user, &email, &[]);
    (NO_STORE, Json(options)).into_response()
}

/// Creates an account without a password and signs it in.
#[utoipa::path(
    post,
    path = PASSKEY_SIGN_UP_PATH,
    operation_id = "passkey_sign_up",
    request_body = PasskeySignUp,
    responses(
        (status = 403, description = "the authenticator's response is refused, or the request is not from an allowed origin", body = Body),
        (status = 409, description = "there is an account with this address, or with this passkey", body = Body),
    )
)]
pub(super) async fn sign_up(
    State(app): State<App>,
    HeaderProof(proof): HeaderProof,
    counted: Counted<PasskeySignUp>,
) -> Result<Response, Problem> {
    let Counted {
        body,
        email,
        headers,
        ..
    } = counted;
    let contexts = body.contexts.parse()?;
    let now = clock::now();
    let purpose = Purpose::SignUp(&email);
    let made = |challenge| app.relying_party.challenges.user_of(challenge, &email);
    let (response, name) = (&body.credential, body.name.as_deref());
    let passkey = passkey_registration::passkey(&app, now, response, name, purpose, made);
    let passkey = passkey.await?;
    let user = User {
        id: passkey.user,
        email: email.clone(),
        password: PasswordHash::none(),
        role: Role::Member,
        disabled: false,
        created_at: now,
    };
    if app.store.add_user_with_passkey(&user, &passkey).await? == Applied::No {
        return Err(ACCOUNT_EXISTS);
    }
    app.counters.count("sign_ups");
    let signed_in = SignedIn {
        user,
        authentication: Authentication::new(now, passkey.credential.methods()),
        contexts: &contexts,
        proof,
    };
    let begun = sign_in::begin(&app, now, &headers, signed_in);
    begun.await?.ok_or(DISABLED)
}
