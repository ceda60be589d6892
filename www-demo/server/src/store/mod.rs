//! The domain's store, in `SQLite` and `PostgreSQL`.

mod columns;
mod connections;
mod contexts;
mod migrations;
mod notes;
mod passkeys;
mod postgres;
mod private_file;
mod proofs;
mod providers;
mod registrations;
mod revocations;
mod rows;
mod shards;
mod siblings;
mod signing_keys;
mod sqlite;
mod statements;
mod throttles;
mod tls;
mod totp;

use std::{fmt, path::Path, sync::Arc};

pub use connections::Pooler;
pub use postgres::PgStore;
pub use shards::{DATABASE_URLS, ShardError, ShardUrls, ShardedStore};
pub use sqlite::SqliteStore;

use sqlx::error::DatabaseError;

use crate::domain::{Applied, Store, StoreError, StoreFailure};

/// Why the database could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The driver's error.
    Database(sqlx::Error),
    /// It is not the database that the settings say.
    Shard(ShardError),
    /// A step after it was opened failed.
    Store(StoreError),
}

impl OpenError {
    /// Returns the remedy of an error of TLS or of a pooler; `None` for other errors.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Database(error) => tls::remedy(error).or_else(|| connections::remedy(error)),
            Self::Shard(_) | Self::Store(_) => None,
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(formatter),
            Self::Shard(error) => error.fmt(formatter),
            Self::Store(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<ShardError> for OpenError {
    fn from(error: ShardError) -> Self {
        Self::Shard(error)
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Returns whether a URL is one of `PostgreSQL`, by its scheme.
#[must_use]
pub fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Opens the database of `url`, `PostgreSQL` or `SQLite` by its scheme, with at most `connections` to the
/// former, perhaps through a `pooler`, and brings its tables up to date.
///
/// # Errors
/// Fails if it cannot be reached, or holds the tables of a later version.
pub async fn open(
    url: &str,
    connections: u32,
    pooler: Pooler,
) -> Result<Arc<dyn Store>, OpenError> {
    if is_postgres(url) {
        let store = PgStore::open(url, connections, pooler).await?;
        store.stand_alone().await?;
        return Ok(Arc::new(store));
    }
    Ok(Arc::new(SqliteStore::open(url).await?))
}

/// Opens the databases of a set, with at most `connections` to each, perhaps through a `pooler`, and brings their tables up to
/// date.
///
/// # Errors
/// Fails as [`ShardedStore::open`] does.
pub async fn open_shards(
    urls: &ShardUrls,
    connections: u32,
    pooler: Pooler,
) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(
        ShardedStore::open(urls, connections, pooler).await?,
    ))
}

/// Copies the `SQLite` database of `url`, as it is at one moment, into a file that is empty or missing. Servers
/// may go on writing meanwhile (`SQLite`, `VACUUM INTO`).
///
/// # Errors
/// Fails if there is no such database, or the copy cannot be written.
pub async fn copy_sqlite(url: &str, copy: &Path) -> Result<(), OpenError> {
    Ok(sqlite::copy(url, copy).await?)
}

fn applied(rows: u64) -> Applied {
    (rows > 0).into()
}

/// The codes of a database that has too much to do: `SQLITE_BUSY`, `SQLITE_BUSY_RECOVERY`,
/// `SQLITE_BUSY_SNAPSHOT` and `SQLITE_LOCKED`, and `PostgreSQL`'s `too_many_connections`,
/// `lock_not_available` and `query_canceled` (by its statement timeout).
const BUSY: [&str; 7] = ["5", "261", "517", "6", "53300", "55P03", "57014"];

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(error, sqlx::Error::PoolTimedOut) || code.is_some_and(|code| BUSY.contains(&&*code))
}

/// Classifies an error: a missing reference, a busy database, or a failure.
fn failure(error: sqlx::Error) -> StoreError {
    let database = error.as_database_error();
    let failure = if database.is_some_and(DatabaseError::is_foreign_key_violation) {
        StoreFailure::MissingReference
    } else if is_busy(&error) {
        StoreFailure::Busy
    } else {
        StoreFailure::Failed
    };
    StoreError::because(failure, error)
}
