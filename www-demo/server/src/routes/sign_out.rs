//! `POST /auth/sign-out`.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, SIGN_OUT_PATH};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{App, body::StrictOrEmpty, cookie, security_events::note};
use crate::{clock, domain::Reach, problem::Problem};

/// How far a sign-out reaches.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignOut {
    /// All sessions of the user, not this one alone.
    #[serde(default)]
    everywhere: bool,
}

/// Ends this session, or all sessions of its user, and takes the cookie away.
///
/// Succeeds whatever the cookie is: whoever wanted to be signed out, is (RFC 7009 §2.2).
#[utoipa::path(
    post,
    path = SIGN_OUT_PATH,
    request_body = Option<SignOut>,
    responses((status = 204, headers(("set-cookie" = String)))),
    security(("cookie" = []), ())
)]
pub(super) async fn sign_out(
    State(app): State<App>,
    headers: HeaderMap,
    StrictOrEmpty(said): StrictOrEmpty<SignOut>,
) -> Result<Response, Problem> {
    let reach = if said.everywhere {
        Reach::Everywhere
    } else {
        Reach::Here
    };
    if let Some(ticket) = cookie::ticket(&headers, &app.tickets) {
        let ended = app.desk.sign_out(clock::now(), &ticket, reach).await?;
        tracing::info!(session = %ticket.session, ended, "signed out");
        let row = app.store.session(ticket.session).await?;
        note(|subject| {
            subject.session = (ended > 0).then_some(ticket.session);
            subject.user = row.as_ref().map(|(_, user)| user.id);
            subject.event = match row.and_then(|(session, _)| session.ended) {
                Some(end) if ended > 0 && end.reason == EndReason::ReuseDetected => {
                    Some("reuse_detected")
                }
                _ if reach == Reach::Everywhere => Some("sign_out_everywhere"),
                _ => None,
            };
        });
    }
    app.counters.count("sign_outs");
    let headers = [
        (header::SET_COOKIE, cookie::clear()),
        (
            header::CACHE_CONTROL,
            "no-store".parse().unwrap_or(cookie::clear()),
        ),
    ];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}
