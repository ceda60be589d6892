//! The ceremonies of a relying party: registration and authentication (`WebAuthn` Level 3 §7).
//!
//! Own code over `ring` and a CBOR reader, as no crate fits: `webauthn-rs` is under the MPL and brings a second and third
//! version of a dozen crates, `webauthn_rp` those of a whole generation of crates before. Attestation is not asked for:
//! `none`, and `packed` by the credential's own key, which browsers pass through (§7.1 step 21), are the formats.

mod authenticator_data;
mod cbor;
mod challenge;
mod client_data;
mod cose;
mod registration;
mod sign_in;

pub(crate) use challenge::{CHALLENGE_LIFETIME, Challenge, ChallengeKey, Purpose};
pub(crate) use cose::ALGORITHMS;
pub(crate) use registration::{RegistrationResponse, register};
pub(crate) use sign_in::{AuthenticationResponse, authenticate, is_user_handle};

use axum::http::HeaderValue;
use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use crate::{domain::Timestamp, origins::AllowedOrigins};

/// The longest credential id, in bytes (`WebAuthn` Level 3 §4).
const MAX_CREDENTIAL_ID_BYTES: usize = 1_023;

/// Why a response of an authenticator is refused. The names are those of the security log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not of the expected form: base64url, JSON, CBOR or a structure within.
    Malformed,
    /// The client data is of another ceremony.
    Ceremony,
    /// The challenge is forged, expired, or of another purpose.
    Challenge,
    /// The page is of an origin that is not allowed, or embedded in another one.
    Origin,
    /// The credential is of another relying party.
    RelyingParty,
    /// The user was not present, or not verified.
    UserVerification,
    /// The flags contradict each other, or what was registered.
    Flags,
    /// The key's type, algorithm or parameters are not supported.
    Key,
    /// An attestation of another format than the ones that are accepted, or one that is wrong.
    Attestation,
    /// The signature is not that of the key.
    Signature,
}

impl Refused {
    /// Returns the reason in the security log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Ceremony => "other_ceremony",
            Self::Challenge => "other_challenge",
            Self::Origin => "other_origin",
            Self::RelyingParty => "other_relying_party",
            Self::UserVerification => "no_user_verification",
            Self::Flags => "flags",
            Self::Key => "key",
            Self::Attestation => "attestation",
            Self::Signature => "signature",
        }
    }
}

/// The relying party: who asks for passkeys, and where.
#[derive(Clone)]
pub(crate) struct RelyingParty {
    /// The domain that passkeys are bound to, `rp.id`.
    pub(crate) id: String,
    pub(crate) origins: AllowedOrigins,
    pub(crate) challenges: ChallengeKey,
}

/// What a challenge was issued for, and when it came back.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The time.
    pub(crate) now: Timestamp,
    /// What the challenge was issued for.
    pub(crate) purpose: Purpose<'a>,
}

impl RelyingParty {
    /// Returns whether a page of this origin may use passkeys.
    fn allows(&self, origin: &str) -> bool {
        HeaderValue::from_str(origin).is_ok_and(|origin| self.origins.matches(&origin))
    }

    fn id_hash(&self) -> [u8; 32] {
        Sha256::digest(&self.id).into()
    }
}

/// Decodes base64url of at most `longest` bytes.
fn decode(text: &str, longest: usize) -> Result<Vec<u8>, Refused> {
    if text.len() > longest.div_ceil(3) * 4 {
        return Err(Refused::Malformed);
    }
    let bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| Refused::Malformed)?;
    if bytes.len() <= longest {
        Ok(bytes)
    } else {
        Err(Refused::Malformed)
    }
}

#[cfg(test)]
mod tests;
