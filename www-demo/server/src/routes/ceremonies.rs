//! What the endpoints of passkeys share: options, refusals, and assertions that are used up.

use std::time::Duration;

use axum::http::StatusCode;
use base64ct::{Base64UrlUnpadded, Encoding};
use nolapse::wire::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{App, security_events::note};
use crate::{
    clock,
    domain::{Applied, Passkey, Timestamp, UserId},
    problem::Problem,
    webauthn::{
        self, AuthenticationResponse, CHALLENGE_LIFETIME, Challenge, Expected, Purpose, Refused,
    },
};

/// The most passkeys of a user.
pub(super) const MAX_PASSKEYS: u32 = 20;

/// The `timeout` of options, in milliseconds.
pub(super) const TIMEOUT_MS: u64 = CHALLENGE_LIFETIME.as_secs() * 1_000;

/// A credential that options name (`PublicKeyCredentialDescriptorJSON`).
#[derive(Serialize, ToSchema)]
pub(super) struct Descriptor {
    /// In base64url.
    id: String,
    /// `public-key`.
    #[serde(rename = "type")]
    kind: &'static str,
    transports: Vec<String>,
}

impl Descriptor {
    pub(super) fn of(passkey: &Passkey) -> Self {
        let credential = &passkey.credential;
        Self {
            id: Base64UrlUnpadded::encode_string(&credential.id),
            kind: "public-key",
            transports: credential
                .transports
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// The options of a sign-in (`PublicKeyCredentialRequestOptionsJSON`, `WebAuthn` Level 3 §5.5).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestOptions {
    /// In base64url.
    challenge: String,
    /// Milliseconds.
    timeout: u64,
    rp_id: String,
    /// Empty for a sign-in without a user name.
    allow_credentials: Vec<Descriptor>,
    /// `required`.
    user_verification: &'static str,
}

/// The argument of `navigator.credentials.get()`, by `PublicKeyCredential.parseRequestOptionsFromJSON()`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PasskeyRequest {
    public_key: RequestOptions,
}

impl PasskeyRequest {
    /// Makes the options of a sign-in for a purpose, by these passkeys; without any, by whichever the user chooses.
    pub(super) fn new(app: &App, purpose: Purpose<'_>, passkeys: &[Passkey]) -> Self {
        let party = &app.relying_party;
        let (_, challenge) = party.challenges.issue(clock::now(), purpose);
        Self {
            public_key: RequestOptions {
                challenge,
                timeout: TIMEOUT_MS,
                rp_id: party.id.clone(),
                allow_credentials: passkeys.iter().map(Descriptor::of).collect(),
                user_verification: "required",
            },
        }
    }
}

/// Verifies an assertion for a purpose, by this user where one is known, and uses challenge and counter up. Returns the
/// passkey.
pub(super) async fn assert(
    app: &App,
    now: Timestamp,
    response: &AuthenticationResponse,
    purpose: Purpose<'_>,
    user: Option<UserId>,
) -> Result<Passkey, Problem> {
    let id = response.credential_id().map_err(refused)?;
    let passkey = app.store.passkey(&id).await?;
    let is_of_user = |passkey: &Passkey| user.is_none_or(|user| user == passkey.user);
    let passkey = passkey.filter(is_of_user).ok_or(UNKNOWN)?;
    note(|subject| subject.user = Some(passkey.user));
    // A user handle is there whenever the user was not known before (WebAuthn Level 3 §7.2 step 6).
    if !webauthn::is_user_handle(response, passkey.user, user.is_some()) {
        return Err(refused(Refused::Malformed));
    }
    let expected = Expected { now, purpose };
    let party = &app.relying_party;
    let asserted = webauthn::authenticate(response, &passkey.credential, party, expected);
    let asserted = asserted.map_err(refused)?;
    use_up(app, asserted.challenge, REFUSED).await?;
    let successor = passkey.used(now, asserted.counter, asserted.backed_up);
    let successor = successor.ok_or_else(cloned)?;
    if app.store.use_passkey(&successor).await? == Applied::No {
        return Err(cloned());
    }
    Ok(successor)
}

/// Uses a challenge up. Of any number of concurrent attempts, at any number of servers, one succeeds.
pub(super) async fn use_up(
    app: &App,
    challenge: Challenge,
    refused: Problem,
) -> Result<(), Problem> {
    // A clock that is behind, at another server, still finds it.
    let kept_until = challenge.expires_at() + CLOCK_SKEW;
    let used = app
        .store
        .use_challenge(challenge.id(), clock::random(), kept_until);
    if used.await? == Applied::No {
        note(|subject| subject.reason = Some("challenge_used"));
        return Err(refused);
    }
    Ok(())
}

/// How far the clocks of servers may differ.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// Returns the response to an assertion that is refused, and logs the reason.
pub(super) fn refused(why: Refused) -> Problem {
    note(|subject| subject.reason = Some(why.as_str()));
    REFUSED
}

fn cloned() -> Problem {
    note(|subject| subject.reason = Some("counter"));
    REFUSED
}

/// The response to a registration that is refused.
pub(super) fn not_registered(why: Refused) -> Problem {
    note(|subject| subject.reason = Some(why.as_str()));
    NOT_REGISTERED
}

const REFUSED: Problem = Problem::new(
    StatusCode::UNAUTHORIZED,
    ErrorCode::PasskeyRefused,
    "the passkey's response is not valid here, or was used; ask for new options",
);

const UNKNOWN: Problem = Problem::new(
    StatusCode::UNAUTHORIZED,
    ErrorCode::UnknownPasskey,
    "no account has this passkey; it may have been removed",
);

pub(super) const NOT_REGISTERED: Problem = Problem::new(
    StatusCode::FORBIDDEN,
    ErrorCode::PasskeyRefused,
    "the authenticator's response is not valid here, or was used; ask for new options",
);

pub(super) const EXISTS: Problem = Problem::new(
    StatusCode::CONFLICT,
    ErrorCode::PasskeyExists,
    "there is a passkey with this credential",
);
