//! The builder of a session in a Rust app. `options.js` checks the options, as it does for JavaScript.

use std::future::Future;
use std::time::Duration;

use js_sys::{Array, Function, Object, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;

use super::call::Authorization;
use super::tokens::{RefreshContext, RefreshError, refresher, to_js};
use super::{Client, Error, Notice};
use crate::core::SessionInfo;

/// Builds a [`Client`].
#[must_use]
pub struct ClientBuilder {
    auth: Auth,
    allowed_origins: Vec<String>,
    storage_key: Option<String>,
    authorization: Authorization,
    remember: Option<Function>,
    pub(super) initial: Option<SessionInfo>,
    pub(super) context: String,
    push: bool,
    device_binding: bool,
    timeout: Duration,
    pub(super) listener: Box<dyn Fn(&Notice)>,
    pub(super) observes_calls: bool,
}

impl ClientBuilder {
    pub(super) fn new(auth: Auth) -> Self {
        Self {
            auth,
            allowed_origins: Vec::new(),
            storage_key: None,
            authorization: Authorization::default(),
            remember: None,
            initial: None,
            context: String::new(),
            push: false,
            device_binding: true,
            timeout: Duration::from_secs(10),
            listener: Box::new(|_| {}),
            observes_calls: false,
        }
    }

    /// Allows an origin, besides the page's own, to receive the token.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed_origins.push(origin.into());
        self
    }

    /// Names the session's lock, channel and storage record; the cookie is the auth server's. Default: derived from
    /// the auth server.
    pub fn storage_key(mut self, key: impl Into<String>) -> Self {
        self.storage_key = Some(key.into());
        self
    }

    /// Sets whether calls need a token.
    pub fn authorization(mut self, authorization: Authorization) -> Self {
        self.authorization = authorization;
        self
    }

    /// Sets the session that the page was rendered for, which is the status until the first response. Has no token: calls wait
    /// for the first refresh as ever.
    pub fn initial(mut self, session: SessionInfo) -> Self {
        self.initial = Some(session);
        self
    }

    /// Sets what of the user is kept in `localStorage` until the sign-out, for [`Client::last_user`]; `None` for nothing. Default:
    /// the user's `id`.
    pub fn remember<User, Kept>(mut self, keep: impl Fn(User) -> Option<Kept> + 'static) -> Self
    where
        User: DeserializeOwned + 'static,
        Kept: Serialize + 'static,
    {
        let kept = move |user: JsValue| {
            let user = serde_wasm_bindgen::from_value(user).ok();
            let kept = user.and_then(&keep).and_then(|kept| to_js(&kept).ok());
            kept.unwrap_or(JsValue::NULL)
        };
        let function = Closure::<dyn FnMut(JsValue) -> JsValue>::new(kept).into_js_value();
        self.remember = Some(function.unchecked_into());
        self
    }

    /// Sets the context of every call: an organisation, an audience (RFC 8707) or a role that the auth server issues tokens for.
    /// Up to 100 visible ASCII characters.
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.context = context.into();
        self
    }

    /// Learns of a revocation within a second, from one stream per browser, `GET /auth/events` of [`Auth::Server`], which a visible
    /// page holds.
    pub fn push(mut self) -> Self {
        self.push = true;
        self
    }

    /// Begins sessions that are not bound to a key of this browser (RFC 9449). One that is bound stays so.
    pub fn without_device_binding(mut self) -> Self {
        self.device_binding = false;
        self
    }

    /// Sets the timeout of one request to the auth server, 1 to 60 seconds. Default: 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the listener of every event. It may call back into the session.
    pub fn on_event(mut self, listener: impl Fn(&Notice) + 'static) -> Self {
        self.listener = Box::new(listener);
        self
    }

    /// Emits [`Notice::Called`] for every finished call.
    pub fn observe_calls(mut self) -> Self {
        self.observes_calls = true;
        self
    }

    /// Starts the session. If there may be a session, the first refresh is in flight when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for the first invalid option; [`Error::Js`] if the platform lacks a required API.
    pub fn build(self) -> Result<Client, Error> {
        Client::start(self)
    }

    /// Converts the options to the JavaScript object.
    pub(super) fn to_js(&self) -> JsValue {
        let origins: Array = self.allowed_origins.iter().map(JsValue::from).collect();
        let options = object(&[
            ("auth", self.auth.to_js()),
            ("allowedOrigins", origins.into()),
            ("authorization", self.authorization.as_str().into()),
            ("context", self.context.as_str().into()),
            ("push", self.push.into()),
            ("deviceBinding", self.device_binding.into()),
            ("timeoutMs", (self.timeout.as_secs_f64() * 1_000.0).into()),
        ]);
        if let Some(remember) = &self.remember {
            set(&options, "remember", remember);
        }
        if let Some(key) = &self.storage_key {
            set(&options, "storageKey", &key.into());
        }
        options.into()
    }
}

/// The auth server, or the app's own functions in its place.
#[derive(Clone, Debug)]
pub enum Auth {
    /// An auth server with the reference protocol below this URL.
    Server(String),
    /// Separate endpoints or functions.
    Endpoints {
        /// How to refresh the token.
        refresh: Refresher,
        /// How to sign out.
        sign_out: SignOut,
    },
}

impl<Url: Into<String>> From<Url> for Auth {
    fn from(url: Url) -> Self {
        Self::Server(url.into())
    }
}

impl Auth {
    fn to_js(&self) -> JsValue {
        match self {
            Self::Server(url) => url.into(),
            Self::Endpoints { refresh, sign_out } => {
                let refresh = match refresh {
                    Refresher::Url(url) => url.into(),
                    Refresher::Function(function) => function.into(),
                };
                let auth = object(&[("refresh", refresh)]);
                match sign_out {
                    SignOut::Url(url) => set(&auth, "signOut", &url.into()),
                    SignOut::Function(function) => set(&auth, "signOut", function),
                    SignOut::Local => {}
                }
                auth.into()
            }
        }
    }
}

/// How to refresh the token.
#[derive(Clone, Debug)]
pub enum Refresher {
    /// The URL of a reference protocol endpoint.
    Url(String),
    /// A function of the JavaScript API.
    Function(Function),
}

impl Refresher {
    /// Creates a refresher from an async function that returns a [`TokenResponse`](super::TokenResponse), or the
    /// `web_sys::Response` that contains one.
    pub fn from_fn<F, Fut, Response>(refresh: F) -> Self
    where
        F: Fn(RefreshContext) -> Fut + 'static,
        Fut: Future<Output = Result<Response, RefreshError>> + 'static,
        Response: Into<JsValue>,
    {
        Self::Function(refresher(refresh))
    }
}

/// How to sign out.
#[derive(Clone, Debug)]
pub enum SignOut {
    /// The URL of a reference protocol endpoint.
    Url(String),
    /// A function of the JavaScript API.
    Function(Function),
    /// Sign-out is local.
    Local,
}

/// Returns a string property; an empty string for any other value.
pub(super) fn text(object: &JsValue, name: &str) -> String {
    Reflect::get(object, &name.into())
        .ok()
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

pub(super) fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, value);
    }
    object
}

pub(super) fn set(object: &Object, name: &str, value: &JsValue) {
    // Setting a property of a plain object cannot fail.
    let _ = Reflect::set(object, &name.into(), value);
}
