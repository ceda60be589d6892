//! Public keys as `COSE_Key` (RFC 9052 §7, RFC 9053, RFC 8230 §4), and their signatures.

use nolapse::verify;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

use super::{Refused, cbor::Map};

/// The algorithms that are asked for, the preferred first: ES256, `EdDSA` and RS256 (`WebAuthn` Level 3 §5.8.5).
pub(crate) const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// The labels of the members: key type, algorithm, and those of each type.
const KTY: i64 = 1;
const ALG: i64 = 3;
const CRV_OR_N: i64 = -1;
const X_OR_E: i64 = -2;
const Y: i64 = -3;

const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;
const CURVE25519: i64 = 6;

/// The public exponent 65,537.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A public key of a credential, whose parameters were checked.
pub(super) enum PublicKey {
    /// A point of P-256, uncompressed.
    Es256(Vec<u8>),
    Ed25519([u8; 32]),
    /// A modulus of 2,048 to 4,096 bits.
    Rs256(Vec<u8>),
}

impl PublicKey {
    /// Reads a key, and returns what follows it.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Refused> {
        let (mut map, rest) = Map::read(bytes)?;
        let key = match (map.integer(KTY)?, map.integer(ALG)?) {
            (EC2, ES256) if map.integer(CRV_OR_N)? == P256 => {
                let (x, y) = (map.bytes(X_OR_E)?, map.bytes(Y)?);
                let point = [&[4][..], &x, &y].concat();
                let is_point = verify::PublicKey::p256(&point).is_some();
                is_point.then_some(Self::Es256(point))
            }
            (OKP, EDDSA) if map.integer(CRV_OR_N)? == CURVE25519 => {
                let point: Option<[u8; 32]> = map.bytes(X_OR_E)?.try_into().ok();
                let point = point.filter(|point| verify::PublicKey::ed25519(point).is_some());
                point.map(Self::Ed25519)
            }
            (RSA, RS256) => {
                let (modulus, exponent) = (map.bytes(CRV_OR_N)?, map.bytes(X_OR_E)?);
                let fits = verify::PublicKey::rsa(&modulus).is_some();
                (fits && exponent == EXPONENT).then_some(Self::Rs256(modulus))
            }
            _ => None,
        };
        Ok((key.ok_or(Refused::Key)?, rest))
    }

    /// Returns the algorithm's number.
    pub(super) const fn algorithm(&self) -> i64 {
        match self {
            Self::Es256(_) => ES256,
            Self::Ed25519(_) => EDDSA,
            Self::Rs256(_) => RS256,
        }
    }

    /// Verifies a signature in the form of `WebAuthn` Level 3 §6.5.5: of ECDSA, an ASN.1 sequence.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let verified = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::Ed25519(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            Self::Rs256(modulus) => RsaPublicKeyComponents {
                n: modulus.as_slice(),
                e: EXPONENT.as_slice(),
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        verified.map_err(|_| Refused::Signature)
    }
}
