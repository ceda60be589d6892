//! A session's column `siblings`.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::rows::damaged;
use crate::domain::{SecretHash, Session, StoreResult};

/// Converts the siblings of a session's newest refresh token for the database; `None` if there are none.
pub(super) fn to_db(session: &Session) -> Option<String> {
    if session.siblings.is_empty() {
        return None;
    }
    let hashes = session.siblings.iter();
    let hashes: Vec<String> = hashes
        .map(|hash| Base64UrlUnpadded::encode_string(hash.as_bytes()))
        .collect();
    Some(serde_json::json!([session.generation, hashes]).to_string())
}

/// Reads the siblings of a generation. Those of an earlier one are dead: a server of before the column rotated since.
pub(super) fn read(text: Option<&str>, generation: u64) -> StoreResult<Vec<SecretHash>> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let kept: (u64, Vec<String>) = serde_json::from_str(text).map_err(|_| damaged("siblings"))?;
    if kept.0 != generation {
        return Ok(Vec::new());
    }
    let hashes = kept.1.iter().map(|hash| parse(hash));
    let hashes: Option<Vec<SecretHash>> = hashes.collect();
    hashes.ok_or_else(|| damaged("siblings"))
}

fn parse(text: &str) -> Option<SecretHash> {
    let mut bytes = [0; 32];
    let read = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (read.len() == 32).then_some(SecretHash::from_bytes(bytes))
}
