//! One signing key: how it is made, stored and used. `ring` signs by all algorithms.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use getrandom::SysRng;
use ring::{
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    },
};
use sha2::{Digest, Sha256};

use crate::{
    clock,
    verifier::{Algorithm, PublicKey},
};

/// The length of an Ed25519 seed, and of nothing else that is stored.
const SEED_BYTES: usize = 32;
/// The size of new RSA keys (RFC 7518 §3.3).
const RSA_BITS: usize = 2_048;

/// What the first byte of a stored key says. A key without it is an Ed25519 seed of 32 bytes, as older releases read and
/// wrote it.
const ES256: u8 = 1;
const EDDSA: u8 = 2;
const RS256: u8 = 3;

/// Why nothing was signed, or no key made: the operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningFailed;

impl fmt::Display for SigningFailed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the operating system gives no random bytes to sign with")
    }
}

impl std::error::Error for SigningFailed {}

/// A key that signs access tokens.
pub struct SigningKey {
    /// Its `kid`: the key's thumbprint (RFC 7638).
    pub id: String,
    /// What it signs with, for life.
    pub algorithm: Algorithm,
    public: PublicKey,
    private: PrivateKey,
}

enum PrivateKey {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(rsa::KeyPair),
}

impl SigningKey {
    /// Creates a key. One of RSA takes up to some seconds.
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, SigningFailed> {
        Self::from_stored(&new_stored(algorithm)?).ok_or(SigningFailed)
    }

    /// Reads a key as [`new_stored`] writes it; `None` for other bytes.
    pub(super) fn from_stored(stored: &[u8]) -> Option<Self> {
        if stored.len() == SEED_BYTES {
            return Self::ed25519(Algorithm::Ed25519, stored);
        }
        match stored.split_first()? {
            (&ES256, pkcs8) => {
                let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_pkcs8(curve, pkcs8, &SystemRandom::new()).ok()?;
                let public = PublicKey::p256(pair.public_key().as_ref())?;
                Self::of(Algorithm::Es256, public, PrivateKey::P256(pair))
            }
            (&EDDSA, seed) => Self::ed25519(Algorithm::EdDsa, seed),
            (&RS256, pkcs1) => {
                let pair = rsa::KeyPair::from_der(pkcs1).ok()?;
                let numbers = rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                let public = PublicKey::rsa(&numbers.n)?;
                Self::of(Algorithm::Rs256, public, PrivateKey::Rsa(pair))
            }
            _ => None,
        }
    }

    /// Returns the key that verifies what this one signs.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message, and returns the signature as a JWS has it (RFC 7518 §3.3 and §3.4, RFC 8037 §3.1).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let random = SystemRandom::new();
        let signature = match &self.private {
            PrivateKey::P256(pair) => pair
                .sign(&random, message)
                .map_err(|_| SigningFailed)?
                .as_ref()
                .to_vec(),
            PrivateKey::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            PrivateKey::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| SigningFailed)?;
                signature
            }
        };
        Ok(signature)
    }

    fn ed25519(algorithm: Algorithm, seed: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = PublicKey::ed25519(pair.public_key().as_ref().try_into().ok()?)?;
        Self::of(algorithm, public, PrivateKey::Ed25519(pair))
    }

    fn of(algorithm: Algorithm, public: PublicKey, private: PrivateKey) -> Option<Self> {
        let public = public.for_algorithm(algorithm)?;
        let members = format!("{{{}}}", public.thumbprint_members());
        Some(Self {
            id: Base64UrlUnpadded::encode_string(&Sha256::digest(members)),
            algorithm,
            public,
            private,
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({}, {})", self.algorithm, self.id)
    }
}

/// Creates a key in the form in which it is encrypted and stored: a byte for the algorithm, and PKCS #8 for P-256, the seed
/// for Ed25519, PKCS #1 for RSA.
pub(super) fn new_stored(algorithm: Algorithm) -> Result<Vec<u8>, SigningFailed> {
    let seed: [u8; SEED_BYTES] = clock::random();
    Ok(match algorithm {
        Algorithm::Es256 => {
            let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new());
            [&[ES256][..], pkcs8.map_err(|_| SigningFailed)?.as_ref()].concat()
        }
        Algorithm::EdDsa => [&[EDDSA][..], &seed].concat(),
        Algorithm::Ed25519 => seed.to_vec(),
        Algorithm::Rs256 => [&[RS256][..], &new_rsa()?].concat(),
    })
}

/// Creates an RSA key, in PKCS #1 (RFC 8017 appendix A.1.2).
fn new_rsa() -> Result<Vec<u8>, SigningFailed> {
    use ::rsa::{PrivateKey, pkcs1::EncodeRsaPrivateKey, rand_core::UnwrapErr};

    let key = PrivateKey::new(&mut UnwrapErr(SysRng), RSA_BITS).map_err(|_| SigningFailed)?;
    let der = key.to_pkcs1_der().map_err(|_| SigningFailed)?;
    Ok(der.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Vec<u8> {
        Base64UrlUnpadded::decode_vec(text).expect("base64url")
    }

    /// RFC 8037 appendices A.1, A.3 and A.4.
    #[test]
    fn part1_a_key_of_a_release_that_knew_ed25519_alone_is_read_and_signs_as_it_did() {
        let seed = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");

        let key = SigningKey::from_stored(&seed).expect("a key");

        assert_eq!(key.algorithm, Algorithm::Ed25519);
        assert_eq!(key.id, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(key.sign(message), Ok(decode(signature)));
    }

    #[test]
    fn part1_a_stored_key_is_read_as_it_was_made_and_no_other_bytes_are() {
        for algorithm in Algorithm::ALL {
            let stored = new_stored(algorithm).expect("random bytes");
            let (key, again) = (
                SigningKey::from_stored(&stored).expect("a key"),
                SigningKey::from_stored(&stored).expect("a key"),
            );
            assert_eq!((key.algorithm, &key.id), (algorithm, &again.id));
            assert!(!format!("{key:?}").contains(&Base64UrlUnpadded::encode_string(&stored)));
            let is_seed = algorithm == Algorithm::Ed25519;
            assert_eq!(
                stored.len() == SEED_BYTES,
                is_seed,
                "it alone is a bare seed"
            );
            let longer = [&stored[..], &[0, 0]].concat();
            for broken in [&longer[..], &[], &[0], &[9; 33], &[ES256; 33], &[RS256; 33]] {
                assert!(SigningKey::from_stored(broken).is_none());
            }
        }
    }
}
