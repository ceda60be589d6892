//! The options object, read field by field; what the fields mean is checked where Rust users need it too.

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::prelude::*;

use crate::browser::{Auth, OptionError, Options, Refresher, SignOut};

const KEYS: &[&str] = &["auth", "apis", "name", "timeout", "wasm"];
const AUTH_KEYS: &[&str] = &["refresh", "signOut"];

/// Reads the options.
pub(super) fn read_options(options: &JsValue, seed: u64) -> Result<Options, OptionError> {
    if !options.is_object() {
        return Err(OptionError::new("options", "an object"));
    }
    refuse_unknown(options, KEYS, "")?;
    let mut read = Options::new(read_auth(options)?, seed);
    if let Some(apis) = field(options, "apis") {
        let expected = "an array of origins";
        if !Array::is_array(&apis) {
            return Err(OptionError::new("apis", expected));
        }
        for api in apis.unchecked_into::<Array>().iter() {
            read.apis
                .push(url_text(&api).ok_or_else(|| OptionError::new("apis", expected))?);
        }
    }
    if let Some(name) = field(options, "name") {
        let name = name.as_string();
        read.name = Some(name.ok_or_else(|| OptionError::new("name", "a string"))?);
    }
    if let Some(timeout) = field(options, "timeout") {
        read.timeout_s = timeout.as_f64().unwrap_or(f64::NAN);
    }
    Ok(read)
}

fn read_auth(options: &JsValue) -> Result<Auth, OptionError> {
    let expected = "a URL, or { refresh, signOut }";
    let auth = field(options, "auth").ok_or_else(|| OptionError::new("auth", expected))?;
    if let Some(url) = url_text(&auth) {
        return Ok(Auth::Server(url));
    }
    if !auth.is_object() || auth.is_function() {
        return Err(OptionError::new("auth", expected));
    }
    refuse_unknown(&auth, AUTH_KEYS, "auth.")?;
    let refresh = field(&auth, "refresh").map(|value| match value.dyn_into::<Function>() {
        Ok(function) => Some(Refresher::Function(function)),
        Err(value) => url_text(&value).map(Refresher::Url),
    });
    let sign_out = field(&auth, "signOut").map(|value| match value.dyn_into::<Function>() {
        Ok(function) => Some(SignOut::Function(function)),
        Err(value) => url_text(&value).map(SignOut::Url),
    });
    let either = "a URL or a function";
    Ok(Auth::Endpoints {
        refresh: refresh
            .flatten()
            .ok_or_else(|| OptionError::new("auth.refresh", either))?,
        sign_out: sign_out
            .unwrap_or(Some(SignOut::Local))
            .ok_or_else(|| OptionError::new("auth.signOut", either))?,
    })
}

fn refuse_unknown(object: &JsValue, known: &[&str], prefix: &str) -> Result<(), OptionError> {
    for key in Object::keys::<JsValue>(object.unchecked_ref()).iter() {
        let key = key.as_string().unwrap_or_default();
        if !known.contains(&&*key) {
            let mut name = String::from(prefix);
            name.push_str(&key);
            return Err(OptionError::new(&name, "left out: there is no such option"));
        }
    }
    Ok(())
}

fn field(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &JsValue::from_str(name))
        .ok()
        .filter(|value| !value.is_undefined())
}

/// Reads a string or a `URL`.
fn url_text(value: &JsValue) -> Option<String> {
    value
        .as_string()
        .or_else(|| value.dyn_ref::<web_sys::Url>().map(web_sys::Url::href))
}
