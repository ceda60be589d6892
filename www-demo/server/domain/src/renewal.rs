//! Another password, and what becomes of the user's sessions.

use nolapse::wire::EndReason;

use crate::{
    Applied, PasswordHash, RefreshSecret, RefreshToken, Session, SessionService, StoreResult,
    Timestamp, User,
};

impl SessionService {
    /// Draws the secret of a session anew from `secret`, 32 random bytes, and returns the refresh token to hand out: a copy
    /// of its cookie is worth nothing any more. `None`, and nothing is changed, where the session was rotated or ended
    /// since it was read: an answer with another cookie may be under way, and must not arrive last.
    ///
    /// # Errors
    /// Fails where the store does; then nothing has changed, or only the answer is lost.
    pub async fn renew(
        &self,
        now: Timestamp,
        session: &mut Session,
        secret: [u8; 32],
    ) -> StoreResult<Option<RefreshToken>> {
        let from = session.generation;
        let token = session.renew(now, RefreshSecret::from_bytes(secret));
        let written = self.store.rotate_session(session, from).await?;
        Ok((written == Applied::Yes).then_some(token))
    }

    /// Gives a user another password and ends all their sessions but `kept`; returns how many ended. `None`, and
    /// nothing is changed, where the password is no longer the one of `user`.
    ///
    /// # Errors
    /// Fails where the store does; then the password may have been changed, and a repeat says `None`.
    pub async fn change_password(
        &self,
        now: Timestamp,
        user: &User,
        successor: &PasswordHash,
        kept: &Session,
    ) -> StoreResult<Option<u64>> {
        if self.store.replace_password(user, successor).await? == Applied::No {
            return Ok(None);
        }
        let ended = self
            .store
            .end_other_sessions(user.id, kept.id, now, EndReason::Revoked);
        ended.await.map(Some)
    }

    /// Gives a user another password without being asked for the old one, as an operator does, and ends all their
    /// sessions; returns how many ended. `None`, and nothing is changed, where another writer came first.
    ///
    /// # Errors
    /// Fails where the store does; then the password may have been changed.
    pub async fn reset_password(
        &self,
        now: Timestamp,
        user: &User,
        successor: &PasswordHash,
    ) -> StoreResult<Option<u64>> {
        if self.store.replace_password(user, successor).await? == Applied::No {
            return Ok(None);
        }
        let ended = self
            .store
            .end_sessions_of(user.id, now, EndReason::Revoked)
            .await?;
        Ok(Some(ended))
    }
}
