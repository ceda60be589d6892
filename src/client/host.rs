//! The JavaScript host, and how it creates a machine whose effects reach the Rust app.

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::bridge::Machine;

#[wasm_bindgen(module = "/src/generated/host.js")]
extern "C" {
    pub(super) type Host;

    #[wasm_bindgen(constructor, catch)]
    pub(super) fn new(settings: &JsValue, app: &JsValue, realm: &JsValue) -> Result<Host, JsValue>;

    #[wasm_bindgen(method)]
    pub(super) fn start(this: &Host, make: &JsValue);

    #[wasm_bindgen(method)]
    pub(super) fn feed(this: &Host, kind: u32, id: f64, a: f64, b: f64, c: f64, text: &str);

    /// Returns the token to send now; counts as activity of the app.
    #[wasm_bindgen(method)]
    pub(super) fn bearer(this: &Host, background: bool, context: &str) -> JsValue;

    #[wasm_bindgen(method, catch, js_name = signIn)]
    pub(super) fn sign_in(this: &Host, how: &JsValue, endpoint: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method)]
    pub(super) fn proof(this: &Host, url: &str, method: &str) -> Promise;

    #[wasm_bindgen(method, js_name = setTokens)]
    pub(super) fn set_tokens(this: &Host, response: &JsValue) -> Promise;

    #[wasm_bindgen(method, js_name = tokenLeft)]
    pub(super) fn token_left(this: &Host) -> f64;

    #[wasm_bindgen(method)]
    pub(super) fn close(this: &Host);

    #[wasm_bindgen(method, getter)]
    pub(super) fn calls(this: &Host) -> Calls;

    pub(super) type Calls;

    #[wasm_bindgen(method, catch)]
    pub(super) fn fetch(
        this: &Calls,
        request: &web_sys::Request,
        init: &JsValue,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, setter)]
    pub(super) fn set_on_call(this: &Calls, on_call: &JsValue);
}

#[wasm_bindgen(module = "/src/generated/host.js")]
extern "C" {
    /// What is kept of the user who was signed in last.
    pub(super) type LastUser;

    #[wasm_bindgen(constructor, catch)]
    pub(super) fn new(settings: &JsValue, realm: &JsValue) -> Result<LastUser, JsValue>;

    /// Returns what was kept; null without.
    #[wasm_bindgen(method)]
    pub(super) fn get(this: &LastUser) -> JsValue;

    /// Keeps what the app chooses of the user.
    #[wasm_bindgen(method, catch)]
    pub(super) fn keep(this: &LastUser, user: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method)]
    pub(super) fn forget(this: &LastUser);
}

#[wasm_bindgen(module = "/src/generated/host.js")]
extern "C" {
    /// Returns the app's callbacks: only the one that creates errors is called.
    #[wasm_bindgen(js_name = rustApp)]
    pub(super) fn rust_app() -> JsValue;

    #[wasm_bindgen(js_name = readOptions, catch)]
    pub(super) fn read_options(options: &JsValue) -> Result<JsValue, JsValue>;
}

/// `App.called` in `host.js`, with the same positional arguments.
pub(super) type OnCall = dyn FnMut(String, String, f64, f64, Option<u16>, bool, f64);

/// [`Machine::new`], with the same arguments.
pub(super) type MakeMachine = dyn FnMut(u32, f64, f64, bool, f64, f64) -> Machine;
