//! Keys of browsers, and the proofs that they sign (RFC 9449).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use base64ct::{Base64UrlUnpadded, Encoding};
use nolapse_server::clock;
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

/// A key of P-256.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Key {
    /// Makes a key.
    pub(crate) fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self { pair, random }
    }

    /// Returns the public key as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let encode = Base64UrlUnpadded::encode_string;
        json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
    }

    /// Returns the header of a proof.
    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() })
    }

    /// Signs a JWT.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| Base64UrlUnpadded::encode_string(part.to_string().as_bytes());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).unwrap();
        let signature = Base64UrlUnpadded::encode_string(signature.as_ref());
        format!("{signed}.{signature}")
    }

    /// Returns the claims of a proof for a request, now.
    pub(crate) fn claims(&self, method: &str, url: &str) -> Value {
        let mut jti = [0; 16];
        self.random.fill(&mut jti).unwrap();
        let jti = Base64UrlUnpadded::encode_string(&jti);
        json!({ "jti": jti, "htm": method, "htu": url, "iat": clock::now().as_secs() })
    }

    /// Signs a proof for a request.
    pub(crate) fn proof(&self, method: &str, url: &str) -> String {
        self.sign(&self.header(), &self.claims(method, url))
    }
}
