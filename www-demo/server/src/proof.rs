//! Proofs of possession (RFC 9449): read, verified, and challenged with a nonce.
//!
//! A proof is a JWT that a browser signs for one request with a key that cannot leave it. Its time is judged by this server's
//! clock: where the browser's is wrong, a nonce with the server's time takes its place (RFC 9449 §8). A nonce is a time
//! and its HMAC, so that every server of a database accepts those of the others without a row.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::Mac;
use nolapse::verify::PublicKey;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    clock::SERVER_SKEW,
    domain::{self, KeyThumbprint, Proof, ProofId, Timestamp},
};

/// How far `iat` may be from the server's time, before and after.
pub(crate) const TIME_WINDOW: Duration = Duration::from_secs(120);
/// How long a nonce is accepted.
pub(crate) const NONCE_LIFE: Duration = Duration::from_mins(5);

/// The longest proof, in bytes.
const MAX_PROOF_BYTES: usize = 2_048;
const MAX_JTI_BYTES: usize = 256;
const TIME_BYTES: usize = 8;
const MAC_BYTES: usize = 16;

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is no JWS of a JWT in its compact form, lacks a claim, or is too long.
    Malformed,
    /// `typ` is not `dpop+jwt`.
    Type,
    /// `alg` is not `ES256`.
    Algorithm,
    /// `jwk` is no public key of P-256, or has a private member.
    Key,
    /// Another key signed it, or another text.
    Signature,
    /// `htm` is another method.
    Method,
    /// `htu` is another URL.
    Url,
    /// `iat` is too far from the server's time, and there is no nonce.
    Time,
    /// The nonce is not one of this server's, or too old.
    Nonce,
}

impl Refusal {
    /// Returns a fixed text for people.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "the proof is no JWT with jti, htm, htu and iat",
            Self::Type => "typ of the proof must be dpop+jwt",
            Self::Algorithm => "alg of the proof must be ES256",
            Self::Key => "jwk of the proof must be a public key of P-256",
            Self::Signature => "the proof is not signed by its key",
            Self::Method => "htm of the proof is another method",
            Self::Url => "htu of the proof is another URL",
            Self::Time => "iat of the proof is not the server's time; repeat it with the nonce",
            Self::Nonce => "the nonce of the proof is too old; repeat it with this one",
        }
    }
}

/// What a proof is made for.
pub(crate) struct Target<'a> {
    /// The method of the request.
    pub(crate) method: &'a str,
    /// Says whether `htu` is the URL of the request.
    pub(crate) is_url: &'a dyn Fn(&str) -> bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(rename = "typ")]
    _typ: String,
    #[serde(rename = "alg")]
    _alg: String,
    jwk: Jwk,
}

/// Of a public key alone: `d` and all else are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    #[serde(rename = "ext")]
    _ext: Option<bool>,
    #[serde(rename = "key_ops")]
    _key_ops: Option<Vec<String>>,
    #[serde(rename = "alg")]
    _alg: Option<String>,
    #[serde(rename = "use")]
    _usage: Option<String>,
    #[serde(rename = "kid")]
    _kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: serde_json::Number,
    nonce: Option<String>,
}

/// A nonce: a time of the server's, and its HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nonce([u8; TIME_BYTES + MAC_BYTES]);

impl Nonce {
    /// Returns the text that a proof repeats.
    pub(crate) fn to_text(self) -> String {
        Base64UrlUnpadded::encode_string(&self.0)
    }

    /// Returns the time that it has, in seconds since 1970.
    pub(crate) fn seconds(self) -> u64 {
        let time = self.0.first_chunk::<TIME_BYTES>().copied();
        u64::from_be_bytes(time.unwrap_or_default())
    }
}

/// Verifies proofs, and makes nonces.
#[derive(Clone)]
pub(crate) struct ProofKey([u8; 32]);

