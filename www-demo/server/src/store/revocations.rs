//! The log of revocations, which triggers of both databases write.

use std::{
    future::{Ready, ready},
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{
    postgres::{PgListener, PgPoolOptions},
    sqlite::SqlitePool,
};

use super::{
    connections::{Connections, Pooler},
    failure,
    rows::{self, Columns},
};
use crate::domain::{
    Revocation, RevocationPage, RevocationSignal, Revoked, SessionId, StoreError, StoreResult,
    UserId,
};

/// The channel on which the triggers of `PostgreSQL` signal.
const CHANNEL: &str = "nolapse_revocations";
/// How often the log of `SQLite` is looked at: its writers, the commands among them, cannot signal.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often the log of a `PostgreSQL` behind a pooler is looked at, which carries no signals (`LISTEN`).
const POOLED_LOOK_EVERY: Duration = Duration::from_millis(250);

/// The present of `PostgreSQL`: the lowest transaction that is under way, and the time in milliseconds.
pub(super) const PG_NOW: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS low, \
     floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms";
/// The present of `SQLite`: the next position, and the time in milliseconds.
pub(super) const SQLITE_NOW: &str = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'revocations'), 0) + 1 AS low, \
     CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS ms";

/// Implements the domain's log of revocations for a type with a `pool`. `$run` runs a step; `$present` is one of the
/// statements above, `$place` the row identifier of the table, and `$signal` the type that listens.
macro_rules! revocations {
    ($store:ty, $run:path, $present:expr, $place:literal, $signal:ty) => {
        #[async_trait]
        impl RevocationLog for $store {
            async fn revocations(&self, from: u64, age: Duration) -> StoreResult<RevocationPage> {
                // One statement is one moment; the join keeps its present where there are no entries.
                let sql = format!(
                    "SELECT n.low, n.ms, r.position, r.session_id, r.user_id, r.at, r.logged_at \
                     FROM ({}) n LEFT JOIN revocations r \
                     ON r.position >= $1 AND r.logged_at >= n.ms - $2 ORDER BY r.{}",
                    $present, $place
                );
                let (from, age) = (rows::to_db_count(from), throttles::millis(age));
                let found = $run(|| {
                    sqlx::query(AssertSqlSafe(sql.as_str()))
                        .bind(from)
                        .bind(age)
                        .fetch_all(&self.pool)
                });
                revocations::page(&found.await?)
            }

            async fn revocation_signal(&self) -> StoreResult<Box<dyn RevocationSignal>> {
                <$signal>::listen(&self.pool).await
            }

            async fn prune_revocations(&self, age: Duration, most: u32) -> StoreResult<u64> {
                let sql = format!(
                    "DELETE FROM revocations WHERE {0} IN (SELECT r.{0} FROM ({1}) n \
                     JOIN revocations r ON r.logged_at < n.ms - $1 LIMIT $2)",
                    $place, $present
                );
                let (age, most) = (throttles::millis(age), i64::from(most));
                let done = $run(|| {
                    sqlx::query(AssertSqlSafe(sql.as_str()))
                        .bind(age)
                        .bind(most)
                        .execute(&self.pool)
                });
                Ok(done.await?.rows_affected())
            }
        }
    };
}

pub(super) use revocations;

/// Reads a page: the present in each row, an entry in all but an empty one.
pub(super) fn page<R: Columns>(found: &[R]) -> StoreResult<RevocationPage> {
    let first = found.first().ok_or_else(|| rows::damaged("revocations"))?;
    let cursor = rows::counted(first.number("low")?);
    let entries: StoreResult<Vec<Option<Revocation>>> = found.iter().map(entry).collect();
    Ok(RevocationPage {
        entries: entries?.into_iter().flatten().collect(),
        cursor,
    })
}

fn entry<R: Columns>(row: &R) -> StoreResult<Option<Revocation>> {
    let Some(position) = row.maybe_number("position")? else {
        return Ok(None);
    };
    let user = UserId::from_bytes(rows::bytes(row, "user_id")?);
    let session = row.maybe_bytes("session_id")?;
    let revoked = match session.map(TryInto::try_into).transpose() {
        Ok(None) => Revoked::User(user),
        Ok(Some(id)) => Revoked::Session(SessionId::from_bytes(id), user),
        Err(_) => return Err(rows::damaged("session_id")),
    };
    let age = row.number("ms")?.saturating_sub(row.number("logged_at")?);
    Ok(Some(Revocation {
        position: rows::counted(position),
        revoked,
        at: rows::time(row, "at")?,
        age: Duration::from_millis(rows::counted(age)),
    }))
}

/// Listens to the signals of `PostgreSQL`, on a connection of its own; behind a pooler the log is looked at instead.
pub(super) struct PgSignal(PgListener);

impl PgSignal {
    /// Connects as the connections of `pool` do.
    pub(super) async fn listen(pool: &Connections) -> StoreResult<Box<dyn RevocationSignal>> {
        if pool.pooler() == Pooler::Transaction {
            return Ok(Box::new(LooksEvery(POOLED_LOOK_EVERY)));
        }
        let options = PgPoolOptions::new().max_connections(1);
        let options = options.acquire_timeout(pool.options().get_acquire_timeout());
        let connection = options.connect_lazy_with((*pool.connect_options()).clone());
        let listener = PgListener::connect_with(&connection).await;
        let mut listener = listener.map_err(failure)?;
        // Signals of a time without a connection are lost: whoever waits has to know.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await.map_err(failure)?;
        Ok(Box::new(Self(listener)))
    }
}

#[async_trait]
impl RevocationSignal for PgSignal {
    async fn wait(&mut self) -> StoreResult<()> {
        let signal = self.0.try_recv().await.map_err(failure)?;
        if signal.is_none() {
            return Err(StoreError::new("the listening connection was lost"));
        }
        // One look at the log serves all signals that are there.
        while self.0.next_buffered().is_some() {}
        Ok(())
    }
}

/// Looks at the log again after a while.
pub(super) struct LooksEvery(Duration);

impl LooksEvery {
    pub(super) fn listen(_: &SqlitePool) -> Ready<StoreResult<Box<dyn RevocationSignal>>> {
        ready(Ok(Box::new(Self(LOOK_EVERY))))
    }
}

#[async_trait]
impl RevocationSignal for LooksEvery {
    async fn wait(&mut self) -> StoreResult<()> {
        tokio::time::sleep(self.0).await;
        Ok(())
    }
}
