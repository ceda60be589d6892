//! `POST /auth/passkeys` and its options: a signed-in user's further passkeys.

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
    App,
    body::StrictJson,
    ceremonies::{self, Descriptor, MAX_PASSKEYS, TIMEOUT_MS},
    openapi,
    passkeys::{PasskeyView, parse_name},
    recent,
    security_events::note,
    sessions::NO_STORE,
    signed::Signed,
};
use crate::{
    clock,
    domain::{Email, Passkey, PasskeyAdded, PasskeyId, Timestamp, UserId},
    notices::Change,
    problem::{Body, Problem},
    webauthn::{self, ALGORITHMS, Challenge, Expected, Purpose, RegistrationResponse},
};

/// The response of an authenticator, and a name for the passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPasskey {
    credential: RegistrationResponse,
    #[serde(default)]
    #[schema(
        min_length = 1,
        max_length = 100,
        required = false,
        pattern = "^[^\0-\u{1f}\u{7f}-\u{9f}]*[^\0- \u{7f}-\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}][^\0-\u{1f}\u{7f}-\u{9f}]*$"
    )]
    name: Option<String>,
}

/// The argument of `navigator.credentials.create()`, by `PublicKeyCredential.parseCreationOptionsFromJSON()`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PasskeyCreation {
    public_key: CreationOptions,
}

/// The options of a registration (`PublicKeyCredentialCreationOptionsJSON`, `WebAuthn` Level 3 §5.4).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreationOptions {
    rp: PartyView,
    user: UserHandle,
    /// In base64url.
    challenge: String,
    pub_key_cred_params: Vec<Parameters>,
    /// Milliseconds.
    timeout: u64,
    exclude_credentials: Vec<Descriptor>,
    authenticator_selection: Selection,
    /// `none`.
    attestation: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RelyingParty)]
struct PartyView {
    id: String,
    name: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserHandle {
    /// In base64url.
    id: String,
    name: String,
    display_name: String,
}

#[derive(Serialize, ToSchema)]
struct Parameters {
    /// `public-key`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// A number of the registry of COSE.
    alg: i64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Selection {
    /// `required`.
    resident_key: &'static str,
    require_resident_key: bool,
    /// `required`.
    user_verification: &'static str,
}

impl PasskeyCreation {
    /// Makes the options of a registration with this challenge.
    pub(super) fn new(
        app: &App,
        challenge: String,
        user: UserId,
        email: &Email,
        registered: &[Passkey],
    ) -> Self {
        let id = app.relying_party.id.clone();
        let name = email.expose().to_owned();
        Self {
            public_key: CreationOptions {
                rp: PartyView {
                    name: id.clone(),
                    id,
                },
                user: UserHandle {
                    id: Base64UrlUnpadded::encode_string(user.as_bytes()),
                    display_name: name.clone(),
                    name,
                },
                challenge,
                pub_key_cred_params: ALGORITHMS
                    .map(|alg| Parameters {
                        kind: "public-key",
                        alg,
                    })
                    .into(),
                timeout: TIMEOUT_MS,
                exclude_credentials: registered.iter().map(Descriptor::of).collect(),
                authenticator_selection: Selection {
                    resident_key: "required",
                    require_resident_key: true,
                    user_verification: "required",
                },
                attestation: "none",
            },
        }
    }
}

/// Issues the options of a further passkey. Requires a recent authentication.
#[utoipa::path(
    post,
    path = openapi::options_of(PASSKEYS_PATH),
    operation_id = "passkey_options",
    responses((status = 200, body = PasskeyCreation))
)]
pub(super) async fn options(State(app): State<App>, signed: Signed) -> Result<Response, Problem> {
    recent::require(&app, &signed).await?;
    let Signed { session, user, .. } = signed;
    let registered = app.store.passkeys_of(user.id).await?;
    let purpose = Purpose::Register(session.id);
    let (_, challenge) = app.relying_party.challenges.issue(clock::now(), purpose);
    let options = PasskeyCreation::new(&app, challenge, user.id, &user.email, &registered);
    Ok((NO_STORE, Json(options)).into_response())
}

/// Adds a passkey. Requires a recent authentication.
#[utoipa::path(
    post,
    path = PASSKEYS_PATH,
    operation_id = "add_passkey",
    request_body = NewPasskey,
    responses(
        (status = 201, body = PasskeyView),
        (status = 403, description = "the authenticator's response is refused, or the request is not from an allowed origin", body = Body),
        (status = 409, description = "the passkey exists, or the user has as many as are allowed", body = Body),
    )
)]
pub(super) async fn register(
    State(app): State<App>,
    signed: Signed,
    StrictJson(body): StrictJson<NewPasskey>,
) -> Result<Response, Problem> {
    recent::require(&app, &signed).await?;
    let name = body.name.as_deref();
    let now = clock::now();
    let purpose = Purpose::Register(signed.session.id);
    let user = |_| signed.user.id;
    let passkey = passkey(&app, now, &body.credential, name, purpose, user).await?;
    match app.store.add_passkey(&passkey, MAX_PASSKEYS).await? {
        PasskeyAdded::Yes => {}
        PasskeyAdded::LimitReached => return Err(TOO_MANY),
        PasskeyAdded::Exists => return Err(ceremonies::EXISTS),
        PasskeyAdded::NoUser => return Err(Problem::not_found()),
    }
    app.counters.count("passkeys_added");
    note(|subject| subject.change = Some(Change::PasskeyAdded));
    tracing::info!(user = %passkey.user, "a passkey was added");
    let view = PasskeyView::of(&passkey);
    Ok((StatusCode::CREATED, NO_STORE, Json(view)).into_response())
}

/// Verifies a registration for a purpose, uses its challenge up, and returns the passkey of the `user` whom the challenge
/// is for.
pub(super) async fn passkey(
    app: &App,
    now: Timestamp,
    response: &RegistrationResponse,
    name: Option<&str>,
    purpose: Purpose<'_>,
    user: impl FnOnce(Challenge) -> UserId,
) -> Result<Passkey, Problem> {
    let name = parse_name(name.unwrap_or("Passkey"))?;
    let expected = Expected { now, purpose };
    let registered = webauthn::register(response, &app.relying_party, expected);
    let (credential, challenge) = registered.map_err(ceremonies::not_registered)?;
    ceremonies::use_up(app, challenge, ceremonies::NOT_REGISTERED).await?;
    Ok(Passkey {
        id: PasskeyId::from_bytes(clock::random()),
        user: user(challenge),
        name,
        credential,
        created_at: now,
        last_used_at: now,
    })
}

const TOO_MANY: Problem = Problem::new(
    StatusCode::CONFLICT,
    ErrorCode::LimitReached,
    "the user has as many passkeys as are allowed; remove some first",
);
