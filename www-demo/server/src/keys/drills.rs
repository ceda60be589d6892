//! Revocation and replacement of keys: a leaked key, a leaked key file, a lost key file.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    KeyError, KeyRing, RingError, Secrets, file,
    ring::{new_row, unseal},
    secrets::Generation,
};
use crate::{
    domain::{Applied, SealedKey, Store, StoreError, Timestamp},
    verifier::Algorithm,
};

/// How often a change is retried after another server's.
const TRIES: usize = 8;

/// Why nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum DrillError {
    /// The keys cannot be read.
    Ring(RingError),
    /// There is no key, or no generation of secrets, of that name.
    Unknown,
    /// The secrets are active: others must be before these can be revoked.
    Active,
    /// There is only one generation of secrets.
    NoOther,
    /// The key file opens every signing key.
    NothingLost,
}

impl fmt::Display for DrillError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ring(error) => error.fmt(formatter),
            Self::Unknown => {
                formatter.write_str("there is no such key; nolapse-server keys list names all")
            }
            Self::Active => formatter.write_str(
                "these secrets are active; run nolapse-server keys rotate-secrets first",
            ),
            Self::NoOther => formatter.write_str(
                "there are no other secrets in the key file; run nolapse-server keys \
                 rotate-secrets, or keys add-secrets where there are several servers",
            ),
            Self::NothingLost => formatter.write_str(
                "the key file opens every signing key: nothing is lost. Where a signing key \
                 leaked, run nolapse-server keys revoke; where the file did, keys \
                 rotate-secrets; to begin with all new keys nevertheless, and sign everybody \
                 out, keys reset --yes",
            ),
        }
    }
}

impl std::error::Error for DrillError {}

impl From<RingError> for DrillError {
    fn from(error: RingError) -> Self {
        Self::Ring(error)
    }
}

impl From<StoreError> for DrillError {
    fn from(error: StoreError) -> Self {
        Self::Ring(error.into())
    }
}

/// A signing key that was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its `kid`.
    pub id: String,
    /// Whether it was `retired`, `current` or `next`.
    pub state: &'static str,
}

/// The result of a reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Where the old key file was moved.
    pub moved_to: Option<PathBuf>,
    /// Whether a new key file was made.
    pub is_file_new: bool,
    /// How many signing keys were dropped.
    pub dropped: usize,
}

impl KeyRing {
    /// Revokes a signing key, by its `kid` or as `current` or `next`: servers stop signing with it and accepting it at their
    /// next reload. If it was the current key, the next one signs at once.
    ///
    /// # Errors
    /// Fails, without a change, if there is no such key or the database fails.
    pub async fn revoke(&self, now: Timestamp, key: &str) -> Result<Revoked, DrillError> {
        // The key that has the state now, even if another process rotates meanwhile.
        let mut key = key.to_owned();
        for _ in 0..TRIES {
            let rows = self.store.signing_keys().await?;
            self.take(self.view().secrets.clone(), rows.clone())?;
            let view = self.view();
            let mut names = view.ids().enumerate();
            let found =
                names.find(|(_, (id, state))| *id == key || *state == key && *state != "retired");
            let (place, (id, state)) = found.ok_or(DrillError::Unknown)?;
            key.clone_from(&id);
            let mut successors = rows.clone();
            successors.remove(place);
            if state != "retired" {
                let number = rows.last().map_or(1, |row| row.number + 1);
                successors.push(self.new_row(now, &view, number).await?);
            }
            if self.replace(&rows, successors).await? == Applied::Yes {
                return Ok(Revoked { id, state });
            }
        }
        Err(RingError::Contended.into())
    }

    /// Adds a generation of secrets to the key file, to be [activated](Self::activate_secrets), and returns its name. If one
    /// already waits, returns the name of that.
    ///
    /// # Errors
    /// Fails, without a change, if the file cannot be read or written.
    pub fn add_secrets(&self, now: Timestamp) -> Result<String, DrillError> {
        let file = self.file.clone().ok_or(DrillError::NoOther)?;
        let view = self.view();
        if let Some(waiting) = view.secrets.generations.get(view.opened.active + 1) {
            return Ok(waiting.id.clone());
        }
        let generation = Generation::generate(now);
        let id = generation.id.clone();
        let mut generations = view.secrets.generations.clone();
        generations.push(generation);
        let secrets = Secrets::of(generations);
        file::replace(&file, &secrets).map_err(|error| RingError::File(file, error))?;
        self.take(secrets, view.rows.clone())?;
        Ok(id)
    }

    /// Encrypts the signing keys with the newest secrets of the key file, which activates them: each server encodes refresh
    /// tokens with them from its next reload on. Returns their name.
    ///
    /// # Errors
    /// Fails, without a change, if the database fails.
    pub async fn activate_secrets(&self) -> Result<String, DrillError> {
        let newest = self.view().secrets.generations.len() - 1;
        self.seal_with(newest).await
    }

