//! What an app says about its session, and what is refused of it.

use crate::core::Span;
use std::fmt;

use js_sys::Function;
use wasm_bindgen::JsValue;

use crate::wire::{REFRESH_PATH, SIGN_OUT_PATH};

use super::platform::place_of;

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
    /// What chance is drawn from: 64 random bits, no secret, others in each tab.
    pub seed: u64,
}

impl Options {
    /// Makes the options of a session with the reference protocol below that URL, and no further origins.
    #[must_use]
    pub fn new(auth: Auth, seed: u64) -> Self {
        Self {
            auth,
            apis: Vec::new(),
            name: None,
            timeout_s: 10.0,
            seed,
        }
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

/// An option that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The option's name in JavaScript.
    pub option: String,
    /// What it must be.
    pub expected: &'static str,
}

impl OptionError {
    /// Returns what a person reads.
    #[must_use]
    pub fn message(&self) -> String {
        [self.option.as_ref(), " must be ", self.expected].concat()
    }

    pub(crate) fn new(option: &str, expected: &'static str) -> Self {
        Self {
            option: option.to_owned(),
            expected,
        }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for OptionError {}

/// Options that were checked.
pub(super) struct Checked {
    pub(super) refresher: JsValue,
    pub(super) sign_out: JsValue,
    pub(super) apis: Vec<String>,
    pub(super) name: String,
    pub(super) timeout: Span,
}

const HTTPS: &str = "an absolute https URL (http only for this machine) without credentials";
const ORIGINS: &str = "origins like https://api.example.com: no path, no wildcard";

impl Options {
    pub(super) fn check(self) -> Result<Checked, OptionError> {
        let apis = self
            .apis
            .iter()
            .map(|api| place_of(api, "origin").ok_or_else(|| OptionError::new("apis", ORIGINS)))
            .collect::<Result<_, _>>()?;
        if !(1.0..=60.0).contains(&self.timeout_s) {
            return Err(OptionError::new("timeout", "a number of seconds, 1 to 60"));
        }
        let (refresher, sign_out) = check_auth(self.auth)?;
        let name = match self.name {
            Some(name) if is_name(&name) => name,
            Some(_) => {
                let expected = "1 to 100 characters, none of them a control character";
                return Err(OptionError::new("name", expected));
            }
            None => match &refresher {
                Refresher::Url(url) => url.clone(),
                Refresher::Function(_) => "custom".to_owned(),
            },
        };
        Ok(Checked {
            refresher: match refresher {
                Refresher::Url(url) => url.into(),
                Refresher::Function(function) => function.into(),
            },
            sign_out: match sign_out {
                SignOut::Url(url) => url.into(),
                SignOut::Function(function) => function.into(),
                SignOut::Local => JsValue::UNDEFINED,
            },
            apis,
            name,
            timeout: Span::from_secs_f64(self.timeout_s).unwrap_or_default(),
        })
    }
}

fn check_auth(auth: Auth) -> Result<(Refresher, SignOut), OptionError> {
    match auth {
        Auth::Server(text) => {
            let root = place_of(&text, "server").ok_or_else(|| OptionError::new("auth", HTTPS))?;
            let sign_out = SignOut::Url(root.clone() + SIGN_OUT_PATH);
            Ok((Refresher::Url(root + REFRESH_PATH), sign_out))
        }
        Auth::Endpoints { refresh, sign_out } => {
            let refresh = match refresh {
                Refresher::Url(text) => Refresher::Url(endpoint(&text, "auth.refresh")?),
                function @ Refresher::Function(_) => function,
            };
            let sign_out = match sign_out {
                SignOut::Url(text) => SignOut::Url(endpoint(&text, "auth.signOut")?),
                other @ (SignOut::Function(_) | SignOut::Local) => other,
            };
            Ok((refresh, sign_out))
        }
    }
}

/// An endpoint may be named by its path on the page's own origin.
fn endpoint(text: &str, option: &str) -> Result<String, OptionError> {
    let expected = "an https URL (http only for this machine) or a path that begins with a slash";
    place_of(text, "endpoint").ok_or_else(|| OptionError::new(option, expected))
}

fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}
