//! Authenticator data (`WebAuthn` Level 3 §6.1).

use super::{MAX_CREDENTIAL_ID_BYTES, Refused, RelyingParty, cbor::Map, cose::PublicKey};

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// What an authenticator says, checked: the relying party is this one, and the user was verified.
pub(super) struct AuthenticatorData {
    pub(super) counter: u32,
    pub(super) backup_eligible: bool,
    pub(super) backed_up: bool,
    /// The credential that was made, if one was.
    pub(super) credential: Option<NewCredential>,
}

/// A credential that an authenticator has made.
pub(super) struct NewCredential {
    pub(super) id: Vec<u8>,
    pub(super) key: PublicKey,
    /// The bytes of the key.
    pub(super) cose_key: Vec<u8>,
}

impl AuthenticatorData {
    /// Reads authenticator data to its end.
    pub(super) fn read(bytes: &[u8], party: &RelyingParty) -> Result<Self, Refused> {
        let (id_hash, rest) = split::<32>(bytes)?;
        let ([flags], rest) = split::<1>(rest)?;
        let (counter, rest) = split::<4>(rest)?;
        if id_hash != party.id_hash() {
            return Err(Refused::RelyingParty);
        }
        let has = |flag| flags & flag != 0;
        if !has(USER_PRESENT) || !has(USER_VERIFIED) {
            return Err(Refused::UserVerification);
        }
        let (backup_eligible, backed_up) = (has(BACKUP_ELIGIBLE), has(BACKED_UP));
        if backed_up && !backup_eligible {
            return Err(Refused::Flags);
        }
        let (credential, mut rest) = if has(HAS_CREDENTIAL) {
            let (credential, rest) = NewCredential::read(rest)?;
            (Some(credential), rest)
        } else {
            (None, rest)
        };
        if has(HAS_EXTENSIONS) {
            (_, rest) = Map::read(rest)?;
        }
        if !rest.is_empty() {
            return Err(Refused::Malformed);
        }
        Ok(Self {
            counter: u32::from_be_bytes(counter),
            backup_eligible,
            backed_up,
            credential,
        })
    }
}

impl NewCredential {
    /// Reads attested credential data (§6.5.1), and returns what follows it.
    fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Refused> {
        let (_aaguid, rest) = split::<16>(bytes)?;
        let (length, rest) = split::<2>(rest)?;
        let length = usize::from(u16::from_be_bytes(length));
        if !(1..=MAX_CREDENTIAL_ID_BYTES).contains(&length) {
            return Err(Refused::Malformed);
        }
        let (id, rest) = rest.split_at_checked(length).ok_or(Refused::Malformed)?;
        let (key, after) = PublicKey::read(rest)?;
        let used = rest.len() - after.len();
        let (cose_key, _) = rest.split_at_checked(used).ok_or(Refused::Malformed)?;
        let credential = Self {
            id: id.to_vec(),
            key,
            cose_key: cose_key.to_vec(),
        };
        Ok((credential, after))
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), Refused> {
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or(Refused::Malformed)?;
    Ok((*first, rest))
}
