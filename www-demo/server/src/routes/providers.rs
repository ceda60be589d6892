//! `GET /auth/providers` and `GET /auth/providers/{name}/sign-in`: sign-in through an identity provider begins.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, Uri, header},
    response::Response,
};
use nolapse::wire::PROVIDERS_PATH;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::{
    App, CookieRules, cookie,
    provider_return::{back, is_allowed, see_other},
};
use crate::{
    clock,
    config::ProviderMode,
    domain::{KeyThumbprint, Possession, Presented, RefreshToken, Session, Timestamp},
    problem::Problem,
    providers::{
        Display, Mediation, Provider, ProviderError, SignInState, StoredTokens,
        TRANSACTION_LIFETIME, Transaction, purpose,
    },
};

/// The pattern of the path that a provider redirects to.
pub(super) const CALLBACK_PATH: &str = "/auth/providers/{name}/callback";
/// The pattern of the path that a provider sends logout tokens to.
pub(super) const LOGOUT_PATH: &str = "/auth/providers/{name}/backchannel-logout";
/// The beginning of the names of the cookies of sign-ins under way. Their ids follow, so that two tabs have two.
const COOKIE_PREFIX: &str = "__Host-nolapse-tx-";
/// How many sign-ins a browser may have under way. The oldest is given up for one more.
const MAX_TRANSACTIONS: usize = 5;

/// The response to a refresh while the provider does not answer: a failure, and no end.
pub(super) const UNAVAILABLE: Problem =
    Problem::unavailable("the identity provider does not answer", 2);

/// What a page needs to know of a provider.
#[derive(Serialize, ToSchema)]
#[schema(as = Provider)]
struct ProviderView {
    name: String,
    /// The text of a button.
    label: String,
    /// `own` or `mediate`.
    mode: &'static str,
}

/// The providers of the settings.
#[derive(Serialize, ToSchema)]
#[schema(as = Providers)]
pub(super) struct ProviderList {
    providers: Vec<ProviderView>,
}

/// Lists the providers that users may sign in through.
#[utoipa::path(
    get,
    path = PROVIDERS_PATH,
    operation_id = "providers",
    responses((status = 200, body = ProviderList))
)]
pub(super) async fn list(State(app): State<App>) -> Json<ProviderList> {
    let providers = app.providers.all().iter();
    let providers = providers.map(|provider| ProviderView {
        name: provider.config.name.clone(),
        label: provider.config.label.clone(),
        mode: provider.config.mode.as_str(),
    });
    Json(ProviderList {
        providers: providers.collect(),
    })
}

