//! JWK Sets (RFC 7517 §5).

use std::collections::BTreeSet;

use super::{PublicKey, json::Json};

/// The largest set that is read, in bytes.
pub const MAX_SET_BYTES: usize = 64 * 1024;
/// How many entries of a set are looked at, whatever they are.
pub const MAX_ENTRIES: usize = 100;
/// How many usable keys of a set are kept.
pub const MAX_KEYS: usize = 16;

/// The members of private keys and of shared secrets (RFC 7518 §6.2.2, §6.3.2 and §6.4): a key that shows one is no
/// longer secret.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Public keys by name, in the order in which they are published.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<(String, PublicKey)>);

impl KeySet {
    /// Reads a JWK Set: its named keys for signatures of P-256, Ed25519 and RSA, at most [`MAX_KEYS`] among the first
    /// [`MAX_ENTRIES`].
    ///
    /// An entry that is of no use does not spoil the others, as RFC 7517 §5 asks: another `kty`, `crv`, `use`, `alg`
    /// or `key_ops`, a member that is missing, doubled or of the wrong type, a private key, a point that is not on the
    /// curve, of small order, or not in its canonical spelling, an RSA key of fewer than 2,048 or more than 4,096 bits
    /// or with another exponent than 65,537. Where two usable entries with one `kid` are different
    /// keys, neither is taken. `None` where it is no JWK Set at all, or larger than [`MAX_SET_BYTES`].
    #[must_use]
    pub fn from_json(json: &[u8]) -> Option<Self> {
        if json.len() > MAX_SET_BYTES {
            return None;
        }
        let Json::Object(mut set) = serde_json::from_slice(json).ok()? else {
            return None;
        };
        if set.is_doubled() {
            return None;
        }
        let Some(Json::List(entries)) = set.take("keys") else {
            return None;
        };
        let usable = entries.iter().take(MAX_ENTRIES).filter_map(usable);
        let mut keys: Vec<(String, PublicKey)> = Vec::new();
        let mut ambiguous = BTreeSet::new();
        for (id, key) in usable {
            match keys.iter().find(|(known, _)| *known == id) {
                Some((_, known)) if *known == key => {}
                Some(_) => {
                    ambiguous.insert(id);
                }
                None => keys.push((id, key)),
            }
        }
        keys.retain(|(id, _)| !ambiguous.contains(id));
        keys.truncate(MAX_KEYS);
        Some(Self(keys))
    }

    /// Writes the JWK Set.
    #[must_use]
    pub fn to_json(&self) -> String {
        let keys = self.0.iter().map(|(id, key)| {
            let members = key.thumbprint_members();
            let id = serde_json::Value::from(id.as_str());
            let algorithm = key.algorithm();
            format!(r#"{{{members},"kid":{id},"use":"sig","alg":"{algorithm}"}}"#)
        });
        let keys: Vec<String> = keys.collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// Finds the key of that name.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&PublicKey> {
        let found = self.0.iter().find(|(name, _)| name == id);
        found.map(|(_, key)| key)
    }

    /// Returns the names of the keys.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(id, _)| id.as_str())
    }
}

impl FromIterator<(String, PublicKey)> for KeySet {
    fn from_iter<I: IntoIterator<Item = (String, PublicKey)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// Returns name and key of an entry that may verify signatures of tokens.
fn usable(entry: &Json) -> Option<(String, PublicKey)> {
    let Json::Object(entry) = entry else {
        return None;
    };
    let fits = !entry.is_doubled()
        && PRIVATE_MEMBERS.iter().all(|name| entry.get(name).is_none())
        && (entry.get("use").is_none() || entry.text("use") == Some("sig"))
        && entry.get("key_ops").is_none_or(may_verify);
    if !fits {
        return None;
    }
    let id = entry.text("kid")?;
    Some((id.to_owned(), PublicKey::from_jwk(entry)?))
}

/// Says whether `key_ops` (RFC 7517 §4.3) is a list of texts, none twice, that has `verify`.
fn may_verify(operations: &Json) -> bool {
    let Json::List(operations) = operations else {
        return false;
    };
    let mut seen = BTreeSet::new();
    let are_texts = operations
        .iter()
        .all(|one| matches!(one, Json::Text(one) if seen.insert(one.as_str())));
    are_texts && seen.contains("verify")
}
