//! Registration (`WebAuthn` Level 3 §7.1).

use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Challenge, Expected, MAX_CREDENTIAL_ID_BYTES, Refused, RelyingParty,
    authenticator_data::{AuthenticatorData, NewCredential},
    cbor::Map,
    client_data::{self, Checked},
    decode,
};
use crate::domain::Credential;

/// The longest attestation object, in bytes: one with a certificate chain has some 2,000.
const MAX_ATTESTATION_BYTES: usize = 8_192;
/// The most transports, and the longest name of one.
const MAX_TRANSPORTS: usize = 8;
const MAX_TRANSPORT_BYTES: usize = 32;

/// The result of `navigator.credentials.create()`, by its `toJSON()` (`RegistrationResponseJSON`, §5.1). Further members
/// are not read.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RegistrationResponse {
    /// The credential's id, in base64url.
    id: String,
    /// `public-key`.
    #[serde(rename = "type")]
    kind: String,
    response: AttestationResponse,
}

/// What the authenticator says (`AuthenticatorAttestationResponseJSON`).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttestationResponse {
    /// In base64url.
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    /// In base64url.
    attestation_object: String,
    #[serde(default)]
    #[schema(required = false)]
    transports: Vec<String>,
}

/// Verifies a registration, and returns what was registered with the challenge that is to be used up.
pub(crate) fn register(
    response: &RegistrationResponse,
    party: &RelyingParty,
    expected: Expected<'_>,
) -> Result<(Credential, Challenge), Refused> {
    if response.kind != "public-key" {
        return Err(Refused::Malformed);
    }
    let id = decode(&response.id, MAX_CREDENTIAL_ID_BYTES)?;
    let response = &response.response;
    let checked = client_data::check(&response.client_data, "webauthn.create", party, expected)?;
    let attestation = decode(&response.attestation_object, MAX_ATTESTATION_BYTES)?;
    let (mut attestation, rest) = Map::read(&attestation)?;
    let bytes = attestation.bytes("authData")?;
    let data = AuthenticatorData::read(&bytes, party)?;
    let made = data.credential.ok_or(Refused::Flags)?;
    if !rest.is_empty() || made.id != id {
        return Err(Refused::Malformed);
    }
    check_attestation(attestation, &made, &bytes, &checked)?;
    let credential = Credential {
        id,
        public_key: made.cose_key,
        counter: data.counter,
        backup_eligible: data.backup_eligible,
        backed_up: data.backed_up,
        transports: transports(&response.transports)?,
    };
    Ok((credential, checked.challenge))
}

/// Accepts no attestation, and one by the credential's own key (§8.2, "self attestation").
fn check_attestation(
    mut attestation: Map,
    made: &NewCredential,
    data: &[u8],
    checked: &Checked,
) -> Result<(), Refused> {
    let mut statement = attestation.map("attStmt")?;
    match attestation.text("fmt")?.as_str() {
        "none" if statement.is_empty() => Ok(()),
        "packed" => {
            let algorithm = statement.integer("alg")?;
            let signature = statement.bytes("sig")?;
            if !statement.is_empty() || algorithm != made.key.algorithm() {
                return Err(Refused::Attestation);
            }
            made.key.verify(&[data, &checked.hash].concat(), &signature)
        }
        _ => Err(Refused::Attestation),
    }
}

/// Checks the transports, of which browsers may have others than those of today.
fn transports(given: &[String]) -> Result<String, Refused> {
    let is_name = |name: &String| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=MAX_TRANSPORT_BYTES).contains(&name.len()) && name.bytes().all(plain)
    };
    if given.len() > MAX_TRANSPORTS || !given.iter().all(is_name) {
        return Err(Refused::Malformed);
    }
    Ok(given.join(" "))
}