/// Sends the browser to the provider. For a navigation, with a page of an allowed origin to return to.
#[utoipa::path(
    get,
    path = "/auth/providers/{name}/sign-in",
    operation_id = "provider_sign_in",
    params(
        ("name" = String, Path, description = "the provider"),
        ("return_to" = String, Query, description = "an absolute URL of an allowed origin, at most 2,048 bytes"),
        ("display" = Option<String>, Query, description = "`redirect`, or `popup` for a window that tells its opener"),
        ("dpop_jkt" = Option<String>, Query, description = "the thumbprint of the key that the session is bound to (RFC 9449 §10)"),
        ("link" = Option<String>, Query, description = "`1` adds the identity to the account that is signed in"),
    ),
    responses((status = 303, description = "to the provider, or back with nolapse_error", headers(("set-cookie" = String))))
)]
pub(super) async fn sign_in(
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let provider = app.providers.find(&name).ok_or(Problem::not_found())?;
    let query = query(&uri, &["return_to", "display", "dpop_jkt", "link"])?;
    let return_to = query.get("return_to").cloned().unwrap_or_default();
    if !is_allowed(&app, &return_to) {
        return Err(Problem::invalid(
            "return_to must be an absolute URL of an allowed origin; ALLOWED_ORIGINS lists them",
        ));
    }
    let display = match query.get("display").map(String::as_str) {
        None | Some("redirect") => Display::Redirect,
        Some("popup") => Display::Popup,
        Some(_) => return Err(Problem::invalid("display must be redirect or popup")),
    };
    let jkt = match query.get("dpop_jkt").map(|jkt| KeyThumbprint::parse(jkt)) {
        None => None,
        Some(Some(jkt)) => Some(jkt),
        Some(None) => return Err(Problem::invalid("dpop_jkt must be a thumbprint")),
    };
    let now = clock::now();
    let session = session(&app, now, &headers).await?;
    let session = session.map(|session| session.id.to_string());
    let (link, before) = match query.get("link").map(String::as_str) {
        None => (None, session),
        // Without a session, or for a page of another site, it fails once it is known where to go back to.
        Some("1") => (session.filter(|_| !is_cross_site(&headers)), None),
        Some(_) => return Err(Problem::invalid("link must be 1")),
    };
    let is_refused = query.contains_key("link") && link.is_none();
    let transaction = Transaction::new(now, &name, link, before).with_key(jkt);
    let state = SignInState::new(now, &transaction.id, &name, (return_to, display));
    if is_refused {
        return Ok(back(&state, Some(ProviderError::Refused("session_ended"))));
    }
    let sealed = state.seal(&app.providers.seal);
    let redirect_uri = redirect_uri(&app, &name);
    let url = provider.authorization_url(&redirect_uri, &sealed, &transaction);
    let url = match url.await {
        Ok(url) => url,
        Err(error) => return Ok(back(&state, Some(error))),
    };
    let mut response = see_other(&url);
    let set = response.headers_mut();
    give_up_oldest(&app, now, &headers, set);
    let cookie = format!("{COOKIE_PREFIX}{}", transaction.id);
    let value = transaction.seal(&app.providers.seal);
    let cookie = CookieRules::transaction(&cookie, &value, TRANSACTION_LIFETIME);
    set.append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Returns whether a path of these takes a query.
pub(super) fn takes_query(path: &str) -> bool {
    let below = path
        .split_once(PROVIDERS_PATH)
        .and_then(|(_, rest)| rest.rsplit_once('/'));
    below.is_some_and(|(_, last)| ["sign-in", "callback"].contains(&last))
}

/// Reads a query of known parameters, each once.
pub(super) fn query(uri: &Uri, known: &[&str]) -> Result<BTreeMap<String, String>, Problem> {
    let text = uri.query().unwrap_or_default();
    let mut query = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()).into_owned() {
        // A provider may send more than is known (RFC 6749 §4.1.2).
        if known.contains(&name.as_str()) && query.insert(name, value).is_some() {
            return Err(Problem::invalid("a parameter is doubled"));
        }
    }
    Ok(query)
}

/// Returns the URL that a provider redirects to, which it knows.
pub(super) fn redirect_uri(app: &App, name: &str) -> String {
    let issuer = app.tokens.issuer.trim_end_matches('/');
    let mount = &app.settings.mount;
    format!("{issuer}{mount}{PROVIDERS_PATH}/{name}/callback")
}

/// Reads the transaction of a `state` from the request's cookie.
pub(super) fn transaction(
    app: &App,
    now: Timestamp,
    headers: &HeaderMap,
    state: &SignInState,
) -> Option<Transaction> {
    let mut found = cookie::beginning_with(headers, COOKIE_PREFIX)
        .filter(|(id, _)| *id == state.id)
        .filter_map(|(_, value)| Transaction::open(now, &app.providers.seal, value));
    let transaction = found.next()?;
    (transaction.id == state.id && transaction.provider == state.provider).then_some(transaction)
}

/// Deletes the cookie of a transaction.
pub(super) fn forget(response: &mut HeaderMap, id: &str) {
    let name = format!("{COOKIE_PREFIX}{id}");
    let cookie = CookieRules::transaction(&name, "", std::time::Duration::ZERO);
    response.append(header::SET_COOKIE, cookie);
}

