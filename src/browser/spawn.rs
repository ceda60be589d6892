//! Futures, boxed: one copy of the executor's code for all of them.

use std::future::Future;
use std::pin::Pin;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

/// What a promise is made of.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>>;

/// Runs work to its end and gives its promise.
pub(crate) fn promise(work: Work) -> Promise {
    future_to_promise(work)
}

/// Runs work to its end.
pub(super) fn spawn(work: Pin<Box<dyn Future<Output = ()>>>) {
    spawn_local(work);
}

/// Awaits what a function returned, promise or not.
pub(super) async fn settled(returned: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(Promise::resolve(&returned?)).await
}
