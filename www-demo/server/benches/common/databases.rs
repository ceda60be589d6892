//! The databases of a bench: a server's setting, how they are opened, and what `PostgreSQL` tells of itself.

use std::sync::Arc;

use nolapse_server::{
    domain::Store,
    store::{self, Pooler},
};
use sqlx::{Connection, PgConnection};

use crate::Failure;

/// The setting of one database.
pub(crate) const ONE: &str = "DATABASE_URL";
/// The setting of several databases.
pub(crate) const SHARDS: &str = "DATABASE_URLS";

/// A variable and its value.
pub(crate) type Setting<'a> = (&'a str, &'a str);

/// Opens a database or a set of them.
pub(crate) async fn open((variable, url): Setting<'_>) -> Result<Arc<dyn Store>, Failure> {
    if variable == ONE {
        return Ok(store::open(url, 4, Pooler::None).await?);
    }
    let urls = url.parse().map_err(|()| "a set of databases")?;
    Ok(store::open_shards(&urls, 4, Pooler::None).await?)
}

/// Returns how many bytes of its log a `PostgreSQL` has written; 0 for what is none.
pub(crate) async fn log_position(url: &str) -> Result<i64, Failure> {
    ask(url, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").await
}

/// Returns how many bytes a session takes in a `PostgreSQL`, with its indexes; 0 for what is none.
pub(crate) async fn session_bytes(url: &str) -> Result<i64, Failure> {
    let sql = "SELECT pg_total_relation_size('sessions') / count(*) FROM sessions";
    ask(url, sql).await
}

async fn ask(url: &str, sql: &'static str) -> Result<i64, Failure> {
    if !url.starts_with("postgres:") {
        return Ok(0);
    }
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_scalar(sql).fetch_one(&mut connection).await?)
}
