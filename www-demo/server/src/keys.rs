//! The server's keys, in a file of their own: a dump of the database signs nobody in.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::{
    Algorithm,
    alg::{Ed25519, SigningKey as _},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{clock, domain::TicketKey, verifier::KeySet};

type PrivateKey = <Ed25519 as Algorithm>::SigningKey;

/// A key that signs access tokens.
pub struct SigningKey {
    /// Its name in tokens and in the key set: the key's thumbprint (RFC 7638).
    pub id: String,
    pub(crate) private: PrivateKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.id)
    }
}

/// All keys of a server.
#[derive(Debug)]
pub struct ServerKeys {
    /// Signs now.
    pub current: SigningKey,
    /// Is published already, to sign after the next rotation.
    pub next: SigningKey,
    /// Seals refresh tickets.
    pub tickets: TicketKey,
}

/// Why the keys could not be read or made.
#[derive(Debug)]
pub enum KeyError {
    /// The file cannot be read or written.
    File(io::Error),
    /// Others than the owner may read the file.
    TooOpen,
    /// The file holds something else.
    Malformed,
}

impl fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(formatter),
            Self::TooOpen => formatter.write_str("others may read it; run chmod 600 on it"),
            Self::Malformed => formatter.write_str(
                "it is not a key file of this server; move it away to make new keys, which \
                 signs everybody out",
            ),
        }
    }
}

impl std::error::Error for KeyError {}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    version: u8,
    tickets: String,
    current: String,
    next: String,
}

impl ServerKeys {
    /// Makes new keys.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_seeds(&clock::random(), &clock::random(), clock::random())
    }

    /// Reads the keys of `path`, or makes them and keeps them there, for the owner alone.
    ///
    /// # Errors
    /// Fails where the file cannot be read or made, is open to others, or holds something else.
    pub fn load_or_make(path: &Path) -> Result<Self, KeyError> {
        match fs::read_to_string(path) {
            Ok(text) => {
                let mode = fs::metadata(path).map_err(KeyError::File)?.permissions();
                if mode.mode() & 0o077 != 0 {
                    return Err(KeyError::TooOpen);
                }
                Self::read(&text).ok_or(KeyError::Malformed)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(KeyError::File(error)),
        }
    }

    /// Returns the public keys, the current one first.
    #[must_use]
    pub fn public(&self) -> KeySet {
        [&self.current, &self.next]
            .into_iter()
            .map(|key| (key.id.clone(), key.private.to_verifying_key()))
            .collect()
    }

    fn read(text: &str) -> Option<Self> {
        let file: KeyFile = serde_json::from_str(text).ok()?;
        if file.version != 1 {
            return None;
        }
        let tickets = seed(&file.tickets)?;
        Some(Self::from_seeds(
            &seed(&file.current)?,
            &seed(&file.next)?,
            tickets,
        ))
    }

    fn make(path: &Path) -> Result<Self, KeyError> {
        let [current, next, tickets]: [[u8; 32]; 3] = [(); 3].map(|()| clock::random());
        let file = KeyFile {
            version: 1,
            tickets: Base64UrlUnpadded::encode_string(&tickets),
            current: Base64UrlUnpadded::encode_string(&current),
            next: Base64UrlUnpadded::encode_string(&next),
        };
        let text = serde_json::to_string_pretty(&file).map_err(|_| KeyError::Malformed)?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut opened = options.open(path).map_err(KeyError::File)?;
        opened.write_all(text.as_bytes()).map_err(KeyError::File)?;
        opened.sync_all().map_err(KeyError::File)?;
        Ok(Self::from_seeds(&current, &next, tickets))
    }

    fn from_seeds(current: &[u8; 32], next: &[u8; 32], tickets: [u8; 32]) -> Self {
        Self {
            current: signing_key(current),
            next: signing_key(next),
            tickets: TicketKey::from_bytes(tickets),
        }
    }
}

fn signing_key(seed: &[u8; 32]) -> SigningKey {
    let private = PrivateKey::from_bytes(seed);
    let public = Base64UrlUnpadded::encode_string(private.to_verifying_key().as_bytes());
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    SigningKey {
        id: Base64UrlUnpadded::encode_string(&Sha256::digest(members)),
        private,
    }
}

fn seed(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let read = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (read.len() == 32).then_some(bytes)
}
