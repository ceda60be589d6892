//! The proof that a browser signs (W3C, Device Bound Session Credentials, "DBSC Proof JWT Syntax").

use base64ct::{Base64UrlUnpadded, Encoding};
use nolapse::verify::PublicKey;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;

use crate::domain::SessionKey;

/// The longest proof, in bytes: a key of RSA of 4,096 bits and its signature are 1,400.
const MAX_PROOF_BYTES: usize = 4_096;
const POINT_BYTES: usize = 65;
/// The public exponent of RSA, 65,537, as a JWK spells it, and as a number.
const EXPONENT: (&str, [u8; 3]) = ("AQAB", [1, 0, 1]);

/// A text that is no proof: no JWS of a JWT in its compact form with `jti`, of another `typ` or `alg`, or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A proof whose signature is still to be verified.
#[derive(Debug)]
pub(crate) struct DbscProof<'t> {
    signed: &'t str,
    signature: Vec<u8>,
    header: Value,
    jti: String,
}

impl<'t> DbscProof<'t> {
    /// Parses a proof. Claims besides `jti` say nothing that its challenge does not.
    pub(crate) fn parse(text: &'t str) -> Result<Self, Malformed> {
        if text.len() > MAX_PROOF_BYTES {
            return Err(Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Malformed)?;
        let header = object(header).ok_or(Malformed)?;
        let is_known = header.get("typ") == Some(&"dbsc+jwt".into())
            && ["ES256", "RS256"].map(Value::from).contains(&header["alg"])
            && header.get("crit").is_none();
        if !is_known {
            return Err(Malformed);
        }
        let claims = object(claims).ok_or(Malformed)?;
        let jti = claims.get("jti").and_then(Value::as_str);
        Ok(Self {
            signed,
            signature: Base64UrlUnpadded::decode_vec(signature).map_err(|_| Malformed)?,
            jti: jti.ok_or(Malformed)?.to_owned(),
            header,
        })
    }

    /// Returns the challenge that was signed.
    pub(crate) fn challenge(&self) -> &str {
        &self.jti
    }

    /// Returns the key in the proof's header, which is to be registered; `None` if it is no public key of a kind that is
    /// taken, has a private member, or did not sign the proof.
    pub(crate) fn own_key(&self) -> Option<SessionKey> {
        let jwk = self.header.get("jwk")?.as_object()?;
        if jwk.contains_key("d") {
            return None;
        }
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => {
                let (x, y) = (coordinate(text("x")?)?, coordinate(text("y")?)?);
                let point = [&[4][..], &x, &y].concat();
                PublicKey::p256(&point)?;
                point
            }
            ("RSA", None) if text("e")? == EXPONENT.0 => {
                let modulus = Base64UrlUnpadded::decode_vec(text("n")?).ok()?;
                PublicKey::rsa(&modulus)?;
                modulus
            }
            _ => return None,
        };
        let key = SessionKey::from_bytes(&bytes)?;
        self.is_signed_by(&key).then_some(key)
    }

    /// Returns whether a key signed the proof, by the algorithm of its kind alone (RFC 8725 §3.1).
    pub(crate) fn is_signed_by(&self, key: &SessionKey) -> bool {
        let (message, signature) = (self.signed.as_bytes(), self.signature.as_slice());
        let bytes = key.as_bytes();
        let is_point = bytes.len() == POINT_BYTES;
        let algorithm = if is_point { "ES256" } else { "RS256" };
        if self.header["alg"] != algorithm {
            return false;
        }
        let verified = if is_point {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).verify(message, signature)
        } else {
            let (n, e) = (bytes, &EXPONENT.1[..]);
            let key = RsaPublicKeyComponents { n, e };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
        };
        verified.is_ok()
    }
}

/// Reads a member of 32 bytes.
fn coordinate(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let read = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (read.len() == 32).then_some(bytes)
}

fn object(text: &str) -> Option<Value> {
    let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    value.is_object().then_some(value)
}

#[cfg(test)]
mod tests;
