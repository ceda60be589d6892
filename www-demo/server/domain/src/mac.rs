//! Keyed hashes.

use hmac::Hmac;
use sha2::Sha256;

/// Begins an HMAC-SHA-256 (RFC 2104) under a key of 32 bytes.
#[must_use]
pub fn hmac_sha256(key: &[u8; 32]) -> Hmac<Sha256> {
    // One block of key: this constructor pads and cannot fail, unlike the one for slices.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block)
}
