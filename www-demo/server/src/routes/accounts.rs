//! `POST /auth/sign-up` and `POST /auth/sign-in`.

use std::collections::BTreeSet;

use axum::{
    RequestExt,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use nolapse::wire::{ErrorCode, SIGN_IN_PATH, SIGN_UP_PATH};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    App,
    address::Address,
    contexts::ContextNames,
    limits::Turns,
    said::{PlainVersion, Said, said},
    schemas, second_factor,
    security_events::note,
    sign_in::{self, SignedIn},
};
use crate::{
    clock,
    domain::{DirectoryError, Email, Password, Proof, User},
    problem::{Body, Problem},
};

/// How often a sign-in is retried after a concurrent change of the password.
const SIGN_IN_TRIES: usize = 3;

/// The longest input for an address, in characters, as in the `OpenAPI` document.
const MAX_EMAIL_CHARS: usize = 254;
/// The longest input for a password, in characters, as in the `OpenAPI` document.
const MAX_PASSWORD_CHARS: usize = 256;

/// The credentials of a sign-up or sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// An address in any spelling whose canonical form (PRECIS, UTS 46) has at most 254 octets; what that form
    /// forbids is refused beyond the pattern.
    #[schema(
        format = "email",
        max_length = 254,
        pattern = "^\\s*[^\0-\u{1f}\\s@＠]+[@＠][^\0-\u{1f}\\s@＠]+\\s*$"
    )]
    email: String,
    /// Counted in normal form C too.
    #[schema(format = "password", min_length = 8, max_length = 256)]
    password: String,
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

said!(Credentials, may_be_empty: false);

impl Credentials {
    pub(super) fn parse(self) -> Result<(Email, Password, BTreeSet<String>), Problem> {
        let email = parse_email(&self.email)?;
        let password = parse_password(&self.password)?;
        Ok((email, password, self.contexts.parse()?))
    }
}

/// An attempt with a password, counted by the limits before the account is looked up.
pub(super) struct Attempt {
    email: Email,
    password: Password,
    turns: Turns,
    headers: HeaderMap,
    contexts: BTreeSet<String>,
    proof: Option<Proof>,
}

impl FromRequest<App> for Attempt {
    type Rejection = Problem;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, Problem> {
        let address = request
            .extract_parts_with_state::<Address, App>(app)
            .await?;
        let headers = request.headers().clone();
        let Said { body, proof } = Said::<Credentials>::from_request(request, app).await?;
        let (email, password, contexts) = body.parse()?;
        let now = clock::now();
        let device = app.devices.read(now, &headers, &email);
        let (limits, store) = (&app.limits, &*app.store);
        let turns = limits.password(store, now, &email, address, device.as_ref());
        Ok(Self {
            turns: turns.await?,
            email,
            password,
            headers,
            contexts,
            proof,
        })
    }
}

/// Creates an account and signs it in.
#[utoipa::path(
    post, path = SIGN_UP_PATH, request_body = Credentials,
    responses((status = 409, description = "there is an account with this address", body = Body))
)]
pub(super) async fn sign_up(State(app): State<App>, attempt: Attempt) -> Result<Response, Problem> {
    // Its turns stay taken, whether it creates an account or reveals one.
    let Attempt {
        headers,
        email,
        password,
        contexts,
        proof,
        ..
    } = attempt;
    let now = clock::now();
    let user = app.users.create(now, email, password).await?;
    let user = user.ok_or(ACCOUNT_EXISTS)?;
    app.counters.count("sign_ups");
    let signed_in = SignedIn::by_password(now, user, &contexts).with_proof(proof);
    let begun = sign_in::begin(&app, now, &headers, signed_in);
    begun.await?.ok_or(MISMATCH)
}

/// Signs in; the session of a cookie in the request ends.
///
/// An unknown address, a wrong password and a disabled user cannot be distinguished: same response, same time.
#[utoipa::path(
    post, path = SIGN_IN_PATH, request_body = Credentials,
    responses((
        status = 401,
        description = "address and password match no account, or a second factor is needed",
        body = Body,
    ))
)]
pub(super) async fn sign_in(State(app): State<App>, attempt: Attempt) -> Result<Response, Problem> {
    for _ in 0..SIGN_IN_TRIES {
        let Some(user) = verify(&app, &attempt).await? else {
            app.counters.count("sign_ins_refused");
            return Err(MISMATCH);
        };
        let now = clock::now();
        if let Some(asked) = second_factor::ask(&app, now, &user).await? {
            attempt.turns.succeed(&*app.store).await?;
            return Ok(asked);
        }
        // `None`: the password was changed meanwhile, or its hash renewed by a concurrent sign-in.
        let signed_in = SignedIn::by_password(now, user, &attempt.contexts);
        let signed_in = signed_in.with_proof(attempt.proof);
        let begun = sign_in::begin(&app, now, &attempt.headers, signed_in);
        if let Some(begun) = begun.await? {
            attempt.turns.succeed(&*app.store).await?;
            app.counters.count("sign_ins");
            return Ok(begun);
        }
    }
    Err(MISMATCH)
}

pub(super) const ACCOUNT_EXISTS: Problem = Problem::new(
    StatusCode::CONFLICT,
    ErrorCode::AccountExists,
    "there is an account with this e-mail address; sign in",
);

/// Returns the enabled user with these credentials.
async fn verify(app: &App, attempt: &Attempt) -> Result<Option<User>, Problem> {
    let user = app.users.find_by_email(&attempt.email).await?;
    let refused = match &user {
        None => "unknown_account",
        Some(user) if user.disabled => "disabled",
        Some(_) => "wrong_password",
    };
    note(|subject| subject.user = user.as_ref().map(|user| user.id));
    // A disabled user is verified like an unknown one: the time of the response reveals neither.
    let user = user.filter(|user| !user.disabled);
    let stored = user.as_ref().map(|user| user.password.clone());
    let verified = app.users.verify(user, &attempt.password).await;
    let verified = attempt.turns.unless_busy(&*app.store, verified).await?;
    note(|subject| {
        subject.reason = verified.is_none().then_some(refused);
    });
    if verified
        .as_ref()
        .is_some_and(|user| Some(&user.password) != stored.as_ref())
    {
        app.counters.count("password_hashes_renewed");
    }
    Ok(verified)
}

const MISMATCH: Problem = Problem::new(
    StatusCode::UNAUTHORIZED,
    ErrorCode::InvalidCredentials,
    "e-mail and password do not match an account",
);

pub(super) fn parse_email(text: &str) -> Result<Email, Problem> {
    let fits = text.chars().count() <= MAX_EMAIL_CHARS;
    let email = Email::parse(text).filter(|_| fits);
    email.ok_or(Problem::invalid("email is not an e-mail address"))
}

pub(super) fn parse_password(text: &str) -> Result<Password, Problem> {
    let fits = text.chars().count() <= MAX_PASSWORD_CHARS;
    let password = Password::parse(text).filter(|_| fits);
    password.ok_or(Problem::invalid("password must have 8 to 256 characters"))
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Busy => Self::unavailable("too many people sign in at once", 2),
            DirectoryError::CommonPassword => Self::invalid(
                "password is a common one, or close to one; choose one that cannot be guessed",
            ),
            DirectoryError::Store(error) => error.into(),
            DirectoryError::Failed => Self::internal(),
        }
    }
}