impl ProofKey {
    /// Creates one whose nonces are of this secret.
    pub(crate) const fn from_bytes(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// Verifies a proof (RFC 9449 §4.3). Whether it is new, and of the session's key, is for the session to decide.
    pub(crate) fn verify(
        &self,
        now: Timestamp,
        text: &str,
        target: &Target<'_>,
    ) -> Result<Proof, Refusal> {
        if text.len() > MAX_PROOF_BYTES {
            return Err(Refusal::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        let decoded = (decode(header), decode(claims), decode(signature));
        let (Some(header), Some(claims), Some(signature)) = decoded else {
            return Err(Refusal::Malformed);
        };
        let key = public_key(&header)?;
        key.verify(signed.as_bytes(), &signature)?;
        let claims: Claims = object(&claims).ok_or(Refusal::Malformed)?;
        if claims.jti.is_empty() || claims.jti.len() > MAX_JTI_BYTES {
            return Err(Refusal::Malformed);
        }
        if claims.htm != target.method {
            return Err(Refusal::Method);
        }
        if !(target.is_url)(&claims.htu) {
            return Err(Refusal::Url);
        }
        Ok(Proof {
            jkt: key.jkt,
            id: ProofId::of_hash(&Sha256::digest(claims.jti.as_bytes()).into()),
            until: self.accepted_until(now, &claims)?,
        })
    }

    /// Returns when a proof is refused for its age; fails if it is now.
    fn accepted_until(&self, now: Timestamp, claims: &Claims) -> Result<Timestamp, Refusal> {
        if let Some(nonce) = &claims.nonce {
            let made = self.read_nonce(nonce).ok_or(Refusal::Nonce)?;
            let until = made + NONCE_LIFE;
            let is_valid = made <= now + SERVER_SKEW && now <= until;
            return if is_valid {
                Ok(until)
            } else {
                Err(Refusal::Nonce)
            };
        }
        let seconds = claims
            .iat
            .as_u64()
            .or_else(|| claims.iat.as_f64().and_then(whole));
        let seconds = seconds.ok_or(Refusal::Time)?;
        let issued = Timestamp::from_millis(seconds.saturating_mul(1_000));
        let until = issued + TIME_WINDOW;
        let is_valid = issued <= now + TIME_WINDOW && now <= until;
        if is_valid {
            Ok(until)
        } else {
            Err(Refusal::Time)
        }
    }

    /// Makes a nonce with the server's time.
    pub(crate) fn nonce(&self, now: Timestamp) -> Nonce {
        let time = now.as_secs().to_be_bytes();
        let mut bytes = [0; TIME_BYTES + MAC_BYTES];
        bytes[..TIME_BYTES].copy_from_slice(&time);
        bytes[TIME_BYTES..].copy_from_slice(&self.mac(time));
        Nonce(bytes)
    }

    fn read_nonce(&self, text: &str) -> Option<Timestamp> {
        let mut bytes = [0; TIME_BYTES + MAC_BYTES];
        let read = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        let (time, mac) = read.split_first_chunk::<TIME_BYTES>()?;
        let mut expected = domain::hmac_sha256(&self.0);
        expected.update(time);
        expected.verify_truncated_left(mac).ok()?;
        let is_whole = mac.len() == MAC_BYTES;
        let seconds = u64::from_be_bytes(*time);
        is_whole.then(|| Timestamp::from_millis(seconds.saturating_mul(1_000)))
    }

    fn mac(&self, time: [u8; TIME_BYTES]) -> [u8; MAC_BYTES] {
        let mut mac = domain::hmac_sha256(&self.0);
        mac.update(&time);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut start = [0; MAC_BYTES];
        start.copy_from_slice(&whole[..MAC_BYTES]);
        start
    }
}

/// A key of P-256 with its thumbprint.
struct VerifiedKey {
    point: [u8; 65],
    jkt: KeyThumbprint,
}

impl VerifiedKey {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point);
        key.verify(message, signature)
            .map_err(|_| Refusal::Signature)
    }
}

fn public_key(header: &[u8]) -> Result<VerifiedKey, Refusal> {
    let whole: serde_json::Value = object(header).ok_or(Refusal::Malformed)?;
    let text = |name: &str| whole.get(name).and_then(serde_json::Value::as_str);
    if text("typ") != Some("dpop+jwt") {
        return Err(Refusal::Type);
    }
    if text("alg") != Some("ES256") {
        return Err(Refusal::Algorithm);
    }
    // Strictly: a member twice, `crit`, or a private member.
    let Header { jwk, .. } = object(header).ok_or(Refusal::Key)?;
    if jwk.kty != "EC" || jwk.crv != "P-256" {
        return Err(Refusal::Key);
    }
    let mut point = [4; 65];
    let (x, y) = point[1..].split_at_mut(32);
    for (text, place) in [(&jwk.x, x), (&jwk.y, y)] {
        let read = Base64UrlUnpadded::decode(text, place).map_err(|_| Refusal::Key)?;
        if read.len() != 32 {
            return Err(Refusal::Key);
        }
    }
    let key = PublicKey::p256(&point).ok_or(Refusal::Key)?;
    let members = format!("{{{}}}", key.thumbprint_members());
    let jkt = KeyThumbprint::from_bytes(Sha256::digest(members.as_bytes()).into());
    Ok(VerifiedKey { point, jkt })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// Reads a JSON object; serde would read an array as one whose members have no names.
fn object<T: serde::de::DeserializeOwned>(text: &[u8]) -> Option<T> {
    let is_object = text.trim_ascii_start().starts_with(b"{");
    serde_json::from_slice(text).ok().filter(|_| is_object)
}

/// Returns the whole seconds of a time with a fraction.
fn whole(seconds: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is within the bounds"
    )]
    (0.0..1e12).contains(&seconds).then_some(seconds as u64)
}

#[cfg(test)]
mod tests;
