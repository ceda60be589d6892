//! `GET /auth/providers/{name}/callback`: the provider sends the browser back.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, Uri},
    response::Response,
};
use nolapse::wire::EndReason;

use super::{
    App, provider_return, providers, security_events::note, sign_in::new_session, token_response,
};
use crate::{
    clock,
    config::ProviderMode,
    dbsc::Purpose,
    domain::{
        Applied, Authentication, AuthenticationMethod, DirectoryError, Grant, Identity,
        ProviderSession, SessionId, Timestamp, User,
    },
    notices::Change,
    problem::Problem,
    providers::{
        IdClaims, Provider, ProviderError, SignInState, StoredTokens, Tokens, Transaction, mark,
        purpose,
    },
};

/// How a callback failed: with what a page is told, or with a response.
enum Failure {
    Provider(ProviderError),
    Problem(Problem),
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error)
    }
}

impl<T: Into<Problem>> From<T> for Failure {
    fn from(problem: T) -> Self {
        Self::Problem(problem.into())
    }
}

/// What a callback did.
enum Done {
    /// It opened a session.
    Opened(Box<Grant>),
    /// It added an identity to the account.
    Linked,
}

/// Opens a session for the user that the provider names, or adds the identity to the account that is signed in. A callback
/// that comes again opens nothing.
#[utoipa::path(
    get,
    path = providers::CALLBACK_PATH,
    operation_id = "provider_callback",
    params(
        ("name" = String, Path, description = "the provider"),
        ("state" = String, Query, description = "what the sign-in sent along"),
        ("code" = Option<String>, Query, description = "what the provider's tokens are exchanged for"),
        ("iss" = Option<String>, Query, description = "the provider's issuer (RFC 9207)"),
        ("error" = Option<String>, Query, description = "why there is no code"),
    ),
    responses(
        (status = 303, description = "to return_to, with nolapse_error and nolapse_provider if it failed", headers(("set-cookie" = String))),
        (status = 200, description = "in a window: a page that tells its opener", content_type = "text/html", body = String),
    )
)]
pub(super) async fn callback(
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let provider = app.providers.find(&name).ok_or(Problem::not_found())?;
    let query = providers::query(&uri, &["state", "code", "iss", "error"])?;
    let now = clock::now();
    let state = query.get("state");
    let state = state.and_then(|state| SignInState::open(now, &app.providers.seal, state));
    let state = state.filter(|state| state.provider == name);
    let state = state.ok_or(Problem::invalid(
        "state is missing, expired, or of no sign-in here",
    ))?;
    let Some(transaction) = providers::transaction(&app, now, &headers, &state) else {
        return without_transaction(&app, &state).await;
    };
    // Before the code is used, so that of two callbacks one is served.
    let until = now + crate::providers::TRANSACTION_LIFETIME;
    if app.store.set_mark(&used(&state), until).await? == Applied::No {
        return Ok(repeated(&state));
    }
    let begun = async {
        let iss = query.get("iss").map(String::as_str);
        provider.check_issuer(iss).await?;
        if let Some(error) = query.get("error") {
            return Err(Failure::Provider(match error.as_str() {
                "access_denied" => ProviderError::Denied,
                _ => ProviderError::Failed("authorization_error"),
            }));
        }
        let code = query.get("code").ok_or(ProviderError::Failed("no_code"))?;
        let redirect_uri = providers::redirect_uri(&app, &name);
        let tokens = provider.exchange(code, &redirect_uri, &transaction).await?;
        let claims = provider
            .verify(clock::now(), &tokens, &transaction.nonce)
            .await?;
        let opening = Opening {
            app: &app,
            provider,
            transaction: &transaction,
            headers: &headers,
        };
        opening.open(tokens, claims).await
    };
    respond(&app, now, &state, begun.await)
}

fn respond(
    app: &App,
    now: Timestamp,
    state: &SignInState,
    done: Result<Done, Failure>,
) -> Result<Response, Problem> {
    let error = match &done {
        Ok(_) => None,
        Err(Failure::Provider(error)) => Some(*error),
        Err(Failure::Problem(problem)) => return Err(*problem),
    };
    app.counters.count(if error.is_none() {
        "provider_sign_ins"
    } else {
        "provider_sign_ins_refused"
    });
    note(|subject| {
        subject.result = Some(if error.is_none() { "ok" } else { "refused" });
        subject.reason = error.map(ProviderError::reason);
    });
    let mut response = provider_return::back(state, error);
    let headers = response.headers_mut();
    providers::forget(headers, &state.id);
    if let Ok(Done::Opened(grant)) = done {
        token_response::set_cookies(app, now, &grant, headers)?;
        let purpose = Purpose::RegistrationAfterNavigation;
        app.ask_for_key(now, purpose, grant.session.id, headers);
    }
    Ok(response)
}

/// Responds to a callback whose browser has no transaction: a second one, or one of another browser's (RFC 9700 §4.7).
async fn without_transaction(app: &App, state: &SignInState) -> Result<Response, Problem> {
    if app.store.has_mark(&used(state)).await? {
        return Ok(repeated(state));
    }
    let error = ProviderError::Refused("transaction");
    app.counters.count("provider_sign_ins_refused");
    note(|subject| {
        subject.result = Some("refused");
        subject.reason = Some(error.reason());
    });
    Ok(provider_return::back(state, Some(error)))
}

fn repeated(state: &SignInState) -> Response {
    note(|subject| {
        subject.result = Some("refused");
        subject.reason = Some("repeated");
    });
    provider_return::back(state, None)
}

fn used(state: &SignInState) -> [u8; 32] {
    mark("transaction", &[&state.id])
}

