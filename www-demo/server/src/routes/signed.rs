//! Authentication by the refresh cookie, for the auth server's own endpoints: access tokens are for APIs (RFC 8707,
//! OWASP ASVS 9.2.3).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use nolapse::wire::EndReason;

use super::{App, proof::HeaderProof, security_events::note};
use crate::{
    clock,
    domain::{Presented, Proof, Session, User},
    problem::Problem,
};

/// The live session of the request's cookie, and its user; of one that is bound to a key, with a proof of it in the header
/// `DPoP`. Does not rotate the cookie.
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

impl Signed {
    /// Finds the session of a request's cookie, and checks the proof of the key that it may be bound to.
    pub(super) async fn find(
        app: &App,
        headers: &HeaderMap,
        proof: Option<&Proof>,
    ) -> Result<Self, Problem> {
        let refresh_token = app.refresh_token(headers);
        let refresh_token = refresh_token.ok_or(Problem::session_ended(EndReason::NoCookie))?;
        let now = clock::now();
        let (alive, is_newest) = match app.sessions.present(now, &refresh_token).await? {
            Presented::Newest(alive) => (*alive, true),
            Presented::Replaced(alive) => (*alive, false),
            Presented::Superseded => return Err(SUPERSEDED),
            Presented::Refused(reason) => return Err(Problem::session_ended(reason)),
        };
        let (session, user) = alive;
        let id = session.id;
        let shown = app.possession(headers, proof);
        let proven = app.sessions.prove(now, session, &shown).await?;
        let proven = proven.map_err(|why| app.unproven(id, why))?;
        Ok(Self::of((proven.ok_or(SUPERSEDED)?, user), is_newest))
    }
}

impl FromRequestParts<App> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let HeaderProof(proof) = HeaderProof::from_request_parts(parts, app).await?;
        Self::find(app, &parts.headers, proof.as_ref()).await
    }
}

/// The response to a cookie that was renewed, or whose sibling was used, while its request was under way.
pub(super) const SUPERSEDED: Problem =
    Problem::unavailable("the cookie was replaced meanwhile; repeat the request", 1);
