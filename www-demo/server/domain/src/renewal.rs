//! Changes of password, and their effect on the user's sessions.

use nolapse::wire::EndReason;

use crate::{
    Applied, PasswordHash, RefreshSecret, RefreshToken, Session, SessionService, StoreResult,
    Timestamp, User,
};

impl SessionService {
    /// Replaces the secret of a session by `secret`, 32 random bytes, and returns the new refresh token: copies of the
    /// cookie are void. `None`, without a change, if the session was rotated or ended since it was read: the response with
    /// the other cookie could arrive last.
    ///
    /// # Errors
    /// Fails if the store fails.
    pub async fn renew(
        &self,
        now: Timestamp,
        session: &mut Session,
        secret: [u8; 32],
    ) -> StoreResult<Option<RefreshToken>> {
        let read = session.clone();
        let token = session.renew(now, RefreshSecret::from_bytes(secret));
        let written = self.store.rotate_session(session, &read).await?;
        Ok((written == Applied::Yes).then_some(token))
    }

    /// Replaces a user's password and ends all their sessions but `kept`; returns how many ended. `None`, without a change,
    /// if the stored password is no longer that of `user`.
    ///
    /// # Errors
    /// Fails if the store fails; the password may have been replaced, and a repeat returns `None`.
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

    /// Replaces a user's password for an operator and ends all their sessions; returns how many ended. `None`, without a
    /// change, if another writer was first.
    ///
    /// # Errors
    /// Fails if the store fails; the password may have been replaced.
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
