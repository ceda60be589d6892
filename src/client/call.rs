//! What a call says of its token.

use wasm_bindgen::JsValue;

use super::options::{object, set};

/// Whether a call needs a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authorization {
    /// A call without a token is rejected.
    #[default]
    Required,
    /// A call is sent without a token where nobody is signed in.
    Optional,
    /// A call is sent without a token also where the auth server is unreachable, without waiting for its recovery.
    BestEffort,
}

/// Options of [`Client::fetch_with`](super::Client::fetch_with); the default is those of the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// Whether this call needs a token; `None`: as the session has it.
    pub authorization: Option<Authorization>,
    /// The context of the token; `None`: the session's, empty: none.
    pub context: Option<String>,
    /// Whether the call runs without the user, as polling does: it then does not count as activity.
    pub background: bool,
}

impl Authorization {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::BestEffort => "best_effort",
        }
    }
}

impl CallOptions {
    /// Converts the options to the JavaScript object.
    pub(super) fn to_js(&self) -> JsValue {
        let options = object(&[("background", self.background.into())]);
        if let Some(authorization) = self.authorization {
            set(&options, "authorization", &authorization.as_str().into());
        }
        if let Some(context) = &self.context {
            set(&options, "context", &context.into());
        }
        options.into()
    }
}
