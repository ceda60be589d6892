//! Time that passes for the sessions of a database, without a wait.
//!
//! A setting of one or two seconds is shorter than what a busy machine may take for the steps before it.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor as _, PgPool, SqlitePool};

use crate::support::World;

/// The columns of a session that hold a moment.
const MOMENTS: [&str; 7] = [
    "created_at",
    "expires_at",
    "last_active_at",
    "last_seen_at",
    "renewed_at",
    "authenticated_at",
    "key_proved_at",
];

impl World {
    /// Moves every moment of every session into the past, as if this time had passed.
    pub(crate) async fn pass(&self, time: Duration) {
        for url in &self.databases {
            let is_sqlite = url.starts_with("sqlite:");
            let update = AssertSqlSafe(shift(time.as_millis(), is_sqlite));
            let changed = if is_sqlite {
                let pool = SqlitePool::connect(url).await.expect("a database");
                pool.execute(update).await.map(|done| done.rows_affected())
            } else {
                let pool = PgPool::connect(url).await.expect("a database");
                pool.execute(update).await.map(|done| done.rows_affected())
            };
            changed.expect("sessions in the past");
        }
    }
}

/// The statement that makes the moments of all sessions earlier by so many milliseconds.
fn shift(by: u128, is_sqlite: bool) -> String {
    let moments = MOMENTS.map(|name| format!("{name} = {name} - {by}"));
    // A JSON array of `[first, last, at]` in a column of text.
    let replaced = if is_sqlite {
        format!(
            "SELECT json_group_array(json_array(value ->> 0, value ->> 1, (value ->> 2) - {by})) \
             FROM json_each(replaced_at)"
        )
    } else {
        format!(
            "SELECT COALESCE(json_agg(json_build_array(value -> 0, value -> 1, \
             (value ->> 2)::bigint - {by})), '[]')::text FROM json_array_elements(replaced_at::json)"
        )
    };
    let moments = moments.join(", ");
    format!("UPDATE sessions SET {moments}, replaced_at = ({replaced})")
}
