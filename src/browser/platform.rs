//! What is said in fewer bytes in JavaScript, and promises without a Rust future: for the default build, they would
//! be an executor and a state machine for each.

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use super::natives::NativeFunction;

#[wasm_bindgen(module = "/src/browser/platform.js")]
extern "C" {
    #[wasm_bindgen(js_name = after)]
    fn tell_after(promise: &Promise, done: &JsValue);

    /// Asks for a new token.
    pub(super) fn renew(
        native: &NativeFunction,
        how: &JsValue,
        reason: &str,
        page: &str,
        active_ago: f64,
        signal: &AbortSignal,
        limit: u32,
    ) -> Promise;

    /// Tells of a sign-out.
    #[wasm_bindgen(js_name = signOut)]
    pub(super) fn sign_out(
        native: &NativeFunction,
        how: &JsValue,
        everywhere: bool,
        signal: &AbortSignal,
    ) -> Promise;

    /// Runs the app's sign-in function and reads what it returns.
    #[wasm_bindgen(js_name = signIn)]
    pub(super) fn sign_in(run: &Function, limit: u32) -> Promise;

    /// Reads an option: a URL of some kind; `None` where it is none.
    #[wasm_bindgen(js_name = placeOf)]
    pub(super) fn place_of(text: &str, kind: &str) -> Option<String>;

    /// Parses a URL as `fetch` does and returns its origin; `None` where it leads nowhere by HTTP.
    #[wasm_bindgen(js_name = originOf)]
    pub(super) fn origin_of(native: &JsValue, text: &JsValue) -> Option<String>;

    /// Returns the URL of a request of any realm; `undefined` where it is no request.
    #[wasm_bindgen(js_name = urlOf)]
    pub(super) fn url_of(native: &JsValue, input: &JsValue) -> JsValue;

    /// Reads the fields of a token response; `undefined` where it is no object.
    #[wasm_bindgen(js_name = grantOf)]
    pub(super) fn grant_of(answer: &JsValue, is_app: bool) -> JsValue;
}

/// Hears what a promise has come to.
pub(super) type Heard = Box<dyn FnOnce(Result<JsValue, JsValue>)>;

/// Tells what a promise has come to.
pub(super) fn after(promise: &Promise, heard: Heard) {
    let done = Closure::once_into_js(move |value: JsValue, is_kept: bool| {
        heard(if is_kept { Ok(value) } else { Err(value) });
    });
    tell_after(promise, &done);
}

/// A promise that the SDK settles.
pub(super) struct Deferred {
    pub(super) promise: Promise,
    ways: Option<(Function, Function)>,
}

impl Deferred {
    /// Makes it.
    pub(super) fn new() -> Self {
        let mut ways = None;
        let promise = Promise::new(&mut |resolve: Function, reject: Function| {
            ways = Some((resolve, reject));
        });
        Self { promise, ways }
    }

    /// Settles it; a promise is followed.
    pub(super) fn settle(self, outcome: Result<JsValue, JsValue>) {
        let Some((resolve, reject)) = self.ways else {
            return;
        };
        let (way, value) = match outcome {
            Ok(value) => (resolve, value),
            Err(error) => (reject, error),
        };
        // A promise's resolving functions do not throw.
        let _ = way.call1(&JsValue::UNDEFINED, &value);
    }
}
