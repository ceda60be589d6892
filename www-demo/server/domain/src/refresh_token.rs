//! Refresh tokens: the value of the refresh cookie, and its rotation.
//!
//! The secret of a new session is random. Each successor is derived from its predecessor with a server key (HMAC), so
//! that a repeat within the grace returns the *same* successor, although the database has only the newest secret's
//! hash. A repeat after the grace gets a sibling of it: another successor, derived with a number. Neither a dump of the database nor the key alone is enough to refresh.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::{SessionId, hmac_sha256};

const SECRET_BYTES: usize = 32;
const MAC_BYTES: usize = 16;
const ENCODED_BYTES: usize = 16 + 8 + SECRET_BYTES + MAC_BYTES;

/// The length of an encoded refresh token: 96 characters of base64url.
pub const ENCODED_CHARS: usize = ENCODED_BYTES / 3 * 4;

/// A refresh secret: 256 bits, in clear. Sent in a cookie only.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshSecret([u8; SECRET_BYTES]);

impl RefreshSecret {
    /// Creates a secret from random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the hash for the database.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for RefreshSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RefreshSecret(…)")
    }
}

/// The SHA-256 of a refresh secret. The secret has 256 bits, so no slower hash is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Creates a hash from stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A refresh token (RFC 6749 §1.5) for one rotation of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session it refreshes.
    pub session: SessionId,
    /// The number of rotations before it.
    pub generation: u64,
    /// The secret.
    pub secret: RefreshSecret,
}

impl RefreshToken {
    /// Creates the first refresh token of a session from random bytes.
    #[must_use]
    pub const fn first(session: SessionId, random: [u8; SECRET_BYTES]) -> Self {
        Self {
            session,
            generation: 0,
            secret: RefreshSecret(random),
        }
    }
}

/// Upper bound on derivations in [`RefreshTokenKey::descendant`]: about 2 ms.
const MAX_TRIED: u64 = 4_096;

/// How many siblings of a successor there are. Bounds a session's row; each is a response that was lost for longer than
/// the grace.
pub const MAX_FORKS: u8 = 7;

/// The server's keys for refresh tokens. The active one encodes tokens and derives successors; all of them decode.
/// Clones share the keys.
#[derive(Clone)]
pub struct RefreshTokenKey(Arc<RwLock<Arc<KeyList>>>);

/// Keys, oldest first.
struct KeyList {
    keys: Vec<KeyBytes>,
    active: usize,
}

type KeyBytes = [u8; 32];

impl RefreshTokenKey {
    /// Creates a key from random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let keys = vec![bytes];
        Self(Arc::new(RwLock::new(Arc::new(KeyList { keys, active: 0 }))))
    }

    /// Replaces the keys, oldest first, in all clones. No effect if `active` is out of range.
    pub fn replace(&self, keys: Vec<[u8; 32]>, active: usize) {
        if active < keys.len() {
            let list = Arc::new(KeyList { keys, active });
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = list;
        }
    }

    /// Returns the successor of `token`, which is deterministic for the active key.
    #[must_use]
    pub fn successor(&self, token: &RefreshToken) -> RefreshToken {
        let list = self.list();
        list.active_key()
            .map_or_else(|| token.clone(), |key| successor(key, token))
    }

    /// Returns another successor of `token`, which is deterministic for the active key and the fork's number.
    #[must_use]
    pub fn sibling(&self, token: &RefreshToken, fork: u8) -> RefreshToken {
        let list = self.list();
        list.active_key()
            .map_or_else(|| token.clone(), |key| sibling(key, token, fork))
    }

    /// Returns whether the first successor of `token` has one of these hashes, whichever key was active.
    #[must_use]
    pub fn is_predecessor(
        &self,
        token: &RefreshToken,
        mut hashes: impl Iterator<Item = SecretHash>,
    ) -> bool {
        let list = self.list();
        let derived = list.keys.iter().map(|key| successor(key, token));
        let derived: Vec<SecretHash> = derived.map(|token| token.secret.hash()).collect();
        hashes.any(|hash| derived.contains(&hash))
    }

    /// Returns the token `rotations` after `token`, if its secret has this hash.
    ///
    /// The first rotation may have been forked: later ones cannot have been while `token` is within the grace. The active
    /// key may have changed in between. At most `MAX_TRIED` derivations are tried.
    #[must_use]
    pub fn descendant(
        &self,
        token: &RefreshToken,
        rotations: u64,
        hash: SecretHash,
    ) -> Option<RefreshToken> {
        let list = self.list();
        let active = list.active_key()?;
        let mut search = Search {
            keys: &list.keys,
            hash,
            left: MAX_TRIED,
        };
        let found = search.derive(active, token, rotations);
        if found.is_some() {
            return found;
        }
        let rest = rotations.checked_sub(1);
        let forked: Vec<_> = rest.map_or_else(Vec::new, |rest| {
            let forks = list.keys.iter().rev();
            let forks = forks.flat_map(|key| (1..=MAX_FORKS).map(|fork| sibling(key, token, fork)));
            forks.map(|sibling| (sibling, rest)).collect()
        });
        let by_active = forked
            .iter()
            .find_map(|(sibling, rest)| search.derive(active, sibling, *rest));
        by_active
            .or_else(|| search.across_keys(token, rotations))
            .or_else(|| {
                forked
                    .iter()
                    .find_map(|(sibling, rest)| search.across_keys(sibling, *rest))
            })
    }

    /// Encodes a refresh token with a MAC as a cookie's value: [`ENCODED_CHARS`] characters of base64url.
    ///
    /// The MAC distinguishes a replaced token from a forged one without a record of replaced tokens, and rejects a forged
    /// one without a query.
    #[must_use]
    pub fn encode(&self, token: &RefreshToken) -> String {
        let list = self.list();
        let tag = list
            .active_key()
            .map(|key| mac(key, b"nolapse 1 seal", token).finalize().into_bytes());
        let mut encoded = Vec::with_capacity(ENCODED_BYTES);
        encoded.extend_from_slice(token.session.as_bytes());
        encoded.extend_from_slice(&token.generation.to_be_bytes());
        encoded.extend_from_slice(&token.secret.0);
        encoded.extend(tag.into_iter().flatten().take(MAC_BYTES));
        Base64UrlUnpadded::encode_string(&encoded)
    }

    /// Decodes the output of [`encode`](Self::encode); `None` if the MAC is not valid.
    #[must_use]
    pub fn decode(&self, encoded: &str) -> Option<RefreshToken> {
        if encoded.len() != ENCODED_CHARS {
            return None;
        }
        let mut bytes = [0; ENCODED_BYTES];
        Base64UrlUnpadded::decode(encoded, &mut bytes).ok()?;
        let (session, rest) = bytes.split_first_chunk::<16>()?;
        let (generation, rest) = rest.split_first_chunk::<8>()?;
        let (secret, tag) = rest.split_first_chunk::<SECRET_BYTES>()?;
        let token = RefreshToken {
            session: SessionId::from_bytes(*session),
            generation: u64::from_be_bytes(*generation),
            secret: RefreshSecret(*secret),
        };
        let is_authentic = self.list().keys.iter().any(|key| {
            let mac = mac(key, b"nolapse 1 seal", &token);
            mac.verify_truncated_left(tag).is_ok()
        });
        is_authentic.then_some(token)
    }

    fn list(&self) -> Arc<KeyList> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KeyList {
    fn active_key(&self) -> Option<&KeyBytes> {
        self.keys.get(self.active)
    }
}

