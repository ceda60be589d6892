//! `PostgreSQL`: one database for several servers.

use std::{str::FromStr, time::Duration};

use async_trait::async_trait;
use nolapse::wire::EndReason;
use sqlx::{
    AssertSqlSafe, Connection, Error,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgQueryResult},
};

use super::{OpenError, rows};
use crate::domain::{
    Email, Note, NoteId, Role, SealedKey, Session, SessionId, Store, StoreError, Stored, Timestamp,
    User, UserId, Written,
};

/// How long a request waits for a connection; a database that restarts is often back by then.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a connection may lie idle before it is tried out.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How often a step is tried: again after a deadlock, or on another connection after one that broke.
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
    /// Any number of servers may do this at once: one makes the tables, behind an advisory lock.
    ///
    /// # Errors
    /// Fails where the database cannot be reached, or holds the tables of a later version.
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
                    let trusted = known.idle_for < TRUSTED_FOR;
                    Ok(trusted || connection.ping().await.is_ok())
                })
            })
            .connect_with(options)
            .await?;
        let tables = sqlx::migrate!("migrations/postgres").run(&pool).await;
        tables.map_err(Error::from)?;
        Ok(Self { pool })
    }
}

#[async_trait]
impl Store for PgStore {
    async fn close(&self) {
        self.pool.close().await;
    }

    async fn ping(&self) -> Stored<()> {
        let done = retrying(|| sqlx::query("SELECT 1").execute(&self.pool));
        done.await.map(drop)
    }

    async fn add_user(&self, user: &User) -> Stored<Written> {
        // A repeat after a lost answer finds its own row and says that it was written.
        let sql = "INSERT INTO users (id, email, password, role, disabled, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (email) \
             DO UPDATE SET email = excluded.email WHERE users.id = excluded.id";
        written(retrying(|| {
            sqlx::query(sql)
                .bind(user.id.as_bytes().as_slice())
                .bind(user.email.expose())
                .bind(user.password.expose())
                .bind(user.role.as_str())
                .bind(user.disabled)
                .bind(rows::kept(user.created_at))
                .execute(&self.pool)
        }))
        .await
    }

    async fn user_by_email(&self, email: &Email) -> Stored<Option<User>> {
        let columns = rows::USER_COLUMNS;
        let sql = format!("SELECT {columns} FROM users u WHERE u.email = $1");
        let row = retrying(|| {
            sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(email.expose())
                .fetch_optional(&self.pool)
        });
        row.await?.as_ref().map(rows::user).transpose()
    }

    async fn set_role(&self, user: UserId, role: Role) -> Stored<()> {
        let done = retrying(|| {
            sqlx::query("UPDATE users SET role = $1 WHERE id = $2")
                .bind(role.as_str())
                .bind(user.as_bytes().as_slice())
                .execute(&self.pool)
        });
        done.await.map(drop)
    }

    async fn set_disabled(&self, user: UserId, disabled: bool) -> Stored<()> {
        let done = retrying(|| {
            sqlx::query("UPDATE users SET disabled = $1 WHERE id = $2")
                .bind(disabled)
                .bind(user.as_bytes().as_slice())
                .execute(&self.pool)
        });
        done.await.map(drop)
    }

    async fn add_session(&self, session: &Session) -> Stored<()> {
        let sql = "INSERT INTO sessions (id, user_id, device, created_at, expires_at, \
             last_active_at, last_seen_at, generation, secret_hash, replaced_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING";
        let replaced_at = rows::kept_moments(&session.replaced_at);
        let done = retrying(|| {
            sqlx::query(sql)
                .bind(session.id.as_bytes().as_slice())
                .bind(session.user.as_bytes().as_slice())
                .bind(&session.device)
                .bind(rows::kept(session.created_at))
                .bind(rows::kept(session.expires_at))
                .bind(rows::kept(session.last_active_at))
                .bind(rows::kept(session.last_seen_at))
                .bind(rows::kept_count(session.generation))
                .bind(session.secret_hash.as_bytes().as_slice())
                .bind(&replaced_at)
                .execute(&self.pool)
        });
        done.await.map(drop)
    }

