//! New sessions, and those of a user on all shards.

use super::{ShardSet, copies::Original};
use crate::{
    domain::{Applied, Session, Shard, Store, StoreResult, UserId},
    store::PgStore,
};

impl ShardSet {
    /// Adds a session to its shard, with a copy of its user.
    pub(super) async fn add(&self, session: &Session) -> StoreResult<Applied> {
        let shard = session.id.shard();
        let Some(member) = self.members.get(&shard) else {
            return Ok(Applied::No);
        };
        let home = self.home()?;
        if shard == Shard::HOME {
            return home.add_session(session).await;
        }
        let Some(original) = home.original(session.user).await? else {
            return Ok(Applied::No);
        };
        let added = add_with_copy(member.store()?, session, &original).await;
        if added.is_err() {
            member.suspect();
        }
        if added? == Applied::No {
            return Ok(Applied::No);
        }
        // Whoever changes the user does so at shard 0 first, and on this shard then: either that finds the copy and the session,
        // or this read finds the change.
        match home.original(session.user).await? {
            None => {
                member.store()?.delete_user(session.user).await?;
                return Ok(Applied::No);
            }
            Some(now) if now != original => member.store()?.add_copy(&now).await?,
            Some(_) => {}
        }
        Ok(Applied::Yes)
    }

    /// Lists the live sessions of a user, most recently refreshed first.
    pub(super) async fn all_of(&self, user: UserId) -> StoreResult<Vec<Session>> {
        let (sessions, failure) = self
            .each(|_, store| async move { store.sessions_of(user).await })
            .await;
        // A list that leaves some out looks as if nobody else were signed in.
        if let Some(error) = failure {
            return Err(error);
        }
        let mut sessions = sessions.concat();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen_at));
        Ok(sessions)
    }
}

async fn add_with_copy(
    store: &PgStore,
    session: &Session,
    original: &Original,
) -> StoreResult<Applied> {
    store.add_copy(original).await?;
    store.add_session(session).await
}
