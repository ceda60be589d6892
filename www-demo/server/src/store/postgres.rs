//! `PostgreSQL`: one database for several servers.

use std::{str::FromStr, time::Duration};

use async_trait::async_trait;
use nolapse::wire::EndReason;
use sqlx::{
    AssertSqlSafe, Connection, Error,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};

use super::{
    OpenError, applied,
    contexts::contexts,
    failure,
    notes::notes,
    providers::providers,
    revocations::{self, revocations},
    rows, siblings,
    signing_keys::signing_keys,
    statements::{session_columns, store, user_columns},
    throttles::{self, throttles},
};
use crate::domain::{
    Applied, Bucket, ContextStore, Email, Identity, Mark, Note, NoteAdded, NoteId, NoteStore,
    PasswordHash, PoolUse, ProviderSession, ProviderStore, RevocationLog, RevocationPage,
    RevocationSignal, Role, SealedKey, Session, SessionId, SigningKeyStore, Store, StoreFailure,
    StoreResult, Throttles, Timestamp, User, UserId,
};

/// How long a request waits for a connection, long enough for most restarts of a database.
const PATIENCE: Duration = Duration::from_secs(3);
/// A connection that was idle for longer is pinged before use.
const PING_AFTER: Duration = Duration::from_secs(1);
/// How often a step is tried after transient errors.
const TRIES: u32 = 4;

/// A store in a `PostgreSQL` database, shared by any number of servers.
#[derive(Clone, Debug)]
pub struct PgStore {
    pool: PgPool,
}

impl PgStore {
    /// Connects to the database of `url` (`postgres://user@host/name`) with at most `connections`, and
    /// brings its tables up to date.
    ///
    /// Any number of servers may do so at once: an advisory lock serializes the migrations.
    ///
    /// # Errors
    /// Fails if the database is unreachable, or has the tables of a later version.
    pub async fn open(url: &str, connections: u32) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("nolapse-server")
            .options([
                ("statement_timeout", "5s"),
                ("lock_timeout", "2s"),
                ("idle_in_transaction_session_timeout", "10s"),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .before_acquire(|connection, known| {
                Box::pin(async move {
                    let trusted = known.idle_for < PING_AFTER;
                    Ok(trusted || connection.ping().await.is_ok())
                })
            })
            .connect_with(options)
            .await?;
        let tables = super::migrations::postgres().run(&pool).await;
        tables.map_err(Error::from)?;
        Ok(Self { pool })
    }
}

store!(PgStore, retrying, "greatest", "BEGIN", "ctid");
contexts!(PgStore, retrying);
notes!(PgStore, retrying, "BEGIN", " FOR NO KEY UPDATE");
revocations!(
    PgStore,
    retrying,
    revocations::PG_NOW,
    "id",
    revocations::PgSignal
);
providers!(PgStore, retrying);
signing_keys!(PgStore, retrying);
throttles!(PgStore, retrying, "greatest");

impl PgStore {
    /// Begins a transaction with exclusive write access to signing keys.
    async fn begin_with_signing_keys(
        &self,
    ) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, Error> {
        let mut transaction = self.pool.begin().await?;
        let sql = "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE";
        sqlx::query(sql).execute(&mut *transaction).await?;
        Ok(transaction)
    }

    /// Ends the live sessions whose `column` is `value`, but the one named `kept`, and records each, in one
    /// statement.
    async fn end_where(
        &self,
        column: &'static str,
        value: &[u8; 16],
        kept: &[u8],
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<u64> {
        let sql = format!(
            "WITH ended AS (UPDATE sessions SET ended_at = $1, end_reason = $2 \
             WHERE {column} = $3 AND id <> $4 AND ended_at IS NULL RETURNING id, user_id) \
             INSERT INTO audit (at, event, session_id, user_id) \
             SELECT $1, $2, id, user_id FROM ended"
        );
        let done = retrying(|| {
            sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(rows::to_db(at))
                .bind(reason.as_str())
                .bind(value.as_slice())
                .bind(kept)
                .execute(&self.pool)
        });
        Ok(done.await?.rows_affected())
    }
}

/// Runs a step, and repeats it after transient errors.
async fn retrying<T, F>(step: impl Fn() -> F) -> StoreResult<T>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut tries = 1;
    loop {
        match step().await {
            Err(error) if tries < TRIES && is_transient(&error) => tries += 1,
            done => return done.map_err(failure),
        }
    }
}

/// Returns whether an error is transient: a serialization failure, a deadlock or a broken connection (`PostgreSQL`'s
/// error classes 40, 57P and 08).
fn is_transient(error: &Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let passing = ["40001", "40P01", "57P01", "57P02", "57P03"];
    let broken = matches!(error, Error::Io(_));
    broken || code.is_some_and(|code| passing.contains(&&*code) || code.starts_with("08"))
}
