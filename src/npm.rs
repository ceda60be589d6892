//! The JavaScript face: names and conversions, no decisions. The facade in `pkg-template` makes classes and
//! listeners of it.

mod facade;
#[cfg(feature = "verify")]
pub mod verify;

use crate::core::Span;
use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::browser::{Auth, Client, OptionError, Options, Question, Refresher, SignOut};
use crate::core::Answer;

use facade::{Facade, error_to_js, option_error_to_js, tell, tell_status, tell_trace};

// Only for the module that npm users load: a Rust app chooses its own.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// Names the build, so that the facade of another one is noticed.
#[wasm_bindgen(js_name = buildId)]
#[must_use]
pub fn build_id() -> String {
    option_env!("NOLAPSE_BUILD_ID")
        .unwrap_or_default()
        .to_owned()
}

/// One session, as the facade holds it.
#[wasm_bindgen]
pub struct Handle {
    client: Client,
    facade: Rc<Facade>,
}

#[wasm_bindgen]
impl Handle {
    /// Starts a session.
    ///
    /// # Errors
    ///
    /// A `SessionError` with code `misconfigured` and the option's name.
    #[wasm_bindgen(constructor)]
    pub fn new(
        auth: JsValue,
        sign_out: JsValue,
        apis: &str,
        name: Option<String>,
        timeout_s: f64,
        seed: f64,
        facade: Facade,
    ) -> Result<Handle, JsValue> {
        let facade = Rc::new(facade);
        let (teller, maker) = (Rc::clone(&facade), Rc::clone(&facade));
        let options = Options {
            auth: read_auth(auth, sign_out),
            apis: apis.lines().map(str::to_owned).collect(),
            name,
            timeout_s,
            seed: seed.to_bits(),
        };
        Client::with_errors(
            options,
            Box::new(move |notice| tell(&teller, notice)),
            Box::new(move |error| error_to_js(&maker, error)),
        )
        .map(|client| Self {
            client,
            facade: Rc::clone(&facade),
        })
        .map_err(|error| option_error_to_js(&facade, &error))
    }

    /// `session.fetch`.
    pub fn fetch(&self, input: &JsValue, init: &JsValue) -> Promise {
        self.client.fetch(input, init)
    }

    /// `session.getToken`.
    ///
    /// # Errors
    ///
    /// A `SessionError` with code `misconfigured` where the number is none of seconds.
    #[wasm_bindgen(js_name = getToken)]
    pub fn get_token(
        &self,
        min_validity: f64,
        signal: Option<AbortSignal>,
    ) -> Result<Promise, JsValue> {
        let min_validity = Span::from_secs_f64(min_validity).ok_or_else(|| {
            let expected = "a number of seconds, 0 or more";
            option_error_to_js(&self.facade, &OptionError::new("minValidity", expected))
        })?;
        Ok(self.answer(self.client.ask_token(min_validity), signal))
    }

    /// `session.refresh`.
    pub fn refresh(&self, force: bool, signal: Option<AbortSignal>) -> Promise {
        self.answer(self.client.ask_refresh(force), signal)
    }

    /// `session.adopt` with a token response.
    pub fn adopt(&self, answer: &JsValue) -> Promise {
        self.answer(self.client.ask_adopt(answer), None)
    }

    /// `session.adopt` with a function.
    #[wasm_bindgen(js_name = adoptWith)]
    pub fn adopt_with(&self, sign_in: Function) -> Promise {
        self.answer(self.client.ask_adopt_with(sign_in), None)
    }

    /// `session.signOut`; the facade makes an object of the answer.
    #[wasm_bindgen(js_name = signOut)]
    pub fn sign_out(&self, everywhere: bool) -> Promise {
        self.answer(self.client.ask_sign_out(everywhere), None)
    }

    /// `session.expiresIn`.
    #[wasm_bindgen(js_name = expiresIn)]
    #[must_use]
    pub fn expires_in(&self) -> f64 {
        self.client.token_left().as_secs_f64()
    }

    /// Tells a facade where the session stands.
    #[wasm_bindgen(js_name = tellStatus)]
    pub fn tell_status(&self, facade: &Facade) {
        tell_status(facade, &self.client.status());
    }

    /// Tells a facade the last 64 steps.
    #[wasm_bindgen(js_name = tellTrace)]
    pub fn tell_trace(&self, facade: &Facade) {
        for entry in self.client.trace() {
            tell_trace(facade, &entry);
        }
    }

    /// Says whether anybody listens to `call`.
    #[wasm_bindgen(js_name = hearCalls)]
    pub fn hear_calls(&self, is_wanted: bool) {
        self.client.hear_calls(is_wanted);
    }

    /// `session.close`.
    pub fn close(&self) {
        self.client.close();
    }

    fn answer(&self, question: Question, signal: Option<AbortSignal>) -> Promise {
        self.client
            .promise(question, signal, |answer| match answer {
                Answer::Token { token, .. } => token.expose().into(),
                Answer::SignedOut { server_told } => server_told.into(),
                Answer::Adopted => JsValue::UNDEFINED,
            })
    }
}

/// What the facade gives: the auth server (then `sign_out` is null), or two endpoints, each a text or a function.
fn read_auth(auth: JsValue, sign_out: JsValue) -> Auth {
    if sign_out.is_null() {
        return Auth::Server(auth.as_string().unwrap_or_default());
    }
    Auth::Endpoints {
        refresh: match auth.dyn_into() {
            Ok(function) => Refresher::Function(function),
            Err(url) => Refresher::Url(url.as_string().unwrap_or_default()),
        },
        sign_out: match sign_out.dyn_into() {
            Ok(function) => SignOut::Function(function),
            Err(none) if none.is_undefined() => SignOut::Local,
            Err(url) => SignOut::Url(url.as_string().unwrap_or_default()),
        },
    }
}
