//! Lists keys: names, ages and states, never a secret.

use super::{KeyRing, ring::View};
use crate::{domain::Timestamp, verifier::Algorithm};

/// A signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// Its `kid`.
    pub id: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// `retired`, `current` or `next`.
    pub state: &'static str,
    /// When it was made, and published.
    pub made_at: Timestamp,
}

/// A generation of secrets of the key file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSecrets {
    /// Its name.
    pub id: String,
    /// `old`, `active` or `waiting`.
    pub state: &'static str,
    /// When it was created; `None` in old files.
    pub made_at: Option<Timestamp>,
}

impl KeyRing {
    /// Lists the signing keys, oldest first.
    #[must_use]
    pub fn list_keys(&self) -> Vec<ListedKey> {
        let view = self.view();
        let keys = &view.opened.keys;
        let rows = view.rows.iter();
        let keys = keys.retired.iter().chain([&keys.current, &keys.next]);
        let named = rows.zip(keys).zip(view.ids());
        named
            .map(|((row, key), (id, state))| ListedKey {
                id,
                algorithm: key.algorithm,
                state,
                made_at: row.made_at,
            })
            .collect()
    }

    /// Lists the generations of secrets of the key file, oldest first.
    #[must_use]
    pub fn list_secrets(&self) -> Vec<ListedSecrets> {
        let view = self.view();
        let generations = view.secrets.generations.iter().enumerate();
        generations
            .map(|(place, one)| ListedSecrets {
                id: one.id.clone(),
                state: match place.cmp(&view.opened.active) {
                    std::cmp::Ordering::Less => "old",
                    std::cmp::Ordering::Equal => "active",
                    std::cmp::Ordering::Greater => "waiting",
                },
                made_at: one.made_at,
            })
            .collect()
    }
}

impl View {
    /// Returns names and states of the signing keys, in the order of the rows.
    pub(super) fn ids(&self) -> impl Iterator<Item = (String, &'static str)> {
        let keys = &self.opened.keys;
        let retired = keys.retired.iter().map(|key| (key.id.clone(), "retired"));
        retired.chain([
            (keys.current.id.clone(), "current"),
            (keys.next.id.clone(), "next"),
        ])
    }
}
