//! The host's scripts, so that wasm-bindgen hands all of them over: it leaves out those that Rust uses nothing of, also
//! where another script imports them.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/browser/answers.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = renew)]
    static ANSWERS: JsValue;
}

#[wasm_bindgen(module = "/src/browser/callers.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = Callers)]
    static CALLERS: JsValue;
}

#[wasm_bindgen(module = "/src/browser/calls.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = Calls)]
    static CALLS: JsValue;
}

#[wasm_bindgen(module = "/src/browser/exchanges.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = Exchanges)]
    static EXCHANGES: JsValue;
}

#[wasm_bindgen(module = "/src/browser/head-start.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = begin)]
    static HEAD_START: JsValue;
}

#[wasm_bindgen(module = "/src/browser/locks.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = Locks)]
    static LOCKS: JsValue;
}

#[wasm_bindgen(module = "/src/browser/page.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = watchPage)]
    static PAGE: JsValue;
}

#[wasm_bindgen(module = "/src/browser/shelf.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = Shelf)]
    static SHELF: JsValue;
}

#[wasm_bindgen(module = "/src/browser/urls.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = placeOf)]
    static URLS: JsValue;
}

/// Uses something of each script; whether all of them are there.
pub(super) fn are_there() -> bool {
    [
        &ANSWERS,
        &CALLERS,
        &CALLS,
        &EXCHANGES,
        &HEAD_START,
        &LOCKS,
        &PAGE,
        &SHELF,
        &URLS,
    ]
    .iter()
    .all(|script| script.with(JsValue::is_function))
}
