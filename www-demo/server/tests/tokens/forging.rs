//! Keys of all four algorithms, and tokens that are signed with them and say anything.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::{Algorithm as _, alg::Ed25519};
use nolapse_server::verifier::{Algorithm, KeySet, PublicKey};
use p256::{
    ProjectivePoint, Scalar,
    elliptic_curve::{PrimeField, sec1::ToSec1Point},
};
use ring::{rand::SystemRandom, rsa, signature::RSA_PKCS1_SHA256};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

type Ed25519Key = <Ed25519 as jwt_compact::Algorithm>::SigningKey;

static FORGERS: LazyLock<[Forger; 4]> =
    LazyLock::new(|| Algorithm::ALL.map(|one| Forger::new(one, 7)));

/// A private key, and the algorithm that its tokens name.
pub(crate) struct Forger {
    pub(crate) algorithm: Algorithm,
    key: Key,
}

enum Key {
    P256(Scalar),
    Ed25519(Ed25519Key),
    Rsa(rsa::KeyPair),
}

impl Forger {
    /// The forger of the key `k1` that the tests of an algorithm trust.
    pub(crate) fn of(algorithm: Algorithm) -> &'static Self {
        let mut all = FORGERS.iter();
        all.find(|one| one.algorithm == algorithm)
            .expect("all four")
    }

    /// Creates a key, by a seed where that makes one.
    pub(crate) fn new(algorithm: Algorithm, seed: u8) -> Self {
        let key = match algorithm {
            Algorithm::Es256 => Key::P256(Scalar::from(u64::from(seed) << 40 | 1)),
            Algorithm::EdDsa | Algorithm::Ed25519 => {
                Key::Ed25519(Ed25519Key::from_bytes(&[seed; 32]))
            }
            Algorithm::Rs256 => Key::Rsa(rsa_key()),
        };
        Self { algorithm, key }
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": self.algorithm.as_str(), "typ": "at+jwt", "kid": "k1" })
    }

    /// The signature of a message.
    pub(crate) fn signature(&self, message: &str) -> Vec<u8> {
        match &self.key {
            Key::P256(secret) => sign_es256(secret, message),
            Key::Ed25519(key) => Ed25519.sign(key, message.as_bytes()).to_bytes().to_vec(),
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let random = SystemRandom::new();
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &random,
                    message.as_bytes(),
                    &mut signature,
                )
                .expect("random bytes");
                signature
            }
        }
    }

    /// Adds the signature to a message of two segments.
    pub(crate) fn sign_message(&self, message: &str) -> String {
        spell(message, &self.signature(message))
    }

    /// Signs these bytes as header and claims, whatever they are.
    pub(crate) fn sign_bytes(&self, header: &[u8], claims: &[u8]) -> String {
        let encode = Base64UrlUnpadded::encode_string;
        self.sign_message(&format!("{}.{}", encode(header), encode(claims)))
    }

    pub(crate) fn forge(&self, header: &Value, claims: &Value) -> String {
        self.sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// The public key, for any algorithm of its kind.
    pub(crate) fn unrestricted(&self) -> PublicKey {
        let key = match &self.key {
            Key::P256(secret) => PublicKey::p256(&point(secret)),
            Key::Ed25519(key) => PublicKey::ed25519(key.verifying_key().as_bytes()),
            Key::Rsa(pair) => PublicKey::rsa(&modulus(pair)),
        };
        key.expect("a key")
    }

    pub(crate) fn public(&self) -> PublicKey {
        self.unrestricted()
            .for_algorithm(self.algorithm)
            .expect("its kind")
    }

    /// The set of this key alone.
    pub(crate) fn keys(&self) -> KeySet {
        [("k1".to_owned(), self.public())].into_iter().collect()
    }

    /// The entry of a key set, without `alg`.
    pub(crate) fn jwk(&self) -> Value {
        let encode = Base64UrlUnpadded::encode_string;
        match &self.key {
            Key::P256(secret) => {
                let point = point(secret);
                let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "k1" })
            }
            Key::Ed25519(key) => {
                let x = encode(key.verifying_key().as_bytes());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k1" })
            }
            Key::Rsa(pair) => {
                json!({ "kty": "RSA", "n": encode(&modulus(pair)), "e": "AQAB", "kid": "k1" })
            }
        }
    }

    /// What somebody who knows the public key alone may take for a shared secret: its bytes.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        match &self.key {
            Key::P256(secret) => point(secret),
            Key::Ed25519(key) => key.verifying_key().as_bytes().to_vec(),
            Key::Rsa(pair) => modulus(pair),
        }
    }
}

/// Spells a token of a message of two segments and a signature.
pub(crate) fn spell(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", Base64UrlUnpadded::encode_string(signature))
}

/// ECDSA by its equations (FIPS 186-5 §6.4.1), with a nonce that is no secret here.
fn sign_es256(secret: &Scalar, message: &str) -> Vec<u8> {
    let hash = scalar(&Sha256::digest(message.as_bytes()));
    let nonce = Scalar::from(0x6e6f_6e63_6500_0001_u64) + hash;
    let r = scalar(&point(&nonce)[1..33]);
    let inverse = Option::<Scalar>::from(nonce.invert()).expect("it is not 0");
    let s = inverse * (hash + r * secret);
    [r.to_repr().to_vec(), s.to_repr().to_vec()].concat()
}

/// Reads a scalar below the order of P-256, which one of 2³² hashes is not.
fn scalar(bytes: &[u8]) -> Scalar {
    let bytes: [u8; 32] = bytes.try_into().expect("32 bytes");
    Option::from(Scalar::from_repr(bytes.into())).expect("below the order")
}

/// The uncompressed point of a secret.
fn point(secret: &Scalar) -> Vec<u8> {
    let point = (ProjectivePoint::GENERATOR * secret).to_affine();
    point.to_sec1_point(false).as_bytes().to_vec()
}

fn modulus(pair: &rsa::KeyPair) -> Vec<u8> {
    rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public()).n
}

fn rsa_key() -> rsa::KeyPair {
    use ::rsa::{PrivateKey, pkcs1::EncodeRsaPrivateKey, rand_core::UnwrapErr};

    let key = PrivateKey::new(&mut UnwrapErr(getrandom::SysRng), 2_048).expect("a key");
    let der = key.to_pkcs1_der().expect("a key");
    rsa::KeyPair::from_der(der.as_bytes()).expect("a key")
}
