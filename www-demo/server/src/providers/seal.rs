//! Authenticated encryption of what leaves the server, and of what is stored (RFC 8439).

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};
use serde::{Serialize, de::DeserializeOwned};

use crate::clock;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// A key that seals texts, each for one purpose.
#[derive(Clone)]
pub(crate) struct SealKey([u8; 32]);

impl SealKey {
    pub(super) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Encrypts a value. Two results are never the same.
    pub(crate) fn seal(&self, purpose: &[u8], value: &impl Serialize) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = clock::random();
        // What is sealed here has texts and numbers, which are always spelled.
        let mut sealed = serde_json::to_vec(value).unwrap_or_default();
        let tag = ChaCha20Poly1305::new(&self.0.into()).encrypt_in_place_detached(
            &nonce.into(),
            purpose,
            &mut sealed,
        );
        // It fails beyond 256 GB alone.
        tag.map_or_else(
            |_| Vec::new(),
            |tag| [nonce.as_slice(), &sealed, &tag].concat(),
        )
    }

    /// Decrypts the output of [`seal`](Self::seal) for the same purpose.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: &[u8], sealed: &[u8]) -> Option<T> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut text = text.to_vec();
        ChaCha20Poly1305::new(&self.0.into())
            .decrypt_in_place_detached(&(*nonce).into(), purpose, &mut text, &(*tag).into())
            .ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Encrypts a value as a text of base64url.
    pub(super) fn seal_text(&self, purpose: &[u8], value: &impl Serialize) -> String {
        Base64UrlUnpadded::encode_string(&self.seal(purpose, value))
    }

    /// Decrypts the output of [`seal_text`](Self::seal_text) for the same purpose.
    pub(super) fn open_text<T: DeserializeOwned>(&self, purpose: &[u8], text: &str) -> Option<T> {
        self.open(purpose, &Base64UrlUnpadded::decode_vec(text).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_and_purpose_alone() {
        let key = SealKey::new([1; 32]);
        let sealed = key.seal(b"one", &"a secret");

        assert_eq!(
            key.open::<String>(b"one", &sealed).as_deref(),
            Some("a secret")
        );
        assert_eq!(key.open::<String>(b"two", &sealed), None);
        assert_eq!(SealKey::new([2; 32]).open::<String>(b"one", &sealed), None);
        assert_ne!(sealed, key.seal(b"one", &"a secret"));
        for place in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[place] ^= 1;
            assert_eq!(key.open::<String>(b"one", &flipped), None);
            assert_eq!(key.open::<String>(b"one", &sealed[..place]), None);
        }
    }
}
