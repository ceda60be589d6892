//! The response to a sign-in or a refresh (RFC 6749 §5.1, with the session beside it).

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    App,
    contexts::{self, ContextTokens},
    schemas,
    security_events::note,
};
use crate::{
    domain::{Grant, Session, Timestamp, User},
    problem::Problem,
    providers::Mediated,
    tokens,
};

/// An access token and its session.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenResponse {
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    /// Seconds until the next refresh, where it is not to be sent as the client plans it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    refresh_in: Option<u64>,
    session: SessionView,
    /// The access tokens of the contexts that were requested.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    contexts: ContextTokens,
}

/// A session as the app sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionView {
    id: String,
    user: UserView,
}

/// A user as the app sees its own.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserView {
    id: String,
    /// Missing if the account has none: a provider did not verify one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    email: Option<String>,
    #[schema(schema_with = schemas::role)]
    role: &'static str,
}

impl UserView {
    fn of(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.address().map(str::to_owned),
            role: user.role.as_str(),
        }
    }
}

/// Signs a token of a session, and one of each context.
pub(super) async fn issue(
    app: &App,
    now: Timestamp,
    session: &Session,
    user: &User,
    contexts: &BTreeSet<String>,
) -> Result<TokenResponse, Problem> {
    let keys = app.keys.keys();
    let token = tokens::issue(now, &app.tokens, &keys.current, session, user);
    Ok(TokenResponse {
        access_token: token.map_err(|_| Problem::internal())?,
        token_type: "Bearer",
        expires_in: app.tokens.lifetime.as_secs(),
        refresh_in: None,
        session: SessionView {
            id: session.id.to_string(),
            user: UserView::of(user),
        },
        contexts: contexts::sign(app, now, session, user, contexts).await?,
    })
}

/// Signs a token that has the user beside the other claims, so that a renderer knows it without a look-up.
fn page_token(
    app: &App,
    now: Timestamp,
    session: &Session,
    user: &User,
) -> Result<String, Problem> {
    let keys = app.keys.keys();
    let view = serde_json::to_value(UserView::of(user)).map_err(|_| Problem::internal())?;
    let token = tokens::issue_for_pages(now, &app.tokens, &keys.current, session, user, &view);
    token.map_err(|_| Problem::internal())
}

/// Signs a token of a session whose cookie stays, and one of each context.
pub(super) async fn without_cookie(
    app: &App,
    now: Timestamp,
    session: &Session,
    user: &User,
    contexts: &BTreeSet<String>,
) -> Result<Response, Problem> {
    let body = noted(app, now, session, user, contexts).await?;
    let mut response = respond(body);
    set_page_cookie(app, now, session, user, response.headers_mut())?;
    Ok(response)
}

/// Like [`issue`], with session and user in the security log.
async fn noted(
    app: &App,
    now: Timestamp,
    session: &Session,
    user: &User,
    contexts: &BTreeSet<String>,
) -> Result<TokenResponse, Problem> {
    note(|subject| {
        subject.user = Some(user.id);
        subject.session = Some(session.id);
    });
    issue(app, now, session, user, contexts).await
}

fn respond(body: TokenResponse) -> Response {
    let mut response = Json(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Signs a token for a grant, unless there is one of a provider, and one of each context, and returns them with the cookies.
pub(super) async fn grant(
    app: &App,
    now: Timestamp,
    grant: &Grant,
    contexts: &BTreeSet<String>,
    mediated: Option<Mediated>,
) -> Result<Response, Problem> {
    let (session, user) = (&grant.session, &grant.user);
    let mut body = noted(app, now, session, user, contexts).await?;
    let mut lifetime = app.tokens.lifetime;
    if let Some(mediated) = mediated {
        body.access_token = mediated.access_token;
        lifetime = mediated.lifetime;
    }
    body.expires_in = lifetime.as_secs();
    body.refresh_in = grant.refresh_in(lifetime).map(|wait| wait.as_secs());
    let mut response = respond(body);
    set_cookies(app, now, grant, response.headers_mut())?;
    Ok(response)
}

/// Sets the cookies of a grant.
pub(super) fn set_cookies(
    app: &App,
    now: Timestamp,
    grant: &Grant,
    headers: &mut HeaderMap,
) -> Result<(), Problem> {
    let (session, user) = (&grant.session, &grant.user);
    let (token, key) = (&grant.refresh_token, &app.refresh_token_key);
    app.settings.cookies.set(headers, now, session, token, key);
    set_page_cookie(app, now, session, user, headers)
}

fn set_page_cookie(
    app: &App,
    now: Timestamp,
    session: &Session,
    user: &User,
    headers: &mut HeaderMap,
) -> Result<(), Problem> {
    let cookies = &app.settings.cookies;
    if cookies.page_cookie {
        let token = page_token(app, now, session, user)?;
        cookies.set_page(headers, &token, app.tokens.lifetime);
    }
    Ok(())
}
