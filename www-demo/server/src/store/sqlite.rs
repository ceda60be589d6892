//! `SQLite`: one file beside the server.

use std::{str::FromStr, time::Duration};

use async_trait::async_trait;
use nolapse::wire::EndReason;
use sqlx::{
    AssertSqlSafe,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    },
};

use super::{OpenError, rows};
use crate::domain::{
    Email, Note, NoteId, Role, SealedKey, Session, SessionId, Store, StoreError, Stored, Timestamp,
    User, UserId, Written,
};

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 4;
/// How often the tables are looked at before their state is taken for broken.
const MIGRATION_LOOKS: u32 = 4;

/// A store in an `SQLite` file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    /// Opens the file of `url` (`sqlite://path`), makes it where it is missing, and brings its tables up
    /// to date.
    ///
    /// # Errors
    /// Fails where the file cannot be read and written, or holds the tables of a later version.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(OpenError)?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options)
            .await
            .map_err(OpenError)?;
        migrate(&pool).await.map_err(OpenError)?;
        Ok(Self { pool })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn close(&self) {
        self.pool.close().await;
    }

    async fn ping(&self) -> Stored<()> {
        sqlx::query("SELECT 1")
            .execute(&self.pool)
            .await
            .map_err(StoreError::new)?;
        Ok(())
    }

    async fn add_user(&self, user: &User) -> Stored<Written> {
        let sql = "INSERT INTO users (id, email, password, role, disabled, created_at) \
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (email) DO NOTHING";
        let query = sqlx::query(sql)
            .bind(user.id.as_bytes().as_slice())
            .bind(user.email.expose())
            .bind(user.password.expose())
            .bind(user.role.as_str())
            .bind(user.disabled)
            .bind(rows::kept(user.created_at));
        written(query.execute(&self.pool).await)
    }

    async fn user_by_email(&self, email: &Email) -> Stored<Option<User>> {
        let sql = format!(
            "SELECT {} FROM users u WHERE u.email = ?",
            rows::USER_COLUMNS
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(email.expose())
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::new)?;
        row.as_ref().map(rows::user).transpose()
    }

    async fn set_role(&self, user: UserId, role: Role) -> Stored<()> {
        let query = sqlx::query("UPDATE users SET role = ? WHERE id = ?")
            .bind(role.as_str())
            .bind(user.as_bytes().as_slice());
        written(query.execute(&self.pool).await).map(drop)
    }

    async fn set_disabled(&self, user: UserId, disabled: bool) -> Stored<()> {
        let query = sqlx::query("UPDATE users SET disabled = ? WHERE id = ?")
            .bind(disabled)
            .bind(user.as_bytes().as_slice());
        written(query.execute(&self.pool).await).map(drop)
    }

    async fn add_session(&self, session: &Session) -> Stored<()> {
        let sql = "INSERT INTO sessions (id, user_id, device, created_at, expires_at, \
             last_active_at, last_seen_at, generation, secret_hash, replaced_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let query = sqlx::query(sql)
            .bind(session.id.as_bytes().as_slice())
            .bind(session.user.as_bytes().as_slice())
            .bind(&session.device)
            .bind(rows::kept(session.created_at))
            .bind(rows::kept(session.expires_at))
            .bind(rows::kept(session.last_active_at))
            .bind(rows::kept(session.last_seen_at))
            .bind(rows::kept_count(session.generation))
            .bind(session.secret_hash.as_bytes().as_slice())
            .bind(rows::kept_moments(&session.replaced_at));
        written(query.execute(&self.pool).await).map(drop)
    }

    async fn session(&self, id: SessionId) -> Stored<Option<(Session, User)>> {
        let sql = format!(
            "SELECT {}, {} FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?",
            rows::SESSION_COLUMNS,
            rows::USER_COLUMNS
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::new)?;
        row.map(|row| Ok((rows::session(&row)?, rows::user(&row)?)))
            .transpose()
    }

    async fn rotate_session(&self, session: &Session, from: u64) -> Stored<Written> {
        let sql = "UPDATE sessions SET generation = ?, secret_hash = ?, replaced_at = ?, \
             last_active_at = max(last_active_at, ?), last_seen_at = max(last_seen_at, ?) \
             WHERE id = ? AND generation = ? AND ended_at IS NULL";
        let query = sqlx::query(sql)
            .bind(rows::kept_count(session.generation))
            .bind(session.secret_hash.as_bytes().as_slice())
            .bind(rows::kept_moments(&session.replaced_at))
            .bind(rows::kept(session.last_active_at))
            .bind(rows::kept(session.last_seen_at))
            .bind(session.id.as_bytes().as_slice())
            .bind(rows::kept_count(from));
        written(query.execute(&self.pool).await)
    }

    async fn touch_session(&self, session: &Session) -> Stored<()> {
        let sql = "UPDATE sessions SET last_active_at = max(last_active_at, ?), \
             last_seen_at = max(last_seen_at, ?) WHERE id = ? AND ended_at IS NULL";
        let query = sqlx::query(sql)
            .bind(rows::kept(session.last_active_at))
            .bind(rows::kept(session.last_seen_at))
            .bind(session.id.as_bytes().as_slice());
        written(query.execute(&self.pool).await).map(drop)
    }

    async fn end_session(
        &self,
        id: SessionId,
        at: Timestamp,
        reason: EndReason,
    ) -> Stored<Written> {
        let ended = self.end_where("id", id.as_bytes(), at, reason).await?;
        Ok(if ended > 0 { Written::Yes } else { Written::No })
    }

    async fn end_sessions_of(&self, user: UserId, at: Timestamp, reason: EndReason) -> Stored<u64> {
        self.end_where("user_id", user.as_bytes(), at, reason).await
    }

    async fn sessions_of(&self, user: UserId) -> Stored<Vec<Session>> {
        let sql = format!(
            "SELECT {} FROM sessions s WHERE s.user_id = ? AND s.ended_at IS NULL \
             ORDER BY s.last_seen_at DESC",
            rows::SESSION_COLUMNS
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.as_bytes().as_slice())
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::new)?;
        rows.iter().map(rows::session).collect()
    }

    async fn recorded_endings(&self, id: SessionId, reason: EndReason) -> Stored<u64> {
        let sql = "SELECT count(*) FROM audit WHERE session_id = ? AND event = ?";
        let count: i64 = sqlx::query_scalar(sql)
            .bind(id.as_bytes().as_slice())
            .bind(reason.as_str())
            .fetch_one(&self.pool)
            .await
            .map_err(StoreError::new)?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn notes_of(&self, user: UserId) -> Stored<Vec<Note>> {
        let sql = "SELECT id, text, created_at FROM notes WHERE user_id = ? \
             ORDER BY created_at DESC LIMIT 100";
        let rows = sqlx::query(sql)
            .bind(user.as_bytes().as_slice())
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::new)?;
        rows.iter().map(rows::note).collect()
    }

    async fn add_note(&self, user: UserId, note: &Note) -> Stored<()> {
        let sql = "INSERT INTO notes (id, user_id, text, created_at) VALUES (?, ?, ?, ?)";
        let query = sqlx::query(sql)
            .bind(note.id.as_bytes().as_slice())
            .bind(user.as_bytes().as_slice())
            .bind(&note.text)
            .bind(rows::kept(note.created_at));
        written(query.execute(&self.pool).await).map(drop)
    }

    async fn delete_note(&self, user: UserId, id: NoteId) -> Stored<Written> {
        let query = sqlx::query("DELETE FROM notes WHERE id = ? AND user_id = ?")
            .bind(id.as_bytes().as_slice())
            .bind(user.as_bytes().as_slice());
        written(query.execute(&self.pool).await)
    }

    async fn delete_user(&self, user: UserId, at: Timestamp) -> Stored<()> {
        self.end_sessions_of(user, at, EndReason::Revoked).await?;
        let sql = "DELETE FROM users WHERE id = ?";
        let id = user.as_bytes().as_slice();
        sqlx::query(sql)
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(StoreError::new)?;
        Ok(())
    }

    async fn count_sessions(&self, now: Timestamp) -> Stored<u64> {
        let sql = "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > ?";
        let now = rows::kept(now);
        let count: i64 = sqlx::query_scalar(sql)
            .bind(now)
            .fetch_one(&self.pool)
            .await
            .map_err(StoreError::new)?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn prune_sessions(&self, before: Timestamp, most: u32) -> Stored<u64> {
        let sql = "DELETE FROM sessions WHERE id IN \
             (SELECT id FROM sessions WHERE expires_at < ? LIMIT ?)";
        let (before, most) = (rows::kept(before), i64::from(most));
        let done = sqlx::query(sql)
            .bind(before)
            .bind(most)
            .execute(&self.pool)
            .await
            .map_err(StoreError::new)?;
        Ok(done.rows_affected())
    }

    async fn signing_keys(&self) -> Stored<Vec<SealedKey>> {
        let sql = "SELECT number, sealed, made_at FROM signing_keys ORDER BY number";
        let rows = sqlx::query(sql)
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::new)?;
        rows.iter().map(rows::signing_key).collect()
    }

    async fn add_signing_key(&self, key: &SealedKey) -> Stored<Written> {
        let sql = "INSERT INTO signing_keys (number, sealed, made_at) VALUES (?, ?, ?) \
             ON CONFLICT (number) DO NOTHING";
        let query = sqlx::query(sql)
            .bind(rows::kept_count(key.number))
            .bind(&key.sealed)
            .bind(rows::kept(key.made_at));
        written(query.execute(&self.pool).await)
    }

    async fn drop_signing_keys_before(&self, number: u64) -> Stored<()> {
        let query = sqlx::query("DELETE FROM signing_keys WHERE number < ?");
        let query = query.bind(rows::kept_count(number));
        written(query.execute(&self.pool).await).map(drop)
    }
}

