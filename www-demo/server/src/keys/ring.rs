//! The signing keys of all servers on one database, kept up to date.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{Secrets, ServerKeys, SigningKey};
use crate::{
    clock,
    domain::{SealedKey, Store, StoreError, TicketKey, Timestamp, Written},
    verifier::KeySource,
};

/// How long signing keys wait, sign and stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTerms {
    /// How long a key is published before it may sign. Verifiers keep a key set for five minutes, and other
    /// servers look for new keys every few seconds: less than the sum of both costs requests.
    pub wait: Duration,
    /// How long a key signs before it is replaced; `None` leaves that to whoever runs the server.
    pub rotate_every: Option<Duration>,
    /// The longest life of an access token: so long, and `wait`, retired keys stay published.
    pub token_life: Duration,
}

/// Why the signing keys are not at hand.
#[derive(Debug)]
pub enum RingError {
    /// The database does not answer.
    Store(StoreError),
    /// They were sealed with another key file.
    Sealed,
}

impl fmt::Display for RingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(formatter),
            Self::Sealed => formatter.write_str(
                "the signing keys in the database were sealed with another key file; set \
                 KEY_FILE to a copy of the one that the other servers use",
            ),
        }
    }
}

impl std::error::Error for RingError {}

impl From<StoreError> for RingError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What came of asking for a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The next key signs, and a new one is published.
    Now,
    /// Nothing has changed: the next key has not been published for [`KeyTerms::wait`] yet.
    TooEarly,
}

/// The signing keys of all servers on one database.
pub struct KeyRing {
    store: Arc<dyn Store>,
    secrets: Secrets,
    terms: KeyTerms,
    keys: Mutex<Arc<ServerKeys>>,
    published: KeySource,
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
        terms: KeyTerms,
    ) -> Result<Self, RingError> {
        let mut rows = store.signing_keys().await?;
        while rows.len() < 2 {
            let number = rows.last().map_or(1, |row| row.number + 1);
            add(now, &*store, &secrets, number).await?;
            rows = store.signing_keys().await?;
        }
        let keys = unseal(&secrets, &rows)?;
        Ok(Self {
            store,
            secrets,
            terms,
            published: KeySource::given(keys.public()),
            keys: Mutex::new(Arc::new(keys)),
        })
    }

    /// Returns the keys as this server last saw them.
    #[must_use]
    pub fn keys(&self) -> Arc<ServerKeys> {
        Arc::clone(&self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the key that seals refresh tickets.
    #[must_use]
    pub const fn tickets(&self) -> &TicketKey {
        &self.secrets.tickets
    }

    /// Derives a key for another purpose from the key file; `label` tells it from all others.
    #[must_use]
    pub fn derive(&self, label: &[u8]) -> [u8; 32] {
        self.secrets.derive(label)
    }

    /// Returns a source for verifiers that follows this ring.
    #[must_use]
    pub fn published(&self) -> KeySource {
        self.published.clone()
    }

    /// Adds a key, so that the one that waited signs, provided that it has waited long enough.
    ///
    /// Of any number of servers that do this at once exactly one adds a key.
    ///
    /// # Errors
    /// Fails where the database does not answer; then nothing has changed.
    pub async fn rotate(&self, now: Timestamp) -> Result<Rotated, RingError> {
        self.rotate_after(now, self.terms.wait).await
    }

    /// Brings the keys up to date with the database, drops those whose tokens have all expired, and rotates
    /// by the schedule.
    ///
    /// # Errors
    /// Fails where the database does not answer; then the keys stay as they are.
    pub async fn tend(&self, now: Timestamp) -> Result<(), RingError> {
        let terms = &self.terms;
        if let Some(every) = terms.rotate_every {
            self.rotate_after(now, every.max(terms.wait)).await?;
        }
        let rows = self.store.signing_keys().await?;
        if let [.., current, next] = rows.as_slice()
            && now > next.made_at + terms.token_life + terms.wait
            && rows.len() > 2
        {
            self.store.drop_signing_keys_before(current.number).await?;
        }
        self.take(&rows)
    }

    async fn rotate_after(&self, now: Timestamp, wait: Duration) -> Result<Rotated, RingError> {
        let rows = self.store.signing_keys().await?;
        let newest = rows.last().ok_or(RingError::Sealed)?;
        if now < newest.made_at + wait {
            // Another server may just have rotated.
            self.take(&rows)?;
            return Ok(Rotated::TooEarly);
        }
        let written = add(now, &*self.store, &self.secrets, newest.number + 1).await?;
        if written == Written::Yes {
            tracing::info!(number = newest.number + 1, "signing keys rotated");
        }
        self.take(&self.store.signing_keys().await?)?;
        Ok(Rotated::Now)
    }

    fn take(&self, rows: &[SealedKey]) -> Result<(), RingError> {
        let keys = unseal(&self.secrets, rows)?;
        self.published.replace(keys.public());
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }
}

async fn add(
    now: Timestamp,
    store: &dyn Store,
    secrets: &Secrets,
    number: u64,
) -> Result<Written, RingError> {
    let sealed = secrets.seal(number, &clock::random());
    let key = SealedKey {
        number,
        sealed: sealed.ok_or(RingError::Sealed)?,
        made_at: now,
    };
    Ok(store.add_signing_key(&key).await?)
}

fn unseal(secrets: &Secrets, rows: &[SealedKey]) -> Result<ServerKeys, RingError> {
    let open = |row: &SealedKey| {
        let seed = secrets.open(row.number, &row.sealed);
        seed.map(|seed| SigningKey::from_seed(&seed))
    };
    let opened: Option<Vec<_>> = rows.iter().map(open).collect();
    let mut keys = opened.ok_or(RingError::Sealed)?;
    let next = keys.pop().ok_or(RingError::Sealed)?;
    let current = keys.pop().ok_or(RingError::Sealed)?;
    Ok(ServerKeys {
        current,
        next,
        retired: keys,
    })
}
