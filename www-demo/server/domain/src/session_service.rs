//! The session service: the rules applied to the rows of a store.

use std::{sync::Arc, time::Duration};

use nolapse::wire::EndReason;

use crate::{
    Applied, Limits, RefreshToken, RefreshTokenKey, Session, SessionId, Store, StoreResult,
    Timestamp, User, Verdict,
};

/// How often a refresh that lost a race looks again. Each loss means that another one won.
const MAX_LOOKS: usize = 8;

/// How many ended sessions of a user are kept so that their cookies are told why; signing in again and again
/// fills no database.
const ENDED_SESSIONS_PER_USER: u32 = 100;

/// What came of presenting a refresh token.
#[derive(Debug)]
pub enum Refreshed {
    /// The session goes on with this refresh token.
    Granted(Box<Grant>),
    /// The session is over.
    Ended {
        /// The session.
        session: SessionId,
        /// Why.
        reason: EndReason,
        /// When it ended; `None` where this call ended it.
        at: Option<Timestamp>,
    },
    /// There is no such session, or the refresh token was never one of its own.
    Unknown,
    /// The refresh token is from before the secret was drawn anew: it is refused, and the session goes on.
    Void {
        /// The session.
        session: SessionId,
    },
    /// The secret was drawn anew while this request was under way: a repeat with the new cookie succeeds.
    Superseded,
    /// Too many others were faster. Only a repeat of the request can tell more.
    Contended,
}

/// A session that goes on, with the refresh token to hand out.
#[derive(Debug)]
pub struct Grant {
    /// The row as it now is.
    pub session: Session,
    /// Its user as of now: a changed role takes effect here.
    pub user: User,
    /// The newest refresh token.
    pub refresh_token: RefreshToken,
    /// Whether the refresh token was handed out before.
    pub repeated: bool,
}

/// Whose a refresh token is.
#[derive(Debug)]
pub enum Presented {
    /// That of a session which is alive and of its user, who is enabled.
    Newest(Box<(Session, User)>),
    /// The same, of a refresh token that was replaced within the grace.
    Replaced(Box<(Session, User)>),
    /// The secret was drawn anew while this request was under way.
    Superseded,
    /// Nobody's any more, for this reason.
    Refused(EndReason),
}

/// Applies the rules to the rows of a store.
#[derive(Clone)]
pub struct SessionService {
    pub(super) store: Arc<dyn Store>,
    key: RefreshTokenKey,
    pub(super) limits: Limits,
}

