//! Claims for JavaScript.

use serde::Serialize;
use serde_wasm_bindgen::{Serializer, from_value};
use wasm_bindgen::prelude::*;

use crate::verify::{KeySet, verify};

/// Checks a token against a JWK Set and returns its claims.
///
/// # Errors
///
/// An `Error` that says what is wrong with the token, or with the set.
#[wasm_bindgen(js_name = verifyToken)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "the boundary hands optional texts over by value"
)]
pub fn verify_token(
    token: &str,
    jwks: JsValue,
    issuer: Option<String>,
    audience: Option<String>,
) -> Result<JsValue, JsError> {
    let set = from_value(jwks).map_err(|_| JsError::new("the key set is no JWK Set"))?;
    let claims = verify(
        token,
        &KeySet::new(set),
        issuer.as_deref(),
        audience.as_deref(),
    )?;
    Ok(claims.serialize(&Serializer::json_compatible())?)
}