impl SqliteStore {
    /// Ends the live sessions whose `column` is `value` and records each, in one transaction.
    async fn end_where(
        &self,
        column: &'static str,
        value: &[u8; 16],
        at: Timestamp,
        reason: EndReason,
    ) -> Stored<u64> {
        let audit = format!(
            "INSERT INTO audit (at, event, session_id, user_id) \
             SELECT ?, ?, id, user_id FROM sessions WHERE {column} = ? AND ended_at IS NULL"
        );
        let end = format!(
            "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE {column} = ? AND ended_at IS NULL"
        );
        let mut ended = 0;
        // The write lock is taken at once: a reader that turns into a writer could find it taken.
        let mut transaction = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(StoreError::new)?;
        for sql in [audit, end] {
            let done = sqlx::query(AssertSqlSafe(sql))
                .bind(rows::kept(at))
                .bind(reason.as_str())
                .bind(value.as_slice())
                .execute(&mut *transaction)
                .await
                .map_err(StoreError::new)?;
            ended = done.rows_affected();
        }
        transaction.commit().await.map_err(StoreError::new)?;
        Ok(ended)
    }
}

/// Brings the tables up to date.
///
/// Of several servers that start at once on a new file one does it; the others fail on what it made, look
/// again and find it done.
async fn migrate(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let mut looks = 0;
    while let Err(error) = sqlx::migrate!("migrations/sqlite").run(pool).await {
        looks += 1;
        if looks == MIGRATION_LOOKS {
            return Err(error.into());
        }
    }
    Ok(())
}

fn written(done: Result<sqlx::sqlite::SqliteQueryResult, sqlx::Error>) -> Stored<Written> {
    let done = done.map_err(StoreError::new)?;
    Ok(if done.rows_affected() > 0 {
        Written::Yes
    } else {
        Written::No
    })
}
