//! The signing keys of all servers on one database, and their rotation.

mod error;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub use error::RingError;

use super::{KeyError, Secrets, ServerKeys, SigningKey, signing};
use crate::{
    domain::{Applied, RefreshTokenKey, SealedKey, Store, Timestamp},
    verifier::{Algorithm, KeySource},
};

/// How often a server reloads the keys: the bound of a revocation.
pub const MAINTAIN_INTERVAL: Duration = Duration::from_secs(1);

/// The schedule of signing keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// How long a key is published before it signs. Verifiers cache a key set for five minutes, and servers reload every
    /// second: with less than the sum of both, requests fail.
    pub wait: Duration,
    /// How long a key signs before it is rotated; `None` rotates by command only.
    pub rotate_every: Option<Duration>,
    /// The lifetime of access tokens: retired keys stay published for it, plus `wait`.
    pub token_lifetime: Duration,
    /// What new keys sign with. Where the keys at hand are of another one, the next two rotations follow each other by
    /// `wait`, whatever `rotate_every` is.
    pub algorithm: Algorithm,
}

/// The outcome of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The next key signs, and a new one is published.
    Now,
    /// Nothing has changed: the next key has not been published for [`KeyPolicy::wait`] yet.
    TooEarly,
}

/// The signing keys of all servers on one database.
pub struct KeyRing {
    pub(super) store: Arc<dyn Store>,
    /// The key file, if the secrets are from one.
    pub(super) file: Option<PathBuf>,
    policy: KeyPolicy,
    refresh_token_key: RefreshTokenKey,
    view: Mutex<Arc<View>>,
    is_behind: AtomicBool,
    /// Whether the keys have been of the policy's algorithm. Only until then a server changes it, so that servers whose
    /// settings differ do not change it to and fro.
    has_algorithm: AtomicBool,
    published: KeySource,
}

/// The last state of key file and database.
pub(super) struct View {
    pub(super) secrets: Secrets,
    pub(super) rows: Vec<SealedKey>,
    pub(super) opened: Opened,
}

/// The decrypted signing keys, and the index of the active secrets.
pub(super) struct Opened {
    pub(super) keys: Arc<ServerKeys>,
    pub(super) active: usize,
    /// For each row, the index of the secrets that encrypt it.
    pub(super) sealed_with: Vec<usize>,
}

impl KeyRing {
    /// Reads the keys from the database; the first server creates them.
    ///
    /// # Errors
    /// Fails if the database fails, or the keys were encrypted with another key file.
    pub async fn open(
        now: Timestamp,
        store: Arc<dyn Store>,
        secrets: Secrets,
        policy: KeyPolicy,
    ) -> Result<Self, RingError> {
        let mut rows = store.signing_keys().await?;
        while rows.len() < 2 {
            let number = rows.last().map_or(1, |row| row.number + 1);
            let newest = secrets.generations.len() - 1;
            let key = new_row(now, &secrets, newest, number, policy.algorithm).await?;
            store.add_signing_key(&key).await?;
            rows = store.signing_keys().await?;
        }
        let opened = unseal(&secrets, &rows)?;
        secrets.activate(opened.active);
        Ok(Self {
            store,
            file: None,
            policy,
            refresh_token_key: secrets.refresh_token_key.clone(),
            published: KeySource::given(opened.keys.public()),
            is_behind: AtomicBool::new(false),
            has_algorithm: AtomicBool::new(false),
            view: Mutex::new(Arc::new(View {
                secrets,
                rows,
                opened,
            })),
        })
    }

