//! Background tasks: pruning, and rotation of signing keys.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    clock,
    domain::{Store, StoreResult},
    keys::{KeyRing, MAINTAIN_INTERVAL},
};

/// A repeated failure is logged once in this many attempts.
const LOG_EVERY: u32 = 60;

/// How often rows are pruned.
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// How long a session's row outlives its absolute limit, at which its cookie expires.
const KEPT_BEYOND: Duration = Duration::from_hours(24);
/// Upper bound on rows deleted by one statement, so that its locks are short.
const PRUNED_AT_ONCE: u32 = 1_000;

/// Deletes expired sessions, audit records older than `audit_kept` and marks that count no more, now and every hour until the server stops. Any
/// number of servers may do so at once.
pub(crate) fn prune(
    store: Arc<dyn Store>,
    audit_kept: Duration,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            if let Err(error) = prune_once(&*store, audit_kept, &stopped).await {
                tracing::warn!(%error, "old rows were not forgotten");
            }
            let stop = stopped.wait_for(|stop| *stop);
            if tokio::time::timeout(PRUNE_EVERY, stop).await.is_ok() {
                return;
            }
        }
    })
}

async fn prune_once(
    store: &dyn Store,
    audit_kept: Duration,
    stopped: &watch::Receiver<bool>,
) -> StoreResult<()> {
    let now = clock::now();
    let whole = u64::from(PRUNED_AT_ONCE);
    let sessions = now.before(KEPT_BEYOND);
    while store.prune_sessions(sessions, PRUNED_AT_ONCE).await? == whole && !*stopped.borrow() {}
    let audit = now.before(audit_kept);
    while store.prune_audit(audit, PRUNED_AT_ONCE).await? == whole && !*stopped.borrow() {}
    store.prune_marks(now).await?;
    Ok(())
}

/// How often throttles are pruned.
const PRUNE_THROTTLES_EVERY: Duration = Duration::from_mins(1);
/// Upper bound on rows of throttles, about 100 MB.
const MAX_THROTTLES: u32 = 1_000_000;

/// Deletes full throttles every minute, and those that are full soonest beyond the maximum, until the server stops.
pub(crate) fn prune_throttles(
    store: Arc<dyn Store>,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let stop = async |stopped: &mut watch::Receiver<bool>| {
            let stop = stopped.wait_for(|stop| *stop);
            tokio::time::timeout(PRUNE_THROTTLES_EVERY, stop)
                .await
                .is_ok()
        };
        while !stop(&mut stopped).await {
            let forgotten = async {
                while store.prune_throttles(clock::now(), PRUNED_AT_ONCE).await?
                    == u64::from(PRUNED_AT_ONCE)
                {}
                store.bound_throttles(MAX_THROTTLES).await
            };
            if let Err(error) = forgotten.await {
                tracing::warn!(%error, "old throttles were not forgotten");
            }
        }
    })
}

/// Reloads the signing keys from the database, and rotates them on schedule, until the server stops.
pub(crate) fn rotate_keys(
    keys: Arc<KeyRing>,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut failures = 0;
        while tokio::time::timeout(MAINTAIN_INTERVAL, stopped.wait_for(|stop| *stop))
            .await
            .is_err()
        {
            match keys.maintain(clock::now()).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    if failures % LOG_EVERY == 0 {
                        tracing::warn!(%error, "the keys were not brought up to date");
                    }
                    failures += 1;
                }
            }
        }
    })
}
