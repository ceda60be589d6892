//! Options of a session in a Rust app. `options.js` checks them, as it does for JavaScript.

use std::fmt;

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::JsValue;

/// Options of a session. [`Client::new`](super::Client::new) checks them.
#[derive(Clone, Debug)]
pub struct Options {
    /// The auth server, or the app's own functions in its place.
    pub auth: Auth,
    /// The origins that may receive the token, besides the page's own.
    pub apis: Vec<String>,
    /// Distinguishes two sessions on one page; by default, the name is derived from `auth`.
    pub name: Option<String>,
    /// Timeout of one request to the auth server in seconds, 1 to 60.
    pub timeout_s: f64,
}

impl Options {
    /// Creates options with this auth server and no further origins.
    #[must_use]
    pub fn new(auth: Auth) -> Self {
        Self {
            auth,
            apis: Vec::new(),
            name: None,
            timeout_s: 10.0,
        }
    }

    /// Converts them to the JavaScript options object.
    pub(super) fn to_js(&self) -> JsValue {
        let apis: Array = self.apis.iter().map(JsValue::from).collect();
        let options = object(&[
            ("auth", self.auth.to_js()),
            ("apis", apis.into()),
            ("timeout", self.timeout_s.into()),
        ]);
        if let Some(name) = &self.name {
            set(&options, "name", &name.into());
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
    /// The app's own function, as in the JavaScript API.
    Function(Function),
}

/// How to sign out.
#[derive(Clone, Debug)]
pub enum SignOut {
    /// The URL of a reference protocol endpoint.
    Url(String),
    /// The app's own function, as in the JavaScript API.
    Function(Function),
    /// Sign-out is local.
    Local,
}

/// An invalid option, or a platform that lacks what a session needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The option's name in JavaScript; empty if the platform is the problem.
    pub option: String,
    /// The error message.
    pub message: String,
}

impl OptionError {
    pub(super) fn from_js(error: &JsValue) -> Self {
        Self {
            option: text(error, "option"),
            message: text(error, "message"),
        }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OptionError {}

/// Returns a string property; an empty string for any other value.
pub(super) fn text(object: &JsValue, name: &str) -> String {
    Reflect::get(object, &name.into())
        .ok()
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, value);
    }
    object
}

fn set(object: &Object, name: &str, value: &JsValue) {
    // Setting a property of a plain object cannot fail.
    let _ = Reflect::set(object, &name.into(), value);
}
