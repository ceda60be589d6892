//! The key file: the secrets that never stand in the database.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};
use hmac::Mac;
use serde::{Deserialize, Serialize};

use crate::{clock, domain::TicketKey};

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// What a key file holds.
#[derive(Clone)]
pub struct Secrets {
    /// Seals refresh tickets.
    pub tickets: TicketKey,
    sealing: [u8; 32],
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(…)")
    }
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
    sealing: String,
}

impl Secrets {
    /// Reads the secrets of `path`, or makes them and keeps them there, for the owner alone.
    ///
    /// Of several servers that start at once one makes the file, whole, and the others read it.
    ///
    /// # Errors
    /// Fails where the file cannot be read or made, is open to others, or holds something else.
    pub fn load_or_make(path: &Path) -> Result<Self, KeyError> {
        match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(path).map_err(KeyError::File)?;
                Self::load(path)
            }
            Ok(_) | Err(_) => Self::load(path),
        }
    }

    fn load(path: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(path).map_err(KeyError::File)?;
        let mode = fs::metadata(path).map_err(KeyError::File)?.permissions();
        if mode.mode() & 0o077 != 0 {
            return Err(KeyError::TooOpen);
        }
        Self::read(&text).ok_or(KeyError::Malformed)
    }

    fn read(text: &str) -> Option<Self> {
        let file: KeyFile = serde_json::from_str(text).ok()?;
        (file.version == 2).then_some(())?;
        Some(Self {
            tickets: TicketKey::from_bytes(secret(&file.tickets)?),
            sealing: secret(&file.sealing)?,
        })
    }

    /// Derives a key for another purpose: `label` tells it from all others (as RFC 5869 §2.3 does with `info`).
    pub(super) fn derive(&self, label: &[u8]) -> [u8; 32] {
        let mut mac = super::hmac(&self.sealing);
        mac.update(label);
        mac.finalize().into_bytes().into()
    }

    /// Seals the seed of the signing key of that number, for the database (RFC 8439).
    pub(super) fn seal(&self, number: u64, seed: &[u8; 32]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = clock::random();
        let mut sealed = seed.to_vec();
        let tag = ChaCha20Poly1305::new(&self.sealing.into())
            .encrypt_in_place_detached(&nonce.into(), &number.to_be_bytes(), &mut sealed)
            .ok()?;
        Some([nonce.as_slice(), &sealed, &tag].concat())
    }

    /// Opens what [`seal`](Self::seal) made with the same file for the same number.
    pub(super) fn open(&self, number: u64, sealed: &[u8]) -> Option<[u8; 32]> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let (seed, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut seed: [u8; 32] = seed.try_into().ok()?;
        ChaCha20Poly1305::new(&self.sealing.into())
            .decrypt_in_place_detached(
                &(*nonce).into(),
                &number.to_be_bytes(),
                &mut seed,
                &(*tag).into(),
            )
            .ok()?;
        Some(seed)
    }
}

/// Makes the file, unless somebody else is faster: written beside its place, then linked into it.
fn make(path: &Path) -> io::Result<()> {
    let [tickets, sealing]: [[u8; 32]; 2] = [clock::random(), clock::random()];
    let text = serde_json::to_string_pretty(&KeyFile {
        version: 2,
        tickets: Base64UrlUnpadded::encode_string(&tickets),
        sealing: Base64UrlUnpadded::encode_string(&sealing),
    })?;
    let mark = Base64UrlUnpadded::encode_string(&clock::random::<9>());
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{mark}"));
    let beside = PathBuf::from(beside);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut opened = options.open(&beside)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()?;
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn secret(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let read = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (read.len() == 32).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(byte: u8) -> Secrets {
        Secrets {
            tickets: TicketKey::from_bytes([byte; 32]),
            sealing: [byte; 32],
        }
    }

    #[test]
    fn p43_a_sealed_key_opens_with_its_file_and_under_its_number_alone() {
        let sealed = secrets(1).seal(7, &[9; 32]).unwrap();

        assert_eq!(secrets(1).open(7, &sealed), Some([9; 32]));
        assert_eq!(secrets(2).open(7, &sealed), None);
        assert_eq!(secrets(1).open(8, &sealed), None);
        assert!(!sealed.windows(8).any(|bytes| bytes == [9; 8]));
        for length in 0..sealed.len() {
            assert_eq!(secrets(1).open(7, &sealed[..length]), None);
        }
    }

    #[test]
    fn of_servers_that_start_at_once_one_makes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let sealed = secrets(1).seal(1, &[9; 32]).unwrap();
        assert_eq!(secrets(3).open(1, &sealed), None);

        let all: Vec<Secrets> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Secrets::load_or_make(&path).unwrap()))
                .collect();
            starting
                .into_iter()
                .map(|one| one.join().unwrap())
                .collect()
        });

        let sealed = all[0].seal(1, &[9; 32]).unwrap();
        assert!(all.iter().all(|one| one.open(1, &sealed) == Some([9; 32])));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
