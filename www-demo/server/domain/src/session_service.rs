//! Applies the rules of [`Session`] to the rows of a store.

use std::{sync::Arc, time::Duration};

use nolapse::wire::EndReason;

use crate::{
    Applied, Grant, Limits, Possession, Presented, RefreshToken, RefreshTokenKey, Refreshed,
    Rotation, Session, SessionId, SignOutScope, Store, StoreResult, Timestamp, Unproven, User,
    UserDirectory, Verdict,
};

/// How often a refresh retries after losing a compare-and-swap. Each loss means that another refresh succeeded.
const MAX_LOOKS: usize = 8;

/// Applies the rules to the rows of a store.
#[derive(Clone)]
pub struct SessionService {
    pub(super) store: Arc<dyn Store>,
    pub(super) users: Option<Arc<dyn UserDirectory>>,
    key: RefreshTokenKey,
    pub(super) limits: Limits,
}

impl SessionService {
    /// Creates a service whose users are rows of the store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, key: RefreshTokenKey, limits: Limits) -> Self {
        Self {
            store,
            users: None,
            key,
            limits,
        }
    }

    /// Reads users from a directory. The store's rows of users are then only what sessions refer to.
    #[must_use]
    pub fn with_directory(mut self, users: Arc<dyn UserDirectory>) -> Self {
        self.users = Some(users);
        self
    }

    /// Returns the limits in force.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Finds the session of a refresh token in one look-up, without rotating it: writes nothing, whatever the verdict. A token that was replaced within the grace, or whose
    /// successors were never used, is accepted; a rejected one changes nothing.
    ///
    /// # Errors
    /// Fails if the store fails.
    pub async fn present(&self, now: Timestamp, token: &RefreshToken) -> StoreResult<Presented> {
        let Some((session, user)) = self.session(token.session).await? else {
            return Ok(Presented::Refused(EndReason::NoCookie));
        };
        let verdict = session.present(now, token, None, &self.limits, &self.key);
        Ok(match verdict {
            Verdict::Rotate(_) | Verdict::Repeat(_) | Verdict::Fork(_) if user.disabled => {
                Presented::Refused(EndReason::UserDisabled)
            }
            Verdict::Rotate(_) if token.secret.hash() == session.secret_hash => {
                Presented::Newest(Box::new((session, user)))
            }
            Verdict::Rotate(_) | Verdict::Repeat(_) | Verdict::Fork(_) => {
                Presented::Replaced(Box::new((session, user)))
            }
            Verdict::Superseded => Presented::Superseded,
            Verdict::Void => Presented::Refused(EndReason::Revoked),
            Verdict::Theft => Presented::Refused(EndReason::ReuseDetected),
            Verdict::LimitReached(reason) | Verdict::Refuse(reason) => Presented::Refused(reason),
            Verdict::Unknown => Presented::Refused(EndReason::NoCookie),
        })
    }

    /// Exchanges a refresh token for its successor.
    ///
    /// A live session that is bound to a key is judged by what the request has of it first: a copy of the cookie without the
    /// key neither gets a token nor counts as theft, which would end the owner's session.
    ///
    /// Of any number of concurrent calls with one token, at any number of servers, exactly one rotates or forks; the
    /// others get the same successor.
    ///
    /// # Errors
    /// Fails if the store fails; the session may have been rotated, and a repeat gets the same successor.
    pub async fn refresh(
        &self,
        now: Timestamp,
        token: &RefreshToken,
        active_ago: Option<Duration>,
        shown: &Possession,
    ) -> StoreResult<Refreshed> {
        for _ in 0..MAX_LOOKS {
            let Some((mut session, user)) = self.session(token.session).await? else {
                return Ok(Refreshed::Unknown);
            };
            let limits = &self.limits;
            let read = session.clone();
            if session.ended.is_none()
                && let Err(why) = session.prove(now, shown)
            {
                let session = session.id;
                return Ok(Refreshed::Unproven { session, why });
            }
            let verdict = session.present(now, token, active_ago, limits, &self.key);
            let (token, rotation) = match verdict {
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
                Verdict::Rotate(_) | Verdict::Repeat(_) | Verdict::Fork(_) if user.disabled => {
                    return self.end(now, session.id, EndReason::UserDisabled).await;
                }
                Verdict::Rotate(successor) => {
                    session.rotate(now, &successor, active_ago, limits);
                    if self.store.rotate_session(&session, &read).await? == Applied::No {
                        continue;
                    }
                    let is_newer = token.generation > read.generation;
                    let rotation = if is_newer {
                        Rotation::Recovered
                    } else {
                        Rotation::Rotated
                    };
                    (successor, rotation)
                }
                Verdict::Fork(sibling) => {
                    session.fork(now, &sibling, active_ago, limits);
                    if self.store.rotate_session(&session, &read).await? == Applied::No {
                        continue;
                    }
                    (sibling, Rotation::Forked)
                }
                Verdict::Repeat(newest) => {
                    session.touch(now, active_ago);
                    if session.jkt.is_none() {
                        self.store.touch_session(&session).await?;
                    } else if self.store.record_proof(&session, &read).await? == Applied::No {
                        continue;
                    }
                    (newest, Rotation::Repeated)
                }
            };
            return Ok(Refreshed::Granted(Box::new(Grant {
                session,
                user,
                refresh_token: token,
                rotation,
                rested: now.since(read.last_seen_at),
            })));
        }
        Ok(Refreshed::Contended)
    }

    /// Decides whether a request may be served with this session, which [`present`](Self::present) found, and remembers its
    /// proof. `None` if the session has ended, or too many lost races.
    ///
    /// # Errors
    /// Fails if the store fails.
    pub async fn prove(
        &self,
        now: Timestamp,
        mut session: Session,
        shown: &Possession,
    ) -> StoreResult<Result<Option<Session>, Unproven>> {
        for _ in 0..MAX_LOOKS {
            let read = session.clone();
            if let Err(why) = session.prove(now, shown) {
                return Ok(Err(why));
            }
            if session.jkt.is_none()
                || self.store.record_proof(&session, &read).await? == Applied::Yes
            {
                return Ok(Ok(Some(session)));
            }
            let row = self.session(session.id).await?;
            let Some((found, _)) = row.filter(|(found, _)| found.ended.is_none()) else {
                break;
            };
            session = found;
        }
        Ok(Ok(None))
    }

    /// Finds a live session and its user; `None` if the user is disabled.
    ///
    /// # Errors
    /// Fails if the store fails.
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

    /// Ends the session of a refresh token, or all sessions of its user; returns how many ended.
    ///
    /// A token that was replaced within the grace, or whose successors were never used, is accepted; a rejected one ends
    /// nothing, which is no error (RFC 7009 §2.2). A session that is bound to a key ends with a proof by it alone.
    ///
    /// # Errors
    /// Fails if the store fails.
    pub async fn sign_out(
        &self,
        now: Timestamp,
        token: &RefreshToken,
        scope: SignOutScope,
        shown: &Possession,
    ) -> StoreResult<Result<u64, Unproven>> {
        let Some((mut session, user)) = self.store.session(token.session).await? else {
            return Ok(Ok(0));
        };
        if session.ended.is_none()
            && let Err(why) = session.prove(now, shown)
        {
            return Ok(Err(why));
        }
        let reason = match session.present(now, token, None, &self.limits, &self.key) {
            Verdict::Rotate(_) | Verdict::Repeat(_) | Verdict::Fork(_) | Verdict::Superseded => {
                EndReason::SignedOut
            }
            Verdict::Theft => EndReason::ReuseDetected,
            Verdict::LimitReached(reason) => reason,
            Verdict::Refuse(_) | Verdict::Void | Verdict::Unknown => return Ok(Ok(0)),
        };
        let ended = match scope {
            SignOutScope::Everywhere if reason == EndReason::SignedOut => {
                self.store.end_sessions_of(user.id, now, reason).await?
            }
            SignOutScope::Everywhere | SignOutScope::Here => {
                let written = self.store.end_session(session.id, now, reason).await?;
                u64::from(written == Applied::Yes)
            }
        };
        Ok(Ok(ended))
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

const fn ended(session: SessionId, reason: EndReason, at: Timestamp) -> Refreshed {
    Refreshed::Ended {
        session,
        reason,
        at: Some(at),
    }
}
