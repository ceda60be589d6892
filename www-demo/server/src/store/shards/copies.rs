//! Copies of users on the shards of their sessions, and what shard 0 remembers that is still to be done there.
//!
//! A refresh reads one database alone, so that each shard has a copy of the users of its sessions. Triggers of shard 0 write a
//! task for each other shard when a user changes or is deleted, in the same transaction.

use nolapse::wire::EndReason;
use sqlx::{Row, postgres::PgRow};

use super::registry;
use crate::{
    domain::{SessionId, Shard, StoreError, StoreResult, Timestamp, User, UserId},
    store::{
        PgStore,
        columns::user_columns,
        failure,
        postgres::retrying,
        rows::{self, Columns},
    },
};

/// How much later than an ending a session may have begun, by a server's clock, for the ending to concern it.
const CLOCKS_DIFFER_MS: i64 = 5_000;
/// Upper bound on tasks that are read at once.
const TASKS_AT_ONCE: i64 = 1_000;

/// The end of all sessions of a user but one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) at: Timestamp,
    pub(super) reason: EndReason,
    /// The session that does not end.
    pub(super) kept: Option<SessionId>,
}

/// What is still to be done on a shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) id: i64,
    pub(super) shard: Shard,
    pub(super) user: UserId,
    pub(super) ending: Option<Ending>,
}

/// A user as shard 0 has it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Original {
    pub(super) user: User,
    pub(super) version: i64,
}

const TASK_COLUMNS: &str = "id, shard, user_id, ended_at, end_reason, kept";

impl PgStore {
    /// Reads a user of shard 0.
    pub(super) async fn original(&self, id: UserId) -> StoreResult<Option<Original>> {
        let sql = concat!(
            "SELECT ",
            user_columns!(),
            ", u.version AS u_version FROM users u WHERE u.id = $1"
        );
        let id = id.as_bytes().as_slice();
        let row = retrying(|| sqlx::query(sql).bind(id).fetch_optional(self.pool()));
        let row: Option<PgRow> = row.await?;
        row.map(|row| {
            Ok(Original {
                user: rows::user(&row)?,
                version: row.number("u_version")?,
            })
        })
        .transpose()
    }

    /// Adds a copy of a user, or brings the one that there is up to date.
    pub(super) async fn add_copy(&self, of: &Original) -> StoreResult<()> {
        // One address is one user's at shard 0: who else has it here has been deleted there.
        let gone = "DELETE FROM users WHERE email = $1 AND id <> $2";
        let copy = "INSERT INTO users \
             (id, email, password, role, disabled, created_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET \
             email = excluded.email, password = excluded.password, role = excluded.role, \
             disabled = excluded.disabled, version = excluded.version \
             WHERE users.version <= excluded.version";
        let done = retrying(|| async {
            let mut transaction = self.pool().begin().await?;
            let id = of.user.id.as_bytes().as_slice();
            let email = of.user.email.expose();
            let gone = sqlx::query(gone).bind(email).bind(id);
            gone.execute(&mut *transaction).await?;
            let copied = sqlx::query(copy)
                .bind(id)
                .bind(email)
                .bind(of.user.password.expose())
                .bind(of.user.role.as_str())
                .bind(of.user.disabled)
                .bind(rows::to_db(of.user.created_at))
                .bind(of.version);
            copied.execute(&mut *transaction).await?;
            transaction.commit().await
        });
        done.await
    }

    /// Brings the copy of a user up to date, if there is one.
    pub(super) async fn renew_copy(&self, of: &Original) -> StoreResult<()> {
        let sql = "UPDATE users SET email = $2, password = $3, role = $4, disabled = $5, \
             version = $6 WHERE id = $1 AND version <= $6";
        let done = retrying(|| {
            sqlx::query(sql)
                .bind(of.user.id.as_bytes().as_slice())
                .bind(of.user.email.expose())
                .bind(of.user.password.expose())
                .bind(of.user.role.as_str())
                .bind(of.user.disabled)
                .bind(of.version)
                .execute(self.pool())
        });
        done.await.map(drop)
    }

