//! The JavaScript face: names and conversions, no decisions. The facade in `pkg-template` makes classes and
//! listeners of it.

mod facade;
mod options;

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::AbortSignal;

use crate::browser::{Aborted, Client, OptionError};

use facade::{Facade, error_to_js, option_error_to_js, tell, tell_status, tell_trace};
use options::read_options;

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
        options: &JsValue,
        seed_high: u32,
        seed_low: u32,
        facade: Facade,
    ) -> Result<Handle, JsValue> {
        let facade = Rc::new(facade);
        let seed = u64::from(seed_high) << 32 | u64::from(seed_low);
        let (teller, maker) = (Rc::clone(&facade), Rc::clone(&facade));
        read_options(options, seed)
            .and_then(|options| {
                Client::with_errors(
                    options,
                    Box::new(move |notice| tell(&teller, notice)),
                    Box::new(move |error| error_to_js(&maker, error)),
                )
            })
            .map(|client| Self {
                client,
                facade: Rc::clone(&facade),
            })
            .map_err(|error| option_error_to_js(&facade, &error))
    }

    /// `session.fetch`.
    #[must_use]
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
        let min_validity = Duration::try_from_secs_f64(min_validity).map_err(|_| {
            let expected = "a number of seconds, 0 or more";
            option_error_to_js(&self.facade, &OptionError::new("minValidity", expected))
        })?;
        let token = self.client.get_token(min_validity, signal);
        Ok(self.promise(async move { token.await.map(|token| token.expose().into()) }))
    }

    /// `session.refresh`.
    #[must_use]
    pub fn refresh(&self, force: bool, signal: Option<AbortSignal>) -> Promise {
        let done = self.client.refresh(force, signal);
        self.promise(async move { done.await.map(|()| JsValue::UNDEFINED) })
    }

    /// `session.adopt` with a token response.
    #[must_use]
    pub fn adopt(&self, answer: &JsValue) -> Promise {
        let done = self.client.adopt(answer);
        self.promise(async move { done.await.map(|()| JsValue::UNDEFINED) })
    }

    /// `session.adopt` with a function.
    #[wasm_bindgen(js_name = adoptWith)]
    #[must_use]
    pub fn adopt_with(&self, sign_in: Function) -> Promise {
        let done = self.client.adopt_with(sign_in);
        self.promise(async move { done.await.map(|()| JsValue::UNDEFINED) })
    }

    /// `session.signOut`; the facade makes an object of the answer.
    #[wasm_bindgen(js_name = signOut)]
    #[must_use]
    pub fn sign_out(&self, everywhere: bool) -> Promise {
        let told = self.client.sign_out(everywhere);
        self.promise(async move { told.await.map(JsValue::from_bool) })
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

    fn promise(&self, answer: impl Future<Output = Result<JsValue, Aborted>> + 'static) -> Promise {
        let rejection = self.client.rejection();
        future_to_promise(async move { answer.await.map_err(rejection) })
    }
}
