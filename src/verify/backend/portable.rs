//! Signatures in Rust alone, for wasm.

use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use rsa::{BoxedUint, Pkcs1v15Sign, PublicKey};
use sha2::{Digest, Sha256};

/// The public exponent.
const EXPONENT: u64 = 65_537;

/// Verifies `r` and `s`, 32 bytes each (RFC 7518 §3.4).
pub(in crate::verify) fn verify_es256(point: &[u8; 65], message: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::from_sec1_bytes(point);
    let signature = Signature::from_slice(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
}

/// Verifies a signature as long as the modulus (RFC 8017 §8.2.2).
pub(in crate::verify) fn verify_rs256(modulus: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let modulus = BoxedUint::from_be_slice_vartime(modulus);
    let key = PublicKey::new(modulus, BoxedUint::from(EXPONENT));
    let hash = Sha256::digest(message);
    key.is_ok_and(|key| {
        key.verify(Pkcs1v15Sign::new::<Sha256>(), &hash, signature)
            .is_ok()
    })
}
