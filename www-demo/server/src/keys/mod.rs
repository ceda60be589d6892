//! The server's keys. Signing keys are in the database, encrypted with secrets of the key file: neither a dump of the
//! database nor a copy of the file is enough to sign a token, and servers that share both have the same keys.
//!
//! Signing keys are numbered. The newest is published but does not sign yet; the one before it signs; older ones are
//! published until their last token has expired. A rotation adds a row, and of any number of servers exactly one does.
//!
//! The file's secrets are replaced by generations: a new one waits in the file until every server has it, is activated by
//! encrypting the signing keys with it, and the old one decodes refresh tokens until it is revoked.

mod drills;
mod file;
mod listing;
mod ring;
mod secrets;

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::{
    Algorithm,
    alg::{Ed25519, SigningKey as _},
};
use sha2::{Digest, Sha256};

pub use drills::{DrillError, Reset, Revoked, reset};
pub use file::KeyError;
pub(crate) use file::write_private;
pub use listing::{ListedKey, ListedSecrets};
pub use ring::{KeyPolicy, KeyRing, MAINTAIN_INTERVAL, RingError, Rotated};
pub use secrets::Secrets;

use crate::{clock, verifier::KeySet};

type PrivateKey = <Ed25519 as Algorithm>::SigningKey;

/// A key that signs access tokens.
pub struct SigningKey {
    /// Its `kid`: the key's thumbprint (RFC 7638).
    pub id: String,
    pub(crate) private: PrivateKey,
}

impl SigningKey {
    fn from_seed(seed: &[u8; 32]) -> Self {
        let private = PrivateKey::from_bytes(seed);
        let public = Base64UrlUnpadded::encode_string(private.to_verifying_key().as_bytes());
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        Self {
            id: Base64UrlUnpadded::encode_string(&Sha256::digest(members)),
            private,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.id)
    }
}

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
    /// Creates new keys.
    #[must_use]
    pub fn generate() -> Self {
        Self {
            current: SigningKey::from_seed(&clock::random()),
            next: SigningKey::from_seed(&clock::random()),
            retired: Vec::new(),
        }
    }

    /// Returns the public keys, the current one first.
    #[must_use]
    pub fn public(&self) -> KeySet {
        [&self.current, &self.next]
            .into_iter()
            .chain(&self.retired)
            .map(|key| (key.id.clone(), key.private.to_verifying_key()))
            .collect()
    }
}
