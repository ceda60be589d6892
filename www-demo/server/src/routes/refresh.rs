//! `POST /auth/refresh`.

use std::{collections::BTreeSet, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, PageVisibility, REFRESH_PATH, RefreshReason};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    App,
    body::Whole,
    contexts::ContextNames,
    providers,
    said::{PlainVersion, Said, said},
    schemas,
    security_events::note,
    signed::SUPERSEDED,
    token_response,
};
use crate::{
    clock,
    domain::{Proof, Refreshed, Rotation, Timestamp, Unproven},
    problem::{Body, Problem},
    providers::{Mediated, Mediation},
};
use axum::extract::FromRequest;

/// The body of a refresh.
#[derive(Deserialize, ToSchema)]
#[schema(as = Refresh)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshBody {
    #[schema(schema_with = schemas::refresh_reason)]
    reason: String,
    #[schema(schema_with = schemas::page_visibility)]
    page: String,
    /// Seconds since the app last made a call or the user gave input.
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 4_294_967_295_u32)]
    active_ago: Option<Whole<u32>>,
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

said!(RefreshBody, may_be_empty: false);

pub(super) struct Refresh {
    reason: RefreshReason,
    active_ago: Option<Duration>,
    contexts: BTreeSet<String>,
}

impl RefreshBody {
    pub(super) fn parse(self) -> Result<Refresh, Problem> {
        let reason = RefreshReason::parse(&self.reason).ok_or(Problem::invalid(
            "reason must be timer, load, demand, rejected or force",
        ))?;
        PageVisibility::parse(&self.page)
            .ok_or(Problem::invalid("page must be visible or hidden"))?;
        let declared = self.active_ago;
        let declared = declared.map(|Whole(ago)| Duration::from_secs(ago.into()));
        // A timer does not imply activity; every other reason is caused by the app or the user just now.
        let active_ago = match reason {
            RefreshReason::Timer => declared,
            RefreshReason::Load
            | RefreshReason::Demand
            | RefreshReason::Rejected
            | RefreshReason::Force => Some(declared.unwrap_or_default()),
        };
        Ok(Refresh {
            reason,
            active_ago,
            contexts: self.contexts.parse()?,
        })
    }
}

