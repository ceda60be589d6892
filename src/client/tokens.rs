//! Token responses, and the app's own refreshers.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use js_sys::{Array, Function, Promise, Reflect};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::AbortSignal;

use crate::wire::{EndReason, PageVisibility, RefreshReason};

use super::options::text;

/// A token response (RFC 6749 §5.1, with the session beside it).
#[derive(Clone, Debug, Serialize)]
pub struct TokenResponse<User = ()> {
    /// The access token.
    pub access_token: String,
    /// Its lifetime in seconds, 2 to 604,800; `None`: `exp − iat` of a JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<f64>,
    /// When to refresh, in seconds from now; `None`: `expires_in − min(10, expires_in / 6)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_in: Option<f64>,
    /// The session behind the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<TokenSession<User>>,
    /// The access tokens of the contexts that were requested. One without a token is refused.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, ContextResponse>,
}

/// The access token of a context.
#[derive(Clone, Debug, Serialize)]
pub struct ContextResponse {
    /// The access token.
    pub access_token: String,
}

/// The session of a token response.
#[derive(Clone, Debug, Serialize)]
pub struct TokenSession<User> {
    /// The session id.
    pub id: String,
    /// The user, with an `id` or a `sub`.
    pub user: User,
}

impl<User> TokenResponse<User> {
    /// Creates a token response with a token alone.
    #[must_use]
    pub fn new(access_token: impl Into<String>) -> Self {
        Self {
            access_token: access_token.into(),
            expires_in: None,
            refresh_in: None,
            session: None,
            contexts: BTreeMap::new(),
        }
    }
}

impl<User: Serialize> From<TokenResponse<User>> for JsValue {
    fn from(response: TokenResponse<User>) -> Self {
        to_js(&response).unwrap_or_default()
    }
}

/// Converts a value to plain JavaScript objects.
pub(super) fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsValue> {
    Ok(value.serialize(&Serializer::json_compatible())?)
}

/// The context of a refresh, for an app's own refresher.
#[derive(Clone, Debug)]
pub struct RefreshContext {
    /// The reason of the refresh.
    pub reason: RefreshReason,
    /// Whether the page is visible.
    pub page: PageVisibility,
    /// The time since the last app or user activity.
    pub active_ago: Duration,
    /// Aborts after the timeout, or when the session is closed.
    pub signal: AbortSignal,
    /// The contexts to return tokens for.
    pub contexts: Vec<String>,
}

/// Why an app's own refresher returns no token.
#[derive(Clone, Debug)]
pub enum RefreshError {
    /// The session has ended.
    SessionEnded(EndReason),
    /// A transient failure.
    Failed(JsValue),
}

/// Converts an async refresher to the function of the JavaScript API.
pub(super) fn refresher<F, Fut, Response>(refresh: F) -> Function
where
    F: Fn(RefreshContext) -> Fut + 'static,
    Fut: Future<Output = Result<Response, RefreshError>> + 'static,
    Response: Into<JsValue>,
{
    let call = move |given: JsValue| -> Promise {
        let refreshed = refresh(context_of(&given));
        future_to_promise(async move { refreshed.await.map(Into::into).map_err(thrown) })
    };
    Closure::<dyn FnMut(JsValue) -> Promise>::new(call)
        .into_js_value()
        .unchecked_into()
}

fn context_of(given: &JsValue) -> RefreshContext {
    let field = |name: &str| Reflect::get(given, &name.into()).unwrap_or_default();
    let active_ago = field("activeAgoMs").as_f64().unwrap_or_default();
    RefreshContext {
        reason: RefreshReason::parse(&text(given, "reason")).unwrap_or(RefreshReason::Timer),
        page: PageVisibility::parse(&text(given, "page")).unwrap_or(PageVisibility::Visible),
        active_ago: Duration::from_secs_f64(active_ago.max(0.0) / 1_000.0),
        signal: field("signal").unchecked_into(),
        contexts: Array::from(&field("contexts"))
            .iter()
            .filter_map(|name| name.as_string())
            .collect(),
    }
}

/// Converts the error to what a JavaScript refresher throws.
fn thrown(error: RefreshError) -> JsValue {
    match error {
        RefreshError::SessionEnded(reason) => {
            let ended = js_sys::Error::new("the session has ended");
            ended.set_name("SessionEnded");
            // Setting a property of an error cannot fail.
            let _ = Reflect::set(&ended, &"reason".into(), &reason.as_str().into());
            ended.into()
        }
        RefreshError::Failed(value) => value,
    }
}
