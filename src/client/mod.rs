//! A session for Rust on a page or in a worker.

mod events;
mod options;

use std::future::Future;
use std::rc::Rc;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use crate::core::{FailureCause, Millis, Secret, SessionError, Status, TraceEntry};
use crate::wire::EndReason;

use crate::bridge::{self, Machine};
use events::EventQueue;
pub use events::{FinishedCall, Notice};
use options::text;
pub use options::{Auth, OptionError, Options, Refresher, SignOut};

#[wasm_bindgen(module = "/src/generated/host.js")]
extern "C" {
    type Host;

    #[wasm_bindgen(constructor, catch)]
    fn new(make: &JsValue, settings: &JsValue, app: &JsValue) -> Result<Host, JsValue>;

    #[wasm_bindgen(method, getter)]
    fn calls(this: &Host) -> Calls;

    #[wasm_bindgen(method, js_name = getToken)]
    fn get_token(this: &Host, min_validity: f64, signal: Option<AbortSignal>) -> Promise;

    #[wasm_bindgen(method)]
    fn refresh(this: &Host, force: bool, signal: Option<AbortSignal>) -> Promise;

    #[wasm_bindgen(method)]
    fn adopt(this: &Host, source: &JsValue) -> Promise;

    #[wasm_bindgen(method, js_name = signOut)]
    fn sign_out(this: &Host, everywhere: bool) -> Promise;

    #[wasm_bindgen(method)]
    fn look(this: &Host, what: u32) -> f64;

    #[wasm_bindgen(method)]
    fn close(this: &Host);

    type Calls;

    #[wasm_bindgen(method)]
    fn fetch(this: &Calls, input: &JsValue, init: &JsValue) -> Promise;

    #[wasm_bindgen(method, setter)]
    fn set_on_call(this: &Calls, on_call: &JsValue);
}

#[wasm_bindgen(module = "/src/generated/host.js")]
extern "C" {
    #[wasm_bindgen(js_name = rustApp)]
    fn rust_app(notify: &JsValue) -> JsValue;
}

#[wasm_bindgen(module = "/src/generated/host.js")]
extern "C" {
    #[wasm_bindgen(js_name = readOptions, catch)]
    fn read_options(options: &JsValue) -> Result<JsValue, JsValue>;
}

/// `App.called` in `host.js`, with the same positional arguments.
type OnCall = dyn FnMut(String, String, f64, f64, Option<u16>, bool, f64);

/// [`Machine::new`], with the same arguments.
type MakeMachine = dyn FnMut(u32, f64, f64, f64, f64) -> Machine;

/// A session on this page: refreshes its token in the background and provides a `fetch` that always sends a valid one.
///
/// Dropping it closes this object; the session itself continues.
pub struct Client {
    host: Host,
    events: Rc<EventQueue>,
    on_call: Closure<OnCall>,
    _make: Closure<MakeMachine>,
    _told: Closure<dyn FnMut()>,
}

impl Client {
    /// Starts a session. If there may be a session, the first refresh is in flight when this returns.
    ///
    /// `listener` receives every event; it may call back into the session.
    ///
    /// # Errors
    ///
    /// The first invalid option; without an option name, the platform lacks what a session needs.
    pub fn new(
        options: &Options,
        listener: impl Fn(&Notice) + 'static,
    ) -> Result<Self, OptionError> {
        let refused = |error: JsValue| OptionError::from_js(&error);
        let settings = read_options(&options.to_js()).map_err(refused)?;
        let events = Rc::new(EventQueue::new(Box::new(listener)));
        let (for_machine, for_host, for_calls) =
            (Rc::clone(&events), Rc::clone(&events), Rc::clone(&events));
        let make = Closure::new(move |name, seed, timeout, steady, wall| {
            let events = Rc::clone(&for_machine);
            Machine::new(name, seed, timeout, steady, wall)
                .with_observer(Rc::new(move |effect| events.push(effect)))
        });
        let notify = Closure::new(move || for_host.flush());
        let on_call = Closure::new(
            move |method, url, waited, token_age, http_status, retried, duration| {
                for_calls.emit_call(FinishedCall {
                    method,
                    url,
                    waited: seconds(waited / 1_000.0),
                    token_age: seconds(token_age),
                    http_status,
                    retried,
                    duration: seconds(duration / 1_000.0),
                });
            },
        );
        let host =
            Host::new(make.as_ref(), &settings, &rust_app(notify.as_ref())).map_err(refused)?;
        Ok(Self {
            host,
            events,
            on_call,
            _make: make,
            _told: notify,
        })
    }

    /// Calls the platform's `fetch` with these arguments, with a token if their URL is listed.
    ///
    /// The promise is rejected with the error of `fetch`, or with an `Error` named `SessionError` whose `code` is that of
    /// [`SessionError`].
    pub fn fetch(&self, input: &JsValue, init: &JsValue) -> Promise {
        self.host.calls().fetch(input, init)
    }

