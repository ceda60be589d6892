//! Rows to the domain's types and back.

use nolapse::wire::EndReason;
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use crate::domain::{
    Email, Ending, Note, NoteId, PasswordHash, Role, SealedKey, SecretHash, Session, SessionId,
    StoreError, Stored, Timestamp, User, UserId,
};

/// A row of either database, read by the names of its columns.
pub(super) trait Columns {
    /// Reads a number.
    fn number(&self, name: &str) -> Stored<i64>;
    /// Reads a number that may be missing.
    fn maybe_number(&self, name: &str) -> Stored<Option<i64>>;
    /// Reads a text.
    fn text(&self, name: &str) -> Stored<String>;
    /// Reads a text that may be missing.
    fn maybe_text(&self, name: &str) -> Stored<Option<String>>;
    /// Reads a yes or no.
    fn truth(&self, name: &str) -> Stored<bool>;
    /// Reads bytes.
    fn bytes(&self, name: &str) -> Stored<&[u8]>;
}

macro_rules! columns {
    ($row:ty) => {
        impl Columns for $row {
            fn number(&self, name: &str) -> Stored<i64> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn maybe_number(&self, name: &str) -> Stored<Option<i64>> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn text(&self, name: &str) -> Stored<String> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn maybe_text(&self, name: &str) -> Stored<Option<String>> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn truth(&self, name: &str) -> Stored<bool> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn bytes(&self, name: &str) -> Stored<&[u8]> {
                self.try_get(name).map_err(StoreError::new)
            }
        }
    };
}

columns!(SqliteRow);
columns!(PgRow);

/// Returns a time as the database keeps it.
pub(super) fn kept(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// Returns a count as the database keeps it.
pub(super) fn kept_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads a count that the database made.
pub(super) fn counted(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

/// Returns the replaced moments as the database keeps them.
pub(super) fn kept_moments(moments: &[Timestamp]) -> String {
    let millis: Vec<u64> = moments.iter().map(|at| at.as_millis()).collect();
    serde_json::Value::from(millis).to_string()
}

/// Reads a session.
pub(super) fn session(row: &impl Columns) -> Stored<Session> {
    let ended = match (row.maybe_number("ended_at")?, row.maybe_text("end_reason")?) {
        (Some(at), Some(reason)) => Some(Ending {
            at: moment(at)?,
            reason: EndReason::parse(&reason).ok_or_else(|| damaged("end_reason"))?,
        }),
        (Some(_), None) | (None, Some(_) | None) => None,
    };
    let replaced: Vec<u64> =
        serde_json::from_str(&row.text("replaced_at")?).map_err(|_| damaged("replaced_at"))?;
    Ok(Session {
        id: SessionId::from_bytes(bytes(row, "id")?),
        user: UserId::from_bytes(bytes(row, "user_id")?),
        device: row.text("device")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
        last_active_at: time(row, "last_active_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        ended,
        generation: u64::try_from(row.number("generation")?).map_err(|_| damaged("generation"))?,
        secret_hash: SecretHash::from_bytes(bytes(row, "secret_hash")?),
        replaced_at: replaced.into_iter().map(Timestamp::from_millis).collect(),
    })
}

/// Reads a user whose columns are prefixed with `u_`.
pub(super) fn user(row: &impl Columns) -> Stored<User> {
    Ok(User {
        id: UserId::from_bytes(bytes(row, "u_id")?),
        email: Email::parse(&row.text("u_email")?).ok_or_else(|| damaged("email"))?,
        password: PasswordHash::from_text(row.text("u_password")?),
        role: Role::parse(&row.text("u_role")?).ok_or_else(|| damaged("role"))?,
        disabled: row.truth("u_disabled")?,
        created_at: time(row, "u_created_at")?,
    })
}

/// Reads a note.
pub(super) fn note(row: &impl Columns) -> Stored<Note> {
    Ok(Note {
        id: NoteId::from_bytes(bytes(row, "id")?),
        text: row.text("text")?,
        created_at: time(row, "created_at")?,
    })
}

/// Reads a signing key.
pub(super) fn signing_key(row: &impl Columns) -> Stored<SealedKey> {
    Ok(SealedKey {
        number: u64::try_from(row.number("number")?).map_err(|_| damaged("number"))?,
        sealed: row.bytes("sealed")?.to_vec(),
        made_at: time(row, "made_at")?,
    })
}

fn bytes<const N: usize>(row: &impl Columns, name: &'static str) -> Stored<[u8; N]> {
    row.bytes(name)?.try_into().map_err(|_| damaged(name))
}

fn time(row: &impl Columns, name: &str) -> Stored<Timestamp> {
    moment(row.number(name)?)
}

fn moment(millis: i64) -> Stored<Timestamp> {
    let millis = u64::try_from(millis).map_err(|_| damaged("a time"))?;
    Ok(Timestamp::from_millis(millis))
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::new(format!("{column} holds a value that was never written"))
}