impl SessionService {
    /// Makes a session service over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, key: RefreshTokenKey, limits: Limits) -> Self {
        Self { store, key, limits }
    }

    /// Returns the limits in force.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Begins a session for a user who has just proved to be one, from 48 random bytes. Of a user with as
    /// many sessions as are allowed, the one seen longest ago ends. `None` where the password was changed, or
    /// the user disabled or deleted, since `user` was read: then what was proved no longer counts.
    ///
    /// # Errors
    /// Fails where the store does.
    pub async fn sign_in(
        &self,
        now: Timestamp,
        user: User,
        device: String,
        id: [u8; 16],
        secret: [u8; 32],
    ) -> StoreResult<Option<Grant>> {
        let token = RefreshToken::first(SessionId::from_bytes(id), secret);
        let session = Session::begin(now, &token, user.id, device, &self.limits);
        if self.store.add_session(&session).await? == Applied::No {
            return Ok(None);
        }
        // A change of password writes the password first and ends sessions then: this row is either seen there,
        // or the new password here.
        let row = self.store.session(session.id).await?;
        if !row.is_some_and(|(_, kept)| kept.password == user.password && !kept.disabled) {
            let ended = self.store.end_session(session.id, now, EndReason::Revoked);
            ended.await?;
            return Ok(None);
        }
        self.evict_oldest(now, &session).await?;
        Ok(Some(Grant {
            session,
            user,
            refresh_token: token,
            repeated: false,
        }))
    }

    /// Finds the session of a refresh token, with its user, without rotating it: for endpoints that want to know who asks.
    ///
    /// A refresh token that was replaced within the grace is as good as the newest. One that is no good changes nothing.
    ///
    /// # Errors
    /// Fails where the store does.
    pub async fn present(&self, now: Timestamp, token: &RefreshToken) -> StoreResult<Presented> {
        let Some((session, user)) = self.store.session(token.session).await? else {
            return Ok(Presented::Refused(EndReason::NoCookie));
        };
        let verdict = session.present(now, token, None, &self.limits, &self.key);
        Ok(match verdict {
            Verdict::Rotate(_) | Verdict::Repeat(_) if user.disabled => {
                Presented::Refused(EndReason::UserDisabled)
            }
            Verdict::Rotate(_) => Presented::Newest(Box::new((session, user))),
            Verdict::Repeat(_) => Presented::Replaced(Box::new((session, user))),
            Verdict::Superseded => Presented::Superseded,
            Verdict::Void => Presented::Refused(EndReason::Revoked),
            Verdict::Theft => Presented::Refused(EndReason::ReuseDetected),
            Verdict::LimitReached(reason) | Verdict::Refuse(reason) => Presented::Refused(reason),
            Verdict::Unknown => Presented::Refused(EndReason::NoCookie),
        })
    }

    /// Exchanges a refresh token for its successor.
    ///
    /// Of any number of concurrent calls with one refresh token, at any number of servers, exactly one
    /// rotates; the others get the same successor.
    ///
    /// # Errors
    /// Fails where the store does; then nothing has changed, or only the answer is lost.
    pub async fn refresh(
        &self,
        now: Timestamp,
        token: &RefreshToken,
        active_ago: Option<Duration>,
    ) -> StoreResult<Refreshed> {
        for _ in 0..MAX_LOOKS {
            let Some((mut session, user)) = self.store.session(token.session).await? else {
                return Ok(Refreshed::Unknown);
            };
            let limits = &self.limits;
            let verdict = session.present(now, token, active_ago, limits, &self.key);
            let (token, repeated) = match verdict {
                Verdict::Unknown => return Ok(Refreshed::Unknown),
                Verdict::Superseded => return Ok(Refreshed::Superseded),
                Verdict::Void => {
                    return Ok(Refreshed::Void {
                        session: session.id,
                    });
                }
                Verdict::Refuse(reason) => {
                    return Ok(ended(
                        session.id,
                        reason,
                        session.ended.map_or(now, |end| end.at),
                    ));
                }
                Verdict::LimitReached(reason) => return self.end(now, session.id, reason).await,
                Verdict::Theft => {
                    return self.end(now, session.id, EndReason::ReuseDetected).await;
                }
                Verdict::Rotate(_) | Verdict::Repeat(_) if user.disabled => {
                    return self.end(now, session.id, EndReason::UserDisabled).await;
                }
                Verdict::Rotate(successor) => {
                    let from = session.generation;
                    session.rotate(now, &successor, active_ago, limits);
                    if self.store.rotate_session(&session, from).await? == Applied::No {
                        continue;
                    }
                    (successor, false)
                }
                Verdict::Repeat(newest) => {
                    session.touch(now, active_ago);
                    self.store.touch_session(&session).await?;
                    (newest, true)
                }
            };
            return Ok(Refreshed::Granted(Box::new(Grant {
                session,
                user,
                refresh_token: token,
                repeated,
            })));
        }
        Ok(Refreshed::Contended)
    }

    /// Finds a session that is alive, and its user, who is enabled.
    ///
    /// # Errors
    /// Fails where the store does.
    pub async fn find_alive(
        &self,
        now: Timestamp,
        id: SessionId,
    ) -> StoreResult<Option<(Session, User)>> {
        let row = self.store.session(id).await?;
        Ok(row.filter(|(session, user)| {
            session.ended_reason(now, &self.limits).is_none() && !user.disabled
        }))
    }

    /// Ends the session of a refresh token, or all sessions of its user.
    ///
    /// A refresh token that was replaced within the grace is as good as the newest; one that is no good
    /// changes nothing, and signing out succeeds all the same (RFC 7009 §2.2). Returns how many ended.
    ///
    /// # Errors
    /// Fails where the store does.
    pub async fn sign_out(
        &self,
        now: Timestamp,
        token: &RefreshToken,
        scope: SignOutScope,
    ) -> StoreResult<u64> {
        let Some((session, user)) = self.store.session(token.session).await? else {
            return Ok(0);
        };
        let reason = match session.present(now, token, None, &self.limits, &self.key) {
            Verdict::Rotate(_) | Verdict::Repeat(_) | Verdict::Superseded => EndReason::SignedOut,
            Verdict::Theft => EndReason::ReuseDetected,
            Verdict::LimitReached(reason) => reason,
            Verdict::Refuse(_) | Verdict::Void | Verdict::Unknown => return Ok(0),
        };
        match scope {
            SignOutScope::Everywhere if reason == EndReason::SignedOut => {
                self.store.end_sessions_of(user.id, now, reason).await
            }
            SignOutScope::Everywhere | SignOutScope::Here => {
                let written = self.store.end_session(session.id, now, reason).await?;
                Ok(u64::from(written == Applied::Yes))
            }
        }
    }

    /// Ends the sessions of a user beyond the limit, those seen longest ago, but never the new one.
    async fn evict_oldest(&self, now: Timestamp, new: &Session) -> StoreResult<()> {
        let sessions = self.store.sessions_of(new.user).await?;
        let others = sessions.into_iter().filter(|session| session.id != new.id);
        for session in others.skip(self.limits.sessions_per_user.saturating_sub(1)) {
            let ended = self.store.end_session(session.id, now, EndReason::Revoked);
            ended.await?;
        }
        let forgotten = self
            .store
            .forget_ended_sessions(new.user, ENDED_SESSIONS_PER_USER);
        forgotten.await.map(drop)
    }

    async fn end(
        &self,
        now: Timestamp,
        id: SessionId,
        reason: EndReason,
    ) -> StoreResult<Refreshed> {
        let written = self.store.end_session(id, now, reason).await?;
        if written == Applied::Yes {
            return Ok(Refreshed::Ended {
                session: id,
                reason,
                at: None,
            });
        }
        let row = self.store.session(id).await?;
        let ending = row.and_then(|(session, _)| session.ended);
        let (reason, at) = ending.map_or((reason, now), |ending| (ending.reason, ending.at));
        Ok(ended(id, reason, at))
    }
}

/// How far a sign-out reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOutScope {
    /// This session.
    Here,
    /// All sessions of the user.
    Everywhere,
}

const fn ended(session: SessionId, reason: EndReason, at: Timestamp) -> Refreshed {
    Refreshed::Ended {
        session,
        reason,
        at: Some(at),
    }
}
