//! Client data: what the browser says of a ceremony (`WebAuthn` Level 3 §5.8.1).

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Challenge, Expected, Refused, RelyingParty, decode};

/// The longest client data, in bytes: an origin, a challenge, and members that browsers add.
const MAX_BYTES: usize = 2_048;

/// The members that are checked; others may be there.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: Option<bool>,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<String>,
}

/// Client data that was checked.
pub(super) struct Checked {
    /// The hash that authenticators sign.
    pub(super) hash: [u8; 32],
    /// The challenge, which is still to be used up.
    pub(super) challenge: Challenge,
}

/// Checks the client data of a ceremony, `webauthn.create` or `webauthn.get`.
pub(super) fn check(
    encoded: &str,
    kind: &str,
    party: &RelyingParty,
    expected: Expected<'_>,
) -> Result<Checked, Refused> {
    let bytes = decode(encoded, MAX_BYTES)?;
    let data: ClientData = serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed)?;
    if data.kind != kind {
        return Err(Refused::Ceremony);
    }
    let opened = party.challenges.open(&data.challenge, expected);
    let challenge = opened.ok_or(Refused::Challenge)?;
    let is_embedded = data.cross_origin == Some(true) || data.top_origin.is_some();
    if is_embedded || !party.allows(&data.origin) {
        return Err(Refused::Origin);
    }
    Ok(Checked {
        hash: Sha256::digest(&bytes).into(),
        challenge,
    })
}
