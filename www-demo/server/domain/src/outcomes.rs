//! The outcomes of what a [`SessionService`](crate::SessionService) does.

use std::time::Duration;

use nolapse::wire::EndReason;

use crate::{RefreshToken, Session, SessionId, Timestamp, Unproven, User, rejoin};

/// The outcome of a refresh.
#[derive(Debug)]
pub enum Refreshed {
    /// A new or repeated successor.
    Granted(Box<Grant>),
    /// The session has ended.
    Ended {
        /// The session.
        session: SessionId,
        /// Why it ended.
        reason: EndReason,
        /// When it ended; `None` if this call ended it.
        at: Option<Timestamp>,
    },
    /// No such session, or a refresh token that the session never had.
    Unknown,
    /// The refresh token is older than the last [`renew`](Session::renew). It is refused; the session goes on.
    Void {
        /// The session.
        session: SessionId,
    },
    /// The secret was renewed, or a sibling used, while the request was under way: a repeat with the new cookie succeeds.
    Superseded,
    /// The session is bound to a key, and the request does not prove that it has it. The session goes on.
    Unproven {
        /// The session.
        session: SessionId,
        /// What is wrong with the proof.
        why: Unproven,
    },
    /// Too many lost races; a repeat may succeed.
    Contended,
}

/// A live session with the refresh token to return.
#[derive(Debug)]
pub struct Grant {
    /// The row after the change.
    pub session: Session,
    /// The user's current state: a changed role takes effect here.
    pub user: User,
    /// The newest refresh token.
    pub refresh_token: RefreshToken,
    /// How the refresh token came about.
    pub rotation: Rotation,
    /// How long the session had not been refreshed; zero where it began.
    pub rested: Duration,
}

impl Grant {
    /// Returns when the browser is to refresh next a token of this lifetime; `None` as the browser plans it.
    #[must_use]
    pub fn refresh_in(&self, lifetime: Duration) -> Option<Duration> {
        rejoin(self.rested, lifetime)
    }
}

/// How a refresh token came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The session began, or its newest token was used.
    Rotated,
    /// A token newer than the row was used: the database lost what was written last, as a failover to an asynchronous
    /// standby does.
    Recovered,
    /// An earlier response had the same refresh token.
    Repeated,
    /// The predecessor came back after the grace, and no successor of it had been used: a sibling.
    Forked,
}

/// The session that a refresh token belongs to.
#[derive(Debug)]
pub enum Presented {
    /// The newest refresh token of a live session, whose user is enabled.
    Newest(Box<(Session, User)>),
    /// The same, of a refresh token that was replaced within the grace, whose successors were never used, that is an older
    /// sibling of the newest, or newer than the row.
    Replaced(Box<(Session, User)>),
    /// The secret was renewed, or a sibling used, while the request was under way.
    Superseded,
    /// No live session, for this reason.
    Refused(EndReason),
}

/// Which sessions a sign-out ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOutScope {
    /// This session.
    Here,
    /// All sessions of the user.
    Everywhere,
}
