//! Authentication (`WebAuthn` Level 3 §7.2).

use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Challenge, Expected, MAX_CREDENTIAL_ID_BYTES, Refused, RelyingParty,
    authenticator_data::AuthenticatorData, client_data, cose::PublicKey, decode,
};
use crate::domain::{Credential, UserId};

/// The longest authenticator data of an assertion, in bytes: 37 and extensions.
const MAX_DATA_BYTES: usize = 1_024;
/// The longest signature, in bytes: of an RSA key with 4,096 bits.
const MAX_SIGNATURE_BYTES: usize = 512;
/// The longest user handle (§4).
const MAX_USER_HANDLE_BYTES: usize = 64;

/// The result of `navigator.credentials.get()`, by its `toJSON()` (`AuthenticationResponseJSON`, §5.1). Further members
/// are not read.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AuthenticationResponse {
    /// The credential's id, in base64url.
    id: String,
    /// `public-key`.
    #[serde(rename = "type")]
    kind: String,
    response: AssertionResponse,
}

/// What the authenticator says (`AuthenticatorAssertionResponseJSON`).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssertionResponse {
    /// In base64url.
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    /// In base64url.
    authenticator_data: String,
    /// In base64url.
    signature: String,
    /// In base64url.
    #[serde(default)]
    #[schema(required = false)]
    user_handle: Option<String>,
}

/// What an assertion has proved, besides the possession of the key.
#[derive(Debug)]
pub(crate) struct Asserted {
    /// The signature counter.
    pub(crate) counter: u32,
    /// Whether the key is synchronised between devices now.
    pub(crate) backed_up: bool,
    /// The challenge, which is to be used up.
    pub(crate) challenge: Challenge,
}

impl AuthenticationResponse {
    /// Returns the id of the credential.
    pub(crate) fn credential_id(&self) -> Result<Vec<u8>, Refused> {
        if self.kind != "public-key" {
            return Err(Refused::Malformed);
        }
        decode(&self.id, MAX_CREDENTIAL_ID_BYTES)
    }
}

/// Returns whether the user handle of an assertion is this user; without one, only if it `may_be_missing`.
pub(crate) fn is_user_handle(
    response: &AuthenticationResponse,
    user: UserId,
    may_be_missing: bool,
) -> bool {
    match &response.response.user_handle {
        None => may_be_missing,
        Some(handle) => decode(handle, MAX_USER_HANDLE_BYTES)
            .is_ok_and(|handle| handle == user.as_bytes().as_slice()),
    }
}

/// Verifies an assertion by a registered credential.
pub(crate) fn authenticate(
    response: &AuthenticationResponse,
    credential: &Credential,
    party: &RelyingParty,
    expected: Expected<'_>,
) -> Result<Asserted, Refused> {
    let response = &response.response;
    let checked = client_data::check(&response.client_data, "webauthn.get", party, expected)?;
    let bytes = decode(&response.authenticator_data, MAX_DATA_BYTES)?;
    let signature = decode(&response.signature, MAX_SIGNATURE_BYTES)?;
    let data = AuthenticatorData::read(&bytes, party)?;
    if data.backup_eligible != credential.backup_eligible {
        return Err(Refused::Flags);
    }
    let (key, _) = PublicKey::read(&credential.public_key)?;
    key.verify(&[bytes.as_slice(), &checked.hash].concat(), &signature)?;
    Ok(Asserted {
        counter: data.counter,
        backed_up: data.backed_up,
        challenge: checked.challenge,
    })
}