    async fn session(&self, id: SessionId) -> Stored<Option<(Session, User)>> {
        let sql = format!(
            "SELECT {}, {} FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1",
            rows::SESSION_COLUMNS,
            rows::USER_COLUMNS
        );
        let row = retrying(|| {
            sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(id.as_bytes().as_slice())
                .fetch_optional(&self.pool)
        });
        let row = row.await?;
        row.map(|row| Ok((rows::session(&row)?, rows::user(&row)?)))
            .transpose()
    }

    async fn rotate_session(&self, session: &Session, from: u64) -> Stored<Written> {
        let sql = "UPDATE sessions SET generation = $1, secret_hash = $2, replaced_at = $3, \
             last_active_at = greatest(last_active_at, $4), \
             last_seen_at = greatest(last_seen_at, $5) \
             WHERE id = $6 AND generation = $7 AND ended_at IS NULL";
        let replaced_at = rows::kept_moments(&session.replaced_at);
        written(retrying(|| {
            sqlx::query(sql)
                .bind(rows::kept_count(session.generation))
                .bind(session.secret_hash.as_bytes().as_slice())
                .bind(&replaced_at)
                .bind(rows::kept(session.last_active_at))
                .bind(rows::kept(session.last_seen_at))
                .bind(session.id.as_bytes().as_slice())
                .bind(rows::kept_count(from))
                .execute(&self.pool)
        }))
        .await
    }

    async fn touch_session(&self, session: &Session) -> Stored<()> {
        let sql = "UPDATE sessions SET last_active_at = greatest(last_active_at, $1), \
             last_seen_at = greatest(last_seen_at, $2) WHERE id = $3 AND ended_at IS NULL";
        let done = retrying(|| {
            sqlx::query(sql)
                .bind(rows::kept(session.last_active_at))
                .bind(rows::kept(session.last_seen_at))
                .bind(session.id.as_bytes().as_slice())
                .execute(&self.pool)
        });
        done.await.map(drop)
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
        let columns = rows::SESSION_COLUMNS;
        let sql = format!(
            "SELECT {columns} FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL \
             ORDER BY s.last_seen_at DESC"
        );
        let rows = retrying(|| {
            sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(user.as_bytes().as_slice())
                .fetch_all(&self.pool)
        });
        rows.await?.iter().map(rows::session).collect()
    }

