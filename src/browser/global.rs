//! What is there under any global object: a page's or a worker's.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};

/// Returns a property of the global object; `None` where there is none, or reading it throws.
pub(super) fn global(name: &str) -> Option<JsValue> {
    property(&js_sys::global(), name)
}

/// Returns a property; `None` where it is `undefined` or `null`, or reading it throws.
pub(super) fn property(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &JsValue::from_str(name))
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}

/// Returns a property as an event target; only for properties whose kind the platform fixes.
pub(super) fn target(name: &str) -> Option<web_sys::EventTarget> {
    global(name).map(JsCast::unchecked_into)
}

/// Sets a property of an object that the SDK has made itself, which cannot fail.
pub(super) fn set(object: &JsValue, name: &str, value: &JsValue) {
    // An ordinary object takes any property, so there is no failure to report.
    let _ = Reflect::set(object, &JsValue::from_str(name), value);
}
