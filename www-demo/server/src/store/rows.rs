//! Conversions between rows and the domain's types.

use nolapse::wire::EndReason;
use serde::Deserialize;
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use super::siblings;
use crate::domain::{
    Authentication, AuthenticationMethod, Email, Ending, Identity, KeyThumbprint, Note, NoteId,
    PasswordHash, ProviderSession, Registration, Renewal, Replaced, Role, SealedKey, SecretHash,
    Session, SessionId, SessionKey, StoreError, StoreResult, Timestamp, UsedProofs, User, UserId,
};

/// A row of either database, read by the names of its columns.
pub(super) trait Columns {
    /// Reads a number.
    fn number(&self, name: &str) -> StoreResult<i64>;
    /// Reads a number that may be missing.
    fn maybe_number(&self, name: &str) -> StoreResult<Option<i64>>;
    /// Reads a text.
    fn text(&self, name: &str) -> StoreResult<String>;
    /// Reads a text that may be missing.
    fn maybe_text(&self, name: &str) -> StoreResult<Option<String>>;
    /// Reads a yes or no.
    fn truth(&self, name: &str) -> StoreResult<bool>;
    /// Reads bytes.
    fn bytes(&self, name: &str) -> StoreResult<&[u8]>;
    /// Reads bytes that may be missing.
    fn maybe_bytes(&self, name: &str) -> StoreResult<Option<&[u8]>>;
}

macro_rules! columns {
    ($row:ty) => {
        impl Columns for $row {
            fn number(&self, name: &str) -> StoreResult<i64> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn maybe_number(&self, name: &str) -> StoreResult<Option<i64>> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn text(&self, name: &str) -> StoreResult<String> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn maybe_text(&self, name: &str) -> StoreResult<Option<String>> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn truth(&self, name: &str) -> StoreResult<bool> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn bytes(&self, name: &str) -> StoreResult<&[u8]> {
                self.try_get(name).map_err(StoreError::new)
            }

            fn maybe_bytes(&self, name: &str) -> StoreResult<Option<&[u8]>> {
                self.try_get(name).map_err(StoreError::new)
            }
        }
    };
}

columns!(SqliteRow);
columns!(PgRow);

