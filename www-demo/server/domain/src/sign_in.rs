//! The beginning of a session.

use std::time::Duration;

use nolapse::wire::EndReason;

use crate::{
    Applied, Grant, NewSession, RefreshToken, Rotation, Session, SessionService, StoreFailure,
    StoreResult, Timestamp, User,
};

/// How many ended sessions of a user are kept, so that a refresh of one returns the reason. Bounds the rows that
/// repeated sign-ins can add.
const ENDED_SESSIONS_PER_USER: u32 = 100;

impl SessionService {
    /// Begins a session for a user whose credentials were verified, from 48 random bytes.
    ///
    /// Beyond the limit of sessions, the one that was refreshed longest ago ends. `None` if the password was changed
    /// or the user disabled or deleted since `user` was read.
    ///
    /// # Errors
    /// Fails if the store fails.
    pub async fn sign_in(
        &self,
        now: Timestamp,
        user: User,
        new: NewSession,
        id: [u8; 16],
        secret: [u8; 32],
    ) -> StoreResult<Option<Grant>> {
        self.refer_to(&user).await?;
        let Some((session, token)) = self.begin(now, &user, new, id, secret).await? else {
            return Ok(None);
        };
        // A change of password writes the password, then ends sessions: either it finds this row, or this read finds
        // the new password.
        let row = self.session(session.id).await?;
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
            rotation: Rotation::Rotated,
            rested: Duration::ZERO,
        }))
    }

    /// Adds a session's row, on another shard if the first choice cannot be reached; returns its token too. `None` if its user
    /// is missing.
    async fn begin(
        &self,
        now: Timestamp,
        user: &User,
        new: NewSession,
        id: [u8; 16],
        secret: [u8; 32],
    ) -> StoreResult<Option<(Session, RefreshToken)>> {
        let mut token = RefreshToken::first(self.store.place(user.id, id), secret);
        let mut session = Session::begin(now, &token, user.id, new, &self.limits);
        let mut added = self.store.add_session(&session).await;
        let elsewhere = self.store.place(user.id, id);
        if added.is_err() && elsewhere != session.id {
            // Should the first row be there all the same, nobody has its token.
            (token.session, session.id) = (elsewhere, elsewhere);
            added = self.store.add_session(&session).await;
        }
        Ok((added? == Applied::Yes).then_some((session, token)))
    }

    /// Ends the sessions of a user beyond the limit, least recently refreshed first, but never the new one.
    async fn evict_oldest(&self, now: Timestamp, new: &Session) -> StoreResult<()> {
        let sessions = match self.store.sessions_of(new.user).await {
            // The limit holds again once the shard is back.
            Err(error) if error.failure() == StoreFailure::ShardAway => return Ok(()),
            sessions => sessions?,
        };
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
}
