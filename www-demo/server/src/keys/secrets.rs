//! The secrets of a key file, and the encryption of signing keys.

use std::{fmt, path::Path};

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};
use hmac::Mac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::file::{self, KeyError};
use crate::{
    clock,
    domain::{self, RefreshTokenKey, Timestamp},
};

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The content of a key file: generations of secrets, oldest first. The active one is the newest that encrypts a signing
/// key in the database.
#[derive(Clone)]
pub struct Secrets {
    /// The key of refresh tokens.
    pub refresh_token_key: RefreshTokenKey,
    pub(super) generations: Vec<Generation>,
}

/// Secrets that are created and replaced together.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Generation {
    /// Its name: a hash of the secrets.
    pub(super) id: String,
    /// When it was created; `None` in old files.
    pub(super) made_at: Option<Timestamp>,
    pub(super) refresh_token_key: [u8; 32],
    sealing: [u8; 32],
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(…)")
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KeyFile {
    Second(SecondVersion),
    Third(ThirdVersion),
}

/// The file of the releases that had one generation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecondVersion {
    version: u8,
    tickets: String,
    sealing: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ThirdVersion {
    version: u8,
    secrets: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_at: Option<u64>,
    tickets: String,
    sealing: String,
}

impl Secrets {
    /// Reads the secrets of `path`, or creates the file with mode 600. Of several concurrent calls one creates it, and the
    /// others read it.
    ///
    /// # Errors
    /// Fails if the file cannot be read or created, others may read it, or it is malformed.
    pub fn load_or_make(path: &Path) -> Result<Self, KeyError> {
        if let Some(secrets) = file::read(path)? {
            return Ok(secrets);
        }
        file::make(path)?;
        let made = file::read(path)?;
        made.ok_or_else(|| KeyError::File(std::io::ErrorKind::NotFound.into()))
    }

    /// Reads the secrets of `path`; `None` if there is no such file.
    ///
    /// # Errors
    /// Fails if the file cannot be read, others may read it, or it is malformed.
    pub fn load(path: &Path) -> Result<Option<Self>, KeyError> {
        file::read(path)
    }

    pub(super) fn of(generations: Vec<Generation>) -> Self {
        let secrets = Self {
            refresh_token_key: RefreshTokenKey::from_bytes([0; 32]),
            generations,
        };
        secrets.activate(0);
        secrets
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let entries = match serde_json::from_str(text).ok()? {
            KeyFile::Second(file) if file.version == 2 => vec![Entry {
                made_at: None,
                tickets: file.tickets,
                sealing: file.sealing,
            }],
            KeyFile::Third(file) if file.version == 3 => file.secrets,
            KeyFile::Second(_) | KeyFile::Third(_) => return None,
        };
        let read = |entry: &Entry| {
            let made_at = entry.made_at.map(|at| at.saturating_mul(1_000));
            Some(Generation::new(
                made_at.map(Timestamp::from_millis),
                secret(&entry.tickets)?,
                secret(&entry.sealing)?,
            ))
        };
        let generations: Vec<Generation> = entries.iter().map(read).collect::<Option<_>>()?;
        (!generations.is_empty()).then(|| Self::of(generations))
    }

    pub(super) fn to_text(&self) -> String {
        let secrets = self.generations.iter().map(|one| Entry {
            made_at: one.made_at.map(Timestamp::as_secs),
            tickets: Base64UrlUnpadded::encode_string(&one.refresh_token_key),
            sealing: Base64UrlUnpadded::encode_string(&one.sealing),
        });
        let file = ThirdVersion {
            version: 3,
            secrets: secrets.collect(),
        };
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// Encodes refresh tokens with the generation at that index.
    pub(super) fn activate(&self, place: usize) {
        let keys = self
            .generations
            .iter()
            .map(|one| one.refresh_token_key)
            .collect();
        self.refresh_token_key.replace(keys, place);
    }

    /// Derives a key for another purpose, named by `label` (as `info` of RFC 5869 §2.3).
    pub(super) fn derive(&self, label: &[u8]) -> [u8; 32] {
        let oldest = self.generations.first();
        oldest.map(|one| one.derive(label)).unwrap_or_default()
    }

    /// Decrypts a signing key, and returns the index of its generation too.
    pub(super) fn open(&self, number: u64, sealed: &[u8]) -> Option<(usize, Vec<u8>)> {
        let mut generations = self.generations.iter().enumerate();
        generations.find_map(|(place, one)| Some((place, one.open(number, sealed)?)))
    }
}

impl Generation {
    pub(super) fn generate(now: Timestamp) -> Self {
        Self::new(Some(now), clock::random(), clock::random())
    }

