//! Schemas of the document of endpoints that no type of this server has.

use nolapse::wire::{EndReason, MAX_CONTEXT_BYTES, MAX_CONTEXTS, PageVisibility, RefreshReason};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type},
};

use crate::{domain::Role, problem::spelled, verifier::Algorithm};

/// Public keys (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
#[schema(as = KeySet)]
pub(super) struct KeySetBody {
    keys: Vec<PublicKeyBody>,
}

/// A public key: of P-256 (RFC 7518 §6.2), Ed25519 (RFC 8037 §2) or RSA (RFC 7518 §6.3).
#[derive(Serialize, ToSchema)]
#[schema(as = PublicKey)]
struct PublicKeyBody {
    /// `EC`, `OKP` or `RSA`.
    kty: String,
    /// `P-256` for `EC`, `Ed25519` for `OKP`.
    crv: Option<String>,
    /// Of `EC` and `OKP`.
    x: Option<String>,
    /// Of `EC`.
    y: Option<String>,
    /// Of `RSA`.
    n: Option<String>,
    /// Of `RSA`: `AQAB`.
    e: Option<String>,
    kid: String,
    /// `sig`.
    #[serde(rename = "use")]
    usage: String,
    #[schema(schema_with = algorithm)]
    alg: String,
}

/// Why a page refreshes.
pub(super) fn refresh_reason() -> Object {
    spelled(RefreshReason::ALL.iter().map(|reason| reason.as_str()))
}

/// What a key signs with.
fn algorithm() -> Object {
    spelled(Algorithm::ALL.iter().map(|one| one.as_str()))
}

/// Why a session has ended.
pub(super) fn end_reason() -> Object {
    spelled(EndReason::ALL.iter().map(|reason| reason.as_str()))
}

/// A text, or nothing.
pub(super) fn code_or_null() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .build()
}

/// Nothing.
pub(super) fn null() -> Object {
    Object::with_type(Type::Null)
}

/// The role of a user.
pub(super) fn role() -> Object {
    spelled(Role::ALL.iter().map(|role| role.as_str()))
}

/// Whether a page is visible.
pub(super) fn page_visibility() -> Object {
    spelled(PageVisibility::ALL.iter().map(|page| page.as_str()))
}

/// Names of contexts.
pub(super) fn context_names() -> Array {
    let name = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_CONTEXT_BYTES))
        .pattern(Some("^[!-~]+$"));
    ArrayBuilder::new()
        .items(name)
        .max_items(Some(MAX_CONTEXTS))
        .build()
}
