//! What a server does without being asked.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use crate::{clock, keys::KeyRing};

/// How often a server looks for keys that another one made.
const KEYS_EVERY: Duration = Duration::from_secs(5);

/// Follows the signing keys in the database, and rotates them by the schedule, until the server stops.
pub(crate) fn tend_keys(keys: Arc<KeyRing>, mut stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while tokio::time::timeout(KEYS_EVERY, stopped.wait_for(|stop| *stop))
            .await
            .is_err()
        {
            if let Err(error) = keys.tend(clock::now()).await {
                tracing::warn!(%error, "the signing keys were not looked at");
            }
        }
    })
}
