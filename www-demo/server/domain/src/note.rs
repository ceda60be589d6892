//! Notes: the data of the reference API.

use async_trait::async_trait;

use crate::{Applied, NoteId, StoreResult, Timestamp, UserId};

/// The longest note, in characters.
const MAX_NOTE_CHARS: usize = 2_000;

/// A note of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// Its text.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
}

impl Note {
    /// Creates a note; `None` if the text is empty, has more than 2,000 characters, or a NUL, which `PostgreSQL` cannot
    /// store.
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

/// The outcome of adding a note.
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
    /// Lists the notes of a user, newest first, at most 100.
    async fn notes_of(&self, user: UserId) -> StoreResult<Vec<Note>>;

    /// Adds a note, unless the user has `limit` notes. Concurrent calls never exceed the limit.
    async fn add_note(&self, user: UserId, note: &Note, limit: u32) -> StoreResult<NoteAdded>;

    /// Deletes a note of the user. [`Applied::No`] if there is none with this id.
    async fn delete_note(&self, user: UserId, id: NoteId) -> StoreResult<Applied>;
}
