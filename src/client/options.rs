//! What a Rust app says about its session. `options.js` checks it, for JavaScript too.

use std::fmt;

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::JsValue;

/// Options of a session. [`Client::new`](super::Client::new) checks them.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the auth server is, or how to do without one.
    pub auth: Auth,
    /// The origins that may see the token, besides the page's own.
    pub apis: Vec<String>,
    /// Tells two sessions of one page apart; `None` gives each `auth` a name of its own.
    pub name: Option<String>,
    /// Seconds that one exchange with the auth server may take, 1 to 60.
    pub timeout_s: f64,
}

impl Options {
    /// Makes the options of a session with that auth server, and no further origins.
    #[must_use]
    pub fn new(auth: Auth) -> Self {
        Self {
            auth,
            apis: Vec::new(),
            name: None,
            timeout_s: 10.0,
        }
    }

    /// Writes them as JavaScript has them.
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

/// Where the auth server is, or how to do without one.
#[derive(Clone, Debug)]
pub enum Auth {
    /// The reference protocol is spoken below this URL.
    Server(String),
    /// One by one.
    Endpoints {
        /// What renews the token.
        refresh: Refresher,
        /// What ends the session.
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

/// What renews the token.
#[derive(Clone, Debug)]
pub enum Refresher {
    /// The URL of an endpoint that speaks the reference protocol.
    Url(String),
    /// The app's own function, as in the JavaScript API.
    Function(Function),
}

/// What ends the session.
#[derive(Clone, Debug)]
pub enum SignOut {
    /// The URL of an endpoint that speaks the reference protocol.
    Url(String),
    /// The app's own function, as in the JavaScript API.
    Function(Function),
    /// Nothing: signing out is local.
    Local,
}

/// An option that makes no sense, or a browser that lacks what a session needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The option's name in JavaScript; empty where it is the browser.
    pub option: String,
    /// What a person reads.
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

/// Returns a property that is a text; an empty one where it is none.
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
    // An ordinary object takes any property, so there is no failure to report.
    let _ = Reflect::set(object, &name.into(), value);
}