    fn new(made_at: Option<Timestamp>, refresh_token_key: [u8; 32], sealing: [u8; 32]) -> Self {
        let hash = [
            b"nolapse 1 name of secrets".as_slice(),
            &refresh_token_key,
            &sealing,
        ]
        .concat();
        let hash = Sha256::digest(hash);
        let hex = hash.iter().take(6).map(|byte| format!("{byte:02x}"));
        Self {
            id: hex.collect(),
            made_at,
            refresh_token_key,
            sealing,
        }
    }

    /// Derives a key for another purpose, named by `label`.
    pub(super) fn derive(&self, label: &[u8]) -> [u8; 32] {
        let mut mac = domain::hmac_sha256(&self.sealing);
        mac.update(label);
        mac.finalize().into_bytes().into()
    }

    /// Encrypts the signing key with this number (ChaCha20-Poly1305, RFC 8439).
    pub(super) fn seal(&self, number: u64, key: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = clock::random();
        let mut sealed = key.to_vec();
        let tag = ChaCha20Poly1305::new(&self.sealing.into())
            .encrypt_in_place_detached(&nonce.into(), &number.to_be_bytes(), &mut sealed)
            .ok()?;
        Some([nonce.as_slice(), &sealed, &tag].concat())
    }

    /// Decrypts the output of [`seal`](Self::seal) for the same number.
    fn open(&self, number: u64, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let (key, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut key = key.to_vec();
        ChaCha20Poly1305::new(&self.sealing.into())
            .decrypt_in_place_detached(
                &(*nonce).into(),
                &number.to_be_bytes(),
                &mut key,
                &(*tag).into(),
            )
            .ok()?;
        Some(key)
    }
}

fn secret(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let read = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (read.len() == 32).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn secrets(byte: u8) -> Secrets {
        Secrets::of(vec![Generation::new(None, [byte; 32], [byte; 32])])
    }

    #[test]
    fn p43_a_sealed_key_opens_with_its_file_and_under_its_number_alone() {
        let sealed = secrets(1).generations[0].seal(7, &[9; 32]).unwrap();

        assert_eq!(secrets(1).open(7, &sealed), Some((0, vec![9; 32])));
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

        let all: Vec<Secrets> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Secrets::load_or_make(&path).unwrap()))
                .collect();
            starting
                .into_iter()
                .map(|one| one.join().unwrap())
                .collect()
        });

        let sealed = all[0].generations[0].seal(1, &[9; 32]).unwrap();
        assert!(
            all.iter()
                .all(|one| one.open(1, &sealed) == Some((0, vec![9; 32])))
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn line18_a_file_of_the_version_before_is_read_and_written_anew_without_loss() {
        let old = r#"{ "version": 2, "tickets": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
            "sealing": "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI" }"#;

        let read = Secrets::parse(old).unwrap();
        let again = Secrets::parse(&read.to_text()).unwrap();

        let expected = Generation::new(None, [1; 32], [2; 32]);
        assert!(read.generations == [expected] && again.generations == read.generations);
        let half: String = old.chars().take(80).collect();
        for broken in ["", "{}", r#"{ "version": 3, "secrets": [] }"#, &half] {
            assert!(Secrets::parse(broken).is_none(), "{broken}");
        }
        assert!(Secrets::parse(&old.replace("2,", "4,")).is_none());
    }
}
