//! The platform's own functions, captured when the session starts, and the few methods that calls go through.
//!
//! Declared here and not taken from web-sys where a string that stays in JavaScript saves a copy for every call.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

use super::global::global;
use super::platform::{origin_of, url_of};

#[wasm_bindgen]
extern "C" {
    /// A function as it was when the session started.
    pub(super) type NativeFunction;

    #[wasm_bindgen(method, catch, js_name = call)]
    fn call1(
        this: &NativeFunction,
        receiver: &JsValue,
        first: &JsValue,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = call)]
    fn call2(
        this: &NativeFunction,
        receiver: &JsValue,
        first: &JsValue,
        second: &JsValue,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = Reflect, catch)]
    fn construct(constructor: &JsValue, parameters: &Array) -> Result<JsValue, JsValue>;

    /// A request that the wrapper has made.
    pub(super) type ApiRequest;

    #[wasm_bindgen(method, getter)]
    pub(super) fn headers(this: &ApiRequest) -> ApiHeaders;

    #[wasm_bindgen(method, getter)]
    pub(super) fn url(this: &ApiRequest) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(super) fn method(this: &ApiRequest) -> String;

    #[wasm_bindgen(method, getter)]
    pub(super) fn body(this: &ApiRequest) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(super) fn signal(this: &ApiRequest) -> web_sys::AbortSignal;

    #[wasm_bindgen(method, catch, js_name = clone)]
    pub(super) fn duplicate(this: &ApiRequest) -> Result<ApiRequest, JsValue>;

    pub(super) type ApiHeaders;

    #[wasm_bindgen(method)]
    pub(super) fn has(this: &ApiHeaders, name: &JsValue) -> bool;

    #[wasm_bindgen(method)]
    pub(super) fn set(this: &ApiHeaders, name: &JsValue, value: &JsValue);
}

/// `fetch`, `Request` and `URL` as they were when the session started.
pub(super) struct Natives {
    global: JsValue,
    pub(super) fetch: NativeFunction,
    request: JsValue,
    url: JsValue,
    /// The name of the header, kept where it is used.
    pub(super) authorization: JsValue,
}

impl Natives {
    /// Captures them; `None` where this is no browser.
    pub(super) fn capture() -> Option<Self> {
        Some(Self {
            global: js_sys::global().into(),
            fetch: global("fetch")?.unchecked_into(),
            request: global("Request")?,
            url: global("URL")?,
            authorization: JsValue::from_str("authorization"),
        })
    }

    /// Calls `fetch` with one argument.
    pub(super) fn send(&self, input: &JsValue) -> Result<Promise, JsValue> {
        self.fetch.call1(&self.global, input)
    }

    /// Calls `fetch` with the caller's own arguments, so that its errors are the platform's own.
    pub(super) fn pass_on(&self, input: &JsValue, init: &JsValue) -> Result<Promise, JsValue> {
        self.fetch.call2(&self.global, input, init)
    }

    /// Makes a request, as `fetch` does with its arguments.
    pub(super) fn request(&self, input: &JsValue, init: &JsValue) -> Result<ApiRequest, JsValue> {
        construct(&self.request, &Array::of2(input, init)).map(JsCast::unchecked_into)
    }

    /// Returns the origin that a URL leads to, as `fetch` parses it; `None` where it leads nowhere by HTTP.
    pub(super) fn origin(&self, url: &JsValue) -> Option<String> {
        origin_of(&self.url, url)
    }

    /// Returns the URL of a request of any realm; `None` where it is no request.
    pub(super) fn url_of_request(&self, input: &JsValue) -> Option<JsValue> {
        Some(url_of(&self.request, input)).filter(|url| !url.is_undefined())
    }
}