/// Exchanges the cookie for an access token and a new cookie.
#[utoipa::path(
    post, path = REFRESH_PATH, request_body = RefreshBody,
    responses((status = 401, description = "the session is over; reason says why", body = Body)),
    security(("cookie" = []))
)]
pub(super) async fn refresh(State(app): State<App>, request: Request) -> Response {
    if let Some(answer) = app.outages.before(&app.counters).await {
        return answer;
    }
    let headers = request.headers().clone();
    let Said { body, proof } = match Said::<RefreshBody>::from_request(request, &app).await {
        Ok(said) => said,
        Err(problem) => return problem.into_response(),
    };
    let answer = match body.parse() {
        Ok(body) => exchange(&app, &headers, &body, proof.as_ref()).await,
        Err(problem) => Err(problem),
    };
    if let Some(lost) = app.outages.after(&app.counters).await {
        return lost;
    }
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn exchange(
    app: &App,
    headers: &HeaderMap,
    body: &Refresh,
    proof: Option<&Proof>,
) -> Result<Response, Problem> {
    app.counters.count(match body.reason {
        RefreshReason::Timer => "refreshes_timer",
        RefreshReason::Load => "refreshes_load",
        RefreshReason::Demand => "refreshes_demand",
        RefreshReason::Rejected => "refreshes_rejected",
        RefreshReason::Force => "refreshes_force",
    });
    let Some(refresh_token) = app.refresh_token(headers) else {
        if app.keys.is_behind() {
            // Another server may have encoded it with a key that this one lacks.
            return Err(Problem::unavailable("the key file is out of date", 5));
        }
        return Ok(ended(app, headers, EndReason::NoCookie));
    };
    let (session, limits) = (refresh_token.session, &app.limits.sessions);
    let is_refused = matches!(body.reason, RefreshReason::Rejected | RefreshReason::Force);
    let shown = app.possession(headers, proof);
    limits
        .refresh(&*app.store, clock::now(), session, &shown)
        .await?;
    let mediated = match providers::mediate(app, &refresh_token, &shown, is_refused).await? {
        None => None,
        Some(Mediation::Token(token)) => Some(token),
        Some(Mediation::Over(reason)) => return Ok(ended(app, headers, reason)),
        Some(Mediation::Unavailable) => return Err(providers::UNAVAILABLE),
    };
    let now = clock::now();
    let refreshed = app
        .sessions
        .refresh(now, &refresh_token, body.active_ago, &shown);
    let refreshed = refreshed.await?;
    if let Refreshed::Unproven { why, .. } = &refreshed
        && let (Unproven::Replayed, Some(proof)) = (why, proof)
    {
        limits.proof_was_used(now, session, proof);
    }
    respond(app, headers, now, refreshed, body, mediated).await
}

async fn respond(
    app: &App,
    headers: &HeaderMap,
    now: Timestamp,
    refreshed: Refreshed,
    body: &Refresh,
    mediated: Option<Mediated>,
) -> Result<Response, Problem> {
    match refreshed {
        Refreshed::Granted(grant) => {
            app.counters.count(match grant.rotation {
                Rotation::Rotated => "refreshes_rotated",
                Rotation::Recovered => "refreshes_recovered",
                Rotation::Repeated => "refreshes_repeated",
                Rotation::Forked => "refreshes_forked",
            });
            if grant.rotation == Rotation::Forked {
                note(|subject| {
                    subject.event = Some("late_refresh");
                    subject.session = Some(grant.session.id);
                    subject.user = Some(grant.user.id);
                });
            }
            token_response::grant(app, now, &grant, &body.contexts, mediated).await
        }
        Refreshed::Ended {
            session,
            reason,
            at,
        } => {
            if reason == EndReason::ReuseDetected && at.is_none() {
                app.counters.count("reuse_alarms");
                let row = app.store.session(session).await?;
                note(|subject| {
                    subject.event = Some("reuse_detected");
                    subject.session = Some(session);
                    subject.user = row.map(|(_, user)| user.id);
                });
                tracing::warn!(%session, "a replaced refresh secret was used again: session ended");
            }
            if let (EndReason::Revoked, Some(at)) = (reason, at) {
                app.timings.refused(now.since(at));
            }
            Ok(ended(app, headers, reason))
        }
        Refreshed::Unknown => Ok(ended(app, headers, EndReason::NoCookie)),
        Refreshed::Superseded => {
            app.counters.count("refreshes_superseded");
            Err(SUPERSEDED)
        }
        Refreshed::Void { session } => {
            app.counters.count("refreshes_void");
            note(|subject| {
                subject.event = Some("renewed_secret_reuse");
                subject.session = Some(session);
            });
            tracing::warn!(%session, "a refresh secret from before its renewal was used: refused");
            // The browser may have the new cookie meanwhile: do not delete it.
            Err(Problem::session_ended(EndReason::Revoked))
        }
        Refreshed::Unproven { session, why } => {
            let mut response = app.unproven(session, why).into_response();
            if why == Unproven::UnusableCookie {
                // Without it the browser proves its key again.
                app.forget_bound_cookie(response.headers_mut());
            }
            Ok(response)
        }
        Refreshed::Contended => Err(Problem::unavailable("too many refreshes at once", 1)),
    }
}

/// Responds that the session has ended, and deletes its cookies.
fn ended(app: &App, request: &HeaderMap, reason: EndReason) -> Response {
    app.counters.count(match reason {
        EndReason::SignedOut => "refreshes_ended_signed_out",
        EndReason::Revoked => "refreshes_ended_revoked",
        EndReason::Expired => "refreshes_ended_expired",
        EndReason::Idle => "refreshes_ended_idle",
        EndReason::ReuseDetected => "refreshes_ended_reuse_detected",
        EndReason::UserDisabled => "refreshes_ended_user_disabled",
        EndReason::NoCookie => "refreshes_ended_no_cookie",
        EndReason::KeyLost => "refreshes_ended_key_lost",
    });
    let mut response = Problem::session_ended(reason).into_response();
    let headers = response.headers_mut();
    app.clear_cookies(headers, request);
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
