//! Another password, and what becomes of the user's sessions.

use nolapse::wire::EndReason;

use super::{
    Desk, PasswordHash, RefreshSecret, Session, SessionId, Stored, Ticket, Timestamp, User, Written,
};

/// What came of a change of password.
#[derive(Debug)]
pub struct PasswordChanged {
    /// How many other sessions ended.
    pub ended: u64,
    /// The kept session with the ticket to hand out; `None` where it ended meanwhile.
    pub kept: Option<(Session, Ticket)>,
}

impl Desk {
    /// Gives a user another password, ends all their sessions but the one that `kept` names, and draws the secret
    /// of that one anew from `secret`, 32 random bytes: a copy of its cookie is worth nothing any more. `None`, and
    /// nothing is changed, where the password is no longer the one of `user`.
    ///
    /// # Errors
    /// Fails where the store does; then the password may have been changed, and a repeat says `None`.
    pub async fn change_password(
        &self,
        now: Timestamp,
        user: &User,
        successor: &PasswordHash,
        kept: SessionId,
        secret: [u8; 32],
    ) -> Stored<Option<PasswordChanged>> {
        if self.store.replace_password(user, successor).await? == Written::No {
            return Ok(None);
        }
        let kept_session = self.renew(now, kept, secret).await?;
        let ended = self
            .store
            .end_other_sessions(user.id, kept, now, EndReason::Revoked)
            .await?;
        Ok(Some(PasswordChanged {
            ended,
            kept: kept_session,
        }))
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
    ) -> Stored<Option<u64>> {
        if self.store.replace_password(user, successor).await? == Written::No {
            return Ok(None);
        }
        let ended = self
            .store
            .end_sessions_of(user.id, now, EndReason::Revoked)
            .await?;
        Ok(Some(ended))
    }

    /// Draws the secret of a session anew, whatever rotations happen meanwhile; `None` where it is over.
    async fn renew(
        &self,
        now: Timestamp,
        id: SessionId,
        secret: [u8; 32],
    ) -> Stored<Option<(Session, Ticket)>> {
        loop {
            let Some((mut session, _)) = self.store.session(id).await? else {
                return Ok(None);
            };
            if session.over(now, &self.limits).is_some() {
                return Ok(None);
            }
            let from = session.generation;
            let ticket = session.renew(now, RefreshSecret::from_bytes(secret));
            if self.store.rotate_session(&session, from).await? == Written::Yes {
                return Ok(Some((session, ticket)));
            }
        }
    }
}