    /// Does the same with the secrets of a file, which [`maintain`](Self::maintain) reloads. It is created if there are no
    /// signing keys yet.
    ///
    /// # Errors
    /// Fails as [`open`](Self::open) does, and if the file cannot be used or is missing although there are signing keys.
    pub async fn open_file(
        now: Timestamp,
        store: Arc<dyn Store>,
        file: &Path,
        policy: KeyPolicy,
    ) -> Result<Self, RingError> {
        let failed = |error| RingError::File(file.to_owned(), error);
        let secrets = if let Some(secrets) = Secrets::load(file).map_err(failed)? {
            secrets
        } else if store.signing_keys().await?.is_empty() {
            Secrets::load_or_make(file).map_err(failed)?
        } else {
            // Another server of this machine may have made both meanwhile.
            let made = Secrets::load(file).map_err(failed)?;
            made.ok_or_else(|| RingError::Lost(file.to_owned()))?
        };
        let ring = Self::open(now, store, secrets, policy).await?;
        Ok(Self {
            file: Some(file.to_owned()),
            ..ring
        })
    }

    /// Returns the keys as this server last saw them.
    #[must_use]
    pub fn keys(&self) -> Arc<ServerKeys> {
        Arc::clone(&self.view().opened.keys)
    }

    /// Returns the key of refresh tokens, which follows this ring.
    #[must_use]
    pub const fn refresh_token_key(&self) -> &RefreshTokenKey {
        &self.refresh_token_key
    }

    /// Derives a key for another purpose, named by `label`, from the oldest secrets of the key file, so that activating
    /// others does not change it.
    #[must_use]
    pub fn derive(&self, label: &[u8]) -> [u8; 32] {
        self.view().secrets.derive(label)
    }

    /// Returns a source for verifiers that follows this ring.
    #[must_use]
    pub fn published(&self) -> KeySource {
        self.published.clone()
    }

    /// Returns whether the database has signing keys that this server's key file does not decrypt: other servers may then
    /// encode refresh tokens that this one cannot decode.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Adds a key, so that the next one signs, if that has been published for long enough.
    ///
    /// Of any number of concurrent calls, at any number of servers, exactly one adds a key.
    ///
    /// # Errors
    /// Fails, without a change, if the database fails.
    pub async fn rotate(&self, now: Timestamp) -> Result<Rotated, RingError> {
        self.rotate_after(now, self.policy.wait).await
    }

    /// Reloads key file and database, drops keys whose tokens have all expired, and rotates on schedule.
    ///
    /// # Errors
    /// Fails, without a change of the keys in use, if the database fails or the file cannot be used.
    pub async fn maintain(&self, now: Timestamp) -> Result<(), RingError> {
        let reloaded = self.reload().await;
        let policy = &self.policy;
        if self.must_change_algorithm() {
            self.rotate_after(now, policy.wait).await?;
        } else if let Some(every) = policy.rotate_every {
            self.rotate_after(now, every.max(policy.wait)).await?;
        }
        let rows = self.store.signing_keys().await?;
        if let [.., current, next] = rows.as_slice()
            && now > next.made_at + policy.token_lifetime + policy.wait
            && rows.len() > 2
        {
            self.store.drop_signing_keys_before(current.number).await?;
        }
        let view = self.view();
        if view.rows != rows || self.is_behind() {
            self.take(view.secrets.clone(), rows)?;
        }
        reloaded
    }

    /// Says whether the current or the next key is not of the policy's algorithm, and never was since this server began.
    fn must_change_algorithm(&self) -> bool {
        let keys = self.keys();
        let is_due = [&keys.current, &keys.next]
            .iter()
            .any(|key| key.algorithm != self.policy.algorithm);
        if !is_due {
            self.has_algorithm.store(true, Ordering::Relaxed);
        }
        is_due && !self.has_algorithm.load(Ordering::Relaxed)
    }

    /// Creates a signing key, encrypted with the active secrets.
    pub(super) async fn new_row(
        &self,
        now: Timestamp,
        view: &View,
        number: u64,
    ) -> Result<SealedKey, RingError> {
        let (active, algorithm) = (view.opened.active, self.policy.algorithm);
        new_row(now, &view.secrets, active, number, algorithm).await
    }

