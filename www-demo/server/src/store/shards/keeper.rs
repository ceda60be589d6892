//! Keeps an eye on each database, and does there what is still to be done.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;

use super::{
    ShardSet,
    copies::{Ending, Task},
    member::Member,
};
use crate::{
    domain::{Shard, Store, StoreResult, UserId},
    store::PgStore,
};

/// How often a database is asked whether it is there.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How many of these times pass between looks for what another server could not do on a shard that this one can reach.
const LOOK_EVERY: u32 = 5;

/// Asks a database again and again whether it is there. One that was away serves again after what was to be done there meanwhile.
pub(super) fn keep(set: Arc<ShardSet>, member: Arc<Member>) -> JoinHandle<()> {
    tokio::spawn(async move {
        for turn in 1_u32.. {
            tokio::time::sleep(ASK_EVERY).await;
            let served = member.serves();
            let (answers, was_silent) = member.ask().await;
            if !answers || (served && !was_silent && !turn.is_multiple_of(LOOK_EVERY)) {
                continue;
            }
            let admitted = set.admit(&member).await;
            if let Err(error) = admitted {
                if turn.is_multiple_of(LOOK_EVERY) {
                    tracing::warn!(shard = %member.shard, %error, "the shard was not brought up to date");
                }
            } else if !served {
                tracing::info!(shard = %member.shard, "the shard serves");
            }
        }
    })
}

impl ShardSet {
    /// Does what is still to be done on a shard.
    pub(super) async fn catch_up(&self, shard: Shard, store: &PgStore) -> StoreResult<()> {
        let home = self.home()?;
        loop {
            let tasks = home.tasks_on(shard).await?;
            if tasks.is_empty() {
                return Ok(());
            }
            for task in &tasks {
                carry_out(home, store, task).await?;
            }
            let done: Vec<i64> = tasks.iter().map(|task| task.id).collect();
            home.finish(&done).await?;
        }
    }

    /// Does on all other shards what a change of a user at shard 0 requires. What cannot be done now is done once that shard is
    /// back, before it serves.
    pub(super) async fn settle(&self, user: UserId) {
        let settled = async {
            let tasks = self.home()?.tasks_of(user).await?;
            self.carry_out_all(&tasks).await
        };
        if let Err(error) = settled.await {
            tracing::warn!(%error, "a change of a user reaches other shards later");
        }
    }

    async fn carry_out_all(&self, tasks: &[Task]) -> StoreResult<()> {
        let home = self.home()?;
        let (done, failure) = self
            .each(|shard, store| async move {
                let mut done = Vec::new();
                for task in tasks.iter().filter(|task| task.shard == shard) {
                    carry_out(home, store, task).await?;
                    done.push(task.id);
                }
                Ok(done)
            })
            .await;
        home.finish(&done.concat()).await?;
        failure.map_or(Ok(()), Err)
    }

    /// Ends the live sessions of a user on all shards; returns how many of those that can be reached. Those of others end once
    /// their shard is back, before it serves.
    pub(super) async fn end_everywhere(&self, user: UserId, ending: Ending) -> StoreResult<u64> {
        let home = self.home()?;
        let tasks = home.remember(user, ending).await?;
        let Ending { at, reason, kept } = ending;
        let (ended, failure) = self
            .each(|shard, store| async move {
                let ended = match kept {
                    Some(kept) => store.end_other_sessions(user, kept, at, reason).await?,
                    None => store.end_sessions_of(user, at, reason).await?,
                };
                Ok((shard, ended))
            })
            .await;
        let is_done = |task: &&Task| ended.iter().any(|(shard, _)| *shard == task.shard);
        let done: Vec<i64> = tasks.iter().filter(is_done).map(|task| task.id).collect();
        home.finish(&done).await?;
        if let Some(error) = failure {
            if !ended.iter().any(|(shard, _)| *shard == Shard::HOME) {
                return Err(error);
            }
            tracing::warn!(%error, "sessions of a shard end once it is back");
        }
        Ok(ended.iter().map(|(_, ended)| ended).sum())
    }
}

/// Makes the copy of a user as the user is at shard 0 now, and ends sessions if the task is to.
async fn carry_out(home: &PgStore, store: &PgStore, task: &Task) -> StoreResult<()> {
    match home.original(task.user).await? {
        Some(original) => store.renew_copy(&original).await?,
        None => store.delete_user(task.user).await?,
    }
    match task.ending {
        Some(ending) => store.end_earlier(task.user, ending).await,
        None => Ok(()),
    }
}
