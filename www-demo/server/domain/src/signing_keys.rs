//! The keys that sign access tokens, shared by all servers of a database.

use async_trait::async_trait;

use crate::{Applied, StoreResult, Timestamp};

/// A signing key's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// Its number in the order of keys, from 1.
    pub number: u64,
    /// The key, encrypted with the key file's secrets.
    pub sealed: Vec<u8>,
    /// When it was created and published.
    pub made_at: Timestamp,
}

/// The encrypted signing keys. Each method is one atomic step.
#[async_trait]
pub trait SigningKeyStore: Send + Sync + 'static {
    /// Lists the signing keys, oldest first.
    async fn signing_keys(&self) -> StoreResult<Vec<SealedKey>>;

    /// Adds a signing key. [`Applied::No`] if its number is taken.
    async fn add_signing_key(&self, key: &SealedKey) -> StoreResult<Applied>;

    /// Replaces all signing keys, if they are still `expected`, in one transaction.
    async fn replace_signing_keys(
        &self,
        expected: &[SealedKey],
        successors: &[SealedKey],
    ) -> StoreResult<Applied>;

    /// Deletes the signing keys with smaller numbers.
    async fn drop_signing_keys_before(&self, number: u64) -> StoreResult<()>;
}
