//! The keys that sign access tokens, as servers on one database share them.

use async_trait::async_trait;

use crate::{Applied, StoreResult, Timestamp};

/// A signing key as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// Its place in the order of keys, from 1.
    pub number: u64,
    /// The key, sealed: worth nothing without the key file.
    pub sealed: Vec<u8>,
    /// When it was made, and published.
    pub made_at: Timestamp,
}

/// The sealed signing keys. Each method is one atomic step.
#[async_trait]
pub trait SigningKeyStore: Send + Sync + 'static {
    /// Lists the signing keys, the oldest first.
    async fn signing_keys(&self) -> StoreResult<Vec<SealedKey>>;

    /// Adds a signing key. [`Applied::No`] where its number is taken.
    async fn add_signing_key(&self, key: &SealedKey) -> StoreResult<Applied>;

    /// Replaces all signing keys, if they are still those of `expected`, in one transaction. [`Applied::No`] where
    /// another writer came first.
    async fn replace_signing_keys(
        &self,
        expected: &[SealedKey],
        successors: &[SealedKey],
    ) -> StoreResult<Applied>;

    /// Forgets the signing keys with smaller numbers.
    async fn drop_signing_keys_before(&self, number: u64) -> StoreResult<()>;
}
