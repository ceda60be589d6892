//! Ed25519 without its leeway.

use std::convert::Infallible;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::Signature;
use jwt_compact::{Algorithm, AlgorithmExt, Empty, UntrustedToken, ValidationError};
use std::borrow::Cow;

use super::{PublicKey, Refusal};

/// `Ed25519` (RFC 9864 §2.2) for jwt-compact, whose own accepts keys of small order: with such a key one signature
/// matches many messages. [`PublicKey::verify_strict`] refuses these, as it does an `R` of small order and an `R` or
/// `S` in another spelling than the canonical one (RFC 8032 §5.1.7).
struct StrictEd25519;

impl Algorithm for StrictEd25519 {
    type SigningKey = Infallible;
    type VerifyingKey = PublicKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("Ed25519")
    }

    fn sign(&self, key: &Infallible, _message: &[u8]) -> Signature {
        match *key {}
    }

    fn verify_signature(&self, signature: &Signature, key: &PublicKey, message: &[u8]) -> bool {
        key.verify_strict(message, signature).is_ok()
    }
}

/// Checks that a signature's segment is canonical base64url.
pub(super) fn check_encoding(segment: &str) -> Result<(), Refusal> {
    match Base64UrlUnpadded::decode_vec(segment) {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::Malformed),
    }
}

/// Says whether the signature of a whole token is this key's.
pub(super) fn is_signed_by(token: &str, key: &PublicKey) -> Result<bool, Refusal> {
    let token = UntrustedToken::new(token).map_err(|_| Refusal::Malformed)?;
    let checked = StrictEd25519.validator::<Empty>(key).validate(&token);
    match checked {
        Ok(_) => Ok(true),
        Err(
            ValidationError::InvalidSignature
            | ValidationError::InvalidSignatureLen { .. }
            | ValidationError::MalformedSignature(_),
        ) => Ok(false),
        Err(ValidationError::AlgorithmMismatch { .. }) => Err(Refusal::Algorithm),
        Err(_) => Err(Refusal::Malformed),
    }
}
