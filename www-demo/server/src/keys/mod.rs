//! The server's keys. Signing keys are in the database, encrypted with secrets of the key file: neither a dump of the
//! database nor a copy of the file is enough to sign a token, and servers that share both have the same keys.
//!
//! Signing keys are numbered. The newest is published but does not sign yet; the one before it signs; older ones are
//! published until their last token has expired. A rotation adds a row, and of any number of servers exactly one does.
//! A key has its algorithm for life: another algorithm is a rotation, and meanwhile keys of both are published.
//!
//! The file's secrets are replaced by generations: a new one waits in the file until every server has it, is activated by
//! encrypting the signing keys with it, and the old one decodes refresh tokens until it is revoked.

mod drills;
mod file;
mod listing;
mod ring;
mod sealed;
mod secrets;
mod signing;

pub use drills::{DrillError, Reset, Revoked, reset};
pub use file::KeyError;
pub(crate) use file::write_private;
pub use listing::{ListedKey, ListedSecrets};
pub use ring::{KeyPolicy, KeyRing, MAINTAIN_INTERVAL, RingError, Rotated};
pub(crate) use sealed::Sealing;
pub use secrets::Secrets;
pub use signing::{SigningFailed, SigningKey};

use crate::verifier::{Algorithm, KeySet};

/// The signing keys in use at one time.
#[derive(Debug)]
pub struct ServerKeys {
    /// Signs now.
    pub current: SigningKey,
    /// Published, signs after the next rotation.
    pub next: SigningKey,
    /// Signed before: published until their tokens have expired.
    pub retired: Vec<SigningKey>,
}

impl ServerKeys {
    /// Creates new keys of one algorithm. Those of RSA take up to some seconds.
    ///
    /// # Errors
    /// Fails if the operating system gives no random bytes.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SigningFailed> {
        Ok(Self {
            current: SigningKey::generate(algorithm)?,
            next: SigningKey::generate(algorithm)?,
            retired: Vec::new(),
        })
    }

    /// Returns the public keys, the current one first.
    #[must_use]
    pub fn public(&self) -> KeySet {
        [&self.current, &self.next]
            .into_iter()
            .chain(&self.retired)
            .map(|key| (key.id.clone(), key.public().clone()))
            .collect()
    }
}
