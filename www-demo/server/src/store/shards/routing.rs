//! What is on the shard of a session, on all shards, and what changes at shard 0 first.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt, future::select_ok};
use nolapse::wire::EndReason;
use tokio::task::JoinHandle;

use super::{ShardedStore, copies::Ending};
use crate::domain::{
    Applied, Email, Identity, Mark, PasswordHash, PoolUse, ProofStore, ProviderSession,
    ProviderStore, RegistrationStore, RevocationLog, Role, Session, SessionId, SessionKey, Shard,
    ShardState, Store, StoreResult, Timestamp, User, UserId,
};

#[async_trait]
impl Store for ShardedStore {
    async fn close(&self) {
        self.keepers.iter().for_each(JoinHandle::abort);
        for member in self.set.members.values() {
            member.close().await;
        }
    }

    fn pool_use(&self) -> PoolUse {
        let none = PoolUse {
            open: 0,
            idle: 0,
            most: 0,
        };
        let pools = self.shards().into_iter().map(|shard| shard.pool);
        pools.fold(none, |sum, pool| PoolUse {
            open: sum.open + pool.open,
            idle: sum.idle + pool.idle,
            most: sum.most + pool.most,
        })
    }

    fn revocation_logs(&self) -> Vec<(Shard, Arc<dyn RevocationLog>)> {
        let logs = self.set.members.iter();
        logs.map(|(shard, member)| {
            let log: Arc<dyn RevocationLog> = Arc::<super::Member>::clone(member);
            (*shard, log)
        })
        .collect()
    }

    fn shards(&self) -> Vec<ShardState> {
        let members = self.set.members.values();
        members.map(|member| member.state()).collect()
    }

    fn place(&self, user: UserId, random: [u8; 16]) -> SessionId {
        SessionId::on_shard(self.set.choose(user), random)
    }

    async fn ping(&self) -> StoreResult<()> {
        let members = self.set.members.values();
        let asked = members.map(|member| async { member.store()?.ping().await }.boxed());
        // There is shard 0 at least.
        select_ok(asked).await.map(|_| ())
    }

    async fn add_user(&self, user: &User) -> StoreResult<Applied> {
        self.set.home()?.add_user(user).await
    }

    async fn user_by_email(&self, email: &Email) -> StoreResult<Option<User>> {
        self.set.home()?.user_by_email(email).await
    }

    async fn has_user(&self, user: UserId) -> StoreResult<bool> {
        self.set.home()?.has_user(user).await
    }

    async fn user(&self, id: UserId) -> StoreResult<Option<User>> {
        self.set.home()?.user(id).await
    }

    async fn set_role(&self, user: UserId, role: Role) -> StoreResult<Applied> {
        let set = self.set.home()?.set_role(user, role).await?;
        self.set.settle(user).await;
        Ok(set)
    }

    async fn set_disabled(&self, user: UserId, disabled: bool) -> StoreResult<()> {
        self.set.home()?.set_disabled(user, disabled).await?;
        self.set.settle(user).await;
        Ok(())
    }

    async fn replace_password(
        &self,
        user: &User,
        successor: &PasswordHash,
    ) -> StoreResult<Applied> {
        let replaced = self.set.home()?.replace_password(user, successor).await?;
        self.set.settle(user.id).await;
        Ok(replaced)
    }

    async fn costliest_password(&self) -> StoreResult<u64> {
        self.set.home()?.costliest_password().await
    }

    async fn delete_user(&self, user: UserId) -> StoreResult<()> {
        self.set.home()?.delete_user(user).await?;
        self.set.settle(user).await;
        Ok(())
    }

    async fn add_session(&self, session: &Session) -> StoreResult<Applied> {
        self.set.add(session).await
    }

    async fn session(&self, id: SessionId) -> StoreResult<Option<(Session, User)>> {
        match self.set.of(id)? {
            Some(store) => store.session(id).await,
            None => Ok(None),
        }
    }

    async fn rotate_session(&self, session: &Session, read: &Session) -> StoreResult<Applied> {
        match self.set.of(session.id)? {
            Some(store) => store.rotate_session(session, read).await,
            None => Ok(Applied::No),
        }
    }

    async fn touch_session(&self, session: &Session) -> StoreResult<()> {
        match self.set.of(session.id)? {
            Some(store) => store.touch_session(session).await,
            None => Ok(()),
        }
    }

