//! `SQLite`: one file beside the server.

use std::{path::Path, str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use nolapse::wire::EndReason;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    },
};
use tokio::time::{Instant, sleep};

use super::{
    OpenError, applied,
    columns::{session_columns, user_columns},
    contexts::contexts,
    failure, is_busy,
    notes::notes,
    passkeys::{self, passkeys},
    private_file,
    proofs::proofs,
    providers::providers,
    registrations::registrations,
    revocations::{self, revocations},
    rows, siblings,
    signing_keys::signing_keys,
    statements::store,
    throttles::{self, throttles},
    totp::{self, totp},
};
use crate::domain::{
    Applied, Authentication, Bucket, ContextStore, Email, Identity, Mark, Note, NoteAdded, NoteId,
    NoteStore, Passkey, PasskeyAdded, PasskeyId, PasskeyName, PasskeyRemoved, PasskeyStore,
    PasswordHash, PoolUse, ProofStore, ProviderSession, ProviderStore, RecoveryHash,
    RegistrationStore, RevocationLog, RevocationPage, RevocationSignal, Role, SealedKey, Session,
    SessionId, SessionKey, Shard, SigningKeyStore, Store, StoreFailure, StoreResult, Throttles,
    Timestamp, Totp, TotpStep, TotpStore, User, UserId,
};

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 4;
/// How soon a file that another server opens is opened again.
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// A store in an `SQLite` file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    /// Opens the file of `url` (`sqlite://path`), creates it with mode 600 if it is missing, and migrates its tables.
    ///
    /// # Errors
    /// Fails if the file cannot be read and written, or holds the tables of a later version.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(OpenError::Database)?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT);
        private_file::prepare(options.get_filename())
            .map_err(|error| OpenError::Database(error.into()))?;
        let opening = Instant::now();
        loop {
            match connect(options.clone()).await {
                // A change to the write-ahead log waits for nobody: another server opens the file.
                Err(error) if is_busy(&error) && opening.elapsed() < BUSY_TIMEOUT => {
                    sleep(RETRY_AFTER).await;
                }
                opened => {
                    return opened
                        .map(|pool| Self { pool })
                        .map_err(OpenError::Database);
                }
            }
        }
    }
}

/// Connects, and brings the tables up to date in one transaction: of several servers that start at once on a new file one
/// does so while the others wait, and then find the tables.
async fn connect(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let pools = SqlitePoolOptions::new().max_connections(CONNECTIONS);
    let pool = pools.connect_with(options).await?;
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let migrator = super::migrations::sqlite();
    // `run` does the same with a connection that it acquires, and its future cannot be sent to another thread.
    migrator.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(pool)
}

store!(SqliteStore, no_retry, "max", "BEGIN IMMEDIATE", "rowid");
contexts!(SqliteStore, no_retry);
notes!(SqliteStore, no_retry, "BEGIN IMMEDIATE", "");
proofs!(SqliteStore, no_retry, "max");
passkeys!(SqliteStore, no_retry, "BEGIN IMMEDIATE", "");
revocations!(
    SqliteStore,
    no_retry,
    revocations::SQLITE_NOW,
    "position",
    revocations::LooksEvery
);
providers!(SqliteStore, no_retry);
registrations!(SqliteStore, no_retry);
signing_keys!(SqliteStore, no_retry);
throttles!(SqliteStore, no_retry, "max");
totp!(SqliteStore, no_retry, "BEGIN IMMEDIATE");

impl SqliteStore {
    /// Begins a transaction in which no other writes.
    async fn begin_with_signing_keys(
        &self,
    ) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, sqlx::Error> {
        self.pool.begin_with("BEGIN IMMEDIATE").await
    }

    /// Ends the live sessions whose `column` is `value`, but the one named `kept`, and records each, in one
    /// transaction.
    async fn end_where(
        &self,
        column: &'static str,
        value: &[u8; 16],
        kept: &[u8],
        at: Timestamp,
        reason: EndReason,
    ) -> StoreResult<u64> {
        let audit = format!(
            "INSERT INTO audit (at, event, session_id, user_id) \
             SELECT $1, $2, id, user_id FROM sessions \
             WHERE {column} = $3 AND id <> $4 AND ended_at IS NULL"
        );
        let end = format!(
            "UPDATE sessions SET ended_at = $1, end_reason = $2 \
             WHERE {column} = $3 AND id <> $4 AND ended_at IS NULL"
        );
        let mut ended = 0;
        // The write lock is taken first: an upgrade from a read could fail.
        let mut transaction = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failure)?;
        for sql in [audit, end] {
            let done = sqlx::query(AssertSqlSafe(sql))
                .bind(rows::to_db(at))
                .bind(reason.as_str())
                .bind(value.as_slice())
                .bind(kept)
                .execute(&mut *transaction)
                .await
                .map_err(failure)?;
            ended = done.rows_affected();
        }
        transaction.commit().await.map_err(failure)?;
        Ok(ended)
    }
}

/// Copies the database of `url` as it is at one moment.
pub(super) async fn copy(url: &str, copy: &Path) -> Result<(), sqlx::Error> {
    let copy = copy.to_str().ok_or_else(|| {
        let text = "the name of the copy is no UTF-8";
        sqlx::Error::Configuration(text.into())
    })?;
    let options = SqliteConnectOptions::from_str(url)?.busy_timeout(BUSY_TIMEOUT);
    let mut connection = options.create_if_missing(false).connect().await?;
    sqlx::query("VACUUM INTO $1")
        .bind(copy)
        .execute(&mut connection)
        .await?;
    connection.close().await
}

/// Runs a step once: errors of a local file are not transient.
async fn no_retry<T, F>(step: impl Fn() -> F) -> StoreResult<T>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    step().await.map_err(failure)
}
