//! The task that follows the logs of the databases.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::Revocations;
use crate::{
    clock,
    domain::{RevocationLog, RevocationPage, Shard, Store, StoreError, StoreResult},
};

/// How long no signal is believed: then the log is read anyway. A connection that is dead without an error, or a pooler that
/// loses signals, costs no more than this.
const READ_AT_LEAST_EVERY: Duration = Duration::from_millis(500);
/// How long signals are gathered before the log is read once for all of them.
const GATHER: Duration = Duration::from_millis(10);
/// How long a read may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// The pauses after failures: the first, and the longest. The log is read after each.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// How often entries of the database's log are deleted.
const PRUNE_EVERY: Duration = Duration::from_mins(1);
/// Upper bound on rows deleted by one statement, so that its locks are short.
const PRUNED_AT_ONCE: u32 = 1_000;

/// Follows the logs until the server stops, and prunes them.
pub(crate) fn follow(
    revocations: Arc<Revocations>,
    store: &dyn Store,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let followers = store.revocation_logs().into_iter();
    let followers = followers.map(|(shard, log)| Follower {
        revocations: Arc::clone(&revocations),
        shard,
        log,
    });
    let followers: Vec<Follower> = followers.collect();
    for follower in &followers {
        revocations.set_live(follower.shard, false);
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = join_all(followers.iter().map(Follower::run)) => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
        revocations.close();
    })
}

/// Follows the log of one database.
struct Follower {
    revocations: Arc<Revocations>,
    shard: Shard,
    log: Arc<dyn RevocationLog>,
}

impl Follower {
    async fn run(&self) {
        let mut pause = PAUSES.0;
        loop {
            let begun = Instant::now();
            let Err(error) = self.listen().await;
            self.revocations.set_live(self.shard, false);
            if begun.elapsed() > PAUSES.1 {
                pause = PAUSES.0;
            }
            if pause == PAUSES.0 {
                tracing::warn!(shard = %self.shard, %error, "revocations of other servers do not arrive");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Listens first and reads then, so that nothing falls in between; ends with the first failure.
    async fn listen(&self) -> StoreResult<Infallible> {
        // What cannot be listened to can be read: behind a pooler that has no LISTEN, once per pause.
        self.read().await?;
        let mut signal = self.log.revocation_signal().await?;
        self.read().await?;
        self.revocations.set_live(self.shard, true);
        let mut pruned = Instant::now();
        loop {
            let signalled = timeout(READ_AT_LEAST_EVERY, signal.wait()).await;
            signalled.unwrap_or(Ok(()))?;
            tokio::time::sleep(GATHER).await;
            self.read().await?;
            if pruned.elapsed() >= PRUNE_EVERY {
                pruned = Instant::now();
                self.prune().await?;
            }
        }
    }

    /// Reads what came after the last page; everything if the database has been replaced by one that is behind it.
    async fn read(&self) -> StoreResult<()> {
        let from = self.revocations.cursor(self.shard);
        let mut page = self.page(from).await?;
        if page.cursor < from {
            page = self.page(0).await?;
        }
        self.revocations
            .add(self.shard, page, (Instant::now(), clock::now()));
        Ok(())
    }

    async fn page(&self, from: u64) -> StoreResult<RevocationPage> {
        let page = self.log.revocations(from, self.revocations.kept());
        timeout(READ_TIMEOUT, page).await.map_err(StoreError::new)?
    }

    async fn prune(&self) -> StoreResult<()> {
        let kept = self.revocations.kept();
        let prune = || self.log.prune_revocations(kept, PRUNED_AT_ONCE);
        while prune().await? == u64::from(PRUNED_AT_ONCE) {}
        Ok(())
    }
}