/// Returns the provider's access token for a session of one whose mode is `mediate`; `None` for others.
pub(super) async fn mediate(
    app: &App,
    token: &RefreshToken,
    shown: &Possession,
    is_refused: bool,
) -> Result<Option<Mediation>, Problem> {
    let mut mediating = app.providers.all().iter();
    if !mediating.any(|one| one.config.mode == ProviderMode::Mediate) {
        return Ok(None);
    }
    let Some(row) = app.store.provider_session(token.session).await? else {
        return Ok(None);
    };
    let provider = app.providers.find(&row.provider);
    let provider = provider.filter(|one| one.config.mode == ProviderMode::Mediate);
    let Some(provider) = provider else {
        return Ok(None);
    };
    // Before the provider is asked, and without a change: what is refused here is refused for its reason later.
    let now = clock::now();
    match app.sessions.present(now, token).await? {
        Presented::Newest(alive) | Presented::Replaced(alive)
            if alive.0.clone().prove(now, shown).is_ok() => {}
        Presented::Newest(_)
        | Presented::Replaced(_)
        | Presented::Superseded
        | Presented::Refused(_) => return Ok(None),
    }
    let (store, seal) = (&app.store, &app.providers.seal);
    let mediation = provider.mediate(store, seal, token.session, is_refused);
    Ok(Some(mediation.await?))
}

/// What a session has at its provider, read before the session ends.
pub(super) struct AtProvider {
    provider: Arc<Provider>,
    tokens: StoredTokens,
}

impl AtProvider {
    /// Gives the refresh token back, and returns where the browser ends the provider's own session.
    pub(super) async fn leave(self) -> Option<String> {
        let Self { provider, tokens } = self;
        let url = provider.end_session_url(tokens.id_token.as_deref()).await;
        // Not a part of the request: the user waits for nothing that is the provider's.
        tokio::spawn(async move { provider.revoke(&tokens).await });
        url
    }
}

/// Finds what the session of a refresh token has at its provider.
pub(super) async fn at_provider(
    app: &App,
    token: &RefreshToken,
) -> Result<Option<AtProvider>, Problem> {
    if app.providers.all().is_empty() {
        return Ok(None);
    }
    let row = app.store.provider_session(token.session).await?;
    Ok(row.and_then(|row| {
        let provider = Arc::clone(app.providers.find(&row.provider)?);
        let sealed = row.sealed.as_deref()?;
        let tokens = app.providers.seal.open(&purpose(row.session), sealed)?;
        Some(AtProvider { provider, tokens })
    }))
}

/// Finds the live session of a request's cookie.
async fn session(
    app: &App,
    now: Timestamp,
    headers: &HeaderMap,
) -> Result<Option<Session>, Problem> {
    let Some(token) = app.refresh_token(headers) else {
        return Ok(None);
    };
    Ok(match app.sessions.present(now, &token).await? {
        Presented::Newest(alive) | Presented::Replaced(alive) => Some(alive.0),
        Presented::Superseded | Presented::Refused(_) => None,
    })
}

fn is_cross_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site")
}

/// Deletes the cookies of the oldest sign-ins under way, and those that cannot be read, so that one more fits.
fn give_up_oldest(app: &App, now: Timestamp, request: &HeaderMap, response: &mut HeaderMap) {
    let cookies = cookie::beginning_with(request, COOKIE_PREFIX);
    let mut cookies: Vec<(u64, &str)> = cookies
        .map(|(id, value)| {
            let open = Transaction::open(now, &app.providers.seal, value);
            (open.map_or(0, |open| open.age_key()), id)
        })
        .collect();
    cookies.sort_unstable();
    let kept = MAX_TRANSACTIONS.saturating_sub(1);
    let given_up = cookies.len().saturating_sub(kept);
    for (_, id) in cookies.into_iter().take(given_up) {
        if id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        {
            forget(response, id);
        }
    }
}
