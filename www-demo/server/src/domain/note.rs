//! Notes: something worth fetching.

use super::{NoteId, Timestamp};

/// The longest note, in characters.
const MAX_NOTE_CHARS: usize = 2_000;

/// A note of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its name.
    pub id: NoteId,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
}

impl Note {
    /// Writes a note; `None` where there is no text, more than 2,000 characters of it, or a NUL, which
    /// `PostgreSQL` keeps in no text.
    #[must_use]
    pub fn write(now: Timestamp, id: NoteId, text: &str) -> Option<Self> {
        let fits = text.chars().count() <= MAX_NOTE_CHARS && !text.contains('\0');
        let text = text.trim();
        let fits = fits && !text.is_empty();
        fits.then(|| Self {
            id,
            text: text.to_owned(),
            created_at: now,
        })
    }
}
