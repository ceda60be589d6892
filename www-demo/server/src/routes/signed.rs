//! Authentication by the refresh cookie, for the auth server's own endpoints: access tokens are for APIs (RFC 8707,
//! OWASP ASVS 9.2.3).

use axum::{extract::FromRequestParts, http::request::Parts};
use nolapse::wire::EndReason;

use super::{App, security_events::note};
use crate::{
    clock,
    domain::{Presented, Session, User},
    problem::Problem,
};

/// The live session of the request's cookie, and its user. Does not rotate the cookie.
pub(super) struct Signed {
    pub(super) session: Session,
    pub(super) user: User,
    /// Whether the cookie is the newest one, and neither a replaced one nor an older sibling.
    pub(super) is_newest: bool,
}

impl Signed {
    fn of((session, user): (Session, User), is_newest: bool) -> Self {
        note(|subject| {
            subject.session = Some(session.id);
            subject.user = Some(user.id);
        });
        Self {
            session,
            user,
            is_newest,
        }
    }
}

impl FromRequestParts<App> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let refresh_token = app.refresh_token(&parts.headers);
        let refresh_token = refresh_token.ok_or(Problem::session_ended(EndReason::NoCookie))?;
        match app.sessions.present(clock::now(), &refresh_token).await? {
            Presented::Newest(alive) => Ok(Self::of(*alive, true)),
            Presented::Replaced(alive) => Ok(Self::of(*alive, false)),
            Presented::Superseded => Err(SUPERSEDED),
            Presented::Refused(reason) => Err(Problem::session_ended(reason)),
        }
    }
}

/// The response to a cookie that was renewed, or whose sibling was used, while its request was under way.
pub(super) const SUPERSEDED: Problem =
    Problem::unavailable("the cookie was replaced meanwhile; repeat the request", 1);
