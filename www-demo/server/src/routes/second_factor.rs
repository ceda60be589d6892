//! `POST /auth/sign-in/totp`: the second factor of a sign-in, and the codes of users anywhere.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use nolapse::wire::{ErrorCode, TOTP_SIGN_IN_PATH};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    App,
    body::StrictJson,
    ceremonies,
    contexts::ContextNames,
    proof::HeaderProof,
    schemas,
    security_events::note,
    sessions::NO_STORE,
    sign_in::{self, SignedIn},
};
use crate::{
    clock,
    domain::{
        Applied, Authentication, AuthenticationMethod, Timestamp, Totp, TotpStep, User, UserId,
    },
    keys::Sealing,
    one_time::{TotpSecret, TypedCode, recovery_hash},
    problem::{Body, Problem},
    webauthn::{CHALLENGE_LIFETIME, Expected, Purpose},
};

/// What the encrypted secrets of users are for.
const LABEL: &[u8] = b"nolapse 1 one-time passwords";

/// The longest ticket: a challenge and a user's id.
const MAX_TICKET_BYTES: usize = 128;

/// The ticket of a sign-in, and a one-time password or a recovery code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SecondFactor {
    ticket: String,
    /// Six digits, or a recovery code; blanks and hyphens do not count.
    code: String,
    /// The contexts to issue tokens for, besides the one without a context.
    #[serde(default)]
    #[schema(schema_with = schemas::context_names, required = false)]
    contexts: ContextNames,
}

/// Returns the response to a right password, if the user has a second factor.
pub(super) async fn ask(
    app: &App,
    now: Timestamp,
    user: &User,
) -> Result<Option<Response>, Problem> {
    let totp = app.store.totp(user.id).await?;
    if !totp.is_some_and(|totp| totp.is_confirmed) {
        return Ok(None);
    }
    note(|subject| subject.reason = Some(ErrorCode::SecondFactorRequired.as_str()));
    let purpose = Purpose::SecondFactor(user);
    let (_, challenge) = app.relying_party.challenges.issue(now, purpose);
    let ticket = format!("{}.{challenge}", user.id);
    let body = Body::second_factor(ticket, CHALLENGE_LIFETIME.as_secs());
    let mut response = (StatusCode::UNAUTHORIZED, NO_STORE, Json(body)).into_response();
    response
        .extensions_mut()
        .insert(ErrorCode::SecondFactorRequired);
    Ok(Some(response))
}

/// Signs in with the ticket of a right password and a code; the session of a cookie in the request ends.
#[utoipa::path(
    post,
    path = TOTP_SIGN_IN_PATH,
    operation_id = "second_factor",
    request_body = SecondFactor,
    responses((status = 401, description = "the ticket has expired or was used, or the code is wrong or was used", body = Body))
)]
pub(super) async fn sign_in(
    State(app): State<App>,
    HeaderProof(proof): HeaderProof,
    headers: HeaderMap,
    StrictJson(body): StrictJson<SecondFactor>,
) -> Result<Response, Problem> {
    let contexts = body.contexts.parse()?;
    let now = clock::now();
    let ticket = Some(body.ticket.as_str()).filter(|ticket| ticket.len() <= MAX_TICKET_BYTES);
    let (user, challenge) = ticket
        .and_then(|ticket| ticket.split_once('.'))
        .ok_or(NO_TICKET)?;
    let user = UserId::parse(user).ok_or(NO_TICKET)?;
    let user = app.users.find(user).await?.ok_or(NO_TICKET)?;
    let expected = Expected {
        now,
        purpose: Purpose::SecondFactor(&user),
    };
    let challenge = app.relying_party.challenges.open(challenge, expected);
    let challenge = challenge.filter(|_| !user.disabled).ok_or(NO_TICKET)?;
    note(|subject| subject.user = Some(user.id));
    check(&app, now, user.id, &body.code, WRONG).await?;
    ceremonies::use_up(&app, challenge, NO_TICKET).await?;
    let signed_in = SignedIn {
        user,
        authentication: Authentication::new(now, TWO_FACTORS),
        contexts: &contexts,
        proof,
    };
    let begun = sign_in::begin(&app, now, &headers, signed_in).await?;
    app.counters.count("sign_ins");
    begun.ok_or(NO_TICKET)
}

const TWO_FACTORS: [AuthenticationMethod; 3] = [
    AuthenticationMethod::Password,
    AuthenticationMethod::OneTimePassword,
    AuthenticationMethod::MultiFactor,
];

/// Checks a code of a user, who has a confirmed generator, and uses it up; a wrong one is `refused`, and counts as a wrong
/// password does.
pub(super) async fn check(
    app: &App,
    now: Timestamp,
    user: UserId,
    code: &str,
    refused: Problem,
) -> Result<(), Problem> {
    let code = TypedCode::parse(code).ok_or(refused)?;
    let store = &*app.store;
    let turns = app.limits.code(store, now, user).await?;
    let totp = store.totp(user).await?.filter(|totp| totp.is_confirmed);
    let totp = totp.ok_or(refused)?;
    let applied = match code {
        TypedCode::Recovery(code) => {
            let taken = store
                .use_recovery_code(user, recovery_hash(user, &code))
                .await?;
            if taken == Applied::Yes {
                app.counters.count("recovery_codes_used");
            }
            taken
        }
        TypedCode::Password(password) => match find(app, now, user, &totp, &password).await? {
            Some(step) => store.use_totp(user, step).await?,
            None => Applied::No,
        },
    };
    if applied == Applied::No {
        app.counters.count("codes_refused");
        return Err(refused);
    }
    turns.succeed(store).await
}

/// Returns the step of a password that was not used.
pub(super) async fn find(
    app: &App,
    now: Timestamp,
    user: UserId,
    totp: &Totp,
    password: &str,
) -> Result<Option<TotpStep>, Problem> {
    let Some(unsealed) = app.keys.unseal(sealing(&user), &totp.sealed) else {
        tracing::error!(%user, "no secrets of the key file open the user's one-time passwords");
        return Ok(None);
    };
    let secret = TotpSecret::from_bytes(unsealed.secret);
    if unsealed.is_outdated
        && let Some(sealed) = app.keys.seal(sealing(&user), secret.expose())
    {
        app.store.reseal_totp(user, &totp.sealed, &sealed).await?;
    }
    let steps = TotpStep::accepted(now, totp.last_step);
    Ok(secret.step_of(password, steps))
}

/// Returns what the encrypted secret of a user is for.
pub(super) fn sealing(user: &UserId) -> Sealing<'_> {
    Sealing {
        label: LABEL,
        owner: user.as_bytes(),
    }
}

const NO_TICKET: Problem = Problem::new(
    StatusCode::UNAUTHORIZED,
    ErrorCode::InvalidCredentials,
    "the ticket has expired or was used; sign in again",
);

const WRONG: Problem = Problem::new(
    StatusCode::UNAUTHORIZED,
    ErrorCode::InvalidCode,
    "the code is wrong, or was used",
);
