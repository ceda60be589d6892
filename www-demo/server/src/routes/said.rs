//! What a request of the contract says, of either version, and its proof of possession.

use axum::extract::{FromRequest, Request};
use nolapse::wire::PLAIN_VERSION;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::{
    App,
    body::{NOT_JSON, is_json, parse, read},
    cross_origin::is_plain,
    proof::ProofTarget,
};
use crate::{domain::Proof, problem::Problem};

/// The member `version` of a plain body.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlainVersion;

impl<'de> Deserialize<'de> for PlainVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let is_known = text == PLAIN_VERSION;
        is_known
            .then_some(Self)
            .ok_or(serde::de::Error::custom("no such version"))
    }
}

/// A body with the members of version 2.
pub(super) trait Body: DeserializeOwned {
    /// Whether no body and `null` are an empty object.
    const MAY_BE_EMPTY: bool;

    /// Whether it says that it is of version 2.
    fn has_version(&self) -> bool;

    /// The proof of possession, which version 2 has in place of a header.
    fn dpop(&self) -> Option<&str>;
}

/// A body of either version, read strictly, and the proof in it or in the header.
pub(super) struct Said<T> {
    /// The body.
    pub(super) body: T,
    /// The proof, verified; `None` if there is none.
    pub(super) proof: Option<Proof>,
}

impl<T: Body> FromRequest<App> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let target = ProofTarget::of(&request);
        let is_plain = is_plain(&headers);
        let is_readable = is_plain || is_json(&headers);
        if !is_readable && !T::MAY_BE_EMPTY {
            return Err(NOT_JSON);
        }
        let bytes = read(request, app).await?;
        let is_empty =
            T::MAY_BE_EMPTY && (bytes.is_empty() || is_readable && bytes.trim_ascii() == b"null");
        if !is_readable && !is_empty {
            return Err(NOT_JSON);
        }
        let body: T = parse(if is_empty { b"{}" } else { &bytes })?;
        let is_consistent = if is_plain {
            body.has_version()
        } else {
            !body.has_version() && body.dpop().is_none()
        };
        if !is_consistent {
            return Err(Problem::invalid(
                "a body of text/plain has version 2; no other has it, or dpop",
            ));
        }
        let proof = app.proof(&headers, body.dpop(), &target)?;
        Ok(Self { body, proof })
    }
}

/// Implements [`Body`] for a type that has the members.
macro_rules! said {
    ($body:ty, may_be_empty: $may_be_empty:literal) => {
        impl $crate::routes::said::Body for $body {
            const MAY_BE_EMPTY: bool = $may_be_empty;

            fn has_version(&self) -> bool {
                self.version.is_some()
            }

            fn dpop(&self) -> Option<&str> {
                self.dpop.as_deref()
            }
        }
    };
}

pub(super) use said;