/// A search for a descendant, with the derivations that are left.
struct Search<'k> {
    keys: &'k [KeyBytes],
    hash: SecretHash,
    left: u64,
}

impl Search<'_> {
    /// Returns the token so many rotations after `from`, all with this key, if it is the one searched for.
    fn derive(
        &mut self,
        key: &KeyBytes,
        from: &RefreshToken,
        rotations: u64,
    ) -> Option<RefreshToken> {
        self.left = self.left.checked_sub(rotations + 1)?;
        let newest = (0..rotations).fold(from.clone(), |token, _| successor(key, &token));
        (newest.secret.hash() == self.hash).then_some(newest)
    }

    /// Does the same with one change of keys, at any of the rotations.
    fn across_keys(&mut self, from: &RefreshToken, rotations: u64) -> Option<RefreshToken> {
        for (place, older) in self.keys.iter().enumerate() {
            let newer = self.keys.get(place + 1..).unwrap_or_default();
            if newer.is_empty() {
                break;
            }
            let mut before = from.clone();
            for rest in (0..=rotations).rev() {
                for newer in newer {
                    let found = self.derive(newer, &before, rest);
                    if found.is_some() {
                        return found;
                    }
                }
                self.left = self.left.checked_sub(1)?;
                before = successor(older, &before);
            }
        }
        None
    }
}

fn successor(key: &KeyBytes, token: &RefreshToken) -> RefreshToken {
    let derived = mac(key, b"nolapse 1 successor", token).finalize();
    RefreshToken {
        session: token.session,
        generation: token.generation.saturating_add(1),
        secret: RefreshSecret(derived.into_bytes().into()),
    }
}

fn sibling(key: &KeyBytes, token: &RefreshToken, fork: u8) -> RefreshToken {
    let derived = mac(key, b"nolapse 1 sibling", token).chain_update([fork]);
    RefreshToken {
        session: token.session,
        generation: token.generation.saturating_add(1),
        secret: RefreshSecret(derived.finalize().into_bytes().into()),
    }
}

fn mac(key: &KeyBytes, purpose: &[u8], token: &RefreshToken) -> Hmac<Sha256> {
    let mut mac = hmac_sha256(key);
    mac.update(purpose);
    mac.update(token.session.as_bytes());
    mac.update(&token.generation.to_be_bytes());
    mac.update(&token.secret.0);
    mac
}

impl fmt::Debug for RefreshTokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RefreshTokenKey(…)")
    }
}

#[cfg(test)]
mod tests;