    /// Reloads the key file, if it has changed.
    async fn reload(&self) -> Result<(), RingError> {
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        let path = file.clone();
        let read = tokio::task::spawn_blocking(move || Secrets::load(&path)).await;
        let read = read.unwrap_or_else(|error| Err(KeyError::File(std::io::Error::other(error))));
        let secrets = match read {
            Ok(Some(secrets)) => secrets,
            Ok(None) => return Err(RingError::Lost(file)),
            Err(error) => return Err(RingError::File(file, error)),
        };
        let view = self.view();
        if secrets.generations == view.secrets.generations {
            return Ok(());
        }
        self.take(secrets, self.store.signing_keys().await?)
    }

    async fn rotate_after(&self, now: Timestamp, wait: Duration) -> Result<Rotated, RingError> {
        let rows = self.store.signing_keys().await?;
        let newest = rows.last().ok_or(RingError::Sealed)?;
        let (number, is_early) = (newest.number + 1, now < newest.made_at + wait);
        let view = self.view();
        // Another server may just have rotated.
        if view.rows != rows {
            self.take(view.secrets.clone(), rows)?;
        }
        if is_early {
            return Ok(Rotated::TooEarly);
        }
        let view = self.view();
        let key = self.new_row(now, &view, number).await?;
        if self.store.add_signing_key(&key).await? == Applied::Yes {
            let algorithm = self.policy.algorithm.as_str();
            tracing::info!(number, algorithm, "signing keys rotated");
        }
        self.take(view.secrets.clone(), self.store.signing_keys().await?)?;
        Ok(Rotated::Now)
    }

    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the keys in use, if the secrets decrypt the rows; else keeps them.
    pub(super) fn take(&self, secrets: Secrets, rows: Vec<SealedKey>) -> Result<(), RingError> {
        let opened = unseal(&secrets, &rows);
        self.is_behind.store(opened.is_err(), Ordering::Relaxed);
        let opened = opened?;
        let keys = secrets
            .generations
            .iter()
            .map(|one| one.refresh_token_key)
            .collect();
        self.refresh_token_key.replace(keys, opened.active);
        self.published.replace(opened.keys.public());
        let view = View {
            secrets,
            rows,
            opened,
        };
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        Ok(())
    }
}

/// Creates a signing key, encrypted with the secrets at that index.
pub(super) async fn new_row(
    now: Timestamp,
    secrets: &Secrets,
    place: usize,
    number: u64,
    algorithm: Algorithm,
) -> Result<SealedKey, RingError> {
    let generation = secrets.generations.get(place).ok_or(RingError::Sealed)?;
    // The primes of RSA take long to find.
    let made = tokio::task::spawn_blocking(move || signing::new_stored(algorithm)).await;
    let made = made.map_err(|_| RingError::Unmade)?;
    let sealed = generation.seal(number, &made.map_err(|_| RingError::Unmade)?);
    Ok(SealedKey {
        number,
        sealed: sealed.ok_or(RingError::Sealed)?,
        made_at: now,
    })
}

pub(super) fn unseal(secrets: &Secrets, rows: &[SealedKey]) -> Result<Opened, RingError> {
    let open = |row: &SealedKey| {
        let (place, stored) = secrets.open(row.number, &row.sealed)?;
        Some((place, SigningKey::from_stored(&stored)?))
    };
    let opened: Option<Vec<_>> = rows.iter().map(open).collect();
    let (sealed_with, mut keys): (Vec<usize>, Vec<SigningKey>) =
        opened.ok_or(RingError::Sealed)?.into_iter().unzip();
    let next = keys.pop().ok_or(RingError::Sealed)?;
    let current = keys.pop().ok_or(RingError::Sealed)?;
    Ok(Opened {
        keys: Arc::new(ServerKeys {
            current,
            next,
            retired: keys,
        }),
        active: sealed_with.iter().copied().max().unwrap_or_default(),
        sealed_with,
    })
}