/// Converts a time for the database.
pub(super) fn to_db(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// Converts a count for the database.
pub(super) fn to_db_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads a count that the database made.
pub(super) fn counted(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

/// An entry of a session's column `replaced_at`.
#[derive(Deserialize)]
#[serde(untagged)]
enum KeptReplaced {
    /// The first and last generation and the time, as it is written.
    Span(u64, u64, u64),
    /// The time of one generation, as it was written before version 0.1.
    Moment(u64),
}

/// Converts replaced generations for the database: a JSON array of `[first, last, at]`.
pub(super) fn to_db_replaced(replaced: &[Replaced]) -> String {
    let spans: Vec<[u64; 3]> = replaced
        .iter()
        .map(|replaced| [replaced.first, replaced.last, replaced.at.as_millis()])
        .collect();
    serde_json::json!(spans).to_string()
}

fn read_replaced(text: &str, generation: u64) -> StoreResult<Vec<Replaced>> {
    let kept: Vec<KeptReplaced> = serde_json::from_str(text).map_err(|_| damaged("replaced_at"))?;
    // A row of moments alone: the newest is the last, of the generation before the current one.
    let oldest = generation.saturating_sub(kept.len() as u64);
    let numbered = (oldest..).zip(kept);
    Ok(numbered
        .map(|(number, kept)| {
            let (first, last, at) = match kept {
                KeptReplaced::Span(first, last, at) => (first, last, at),
                KeptReplaced::Moment(at) => (number, number, at),
            };
            let at = Timestamp::from_millis(at);
            Replaced { first, last, at }
        })
        .collect())
}

/// Reads a session.
pub(super) fn session(row: &impl Columns) -> StoreResult<Session> {
    let ended = match (row.maybe_number("ended_at")?, row.maybe_text("end_reason")?) {
        (Some(at), Some(reason)) => Some(Ending {
            at: moment(at)?,
            reason: EndReason::parse(&reason).ok_or_else(|| damaged("end_reason"))?,
        }),
        (Some(_), None) | (None, Some(_) | None) => None,
    };
    let generation = u64::try_from(row.number("generation")?).map_err(|_| damaged("generation"))?;
    let renewed = row
        .maybe_number("renewed_generation")?
        .zip(row.maybe_number("renewed_at")?);
    let renewed = renewed.map(|(generation, at)| {
        Ok(Renewal {
            generation: u64::try_from(generation).map_err(|_| damaged("renewed_generation"))?,
            at: moment(at)?,
        })
    });
    Ok(Session {
        id: SessionId::from_bytes(bytes(row, "id")?),
        user: UserId::from_bytes(bytes(row, "user_id")?),
        device: row.text("device")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
        last_active_at: time(row, "last_active_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        ended,
        generation,
        secret_hash: SecretHash::from_bytes(bytes(row, "secret_hash")?),
        siblings: siblings::read(row.maybe_text("siblings")?.as_deref(), generation)?,
        replaced: read_replaced(&row.text("replaced_at")?, generation)?,
        renewed: renewed.transpose()?,
        authentication: authentication(row)?,
        jkt: match row.maybe_bytes("jkt")? {
            Some(bytes) => Some(KeyThumbprint::from_bytes(
                bytes.try_into().map_err(|_| damaged("jkt"))?,
            )),
            None => None,
        },
        proofs: match row.maybe_bytes("proofs")? {
            Some(bytes) => UsedProofs::from_bytes(bytes).ok_or_else(|| damaged("proofs"))?,
            None => UsedProofs::default(),
        },
        registration: registration(row)?,
    })
}

/// Reads the key that the browser has registered for a session.
fn registration(row: &impl Columns) -> StoreResult<Option<Registration>> {
    let Some(key) = row.maybe_bytes("registered_key")? else {
        return Ok(None);
    };
    Ok(Some(Registration {
        key: SessionKey::from_bytes(key).ok_or_else(|| damaged("registered_key"))?,
        proved_at: row.maybe_number("key_proved_at")?.map(moment).transpose()?,
    }))
}

/// Converts methods of authentication for the database.
pub(super) fn to_db_methods(authentication: &Authentication) -> String {
    let methods = authentication.methods.iter();
    let methods: Vec<&str> = methods.map(|method| method.as_str()).collect();
    methods.join(" ")
}

/// Reads when and how the user was authenticated; in a row of before the columns, by password when the session began. A
/// method that only a newer server knows is left out: the authentication counts as the weaker one.
fn authentication(row: &impl Columns) -> StoreResult<Authentication> {
    let at = match row.maybe_number("authenticated_at")? {
        Some(at) => moment(at)?,
        None => time(row, "created_at")?,
    };
    let Some(methods) = row.maybe_text("authentication_methods")? else {
        return Ok(Authentication::by_password(at));
    };
    let methods = methods.split(' ').filter_map(AuthenticationMethod::parse);
    Ok(Authentication::new(at, methods))
}

/// Reads a user whose columns are prefixed with `u_`.
pub(super) fn user(row: &impl Columns) -> StoreResult<User> {
    Ok(User {
        id: UserId::from_bytes(bytes(row, "u_id")?),
        email: Email::from_canonical(row.text("u_email")?),
        password: PasswordHash::from_text(row.text("u_password")?),
        role: Role::parse(&row.text("u_role")?).ok_or_else(|| damaged("role"))?,
        disabled: row.truth("u_disabled")?,
        created_at: time(row, "u_created_at")?,
    })
}

/// Reads what a session has at its provider.
pub(super) fn provider_session(row: &impl Columns) -> StoreResult<ProviderSession> {
    Ok(ProviderSession {
        session: SessionId::from_bytes(bytes(row, "session_id")?),
        provider: row.text("provider")?,
        identity: Identity {
            issuer: row.text("issuer")?,
            subject: row.text("subject")?,
        },
        sid: row.maybe_text("sid")?,
        sealed: row.maybe_bytes("sealed")?.map(<[u8]>::to_vec),
        version: u64::try_from(row.number("version")?).map_err(|_| damaged("version"))?,
        leased_until: row.maybe_number("leased_until")?.map(moment).transpose()?,
    })
}

/// Reads a note.
pub(super) fn note(row: &impl Columns) -> StoreResult<Note> {
    Ok(Note {
        id: NoteId::from_bytes(bytes(row, "id")?),
        text: row.text("text")?,
        created_at: time(row, "created_at")?,
    })
}

/// Reads a signing key.
pub(super) fn signing_key(row: &impl Columns) -> StoreResult<SealedKey> {
    Ok(SealedKey {
        number: u64::try_from(row.number("number")?).map_err(|_| damaged("number"))?,
        sealed: row.bytes("sealed")?.to_vec(),
        made_at: time(row, "made_at")?,
    })
}

pub(super) fn bytes<const N: usize>(
    row: &impl Columns,
    name: &'static str,
) -> StoreResult<[u8; N]> {
    row.bytes(name)?.try_into().map_err(|_| damaged(name))
}

pub(super) fn time(row: &impl Columns, name: &str) -> StoreResult<Timestamp> {
    moment(row.number(name)?)
}

fn moment(millis: i64) -> StoreResult<Timestamp> {
    let millis = u64::try_from(millis).map_err(|_| damaged("a time"))?;
    Ok(Timestamp::from_millis(millis))
}

pub(super) fn damaged(column: &'static str) -> StoreError {
    StoreError::new(format!("{column} holds a value that was never written"))
}
