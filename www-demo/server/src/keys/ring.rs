//! The signing keys of all servers on one database, kept up to date.

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

use super::{KeyError, Secrets, ServerKeys, SigningKey};
use crate::{
    clock,
    domain::{Applied, RefreshTokenKey, SealedKey, Store, Timestamp},
    verifier::KeySource,
};

/// How often a server looks for keys that another process made, revoked or activated: the bound of a revocation.
pub const MAINTAIN_INTERVAL: Duration = Duration::from_secs(1);

/// How long signing keys wait, sign and stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// How long a key is published before it may sign. Verifiers keep a key set for five minutes, and other
    /// servers look for new keys every second: less than the sum of both costs requests.
    pub wait: Duration,
    /// How long a key signs before it is replaced; `None` leaves that to whoever runs the server.
    pub rotate_every: Option<Duration>,
    /// The longest life of an access token: so long, and `wait`, retired keys stay published.
    pub token_lifetime: Duration,
}

/// What came of asking for a rotation.
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
    /// Where the secrets come from, where it may change.
    pub(super) file: Option<PathBuf>,
    policy: KeyPolicy,
    refresh_token_key: RefreshTokenKey,
    view: Mutex<Arc<View>>,
    is_behind: AtomicBool,
    published: KeySource,
}

/// What a server last saw of key file and database.
pub(super) struct View {
    pub(super) secrets: Secrets,
    pub(super) rows: Vec<SealedKey>,
    pub(super) opened: Opened,
}

/// The signing keys in clear, and the place of the secrets that are active.
pub(super) struct Opened {
    pub(super) keys: Arc<ServerKeys>,
    pub(super) active: usize,
    /// For each row the place of the secrets that it is sealed with.
    pub(super) sealed_with: Vec<usize>,
}

impl KeyRing {
    /// Reads the keys from the database; the first server makes them.
    ///
    /// # Errors
    /// Fails where the database does not answer, or the keys were sealed with another key file.
    pub async fn open(
        now: Timestamp,
        store: Arc<dyn Store>,
        secrets: Secrets,
        policy: KeyPolicy,
    ) -> Result<Self, RingError> {
        let mut rows = store.signing_keys().await?;
        while rows.len() < 2 {
            let number = rows.last().map_or(1, |row| row.number + 1);
            let key = new_row(now, &secrets, secrets.generations.len() - 1, number)?;
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
            view: Mutex::new(Arc::new(View {
                secrets,
                rows,
                opened,
            })),
        })
    }

    /// Does the same with the secrets of a file, which is made where neither file nor signing keys are there, and
    /// looked at again by [`maintain`](Self::maintain).
    ///
    /// # Errors
    /// Fails where the file cannot be used, too, or is gone while there are signing keys.
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

    /// Returns the key that seals refresh tokens. It follows this ring.
    #[must_use]
    pub const fn refresh_token_key(&self) -> &RefreshTokenKey {
        &self.refresh_token_key
    }

    /// Derives a key for another purpose from the oldest secrets of the key file, so that it stays when others become
    /// active; `label` tells it from all others.
    #[must_use]
    pub fn derive(&self, label: &[u8]) -> [u8; 32] {
        self.view().secrets.derive(label)
    }

    /// Returns a source for verifiers that follows this ring.
    #[must_use]
    pub fn published(&self) -> KeySource {
        self.published.clone()
    }

    /// Says whether the database has signing keys that this server's key file does not open: other servers may then
    /// seal refresh tokens that this one does not know.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Adds a key, so that the one that waited signs, provided that it has waited long enough.
    ///
    /// Of any number of servers that do this at once exactly one adds a key.
    ///
    /// # Errors
    /// Fails where the database does not answer; then nothing has changed.
    pub async fn rotate(&self, now: Timestamp) -> Result<Rotated, RingError> {
        self.rotate_after(now, self.policy.wait).await
    }

    /// Brings the keys up to date with key file and database, drops those whose tokens have all expired, and
    /// rotates by the schedule.
    ///
    /// # Errors
    /// Fails where the database does not answer, or the file cannot be used; then the keys stay as they are.
    pub async fn maintain(&self, now: Timestamp) -> Result<(), RingError> {
        let reloaded = self.reload().await;
        let policy = &self.policy;
        if let Some(every) = policy.rotate_every {
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

    /// Reads the key file again, and takes it where it has changed.
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
        let key = new_row(now, &view.secrets, view.opened.active, number)?;
        if self.store.add_signing_key(&key).await? == Applied::Yes {
            tracing::info!(number, "signing keys rotated");
        }
        self.take(view.secrets.clone(), self.store.signing_keys().await?)?;
        Ok(Rotated::Now)
    }

    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what file and database say, if the one opens the other; else this server goes on with what it has.
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

/// Makes a signing key, sealed with the secrets at that place.
pub(super) fn new_row(
    now: Timestamp,
    secrets: &Secrets,
    place: usize,
    number: u64,
) -> Result<SealedKey, RingError> {
    let generation = secrets.generations.get(place).ok_or(RingError::Sealed)?;
    let sealed = generation.seal(number, &clock::random());
    Ok(SealedKey {
        number,
        sealed: sealed.ok_or(RingError::Sealed)?,
        made_at: now,
    })
}

pub(super) fn unseal(secrets: &Secrets, rows: &[SealedKey]) -> Result<Opened, RingError> {
    let open = |row: &SealedKey| {
        let opened = secrets.open(row.number, &row.sealed);
        opened.map(|(place, seed)| (place, SigningKey::from_seed(&seed)))
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
