//! The mark that tabs leave for each other in `localStorage`.

use wasm_bindgen::JsCast;
use web_sys::Storage;

use crate::core::{Mark, Shelf};

use super::global::global;

/// One key of `localStorage`, where there is one.
pub(super) struct ShelfStore {
    storage: Option<Storage>,
    key: String,
}

impl ShelfStore {
    /// Finds the storage: workers have none, and a browser may block it.
    pub(super) fn new(key: String) -> Self {
        let storage = global("localStorage").map(JsCast::unchecked_into);
        Self { storage, key }
    }

    /// Reads the mark; what throws is unavailable, what cannot be read is empty.
    pub(super) fn read(&self) -> Shelf {
        let Some(storage) = &self.storage else {
            return Shelf::Unavailable;
        };
        match storage.get_item(&self.key) {
            Err(_) => Shelf::Unavailable,
            Ok(text) => text
                .as_deref()
                .and_then(Mark::decode)
                .map_or(Shelf::Empty, Shelf::Marked),
        }
    }

    /// Writes the mark, where the browser lets it.
    pub(super) fn write(&self, mark: &Mark) {
        if let Some(storage) = &self.storage {
            // Full or blocked: the tabs still have their channel, and the lock.
            let _ = storage.set_item(&self.key, &mark.encode());
        }
    }

    /// Whether a `storage` event for this key (`None`: all keys were cleared) concerns the mark.
    pub(super) fn is_key(&self, key: Option<&str>) -> bool {
        key.is_none_or(|key| key == self.key)
    }
}
