//! `POST /auth/providers/{name}/backchannel-logout` (`OpenID` Connect Back-Channel Logout 1.0).

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use nolapse::wire::EndReason;
use url::form_urlencoded;

use super::{App, providers, security_events::note, sessions::NO_STORE};
use crate::{
    clock,
    domain::{Applied, SessionId, Timestamp},
    problem::{Body, Problem},
    providers::{LoggedOut, Provider, ProviderError, mark},
};

/// How long a session that ended at the provider cannot be opened here: a sign-in may be under way.
const SID_REMEMBERED: Duration = Duration::from_mins(10);

/// Ends the sessions that the provider's logout token names.
#[utoipa::path(
    post,
    path = providers::LOGOUT_PATH,
    operation_id = "provider_logout",
    params(("name" = String, Path, description = "the provider")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "logout_token"),
    responses(
        (status = 200, description = "the sessions have ended"),
        (status = 400, description = "the token is none of this client's, or came before", body = Body),
    )
)]
pub(super) async fn logout(
    State(app): State<App>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let provider = app.providers.find(&name).ok_or(Problem::not_found())?;
    let mut tokens = form_urlencoded::parse(&body).filter(|(name, _)| name == "logout_token");
    let (token, second) = (tokens.next(), tokens.next());
    let Some((_, token)) = token.filter(|_| second.is_none()) else {
        return Err(Problem::invalid("the body must have one logout_token"));
    };
    let now = clock::now();
    let verified = provider.verify_logout(now, &token).await;
    let logged_out = verified.map_err(|error| {
        note(|subject| subject.reason = Some(error.reason()));
        match error {
            ProviderError::Failed(_) => {
                Problem::unavailable("the provider's keys cannot be fetched", 5)
            }
            ProviderError::Refused(_) | ProviderError::Denied | ProviderError::AccountExists => {
                Problem::invalid("the logout token is none of this client's")
            }
        }
    })?;
    let issuer = provider.config.issuer.as_str();
    let sessions = find(&app, provider, &logged_out, now).await?;
    let came = mark("logout", &[issuer, &logged_out.token_id]);
    if app.store.set_mark(&came, logged_out.until).await? == Applied::No {
        note(|subject| subject.reason = Some("replayed"));
        return Err(Problem::invalid("the logout token came before"));
    }
    for session in &sessions {
        let ended = app.store.end_session(*session, now, EndReason::Revoked);
        ended.await?;
    }
    let first = sessions.first().copied();
    note(|subject| subject.target = first);
    tracing::info!(
        provider = provider.config.name,
        ended = sessions.len(),
        "logged out by the provider"
    );
    Ok((StatusCode::OK, NO_STORE).into_response())
}

/// Finds the sessions that are to end. Fails where a shard is away, before the token counts as one that came: the provider may
/// send it again.
async fn find(
    app: &App,
    provider: &Provider,
    logged_out: &LoggedOut,
    now: Timestamp,
) -> Result<Vec<SessionId>, Problem> {
    let issuer = provider.config.issuer.as_str();
    if let Some(sid) = &logged_out.sid {
        let ended = mark("sid", &[issuer, sid]);
        app.store.set_mark(&ended, now + SID_REMEMBERED).await?;
    }
    let (subject, sid) = (logged_out.subject.as_deref(), logged_out.sid.as_deref());
    Ok(app.store.sessions_at_provider(issuer, subject, sid).await?)
}
