//! Signed tokens of providers (RFC 7515) and their keys (RFC 7517), by asymmetric algorithms alone (RFC 8725 §3.1).

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::{
    digest::{self, SHA256, SHA384, SHA512},
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
        UnparsedPublicKey, VerificationAlgorithm,
    },
};
use serde::{Deserialize, de::DeserializeOwned};

/// The largest token that is read, in bytes.
const MAX_TOKEN_BYTES: usize = 64 * 1024;
/// The most keys of a set that are read.
const MAX_KEYS: usize = 100;

/// An algorithm of the allow-list. `none` and those with a shared secret are not among them.
#[derive(Clone, Copy)]
enum Verification {
    Rsa(&'static RsaParameters),
    Point(&'static str, &'static dyn VerificationAlgorithm),
}

/// A header. Parameters that bring a key along are not read; `crit` is refused.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde_json::Value>,
}

/// A token whose signature has not been looked at.
pub(super) struct Unverified<'a> {
    message: &'a str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A public key of a set.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// A provider's public keys.
pub(crate) struct KeyList(Vec<Jwk>);

impl KeyList {
    /// Reads a set. Keys of kinds that are not known are left out.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(body).ok()?;
        let keys = set.keys.into_iter().take(MAX_KEYS);
        let keys = keys.filter_map(|key| serde_json::from_value(key).ok());
        Some(Self(keys.collect()))
    }
}

impl<'a> Unverified<'a> {
    pub(super) fn parse(token: &'a str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let decode = |text: &str| Base64UrlUnpadded::decode_vec(text).ok();
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        (header.crit.is_none()).then_some(Self {
            message,
            payload: decode(payload)?,
            signature: decode(signature)?,
            header,
        })
    }

    /// Returns `typ` without the media type's first half, in lower case.
    pub(super) fn typ(&self) -> Option<String> {
        let typ = self.header.typ.as_ref()?.to_ascii_lowercase();
        Some(typ.strip_prefix("application/").unwrap_or(&typ).to_owned())
    }

    /// Returns whether one of the keys has signed it, by an algorithm of the allow-list.
    pub(super) fn is_signed_by(&self, keys: &KeyList) -> bool {
        let Some(verification) = verification(&self.header.alg) else {
            return false;
        };
        let candidates = keys.0.iter().filter(|key| {
            let names = self.header.kid.is_none() || key.kid == self.header.kid;
            let signs = key.usage.as_deref().is_none_or(|usage| usage == "sig");
            let admits = key.alg.as_ref().is_none_or(|alg| {
                *alg == self.header.alg || alg == "EdDSA" && self.header.alg == "Ed25519"
            });
            names && signs && admits
        });
        let mut candidates = candidates;
        candidates.any(|key| self.verify(key, verification).is_some())
    }

    fn verify(&self, key: &Jwk, verification: Verification) -> Option<()> {
        let member = |text: &Option<String>| Base64UrlUnpadded::decode_vec(text.as_ref()?).ok();
        let message = self.message.as_bytes();
        match (verification, key.kty.as_str()) {
            (Verification::Rsa(parameters), "RSA") => {
                let (n, e) = (member(&key.n)?, member(&key.e)?);
                let key = RsaPublicKeyComponents { n, e };
                key.verify(parameters, message, &self.signature).ok()
            }
            (Verification::Point(curve, algorithm), "EC" | "OKP")
                if key.crv.as_deref() == Some(curve) =>
            {
                let x = member(&key.x)?;
                let bytes = match &key.y {
                    Some(_) => [&[4][..], &x, &member(&key.y)?].concat(),
                    None => x,
                };
                let key = UnparsedPublicKey::new(algorithm, bytes);
                key.verify(message, &self.signature).ok()
            }
            (Verification::Rsa(_) | Verification::Point(..), _) => None,
        }
    }

    /// Reads the claims, of a token whose signature was checked.
    pub(super) fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.payload).ok()
    }

    /// Returns the left half of a text's hash, as `at_hash` has it (`OpenID` Connect Core 1.0 §3.1.3.6).
    pub(super) fn half_hash(&self, text: &str) -> String {
        let algorithm = match self.header.alg.as_str() {
            "RS384" | "PS384" | "ES384" => &SHA384,
            "RS512" | "PS512" | "EdDSA" | "Ed25519" => &SHA512,
            _ => &SHA256,
        };
        let hash = digest::digest(algorithm, text.as_bytes());
        let half = hash.as_ref().chunks(hash.as_ref().len() / 2).next();
        Base64UrlUnpadded::encode_string(half.unwrap_or_default())
    }
}

fn verification(alg: &str) -> Option<Verification> {
    Some(match alg {
        "RS256" => Verification::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Verification::Rsa(&RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Verification::Rsa(&RSA_PKCS1_2048_8192_SHA512),
        "PS256" => Verification::Rsa(&RSA_PSS_2048_8192_SHA256),
        "PS384" => Verification::Rsa(&RSA_PSS_2048_8192_SHA384),
        "PS512" => Verification::Rsa(&RSA_PSS_2048_8192_SHA512),
        "ES256" => Verification::Point("P-256", &ECDSA_P256_SHA256_FIXED),
        "ES384" => Verification::Point("P-384", &ECDSA_P384_SHA384_FIXED),
        "EdDSA" | "Ed25519" => Verification::Point("Ed25519", &ED25519),
        _ => return None,
    })
}
