//! `PostgreSQL`: one database for several servers.

use std::{str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use nolapse::wire::EndReason;
use sqlx::{
    AssertSqlSafe, Connection, Error,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    OpenError, applied,
    columns::{session_columns, user_columns},
    connections::{Connections, Pooler, TIMEOUTS, Transaction},
    contexts::contexts,
    failure,
    notes::notes,
    passkeys::{self, passkeys},
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

/// How long a request waits for a connection, long enough for most restarts of a database.
const PATIENCE: Duration = Duration::from_secs(3);
/// A connection that was idle for longer is pinged before use.
const PING_AFTER: Duration = Duration::from_secs(1);
/// How often a step is tried after transient errors.
const TRIES: u32 = 4;

/// A store in a `PostgreSQL` database, shared by any number of servers.
#[derive(Clone, Debug)]
pub struct PgStore {
    pool: Connections,
}

impl PgStore {
    /// Connects to the database of `url` (`postgres://user@host/name`) with at most `connections`, perhaps through a
    /// `pooler`, and brings its tables up to date.
    ///
    /// Any number of servers may do so at once: an advisory lock serializes the migrations.
    ///
    /// # Errors
    /// Fails if the database is unreachable, or has the tables of a later version.
    pub async fn open(url: &str, connections: u32, pooler: Pooler) -> Result<Self, OpenError> {
        let pools = pools(connections, PATIENCE);
        let pool = pools.connect_with(options(url, pooler)?).await?;
        let pool = Connections::new(pool, pooler);
        migrate(&pool).await?;
        Ok(Self { pool })
    }

    /// Returns a store of one connection, which is made when it is needed, and waited for no longer than `patience`.
    pub(super) fn lazy(url: &str, pooler: Pooler, patience: Duration) -> Result<Self, OpenError> {
        let pool = pools(1, patience).connect_lazy_with(options(url, pooler)?);
        let pool = Connections::new(pool, pooler);
        Ok(Self { pool })
    }

    /// Returns the connections.
    pub(super) const fn pool(&self) -> &Connections {
        &self.pool
    }
}

fn options(url: &str, pooler: Pooler) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(url)?.application_name("nolapse-server");
    Ok(match pooler {
        Pooler::None => options.options(TIMEOUTS),
        // Parameters that PgBouncer does not know end a connection.
        Pooler::Transaction => options.extra_float_digits(None),
    })
}

fn pools(connections: u32, patience: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(patience)
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(async move {
                let trusted = known.idle_for < PING_AFTER;
                Ok(trusted || connection.ping().await.is_ok())
            })
        })
}

/// Brings the tables up to date, one server after the other.
async fn migrate(pool: &Connections) -> Result<(), Error> {
    let mut migrator = super::migrations::postgres();
    if pool.pooler() == Pooler::None {
        return Ok(migrator.run(&**pool).await?);
    }
    // The lock of a session would stay on one connection, and its end be sent to another. The migrator names its
    // statements, which must be on the connection neither before nor afterwards.
    let mut transaction = pool.begin().await?;
    let sql = "SELECT pg_advisory_xact_lock(hashtext('nolapse migrations'))";
    sqlx::query(sql).execute(&mut *transaction).await?;
    sqlx::raw_sql("DEALLOCATE ALL")
        .execute(&mut *transaction)
        .await?;
    migrator.set_locking(false);
    migrator
        .run_direct(None, transaction.plain(), false)
        .await?;
    sqlx::raw_sql("DEALLOCATE ALL")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

store!(PgStore, retrying, "greatest", "BEGIN", "ctid");
contexts!(PgStore, retrying);
notes!(PgStore, retrying, "BEGIN", " FOR NO KEY UPDATE");
proofs!(PgStore, retrying, "greatest");
passkeys!(PgStore, retrying, "BEGIN", " FOR NO KEY UPDATE");
revocations!(
    PgStore,
    retrying,
    revocations::PG_NOW,
    "id",
    revocations::PgSignal
);
providers!(PgStore, retrying);
registrations!(PgStore, retrying);
signing_keys!(PgStore, retrying);
throttles!(PgStore, retrying, "greatest");
totp!(PgStore, retrying, "BEGIN");

impl PgStore {
    /// Begins a transaction with exclusive write access to signing keys.
    async fn begin_with_signing_keys(&self) -> Result<Transaction, Error> {
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
pub(super) async fn retrying<T, F>(step: impl Fn() -> F) -> StoreResult<T>
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
pub(super) fn is_transient(error: &Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let passing = ["40001", "40P01", "57P01", "57P02", "57P03"];
    let broken = matches!(error, Error::Io(_));
    broken || code.is_some_and(|code| passing.contains(&&*code) || code.starts_with("08"))
}
