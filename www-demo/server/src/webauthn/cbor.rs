//! Maps of CBOR (RFC 8949), as authenticators write them.

use ciborium::Value;

use super::Refused;

/// How deep a value may be: an attestation object with a certificate chain has four levels.
const MAX_DEPTH: usize = 8;

/// A map whose keys are different.
pub(super) struct Map(Vec<(Value, Value)>);

impl Map {
    /// Reads a map, and returns what follows it.
    pub(super) fn read(mut bytes: &[u8]) -> Result<(Self, &[u8]), Refused> {
        let value: Result<Value, _> =
            ciborium::de::from_reader_with_recursion_limit(&mut bytes, MAX_DEPTH);
        let map = Self::of(value.map_err(|_| Refused::Malformed)?)?;
        Ok((map, bytes))
    }

    /// Takes a member that is a map.
    pub(super) fn map(&mut self, key: &str) -> Result<Self, Refused> {
        Self::of(self.take(&Value::from(key)).ok_or(Refused::Malformed)?)
    }

    /// Takes a member that is a byte string.
    pub(super) fn bytes(&mut self, key: impl Into<Value>) -> Result<Vec<u8>, Refused> {
        let value = self.take(&key.into()).ok_or(Refused::Malformed)?;
        value.into_bytes().map_err(|_| Refused::Malformed)
    }

    /// Takes a member that is a text.
    pub(super) fn text(&mut self, key: &str) -> Result<String, Refused> {
        let value = self.take(&Value::from(key)).ok_or(Refused::Malformed)?;
        value.into_text().map_err(|_| Refused::Malformed)
    }

    /// Takes a member that is an integer.
    pub(super) fn integer(&mut self, key: impl Into<Value>) -> Result<i64, Refused> {
        let value = self.take(&key.into()).ok_or(Refused::Malformed)?;
        let integer = value.into_integer().map_err(|_| Refused::Malformed)?;
        i64::try_from(integer).map_err(|_| Refused::Malformed)
    }

    /// Returns whether nothing is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, key: &Value) -> Option<Value> {
        let place = self.0.iter().position(|(other, _)| other == key)?;
        Some(self.0.swap_remove(place).1)
    }

    fn of(value: Value) -> Result<Self, Refused> {
        let members = value.into_map().map_err(|_| Refused::Malformed)?;
        let is_doubled = members.iter().enumerate().any(|(place, (key, _))| {
            let others = members.iter().skip(place + 1);
            others.into_iter().any(|(other, _)| other == key)
        });
        if is_doubled {
            return Err(Refused::Malformed);
        }
        Ok(Self(members))
    }
}