    async fn end_session(
        &self,
        id: SessionId,
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<Applied> {
        match self.set.of(id)? {
            Some(store) => store.end_session(id, at, reason).await,
            None => Ok(Applied::No),
        }
    }

    async fn end_sessions_of(
        &self,
        user: UserId,
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<u64> {
        let kept = None;
        let ending = Ending { at, reason, kept };
        self.set.end_everywhere(user, ending).await
    }

    async fn end_other_sessions(
        &self,
        user: UserId,
        kept: SessionId,
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<u64> {
        let kept = Some(kept);
        let ending = Ending { at, reason, kept };
        self.set.end_everywhere(user, ending).await
    }

    async fn sessions_of(&self, user: UserId) -> StoreResult<Vec<Session>> {
        self.set.all_of(user).await
    }

    async fn recorded_endings(&self, id: SessionId, reason: EndReason) -> StoreResult<u64> {
        match self.set.of(id)? {
            Some(store) => store.recorded_endings(id, reason).await,
            None => Ok(0),
        }
    }

    async fn count_sessions(&self, now: Timestamp) -> StoreResult<u64> {
        let (counts, failure) = self.set.each(|_, store| store.count_sessions(now)).await;
        failure.map_or_else(|| Ok(counts.iter().sum()), Err)
    }

    async fn prune_sessions(&self, before: Timestamp, most: u32) -> StoreResult<u64> {
        let mut pruned = 0;
        for store in self.set.those_there() {
            pruned += store.prune_sessions(before, left(most, pruned)).await?;
        }
        Ok(pruned)
    }

    async fn forget_ended_sessions(&self, user: UserId, kept: u32) -> StoreResult<u64> {
        let forget = self
            .set
            .each(|_, store| store.forget_ended_sessions(user, kept));
        Ok(forget.await.0.iter().sum())
    }

    async fn prune_audit(&self, before: Timestamp, most: u32) -> StoreResult<u64> {
        let mut pruned = 0;
        for store in self.set.those_there() {
            pruned += store.prune_audit(before, left(most, pruned)).await?;
        }
        Ok(pruned)
    }
}

fn left(most: u32, pruned: u64) -> u32 {
    most.saturating_sub(u32::try_from(pruned).unwrap_or(u32::MAX))
}

#[async_trait]
impl RegistrationStore for ShardedStore {
    async fn register_key(&self, session: SessionId, key: &SessionKey) -> StoreResult<Applied> {
        match self.set.of(session)? {
            Some(store) => store.register_key(session, key).await,
            None => Ok(Applied::No),
        }
    }

    async fn record_key_proof(
        &self,
        session: SessionId,
        challenged_at: Timestamp,
    ) -> StoreResult<Applied> {
        match self.set.of(session)? {
            Some(store) => store.record_key_proof(session, challenged_at).await,
            None => Ok(Applied::No),
        }
    }
}

#[async_trait]
impl ProofStore for ShardedStore {
    async fn record_proof(&self, session: &Session, read: &Session) -> StoreResult<Applied> {
        match self.set.of(session.id)? {
            Some(store) => store.record_proof(session, read).await,
            None => Ok(Applied::No),
        }
    }
}

#[async_trait]
impl ProviderStore for ShardedStore {
    async fn user_of_identity(&self, identity: &Identity) -> StoreResult<Option<User>> {
        self.set.home()?.user_of_identity(identity).await
    }

    async fn add_identity(
        &self,
        identity: &Identity,
        user: UserId,
        at: Timestamp,
    ) -> StoreResult<Applied> {
        self.set.home()?.add_identity(identity, user, at).await
    }

    async fn add_provider_session(&self, row: &ProviderSession) -> StoreResult<Applied> {
        match self.set.of(row.session)? {
            Some(store) => store.add_provider_session(row).await,
            None => Ok(Applied::No),
        }
    }

    async fn provider_session(&self, id: SessionId) -> StoreResult<Option<ProviderSession>> {
        match self.set.of(id)? {
            Some(store) => store.provider_session(id).await,
            None => Ok(None),
        }
    }

    async fn replace_provider_tokens(
        &self,
        read: &ProviderSession,
        sealed: &[u8],
        leased_until: Option<Timestamp>,
    ) -> StoreResult<Applied> {
        match self.set.of(read.session)? {
            Some(store) => {
                store
                    .replace_provider_tokens(read, sealed, leased_until)
                    .await
            }
            None => Ok(Applied::No),
        }
    }

    async fn sessions_at_provider(
        &self,
        issuer: &str,
        subject: Option<&str>,
        sid: Option<&str>,
    ) -> StoreResult<Vec<SessionId>> {
        let (found, failure) = self
            .set
            .each(|_, store| store.sessions_at_provider(issuer, subject, sid))
            .await;
        failure.map_or_else(|| Ok(found.concat()), Err)
    }

    async fn set_mark(&self, mark: &Mark, until: Timestamp) -> StoreResult<Applied> {
        self.set.home()?.set_mark(mark, until).await
    }

    async fn has_mark(&self, mark: &Mark) -> StoreResult<bool> {
        self.set.home()?.has_mark(mark).await
    }

    async fn prune_marks(&self, now: Timestamp) -> StoreResult<u64> {
        self.set.home()?.prune_marks(now).await
    }
}