/// A callback whose ID token was verified.
struct Opening<'a> {
    app: &'a App,
    provider: &'a Provider,
    transaction: &'a Transaction,
    headers: &'a HeaderMap,
}

impl Opening<'_> {
    async fn open(&self, tokens: Tokens, claims: IdClaims) -> Result<Done, Failure> {
        let identity = Identity {
            issuer: self.provider.config.issuer.clone(),
            subject: claims.subject.clone(),
        };
        if let Some(session) = &self.transaction.link {
            self.link(session, &identity).await?;
            return Ok(Done::Linked);
        }
        let user = self.user(&identity, &claims).await?;
        note(|subject| subject.user = Some(user.id));
        if user.disabled {
            return Err(ProviderError::Refused("disabled").into());
        }
        let grant = self.begin(user, identity, tokens, &claims).await?;
        if let Some(before) = self
            .transaction
            .before
            .as_deref()
            .and_then(SessionId::parse)
        {
            let (store, now) = (&self.app.store, clock::now());
            store.end_session(before, now, EndReason::SignedOut).await?;
        }
        Ok(Done::Opened(Box::new(grant)))
    }

    /// Adds an identity to the account of a session that is still alive.
    async fn link(&self, session: &str, identity: &Identity) -> Result<(), Failure> {
        note(|subject| subject.event = Some("provider_link"));
        let (app, now) = (self.app, clock::now());
        let gone = ProviderError::Refused("session_ended");
        let id = SessionId::parse(session).ok_or(gone)?;
        let alive = app.sessions.find_alive(now, id).await?;
        let (session, user) = alive.ok_or(gone)?;
        note(|subject| {
            subject.session = Some(session.id);
            subject.user = Some(user.id);
        });
        let added = app.store.add_identity(identity, user.id, now).await?;
        if added == Applied::No {
            return Err(ProviderError::AccountExists.into());
        }
        note(|subject| subject.change = Some(Change::ProviderLinked));
        Ok(())
    }

    /// Finds the user of an identity, or creates one. An address alone opens no account: whoever controls it at a provider
    /// would take over the account here.
    async fn user(&self, identity: &Identity, claims: &IdClaims) -> Result<User, Failure> {
        let (app, now) = (self.app, clock::now());
        if let Some(user) = app.store.user_of_identity(identity).await? {
            // As the directory has it, which may be another one than the store.
            let user = app.users.find(user.id).await?;
            return Ok(user.ok_or(ProviderError::Refused("disabled"))?);
        }
        let email = claims.verified_email.clone();
        let created = app.users.create_federated(now, email).await;
        let user = match created {
            Ok(user) => user.ok_or(ProviderError::AccountExists)?,
            Err(DirectoryError::Store(error)) => return Err(error.into()),
            Err(DirectoryError::Busy | DirectoryError::CommonPassword | DirectoryError::Failed) => {
                return Err(ProviderError::Failed("directory").into());
            }
        };
        app.sessions.refer_to(&user).await?;
        let added = app.store.add_identity(identity, user.id, now).await?;
        if added == Applied::No {
            // A concurrent sign-in has created the user.
            app.store.delete_user(user.id).await?;
            let user = app.store.user_of_identity(identity).await?;
            return Ok(user.ok_or(ProviderError::Failed("directory"))?);
        }
        Ok(user)
    }

    /// Begins the session, and keeps what it has at the provider.
    async fn begin(
        &self,
        user: User,
        identity: Identity,
        tokens: Tokens,
        claims: &IdClaims,
    ) -> Result<Grant, Failure> {
        let (app, now) = (self.app, clock::now());
        let (authentication, key) = (authentication(now, claims), self.transaction.key());
        let new = new_session(app, self.headers, authentication, key);
        let (id, secret) = (clock::random(), clock::random());
        let begun = app.sessions.sign_in(now, user, new, id, secret).await?;
        let grant = begun.ok_or(ProviderError::Refused("disabled"))?;
        let session = grant.session.id;
        note(|subject| subject.session = Some(session));
        tracing::info!(%session, user = %grant.user.id, provider = self.provider.config.name, "signed in");
        let is_mediated = self.provider.config.mode == ProviderMode::Mediate;
        let stored = StoredTokens::of(now, tokens, is_mediated);
        let row = ProviderSession {
            session,
            provider: self.provider.config.name.clone(),
            sid: claims.sid.clone(),
            sealed: Some(app.providers.seal.seal(&purpose(session), &stored)),
            version: 0,
            leased_until: None,
            identity,
        };
        let added = app.store.add_provider_session(&row).await;
        // A logout of the provider's may have come between its tokens and this row.
        let is_over = match &added {
            Ok(Applied::Yes) => self.is_logged_out(&row).await,
            Ok(Applied::No) | Err(_) => Ok(true),
        };
        if !matches!(is_over, Ok(false)) {
            app.store
                .end_session(session, now, EndReason::Revoked)
                .await?;
        }
        added?;
        if is_over? {
            return Err(ProviderError::Refused("logged_out").into());
        }
        Ok(grant)
    }

    async fn is_logged_out(&self, row: &ProviderSession) -> Result<bool, Problem> {
        let Some(sid) = &row.sid else {
            return Ok(false);
        };
        let mark = mark("sid", &[&row.identity.issuer, sid]);
        Ok(self.app.store.has_mark(&mark).await?)
    }
}

fn authentication(now: Timestamp, claims: &IdClaims) -> Authentication {
    let at = claims.authenticated_at;
    let at = at.map(|at| Timestamp::from_millis(at.saturating_mul(1_000)));
    let mut methods = vec![AuthenticationMethod::Federated];
    if claims.has_several_factors {
        methods.push(AuthenticationMethod::MultiFactor);
    }
    Authentication::new(at.map_or(now, |at| at.min(now)), methods)
}