    async fn recorded_endings(&self, id: SessionId, reason: EndReason) -> Stored<u64> {
        let sql = "SELECT count(*) FROM audit WHERE session_id = $1 AND event = $2";
        let count: i64 = retrying(|| {
            sqlx::query_scalar(sql)
                .bind(id.as_bytes().as_slice())
                .bind(reason.as_str())
                .fetch_one(&self.pool)
        })
        .await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn notes_of(&self, user: UserId) -> Stored<Vec<Note>> {
        let sql = "SELECT id, text, created_at FROM notes WHERE user_id = $1 \
             ORDER BY created_at DESC LIMIT 100";
        let rows = retrying(|| {
            sqlx::query(sql)
                .bind(user.as_bytes().as_slice())
                .fetch_all(&self.pool)
        });
        rows.await?.iter().map(rows::note).collect()
    }

    async fn add_note(&self, user: UserId, note: &Note) -> Stored<()> {
        let sql = "INSERT INTO notes (id, user_id, text, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (id) DO NOTHING";
        let done = retrying(|| {
            sqlx::query(sql)
                .bind(note.id.as_bytes().as_slice())
                .bind(user.as_bytes().as_slice())
                .bind(&note.text)
                .bind(rows::kept(note.created_at))
                .execute(&self.pool)
        });
        done.await.map(drop)
    }

    async fn delete_note(&self, user: UserId, id: NoteId) -> Stored<Written> {
        written(retrying(|| {
            sqlx::query("DELETE FROM notes WHERE id = $1 AND user_id = $2")
                .bind(id.as_bytes().as_slice())
                .bind(user.as_bytes().as_slice())
                .execute(&self.pool)
        }))
        .await
    }

    async fn delete_user(&self, user: UserId, at: Timestamp) -> Stored<()> {
        self.end_sessions_of(user, at, EndReason::Revoked).await?;
        let sql = "DELETE FROM users WHERE id = $1";
        let id = user.as_bytes().as_slice();
        retrying(|| sqlx::query(sql).bind(id).execute(&self.pool)).await?;
        Ok(())
    }

    async fn count_sessions(&self, now: Timestamp) -> Stored<u64> {
        let sql = "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > $1";
        let now = rows::kept(now);
        let count: i64 =
            retrying(|| sqlx::query_scalar(sql).bind(now).fetch_one(&self.pool)).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn prune_sessions(&self, before: Timestamp, most: u32) -> Stored<u64> {
        let sql = "DELETE FROM sessions WHERE id IN \
             (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)";
        let (before, most) = (rows::kept(before), i64::from(most));
        let done =
            retrying(|| sqlx::query(sql).bind(before).bind(most).execute(&self.pool)).await?;
        Ok(done.rows_affected())
    }

    async fn signing_keys(&self) -> Stored<Vec<SealedKey>> {
        let sql = "SELECT number, sealed, made_at FROM signing_keys ORDER BY number";
        let rows = retrying(|| sqlx::query(sql).fetch_all(&self.pool));
        rows.await?.iter().map(rows::signing_key).collect()
    }

    async fn add_signing_key(&self, key: &SealedKey) -> Stored<Written> {
        let sql = "INSERT INTO signing_keys (number, sealed, made_at) VALUES ($1, $2, $3) \
             ON CONFLICT (number) DO NOTHING";
        written(retrying(|| {
            sqlx::query(sql)
                .bind(rows::kept_count(key.number))
                .bind(&key.sealed)
                .bind(rows::kept(key.made_at))
                .execute(&self.pool)
        }))
        .await
    }

    async fn drop_signing_keys_before(&self, number: u64) -> Stored<()> {
        let done = retrying(|| {
            sqlx::query("DELETE FROM signing_keys WHERE number < $1")
                .bind(rows::kept_count(number))
                .execute(&self.pool)
        });
        done.await.map(drop)
    }
}

impl PgStore {
    /// Ends the live sessions whose `column` is `value` and records each, in one statement.
    async fn end_where(
        &self,
        column: &'static str,
        value: &[u8; 16],
        at: Timestamp,
        reason: EndReason,
    ) -> Stored<u64> {
        let sql = format!(
            "WITH ended AS (UPDATE sessions SET ended_at = $1, end_reason = $2 \
             WHERE {column} = $3 AND ended_at IS NULL RETURNING id, user_id) \
             INSERT INTO audit (at, event, session_id, user_id) \
             SELECT $1, $2, id, user_id FROM ended"
        );
        let done = retrying(|| {
            sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(rows::kept(at))
                .bind(reason.as_str())
                .bind(value.as_slice())
                .execute(&self.pool)
        });
        Ok(done.await?.rows_affected())
    }
}

/// Runs a step until it is done, or has failed for a reason that a repeat does not cure.
///
/// Every step is one statement that a repeat leaves as it is, so that it does not matter whether the
/// database had done it when the connection broke.
async fn retrying<T, F>(step: impl Fn() -> F) -> Stored<T>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut tries = 1;
    loop {
        match step().await {
            Err(error) if tries < TRIES && passes(&error) => tries += 1,
            done => return done.map_err(StoreError::new),
        }
    }
}

/// Says whether a repeat may do better: a lost serialisation or deadlock, or a connection that broke
/// (`PostgreSQL`'s error classes 40, 57P and 08).
fn passes(error: &Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let passing = ["40001", "40P01", "57P01", "57P02", "57P03"];
    let broken = matches!(error, Error::Io(_));
    broken || code.is_some_and(|code| passing.contains(&&*code) || code.starts_with("08"))
}

async fn written(done: impl Future<Output = Stored<PgQueryResult>>) -> Stored<Written> {
    Ok(if done.await?.rows_affected() > 0 {
        Written::Yes
    } else {
        Written::No
    })
}
