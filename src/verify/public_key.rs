//! Public keys, each for one kind of signature.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::VerifyingKey;

use super::{Algorithm, backend, json::Object};

/// The bytes of a point of P-256 in its uncompressed form (SEC 1 §2.3.3).
const POINT_BYTES: usize = 65;
const COORDINATE_BYTES: usize = 32;
const EDWARDS_BYTES: usize = 32;
/// The sizes of an RSA modulus: RFC 7518 §3.3 asks for 2,048 bits, and from 4,096 on a signature does not fit a token.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;
/// The one public exponent of RSA that is taken, 65,537 (FIPS 186-5 §5.4), as a JWK spells it.
const EXPONENT: &str = "AQAB";

/// A public key that verifies access tokens: of P-256, Ed25519 or RSA. It verifies by an algorithm of its kind alone,
/// whatever a token says (RFC 8725 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    material: Material,
    /// The only algorithm, where the key says so.
    algorithm: Option<Algorithm>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    P256([u8; POINT_BYTES]),
    Ed25519(VerifyingKey),
    /// The modulus, big-endian, without leading zeros.
    Rsa(Vec<u8>),
}

impl PublicKey {
    /// Returns the key of a point of P-256 in its uncompressed form, 65 bytes; `None` where it is not on the curve.
    #[must_use]
    pub fn p256(point: &[u8]) -> Option<Self> {
        let point: [u8; POINT_BYTES] = point.try_into().ok()?;
        backend::is_on_p256(&point).then_some(Self::of(Material::P256(point)))
    }

    /// Returns the key of an encoded point of edwards25519 (RFC 8032 §5.1.2); `None` where it is none. A point of small
    /// order verifies nothing.
    #[must_use]
    pub fn ed25519(point: &[u8; EDWARDS_BYTES]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(point).ok()?;
        Some(Self::of(Material::Ed25519(key)))
    }

    /// Returns the key of an RSA modulus, big-endian and without leading zeros, with the exponent 65,537; `None` where
    /// it has fewer than 2,048 or more than 4,096 bits, or is even.
    #[must_use]
    pub fn rsa(modulus: &[u8]) -> Option<Self> {
        let (first, last) = (modulus.first()?, modulus.last()?);
        let bits = modulus.len() * 8 - usize::try_from(first.leading_zeros()).ok()?;
        let fits = *first != 0 && last % 2 == 1 && MODULUS_BITS.contains(&bits);
        fits.then(|| Self::of(Material::Rsa(modulus.to_vec())))
    }

    /// Restricts the key to one algorithm; `None` where it is of another kind.
    #[must_use]
    pub fn for_algorithm(self, algorithm: Algorithm) -> Option<Self> {
        self.admits(algorithm).then_some(Self {
            algorithm: Some(algorithm),
            ..self
        })
    }

    /// Says whether the key verifies signatures by this algorithm.
    #[must_use]
    pub fn admits(&self, algorithm: Algorithm) -> bool {
        let is_of_kind = match self.material {
            Material::P256(_) => algorithm == Algorithm::Es256,
            Material::Ed25519(_) => matches!(algorithm, Algorithm::EdDsa | Algorithm::Ed25519),
            Material::Rsa(_) => algorithm == Algorithm::Rs256,
        };
        is_of_kind && self.algorithm.is_none_or(|only| only == algorithm)
    }

    /// Returns the members of the key that its thumbprint is made of, in their order (RFC 7638 §3.2).
    #[must_use]
    pub fn thumbprint_members(&self) -> String {
        let encode = Base64UrlUnpadded::encode_string;
        match &self.material {
            Material::P256(point) => {
                let (x, y) = point[1..].split_at(COORDINATE_BYTES);
                let (x, y) = (encode(x), encode(y));
                format!(r#""crv":"P-256","kty":"EC","x":"{x}","y":"{y}""#)
            }
            Material::Ed25519(key) => {
                let x = encode(key.as_bytes());
                format!(r#""crv":"Ed25519","kty":"OKP","x":"{x}""#)
            }
            Material::Rsa(modulus) => {
                let n = encode(modulus);
                format!(r#""e":"{EXPONENT}","kty":"RSA","n":"{n}""#)
            }
        }
    }

    /// Returns the algorithm that a key set names.
    pub(super) fn algorithm(&self) -> Algorithm {
        let of_kind = match self.material {
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::Ed25519,
            Material::Rsa(_) => Algorithm::Rs256,
        };
        self.algorithm.unwrap_or(of_kind)
    }

    /// Reads a key of a JWK Set (RFC 7518 §6, RFC 8037 §2) in its one canonical spelling, with its `alg`.
    pub(super) fn from_jwk(jwk: &Object) -> Option<Self> {
        let key = match (jwk.text("kty")?, jwk.text("crv")) {
            ("EC", Some("P-256")) => {
                let (x, y) = (coordinate(jwk, "x")?, coordinate(jwk, "y")?);
                Self::p256(&[&[4][..], &x, &y].concat())
            }
            ("OKP", Some("Ed25519")) => strict_ed25519(&coordinate(jwk, "x")?),
            ("RSA", _) if jwk.text("e") == Some(EXPONENT) => {
                Self::rsa(&Base64UrlUnpadded::decode_vec(jwk.text("n")?).ok()?)
            }
            _ => None,
        }?;
        match jwk.get("alg") {
            None => Some(key),
            Some(_) => key.for_algorithm(jwk.text("alg")?.parse().ok()?),
        }
    }

    /// Says whether a signature is this key's, by an algorithm that it [admits](Self::admits).
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::P256(point) => backend::verify_es256(point, message, signature),
            // An `R` of small order, and an `R` or `S` in another spelling than the canonical one, are refused too
            // (RFC 8032 §5.1.7).
            Material::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Material::Rsa(modulus) => backend::verify_rs256(modulus, message, signature),
        }
    }

    const fn of(material: Material) -> Self {
        Self {
            material,
            algorithm: None,
        }
    }
}

/// Reads a member of 32 bytes.
fn coordinate(jwk: &Object, name: &str) -> Option<[u8; COORDINATE_BYTES]> {
    let mut bytes = [0; COORDINATE_BYTES];
    let read = Base64UrlUnpadded::decode(jwk.text(name)?, &mut bytes).ok()?;
    (read.len() == COORDINATE_BYTES).then_some(bytes)
}

/// Reads a point in its one canonical spelling that is not of small order.
fn strict_ed25519(bytes: &[u8; EDWARDS_BYTES]) -> Option<PublicKey> {
    let key = VerifyingKey::from_bytes(bytes).ok()?;
    let is_canonical = key.to_edwards().compress().to_bytes() == *bytes;
    (is_canonical && !key.is_weak()).then_some(PublicKey::of(Material::Ed25519(key)))
}
