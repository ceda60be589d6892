//! Rows to the domain's types and back.

use nolapse::wire::EndReason;
use sqlx::{Row, sqlite::SqliteRow};

use crate::domain::{
    Email, Ending, Note, NoteId, PasswordHash, Role, SecretHash, Session, SessionId, StoreError,
    Stored, Timestamp, User, UserId,
};

/// The columns of a session and its user, as [`session_and_user`] reads them.
pub(super) const SESSION_COLUMNS: &str = "s.id, s.user_id, s.device, s.created_at, s.expires_at, \
     s.last_active_at, s.last_seen_at, s.ended_at, s.end_reason, s.generation, s.secret_hash, \
     s.replaced_at";

/// Returns a time as the database keeps it.
pub(super) fn kept(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// Returns a count as the database keeps it.
pub(super) fn kept_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Returns the replaced moments as the database keeps them.
pub(super) fn kept_moments(moments: &[Timestamp]) -> String {
    let millis: Vec<u64> = moments.iter().map(|at| at.as_millis()).collect();
    serde_json::Value::from(millis).to_string()
}

/// Reads a session.
pub(super) fn session(row: &SqliteRow) -> Stored<Session> {
    let ended = match (
        column::<Option<i64>>(row, "ended_at")?,
        column::<Option<String>>(row, "end_reason")?,
    ) {
        (Some(at), Some(reason)) => Some(Ending {
            at: moment(at)?,
            reason: EndReason::parse(&reason).ok_or_else(|| damaged("end_reason"))?,
        }),
        (Some(_), None) | (None, Some(_) | None) => None,
    };
    let replaced: Vec<u64> = serde_json::from_str(&column::<String>(row, "replaced_at")?)
        .map_err(|_| damaged("replaced_at"))?;
    Ok(Session {
        id: SessionId::from_bytes(bytes(row, "id")?),
        user: UserId::from_bytes(bytes(row, "user_id")?),
        device: column(row, "device")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
        last_active_at: time(row, "last_active_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        ended,
        generation: u64::try_from(column::<i64>(row, "generation")?)
            .map_err(|_| damaged("generation"))?,
        secret_hash: SecretHash::from_bytes(bytes(row, "secret_hash")?),
        replaced_at: replaced.into_iter().map(Timestamp::from_millis).collect(),
    })
}

/// Reads a user whose columns are prefixed with `u_`.
pub(super) fn user(row: &SqliteRow) -> Stored<User> {
    Ok(User {
        id: UserId::from_bytes(bytes(row, "u_id")?),
        email: Email::parse(&column::<String>(row, "u_email")?).ok_or_else(|| damaged("email"))?,
        password: PasswordHash::from_text(column(row, "u_password")?),
        role: Role::parse(&column::<String>(row, "u_role")?).ok_or_else(|| damaged("role"))?,
        disabled: column::<i64>(row, "u_disabled")? != 0,
        created_at: time(row, "u_created_at")?,
    })
}

/// The columns that [`user`] reads.
pub(super) const USER_COLUMNS: &str = "u.id AS u_id, u.email AS u_email, u.password AS u_password, \
     u.role AS u_role, u.disabled AS u_disabled, u.created_at AS u_created_at";

/// Reads a note.
pub(super) fn note(row: &SqliteRow) -> Stored<Note> {
    Ok(Note {
        id: NoteId::from_bytes(bytes(row, "id")?),
        text: column(row, "text")?,
        created_at: time(row, "created_at")?,
    })
}

fn column<'r, T>(row: &'r SqliteRow, name: &str) -> Stored<T>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(name).map_err(StoreError::new)
}

fn bytes<const N: usize>(row: &SqliteRow, name: &'static str) -> Stored<[u8; N]> {
    let kept: &[u8] = column(row, name)?;
    kept.try_into().map_err(|_| damaged(name))
}

fn time(row: &SqliteRow, name: &str) -> Stored<Timestamp> {
    moment(column(row, name)?)
}

fn moment(millis: i64) -> Stored<Timestamp> {
    let millis = u64::try_from(millis).map_err(|_| damaged("a time"))?;
    Ok(Timestamp::from_millis(millis))
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::new(format!("{column} holds a value that was never written"))
}