    /// Returns a token that is valid for at least `min_validity`.
    ///
    /// # Errors
    ///
    /// Why there is no token; [`Aborted::By`] if the signal aborts first.
    pub fn get_token(
        &self,
        min_validity: Millis,
        signal: Option<AbortSignal>,
    ) -> impl Future<Output = Result<Secret, Aborted>> + use<> {
        let asked = self.host.get_token(min_validity.as_secs_f64(), signal);
        async move {
            let token = settled(asked).await?;
            let token = token.as_string().as_deref().and_then(Secret::new);
            token.ok_or(Aborted::Session(SessionError::Closed))
        }
    }

    /// Refreshes the token now; with `force`, through a refresh that is sent after this call.
    ///
    /// # Errors
    ///
    /// Why there is no token; [`Aborted::By`] if the signal aborts first.
    pub fn refresh(
        &self,
        force: bool,
        signal: Option<AbortSignal>,
    ) -> impl Future<Output = Result<(), Aborted>> + use<> {
        let asked = self.host.refresh(force, signal);
        async move { settled(asked).await.map(drop) }
    }

    /// Signs in with a token response that the app has obtained: an object as in RFC 6749 §5.1.
    ///
    /// # Errors
    ///
    /// [`SessionError::InvalidTokenResponse`] if it has no usable token.
    pub fn adopt(&self, answer: &JsValue) -> impl Future<Output = Result<(), Aborted>> + use<> {
        let asked = self.host.adopt(answer);
        async move { settled(asked).await.map(drop) }
    }

    /// Runs the app's sign-in function while no tab refreshes, and signs in with its result: a token response, a `Response`
    /// that contains one, or a promise of either.
    ///
    /// # Errors
    ///
    /// [`SessionError::InvalidTokenResponse`] if the result has no usable token; [`Aborted::By`] with the error that the
    /// function throws.
    pub fn adopt_with(
        &self,
        sign_in: &Function,
    ) -> impl Future<Output = Result<(), Aborted>> + use<> {
        self.adopt(sign_in)
    }

    /// Signs out, here and in every tab at once; returns whether the auth server confirmed it.
    ///
    /// # Errors
    ///
    /// [`SessionError::Closed`] only.
    pub fn sign_out(
        &self,
        everywhere: bool,
    ) -> impl Future<Output = Result<bool, Aborted>> + use<> {
        let asked = self.host.sign_out(everywhere);
        async move { settled(asked).await.map(|notify| notify.is_truthy()) }
    }

    /// Returns the session's status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.events.status()
    }

    /// Returns how long the current token can still be sent; zero without one.
    #[must_use]
    pub fn token_left(&self) -> Millis {
        seconds(self.host.look(bridge::TOKEN_LEFT))
    }

    /// Returns the last 64 trace entries, oldest first.
    #[must_use]
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.events.trace()
    }

    /// Turns [`Notice::Called`] on or off.
    pub fn observe_calls(&self, is_wanted: bool) {
        let on_call = if is_wanted {
            self.on_call.as_ref()
        } else {
            &JsValue::UNDEFINED
        };
        self.host.calls().set_on_call(on_call);
    }

    /// Closes this object: rejects every waiting caller and releases all resources. Idempotent.
    pub fn close(&self) {
        self.host.close();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

/// Why a caller is rejected.
#[derive(Clone, Debug)]
pub enum Aborted {
    /// By the session.
    Session(SessionError),
    /// By the caller's own signal or function, with this reason.
    By(JsValue),
}

async fn settled(promise: Promise) -> Result<JsValue, Aborted> {
    JsFuture::from(promise)
        .await
        .map_err(|error| session_error(&error).map_or(Aborted::By(error), Aborted::Session))
}

/// Reads an error made by `rust-app.js`; `None` for any other.
fn session_error(error: &JsValue) -> Option<SessionError> {
    if text(error, "name") != "SessionError" {
        return None;
    }
    let retry_in = Reflect::get(error, &"retryIn".into()).ok()?.as_f64();
    let retry_in = retry_in.map_or(Millis::ZERO, seconds);
    let cause = FailureCause::parse(&text(error, "failure"));
    let made = match &*text(error, "code") {
        "signed_out" => SessionError::SignedOut {
            reason: EndReason::parse(&text(error, "reason")),
        },
        "unreachable" => SessionError::Unreachable {
            cause: cause?,
            retry_in,
        },
        "timeout" => SessionError::Timeout { retry_in },
        "misconfigured" if cause.is_some() => SessionError::Misconfigured { retry_in },
        "misconfigured" => SessionError::InvalidTokenResponse,
        "min_validity" => SessionError::MinValidity,
        "overloaded" => SessionError::Overloaded,
        "closed" => SessionError::Closed,
        _ => return None,
    };
    Some(made)
}

fn seconds(seconds: f64) -> Millis {
    Millis::from_secs_f64(seconds).unwrap_or_default()
}
