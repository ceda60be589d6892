//! Secrets of users, encrypted with the key file: the database alone opens none.

use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};

use super::{KeyRing, secrets::Generation};
use crate::clock;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// What a secret is for, and whose: it opens for no other.
#[derive(Clone, Copy)]
pub(crate) struct Sealing<'a> {
    /// The purpose, as [`KeyRing::derive`] names it.
    pub(crate) label: &'a [u8],
    /// The owner.
    pub(crate) owner: &'a [u8],
}

/// A secret that was decrypted.
pub(crate) struct Unsealed {
    pub(crate) secret: Vec<u8>,
    /// Whether other secrets of the key file have become the active ones: it should be encrypted anew.
    pub(crate) is_outdated: bool,
}

impl KeyRing {
    /// Encrypts a secret with the active secrets of the key file (ChaCha20-Poly1305, RFC 8439); `None` only if that fails
    /// for its length.
    pub(crate) fn seal(&self, sealing: Sealing<'_>, secret: &[u8]) -> Option<Vec<u8>> {
        let view = self.view();
        let active = view.secrets.generations.get(view.opened.active)?;
        let nonce: [u8; NONCE_BYTES] = clock::random();
        let mut sealed = secret.to_vec();
        let tag = cipher(active, sealing)
            .encrypt_in_place_detached(&nonce.into(), sealing.owner, &mut sealed)
            .ok()?;
        Some([nonce.as_slice(), &sealed, &tag].concat())
    }

    /// Decrypts the output of [`seal`](Self::seal); `None` if no secrets of the key file do.
    pub(crate) fn unseal(&self, sealing: Sealing<'_>, sealed: &[u8]) -> Option<Unsealed> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let (sealed, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let view = self.view();
        let mut generations = view.secrets.generations.iter().enumerate();
        generations.find_map(|(place, one)| {
            let mut secret = sealed.to_vec();
            cipher(one, sealing)
                .decrypt_in_place_detached(
                    &(*nonce).into(),
                    sealing.owner,
                    &mut secret,
                    &(*tag).into(),
                )
                .ok()?;
            Some(Unsealed {
                secret,
                is_outdated: place != view.opened.active,
            })
        })
    }
}

fn cipher(generation: &Generation, sealing: Sealing<'_>) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&generation.derive(sealing.label).into())
}
