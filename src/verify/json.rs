//! JSON that notices doubled members, which readers of JSON resolve in different ways (RFC 8259 §4).

use std::collections::BTreeMap;
use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Refusal;

/// Decodes a segment of a JWT: base64url without padding of an object that names no member twice, at any depth.
pub(super) fn decode(segment: &str) -> Result<Object, Refusal> {
    let bytes = Base64UrlUnpadded::decode_vec(segment).map_err(|_| Refusal::Malformed)?;
    match serde_json::from_slice(&bytes) {
        Ok(Json::Object(object)) if !object.has_doubled() => Ok(object),
        Ok(_) | Err(_) => Err(Refusal::Malformed),
    }
}

/// A JSON value, as far as a token or a key needs it.
#[derive(Debug)]
pub(super) enum Json {
    Text(String),
    Number(f64),
    List(Vec<Json>),
    Object(Object),
    /// `null`, `true` and `false`.
    Other,
}

impl Json {
    fn has_doubled(&self) -> bool {
        match self {
            Self::List(items) => items.iter().any(Self::has_doubled),
            Self::Object(object) => object.has_doubled(),
            Self::Text(_) | Self::Number(_) | Self::Other => false,
        }
    }
}

/// A JSON object.
#[derive(Debug, Default)]
pub(super) struct Object {
    members: BTreeMap<String, Json>,
    is_doubled: bool,
}

impl Object {
    /// Says whether a member of this object, or of one in it, is named twice.
    pub(super) fn has_doubled(&self) -> bool {
        self.is_doubled || self.members.values().any(Json::has_doubled)
    }

    /// Says whether a member itself is named twice.
    pub(super) const fn is_doubled(&self) -> bool {
        self.is_doubled
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.members.get(name)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Json> {
        self.members.remove(name)
    }

    /// Returns a member that is a string.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Json::Text(text)) => Some(text),
            Some(Json::Number(_) | Json::List(_) | Json::Object(_) | Json::Other) | None => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a number is a double in JavaScript too, and times are exact up to 2^53"
    )]
    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a number is a double in JavaScript too, and times are exact up to 2^53"
    )]
    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = values.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut object = Object::default();
        while let Some((name, value)) = map.next_entry::<String, Json>()? {
            object.is_doubled |= object.members.insert(name, value).is_some();
        }
        Ok(Json::Object(object))
    }
}