    /// Ends the live sessions of a user, as far as they had begun by then, and records each.
    pub(super) async fn end_earlier(&self, user: UserId, ending: Ending) -> StoreResult<()> {
        let sql = "WITH ended AS (UPDATE sessions SET ended_at = $1, end_reason = $2 \
             WHERE user_id = $3 AND id <> $4 AND created_at <= $1 + $5 AND ended_at IS NULL \
             RETURNING id, user_id) \
             INSERT INTO audit (at, event, session_id, user_id) \
             SELECT $1, $2, id, user_id FROM ended";
        let done = retrying(|| {
            sqlx::query(sql)
                .bind(rows::to_db(ending.at))
                .bind(ending.reason.as_str())
                .bind(user.as_bytes().as_slice())
                .bind(kept(&ending).unwrap_or_default())
                .bind(CLOCKS_DIFFER_MS)
                .execute(self.pool())
        });
        done.await.map(drop)
    }

    /// Remembers, at shard 0, that the sessions of a user are to end on all other shards.
    pub(super) async fn remember(&self, user: UserId, ending: Ending) -> StoreResult<Vec<Task>> {
        let sql = "INSERT INTO shard_tasks (shard, user_id, ended_at, end_reason, kept) \
             SELECT number, $1, $2, $3, $4 FROM shards WHERE NOT is_self \
             RETURNING id, shard, user_id, ended_at, end_reason, kept";
        let rows = retrying(|| {
            sqlx::query(sql)
                .bind(user.as_bytes().as_slice())
                .bind(rows::to_db(ending.at))
                .bind(ending.reason.as_str())
                .bind(kept(&ending))
                .fetch_all(self.pool())
        });
        rows.await?.iter().map(task).collect()
    }

    /// Reads, at shard 0, what is to be done for a user.
    pub(super) async fn tasks_of(&self, user: UserId) -> StoreResult<Vec<Task>> {
        let sql = format!(
            "SELECT {TASK_COLUMNS} FROM shard_tasks WHERE user_id = $1 ORDER BY id LIMIT {TASKS_AT_ONCE}"
        );
        let user = user.as_bytes().as_slice();
        let rows = retrying(|| {
            let sql = sqlx::AssertSqlSafe(sql.as_str());
            sqlx::query(sql).bind(user).fetch_all(self.pool())
        });
        rows.await?.iter().map(task).collect()
    }

    /// Reads, at shard 0, what is to be done on a shard.
    pub(super) async fn tasks_on(&self, shard: Shard) -> StoreResult<Vec<Task>> {
        let sql = format!(
            "SELECT {TASK_COLUMNS} FROM shard_tasks WHERE shard = $1 ORDER BY id LIMIT {TASKS_AT_ONCE}"
        );
        let shard = i16::from(shard.number());
        let rows = retrying(|| {
            let sql = sqlx::AssertSqlSafe(sql.as_str());
            sqlx::query(sql).bind(shard).fetch_all(self.pool())
        });
        rows.await?.iter().map(task).collect()
    }

    /// Forgets, at shard 0, what has been done.
    pub(super) async fn finish(&self, tasks: &[i64]) -> StoreResult<()> {
        let sql = "DELETE FROM shard_tasks WHERE id = ANY($1)";
        let done = retrying(|| sqlx::query(sql).bind(tasks).execute(self.pool()));
        done.await.map(drop)
    }
}

fn kept(ending: &Ending) -> Option<&[u8]> {
    let kept = ending.kept.as_ref();
    kept.map(|id| id.as_bytes().as_slice())
}

fn task(row: &PgRow) -> StoreResult<Task> {
    let at = row.maybe_number("ended_at")?;
    let ending = match (at, row.maybe_text("end_reason")?) {
        (Some(_), Some(reason)) => Some(Ending {
            at: rows::time(row, "ended_at")?,
            reason: EndReason::parse(&reason).ok_or_else(|| rows::damaged("end_reason"))?,
            kept: match row.maybe_bytes("kept")? {
                Some(bytes) => {
                    let bytes = bytes.try_into().map_err(|_| rows::damaged("kept"))?;
                    Some(SessionId::from_bytes(bytes))
                }
                None => None,
            },
        }),
        (Some(_), None) | (None, Some(_) | None) => None,
    };
    let shard: i16 = row.try_get("shard").map_err(StoreError::new)?;
    Ok(Task {
        id: row.number("id")?,
        shard: registry::number(shard).map_err(failure)?,
        user: UserId::from_bytes(rows::bytes(row, "user_id")?),
        ending,
    })
}