    /// Removes secrets from the key file: those of that name, or all older ones. Refresh tokens encoded with them become
    /// invalid. Returns their names.
    ///
    /// # Errors
    /// Fails, without a change, if the secrets are active or missing.
    pub async fn revoke_secrets(&self, id: Option<&str>) -> Result<Vec<String>, DrillError> {
        let file = self.file.clone().ok_or(DrillError::NoOther)?;
        let rows = self.store.signing_keys().await?;
        self.take(self.view().secrets.clone(), rows)?;
        let view = self.view();
        let active = view.opened.active;
        let is_named = |place: usize, one: &Generation| match id {
            Some(id) => one.id == id,
            None => place < active,
        };
        let generations = view.secrets.generations.iter().enumerate();
        let (revoked, kept): (Vec<_>, Vec<_>) =
            generations.partition(|(place, one)| is_named(*place, one));
        if revoked.iter().any(|(place, _)| *place == active) {
            return Err(DrillError::Active);
        }
        if revoked.is_empty() {
            return Err(id.map_or(DrillError::NoOther, |_| DrillError::Unknown));
        }
        // A signing key that is still encrypted with them would be lost.
        self.seal_with(active).await?;
        let kept = kept.into_iter().map(|(_, one)| one.clone()).collect();
        let kept = Secrets::of(kept);
        file::replace(&file, &kept).map_err(|error| RingError::File(file, error))?;
        self.take(kept, self.view().rows.clone())?;
        Ok(revoked.into_iter().map(|(_, one)| one.id.clone()).collect())
    }

    async fn seal_with(&self, place: usize) -> Result<String, DrillError> {
        for _ in 0..TRIES {
            let rows = self.store.signing_keys().await?;
            self.take(self.view().secrets.clone(), rows.clone())?;
            let view = self.view();
            let generation = view.secrets.generations.get(place);
            let generation = generation.ok_or(DrillError::Unknown)?;
            let mut successors = Vec::new();
            for (row, sealed_with) in rows.iter().zip(&view.opened.sealed_with) {
                let sealed = if *sealed_with == place {
                    Some(row.sealed.clone())
                } else {
                    let opened = view.secrets.open(row.number, &row.sealed);
                    opened.and_then(|(_, key)| generation.seal(row.number, &key))
                };
                successors.push(SealedKey {
                    sealed: sealed.ok_or(RingError::Sealed)?,
                    ..row.clone()
                });
            }
            if self.replace(&rows, successors).await? == Applied::Yes {
                return Ok(generation.id.clone());
            }
        }
        Err(RingError::Contended.into())
    }

    async fn replace(
        &self,
        rows: &[SealedKey],
        successors: Vec<SealedKey>,
    ) -> Result<Applied, RingError> {
        let written = self.store.replace_signing_keys(rows, &successors).await?;
        if written == Applied::Yes {
            self.take(self.view().secrets.clone(), successors)?;
        }
        Ok(written)
    }
}

/// Creates new keys if the old ones cannot be decrypted: a key file if it is missing or malformed, and signing keys in
/// place of those that it does not decrypt, of this algorithm. With `is_forced`, all of them in any case.
///
/// # Errors
/// Fails if nothing is lost, the file cannot be written or the database fails.
pub async fn reset(
    now: Timestamp,
    store: Arc<dyn Store>,
    path: &Path,
    algorithm: Algorithm,
    is_forced: bool,
) -> Result<Reset, DrillError> {
    let failed = |error| RingError::File(path.to_owned(), error);
    let rows = store.signing_keys().await?;
    let found = match Secrets::load(path) {
        Err(KeyError::Malformed) => None,
        found => found.map_err(failed)?,
    };
    let is_healthy = found
        .as_ref()
        .is_some_and(|found| rows.is_empty() || unseal(found, &rows).is_ok());
    if is_healthy && !is_forced {
        return Err(DrillError::NothingLost);
    }
    let is_in_the_way = path.exists() && (is_forced || found.is_none());
    let moved_to = is_in_the_way
        .then(|| file::move_aside(path).map_err(failed))
        .transpose()?;
    let is_file_new = is_in_the_way || found.is_none();
    let secrets = Secrets::load_or_make(path).map_err(failed)?;
    let newest = secrets.generations.len() - 1;
    for _ in 0..TRIES {
        let rows = store.signing_keys().await?;
        let number = rows.last().map_or(1, |row| row.number + 1);
        let successors = [
            new_row(now, &secrets, newest, number, algorithm).await?,
            new_row(now, &secrets, newest, number + 1, algorithm).await?,
        ];
        if store.replace_signing_keys(&rows, &successors).await? == Applied::Yes {
            return Ok(Reset {
                moved_to,
                is_file_new,
                dropped: rows.len(),
            });
        }
    }
    Err(RingError::Contended.into())
}
