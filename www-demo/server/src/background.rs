//! What a server does without being asked.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    clock,
    domain::{Store, StoreResult},
    keys::{KeyRing, MAINTAIN_INTERVAL},
};

/// How many looks in a row may fail for one reason before it is logged again.
const LOG_EVERY: u32 = 60;

/// How often a server looks for rows that may be forgotten.
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// How long a session is kept beyond its absolute limit, which its cookie does not outlive.
const KEPT_BEYOND: Duration = Duration::from_hours(24);
/// How many rows are forgotten in one statement, so that none holds up the others for long.
const PRUNED_AT_ONCE: u32 = 1_000;

/// Forgets sessions that are long over and records older than `audit_kept`, at once and then every hour, until
/// the server stops.
///
/// Any number of servers may do this at once: each forgets what the others have not.
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
    Ok(())
}

/// How often a server looks for throttles that may be forgotten.
const PRUNE_THROTTLES_EVERY: Duration = Duration::from_mins(1);
/// How many throttles are kept at most, about 100 MB of rows: strangers cannot fill the database.
const MAX_THROTTLES: u32 = 1_000_000;

/// Forgets throttles that are full again, every minute, and those that will be soonest where there are too many, until
/// the server stops.
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

/// Follows the signing keys in the database, and rotates them by the schedule, until the server stops.
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
