//! Notes: something worth fetching.

use async_trait::async_trait;

use crate::{Applied, NoteId, StoreResult, Timestamp, UserId};

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

/// What came of adding a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteAdded {
    /// It was added.
    Yes,
    /// The user has as many notes as are allowed.
    LimitReached,
    /// There is no such user.
    NoUser,
}

/// The notes of users. Each method is one atomic step.
#[async_trait]
pub trait NoteStore: Send + Sync + 'static {
    /// Lists the notes of a user, the newest first, at most 100.
    async fn notes_of(&self, user: UserId) -> StoreResult<Vec<Note>>;

    /// Adds a note, unless the user has `limit` notes: however many are added at once, no user has more.
    async fn add_note(&self, user: UserId, note: &Note, limit: u32) -> StoreResult<NoteAdded>;

    /// Deletes a note, if it is the user's. [`Applied::No`] where it is not there.
    async fn delete_note(&self, user: UserId, id: NoteId) -> StoreResult<Applied>;
}
