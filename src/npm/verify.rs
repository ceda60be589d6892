//! The verifying reader for JavaScript.

use js_sys::{Error, Reflect};
use wasm_bindgen::prelude::*;

use crate::verify::{Expected, KeySet, verify};

/// Verifies a token against a JWK Set, both as they came.
///
/// # Errors
///
/// An `Error` whose `code` is the [`Refusal`](crate::verify::Refusal)'s, or `key_set` where that is no JWK Set.
#[wasm_bindgen(js_name = verifyToken)]
pub fn verify_token(token: &str, jwks: &str, issuer: &str, audience: &str) -> Result<(), JsValue> {
    let keys = KeySet::from_json(jwks.as_bytes());
    let keys = keys.ok_or_else(|| error("key_set", "the key set is no JWK Set"))?;
    match verify(token, &keys, Expected { issuer, audience }) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(error(refusal.as_str(), &refusal.to_string())),
    }
}

fn error(code: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    // A new object takes a new property.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
