//! What computes signatures of ES256 and RS256: `ring` on servers, Rust alone in the browser. Both are given points that
//! are on the curve, and moduli that are odd and of an allowed size.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(any(target_arch = "wasm32", test))]
mod portable;

#[cfg(not(target_arch = "wasm32"))]
pub(super) use native::{verify_es256, verify_rs256};
#[cfg(target_arch = "wasm32")]
pub(super) use portable::{verify_es256, verify_rs256};

/// Says whether an uncompressed point is one of P-256.
pub(super) fn is_on_p256(point: &[u8; 65]) -> bool {
    point[0] == 4 && p256::PublicKey::from_sec1_bytes(point).is_ok()
}
