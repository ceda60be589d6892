//! Verifies access tokens (RFC 9068): one reader, for pages (`nolapse/verify`) and for API servers alike.
//!
//! It reads only what cannot be read in two ways: base64url in its one canonical spelling (RFC 4648 §3.5), JSON
//! without doubled members (RFC 7519 §4), three header parameters and no other, four algorithms ([`Algorithm`]) and no
//! other, each with a key of its kind, and signatures and keys as strict as they can be checked. [`Refusal`] lists the rules by what breaks them.
//!
//! It knows no clock. A server then calls [`Claims::check_times`] with its own; a page does not, because a page's
//! clock may be wrong by a day, and the session gives out no token past its life by a clock that cannot be.
//!
//! ```
//! use nolapse::verify::{Expected, KeySet, Refusal, verify};
//!
//! let keys = KeySet::from_json(br#"{ "keys": [] }"#).unwrap_or_default();
//! let expected = Expected {
//!     issuer: "https://auth.example.com",
//!     audience: "https://api.example.com",
//! };
//! assert_eq!(verify("a.b.c", &keys, expected).unwrap_err(), Refusal::Malformed);
//! ```

mod algorithm;
mod backend;
mod claims;
mod json;
mod key_set;
mod public_key;
mod refusal;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use claims::{CLOCK_SKEW_SECONDS, Claims, Expected};
pub use key_set::{KeySet, MAX_ENTRIES, MAX_KEYS, MAX_SET_BYTES};
pub use public_key::PublicKey;
pub use refusal::Refusal;

use base64ct::{Base64UrlUnpadded, Encoding};
use json::Object;

/// The largest token that is looked at, in bytes. Those of the reference server have about 500.
pub const MAX_TOKEN_BYTES: usize = 4_096;

/// The largest `kid`, in bytes.
const MAX_KEY_ID_BYTES: usize = 256;

/// The header parameters of an access token. Any other is refused: `jwk`, `jku`, `x5u` and `x5c` bring a key along,
/// `crit`, `b64` and `zip` ask for another way of reading (RFC 7515 §4.1, RFC 7797, RFC 7516 §4.1.3).
const HEADER_PARAMETERS: [&str; 3] = ["alg", "typ", "kid"];

/// A token whose form and header are right, and whose signature has not been looked at.
#[derive(Debug)]
pub struct UnverifiedToken<'a> {
    /// The two segments that are signed.
    message: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    key_id: String,
    claims: Object,
}

impl<'a> UnverifiedToken<'a> {
    /// Reads size, segments, encoding, JSON and header of a token.
    ///
    /// # Errors
    /// Returns the first rule that the token breaks.
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::Oversize);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(Refusal::Malformed)?;
        // A fourth segment would be here, and `.` is no character of base64url.
        let (header, claims) = (json::decode(header)?, json::decode(claims)?);
        let signature = Base64UrlUnpadded::decode_vec(signature);
        let signature = signature.map_err(|_| Refusal::Malformed)?;
        let (algorithm, key_id) = read_header(&header)?;
        Ok(Self {
            message,
            signature,
            algorithm,
            key_id,
            claims,
        })
    }

    /// Returns the name of the key that the token says it is signed with, its `kid`.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Checks signature, required claims, issuer and audience.
    ///
    /// # Errors
    /// Returns the first rule that the token breaks.
    pub fn verify(self, key: &PublicKey, expected: Expected<'_>) -> Result<Claims, Refusal> {
        if !key.admits(self.algorithm) {
            return Err(Refusal::Algorithm);
        }
        if !key.has_signed(self.message.as_bytes(), &self.signature) {
            return Err(Refusal::Signature);
        }
        Claims::read(self.claims, expected)
    }
}

/// Verifies a token with the key of the set that it names. Times are left to [`Claims::check_times`].
///
/// # Errors
/// Returns the first rule that the token breaks.
pub fn verify(token: &str, keys: &KeySet, expected: Expected<'_>) -> Result<Claims, Refusal> {
    let token = UnverifiedToken::parse(token)?;
    let key = keys.find(token.key_id()).ok_or(Refusal::UnknownKey)?;
    token.verify(key, expected)
}

/// Checks a header and returns its `alg` and `kid`.
fn read_header(header: &Object) -> Result<(Algorithm, String), Refusal> {
    let algorithm = header.text("alg").ok_or(Refusal::Malformed)?;
    let algorithm = algorithm.parse().map_err(|_| Refusal::Algorithm)?;
    if !header.text("typ").is_some_and(is_access_token) {
        return Err(Refusal::Type);
    }
    if header
        .names()
        .any(|name| !HEADER_PARAMETERS.contains(&name))
    {
        return Err(Refusal::Header);
    }
    let key_id = header.text("kid").ok_or(Refusal::Malformed)?;
    if key_id.len() > MAX_KEY_ID_BYTES {
        return Err(Refusal::Malformed);
    }
    Ok((algorithm, key_id.to_owned()))
}

/// Says whether a `typ` is `at+jwt` (RFC 9068 §2.1), with or without the media type's first half; media types are
/// compared without regard to case (RFC 7515 §4.1.9).
fn is_access_token(typ: &str) -> bool {
    typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
}
