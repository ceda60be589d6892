//! A database of a set: its connections, and whether it can be reached.

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::{Instant, timeout};

use super::settings::ShardUrl;
use crate::{
    domain::{
        PoolUse, RevocationLog, RevocationPage, RevocationSignal, Shard, ShardState, Store,
        StoreError, StoreFailure, StoreResult,
    },
    store::{OpenError, PgStore, Pooler},
};

/// How long a database may take to answer whether it is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a database is silent before its requests are refused at once: until then they wait, as for one database.
const SILENT_AFTER: Duration = Duration::from_secs(3);

/// A database of a set.
pub(super) struct Member {
    pub(super) shard: Shard,
    pub(super) weight: u32,
    url: String,
    connections: u32,
    pooler: Pooler,
    store: OnceLock<PgStore>,
    /// A connection of its own, which no request waits for.
    probe: PgStore,
    health: Mutex<Health>,
}

#[derive(Clone, Copy, Default)]
struct Health {
    serves: bool,
    /// Since when it has not answered.
    silent_since: Option<Instant>,
}

impl Member {
    /// Creates a database that has not been opened. `None` if there is no URL.
    pub(super) fn new(
        one: &ShardUrl,
        connections: u32,
        pooler: Pooler,
    ) -> Result<Option<Self>, OpenError> {
        let Some(url) = one.url.clone() else {
            return Ok(None);
        };
        Ok(Some(Self {
            shard: one.shard,
            weight: one.weight,
            probe: PgStore::lazy(&url, pooler, PROBE_TIMEOUT)?,
            url,
            connections,
            pooler,
            store: OnceLock::new(),
            health: Mutex::default(),
        }))
    }

    /// Connects to it, and brings its tables up to date, unless that has been done.
    pub(super) async fn open(&self) -> Result<&PgStore, OpenError> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let opened = PgStore::open(&self.url, self.connections, self.pooler).await?;
        Ok(self.store.get_or_init(|| opened))
    }

    /// Returns its store; fails at once if it is away.
    pub(super) fn store(&self) -> StoreResult<&PgStore> {
        let store = self.store.get().filter(|_| self.health().serves);
        store.ok_or_else(|| away(self.shard, "it does not answer"))
    }

    /// Returns whether new sessions may be placed on it.
    pub(super) fn is_fit(&self) -> bool {
        let health = *self.health();
        health.serves && health.silent_since.is_none()
    }

    /// Returns whether requests are served.
    pub(super) fn serves(&self) -> bool {
        self.health().serves
    }

    /// Says that its requests are served from now on.
    pub(super) fn begin_to_serve(&self) {
        *self.health() = Health {
            serves: true,
            silent_since: None,
        };
    }

    /// Places no new session on it until it has answered again.
    pub(super) fn suspect(&self) {
        self.health().silent_since.get_or_insert_with(Instant::now);
    }

    /// Asks whether it is there; returns the same, and whether it was silent before.
    pub(super) async fn ask(&self) -> (bool, bool) {
        let answer = timeout(PROBE_TIMEOUT, self.probe.ping()).await;
        let answers = answer.is_ok_and(|answer| answer.is_ok());
        let mut health = self.health();
        let was_silent = health.silent_since.is_some();
        if answers {
            health.silent_since = None;
        } else {
            let since = *health.silent_since.get_or_insert_with(Instant::now);
            if health.serves && since.elapsed() >= SILENT_AFTER {
                health.serves = false;
                tracing::warn!(shard = %self.shard, "the shard does not answer: its sessions are refused for now");
            }
        }
        (answers, was_silent)
    }

    /// Returns its state.
    pub(super) fn state(&self) -> ShardState {
        let none = PoolUse {
            open: 0,
            idle: 0,
            most: self.connections.into(),
        };
        ShardState {
            shard: self.shard,
            serves: self.serves(),
            pool: self.store.get().map_or(none, Store::pool_use),
        }
    }

    /// Closes its connections.
    pub(super) async fn close(&self) {
        self.probe.close().await;
        if let Some(store) = self.store.get() {
            store.close().await;
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the failure of a request for a shard that is away.
pub(super) fn away(shard: Shard, why: impl std::fmt::Display) -> StoreError {
    StoreError::because(StoreFailure::ShardAway, format!("shard {shard}: {why}"))
}

/// The log of a database that may be away.
#[async_trait]
impl RevocationLog for Member {
    async fn revocations(&self, from: u64, age: Duration) -> StoreResult<RevocationPage> {
        self.store()?.revocations(from, age).await
    }

    async fn revocation_signal(&self) -> StoreResult<Box<dyn RevocationSignal>> {
        self.store()?.revocation_signal().await
    }

    async fn prune_revocations(&self, age: Duration, most: u32) -> StoreResult<u64> {
        self.store()?.prune_revocations(age, most).await
    }
}
