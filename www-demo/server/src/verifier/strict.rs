//! What is checked before the signature is looked at.

use std::{collections::BTreeMap, fmt};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use super::{Refusal, is_access_token};

/// The header members that an access token of ours may have. A key that a token brings along (`jwk`,
/// `jku`, `x5u`, `x5c`) is never looked at, and a `crit` is never understood.
const KNOWN_MEMBERS: [&str; 3] = ["alg", "typ", "kid"];

/// Checks the form and the header of a token, and returns the name of its key.
pub(super) fn key_id(token: &str) -> Result<String, Refusal> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(_signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::Malformed);
    };
    let header = object(header)?;
    object(claims)?;
    let text = |name: &str| match header.get(name) {
        Some(Json::Text(text)) => Ok(text.as_str()),
        Some(Json::Other) | None => Err(Refusal::Malformed),
    };
    if text("alg")? != "Ed25519" {
        return Err(Refusal::Algorithm);
    }
    if !text("typ").is_ok_and(is_access_token) {
        return Err(Refusal::Type);
    }
    if header
        .keys()
        .any(|name| !KNOWN_MEMBERS.contains(&name.as_str()))
    {
        return Err(Refusal::Header);
    }
    text("kid").map(ToOwned::to_owned)
}

fn object(part: &str) -> Result<BTreeMap<String, Json>, Refusal> {
    let bytes = Base64UrlUnpadded::decode_vec(part).map_err(|_| Refusal::Malformed)?;
    let Members(members) = serde_json::from_slice(&bytes).map_err(|_| Refusal::Malformed)?;
    Ok(members)
}

/// A JSON value of which only texts matter; no object within it names a member twice.
enum Json {
    Text(String),
    Other,
}

/// A JSON object that names no member twice (RFC 7515 §4, RFC 7519 §4).
struct Members(BTreeMap<String, Json>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Members, A::Error> {
                members(map).map(Members)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value")
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
                Ok(Json::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
                Ok(Json::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
                Ok(Json::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
                Ok(Json::Other)
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Json, A::Error> {
                while values.next_element::<Json>()?.is_some() {}
                Ok(Json::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Json, A::Error> {
                members(map).map(|_| Json::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn members<'de, A: MapAccess<'de>>(mut map: A) -> Result<BTreeMap<String, Json>, A::Error> {
    let mut members = BTreeMap::new();
    while let Some((name, value)) = map.next_entry::<String, Json>()? {
        if members.insert(name, value).is_some() {
            return Err(A::Error::custom("a member is named twice"));
        }
    }
    Ok(members)
}
