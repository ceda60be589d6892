//! `POST /auth/sign-out`.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, SIGN_OUT_PATH};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App, providers,
    said::{PlainVersion, Said, said},
    security_events::note,
    sessions::NO_STORE,
};
use crate::{
    clock,
    domain::{SignOutScope, Unproven},
    problem::{Body, Problem},
};

/// Which sessions a sign-out ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignOut {
    /// All sessions of the user instead of this one.
    #[serde(default)]
    everywhere: bool,
    /// Of a body of `text/plain`.
    #[schema(ignore)]
    version: Option<PlainVersion>,
    /// The proof of possession (RFC 9449), of a body of `text/plain` too.
    #[schema(ignore)]
    dpop: Option<String>,
}

said!(SignOut, may_be_empty: true);

/// What is left to do after a sign-out.
#[derive(Serialize, ToSchema)]
pub(super) struct SignedOut {
    /// Where a navigation ends the session of the identity provider (`OpenID` Connect RP-Initiated Logout 1.0 §2).
    end_session_url: String,
}

/// Ends this session, or all sessions of its user, and deletes the cookies.
///
/// Succeeds with any cookie, as RFC 7009 §2.2 requires. A session that is bound to a key ends with a proof of it alone; without
/// one the cookies are deleted all the same, and with them this browser's part of the session.
#[utoipa::path(
    post,
    path = SIGN_OUT_PATH,
    request_body = Option<SignOut>,
    responses(
        (status = 204, headers(("set-cookie" = String))),
        (status = 401, description = "the session is bound to a key, and there is no proof of it", body = Body),
    ),
    security(("cookie" = []), ())
)]
pub(super) async fn sign_out(
    State(app): State<App>,
    headers: HeaderMap,
    Said { body, proof }: Said<SignOut>,
) -> Result<Response, Problem> {
    let scope = if body.everywhere {
        SignOutScope::Everywhere
    } else {
        SignOutScope::Here
    };
    let mut end_session_url = None;
    if let Some(refresh_token) = app.refresh_token(&headers) {
        let shown = app.possession(&headers, proof.as_ref());
        // The end of the session deletes what this reads.
        let at_provider = providers::at_provider(&app, &refresh_token).await?;
        let ended = app
            .sessions
            .sign_out(clock::now(), &refresh_token, scope, &shown)
            .await?;
        let ended = match ended {
            Ok(ended) => ended,
            Err(why) => {
                let mut response = app.unproven(refresh_token.session, why).into_response();
                if matches!(
                    why,
                    Unproven::Missing | Unproven::OtherKey | Unproven::NoCookie
                ) {
                    app.clear_cookies(response.headers_mut(), &headers);
                }
                return Ok(response);
            }
        };
        tracing::info!(session = %refresh_token.session, ended, "signed out");
        let row = app.store.session(refresh_token.session).await?;
        note(|subject| {
            subject.session = (ended > 0).then_some(refresh_token.session);
            subject.user = row.as_ref().map(|(_, user)| user.id);
            subject.event = match row.and_then(|(session, _)| session.ended) {
                Some(end) if ended > 0 && end.reason == EndReason::ReuseDetected => {
                    Some("reuse_detected")
                }
                _ if scope == SignOutScope::Everywhere => Some("sign_out_everywhere"),
                _ => None,
            };
        });
        if let Some(at_provider) = at_provider.filter(|_| ended > 0) {
            end_session_url = at_provider.leave().await;
        }
    }
    app.counters.count("sign_outs");
    let mut response = match end_session_url {
        None => (StatusCode::NO_CONTENT, NO_STORE).into_response(),
        Some(end_session_url) => (NO_STORE, Json(SignedOut { end_session_url })).into_response(),
    };
    app.clear_cookies(response.headers_mut(), &headers);
    Ok(response)
}
