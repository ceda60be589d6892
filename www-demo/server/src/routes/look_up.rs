//! `POST /auth/session`: whose session a browser's cookie is, for servers that render pages.
//!
//! Reading must not write: several requests of one page are under way at once, and a renderer cannot hand a rotated
//! cookie to the browser. So a look-up neither rotates nor sets a cookie, counts as no activity, ends nothing and raises
//! no alarm, whatever the cookie is.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use nolapse::wire::{EndReason, SESSION_PATH};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App,
    body::StrictJsonOrEmpty,
    contexts::ContextNames,
    limits::Throttled,
    schemas,
    servers::AuthenticatedServer,
    signed::SUPERSEDED,
    token_response::{self, TokenResponse},
};
use crate::{clock, domain::Presented, problem::Problem};

/// The body of a look-up.
#[derive(Deserialize, ToSchema)]
#[schema(as = LookUp)]
#[serde(deny_unknown_fields)]
pub(super) struct LookUpBody {
    /// The contexts to issue tokens for, besides the one without a context.
    #[serde(default)]
    #[schema(schema_with = schemas::context_names, required = false)]
    contexts: ContextNames,
}

/// A live session with an access token, or why there is none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum LookedUp {
    Live(TokenResponse),
    Ended(NoSession),
}

/// No live session.
#[derive(Serialize, ToSchema)]
struct NoSession {
    /// Null.
    #[schema(schema_with = schemas::null)]
    session: (),
    /// Why there is none.
    #[schema(schema_with = schemas::end_reason)]
    reason: &'static str,
}

impl LookUpBody {
    /// Checks the names of contexts.
    pub(super) fn parse(self) -> Result<BTreeSet<String>, Problem> {
        self.contexts.parse()
    }
}

impl LookedUp {
    const fn ended(reason: EndReason) -> Self {
        Self::Ended(NoSession {
            session: (),
            reason: reason.as_str(),
        })
    }
}

/// Says whose session the browser's refresh cookie is, with an access token for the rest of the request.
///
/// For servers alone, which forward the cookie as it is. Changes nothing: no rotation, no cookie, no activity, no alarm.
/// That there is no session is an answer, not an error.
#[utoipa::path(
    post,
    path = SESSION_PATH,
    request_body = Option<LookUpBody>,
    responses((status = 200, body = LookedUp), Throttled),
    security(("server" = [], "cookie" = []), ("server" = []))
)]
pub(super) async fn look_up(
    _: AuthenticatedServer,
    State(app): State<App>,
    headers: HeaderMap,
    StrictJsonOrEmpty(body): StrictJsonOrEmpty<LookUpBody>,
) -> Result<Response, Problem> {
    let contexts = body.parse()?;
    let found = find(&app, &headers, &contexts).await?;
    app.counters.count(match &found {
        LookedUp::Live(_) => "look_ups_live",
        LookedUp::Ended(_) => "look_ups_ended",
    });
    Ok(Json(found).into_response())
}

async fn find(
    app: &App,
    headers: &HeaderMap,
    contexts: &BTreeSet<String>,
) -> Result<LookedUp, Problem> {
    let Some(refresh_token) = app.refresh_token(headers) else {
        if app.keys.is_behind() {
            // Another server may have encoded it with a key that this one lacks.
            return Err(Problem::unavailable("the key file is out of date", 5));
        }
        return Ok(LookedUp::ended(EndReason::NoCookie));
    };
    let now = clock::now();
    app.limits.look_up(now, refresh_token.session)?;
    match app.sessions.present(now, &refresh_token).await? {
        // Within the grace, a sibling, or one whose response was lost: the browser has not seen the successor yet.
        Presented::Newest(live) | Presented::Replaced(live) => {
            let (session, user) = *live;
            let issued = token_response::issue(app, now, &session, &user, contexts).await?;
            Ok(LookedUp::Live(issued))
        }
        // Live, but not by this cookie: neither signed in nor signed out is certain.
        Presented::Superseded => Err(SUPERSEDED),
        Presented::Refused(reason) => Ok(LookedUp::ended(reason)),
    }
}
