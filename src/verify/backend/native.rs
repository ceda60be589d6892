//! Signatures by `ring`.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// The public exponent 65,537.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// Verifies `r` and `s`, 32 bytes each (RFC 7518 §3.4).
pub(in crate::verify) fn verify_es256(point: &[u8; 65], message: &[u8], signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(message, signature).is_ok()
}

/// Verifies a signature as long as the modulus (RFC 8017 §8.2.2).
pub(in crate::verify) fn verify_rs256(modulus: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = RsaPublicKeyComponents {
        n: modulus,
        e: EXPONENT.as_slice(),
    };
    key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
        .is_ok()
}
