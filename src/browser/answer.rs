//! Reads what an auth server, or the app in its place, says.

use js_sys::{JSON, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Response};

use crate::core::{AdoptOutcome, Grant, RawGrant, SessionInfo, UnexpectedAnswer};
use crate::wire::MAX_TOKEN_RESPONSE_BYTES;

use super::global::{global, property};

/// Why a body could not be read.
pub(super) enum Unread {
    /// The connection broke.
    Broken,
    /// It is larger than any honest one.
    TooLarge,
}

/// How a token response spells its fields.
pub(super) struct Spelling {
    access_token: &'static str,
    expires_in: &'static str,
    refresh_in: &'static str,
}

/// RFC 6749 §5.1.
pub(super) const WIRE: Spelling = Spelling {
    access_token: "access_token",
    expires_in: "expires_in",
    refresh_in: "refresh_in",
};

/// What an app's own refresher returns.
pub(super) const APP: Spelling = Spelling {
    access_token: "accessToken",
    expires_in: "expiresIn",
    refresh_in: "refreshIn",
};

/// Reads a body as text, up to the largest honest size.
pub(super) async fn read_text(response: &Response) -> Result<String, Unread> {
    let Some(body) = response.body() else {
        return Ok(String::new());
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read())
            .await
            .map_err(|_| Unread::Broken)?;
        let Some(value) = property(&chunk, "value") else {
            break;
        };
        let value: Uint8Array = value.unchecked_into();
        let filled = bytes.len();
        let length = filled + value.length() as usize;
        if length > MAX_TOKEN_RESPONSE_BYTES {
            // What the server says to being cut short is of no interest.
            drop(reader.cancel());
            return Err(Unread::TooLarge);
        }
        bytes.resize(length, 0);
        if let Some(room) = bytes.get_mut(filled..) {
            value.copy_to(room);
        }
    }
    // What is no UTF-8 is no JSON either.
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

/// Reads a text as a JSON object; `None` where it is none.
pub(super) fn parse_object(text: &str) -> Option<JsValue> {
    JSON::parse(text).ok().filter(JsValue::is_object)
}

/// Checks a token response.
pub(super) fn read_grant(answer: &JsValue, spelling: &Spelling) -> Result<Grant, UnexpectedAnswer> {
    if !answer.is_object() {
        return Err(UnexpectedAnswer::NotJson);
    }
    let access_token = text(answer, spelling.access_token);
    let expires_in = number(answer, spelling.expires_in);
    let claimed_life = match (&access_token, expires_in) {
        (Some(token), None) => claimed_life(token),
        (Some(_) | None, _) => None,
    };
    Grant::check(RawGrant {
        access_token,
        token_type: text(answer, "token_type"),
        expires_in,
        claimed_life,
        refresh_in: number(answer, spelling.refresh_in),
        session: read_session(answer),
    })
}

/// Reads what the app's sign-in function returned: a token response, parsed or not.
pub(super) async fn read_adopted(value: JsValue) -> AdoptOutcome {
    let answer = match value.dyn_into::<Response>() {
        Ok(response) if response.ok() => match read_text(&response).await {
            Ok(text) => parse_object(&text),
            Err(Unread::Broken | Unread::TooLarge) => None,
        },
        Ok(_) => None,
        Err(value) => Some(value),
    };
    adopted(answer.as_ref())
}

/// Takes over a token response that is there.
pub(super) fn adopted(answer: Option<&JsValue>) -> AdoptOutcome {
    match answer.map(|answer| read_grant(answer, &WIRE)) {
        Some(Ok(grant)) => AdoptOutcome::Granted(grant),
        Some(Err(_)) | None => AdoptOutcome::Unusable,
    }
}

/// Returns a field that is a text.
pub(super) fn text(object: &JsValue, name: &str) -> Option<String> {
    property(object, name)?.as_string()
}

fn number(object: &JsValue, name: &str) -> Option<f64> {
    property(object, name)?.as_f64()
}

fn read_session(answer: &JsValue) -> SessionInfo {
    let Some(session) = property(answer, "session") else {
        return SessionInfo::new("", "", "null");
    };
    let user = property(&session, "user").unwrap_or(JsValue::NULL);
    let user_id = property(&user, "id")
        .or_else(|| property(&user, "sub"))
        .map(|id| as_text(&id))
        .unwrap_or_default();
    let user = JSON::stringify(&user)
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_else(|| "null".to_owned());
    SessionInfo::new(&text(&session, "id").unwrap_or_default(), &user_id, &user)
}

/// A name that is a text or a number.
fn as_text(value: &JsValue) -> String {
    match value.as_string() {
        Some(text) => text,
        None if value.as_f64().is_some() => JSON::stringify(value)
            .ok()
            .and_then(|text| text.as_string())
            .unwrap_or_default(),
        None => String::new(),
    }
}

/// Reads `exp − iat` of a JWT, for servers that do not say `expires_in`. RFC 9068 §6 has clients not look into
/// tokens, so this is for those servers alone.
fn claimed_life(token: &str) -> Option<f64> {
    let payload = token.split('.').nth(1)?.replace('-', "+").replace('_', "/");
    let decode: js_sys::Function = global("atob")?.dyn_into().ok()?;
    let claims = decode.call1(&JsValue::UNDEFINED, &payload.into()).ok()?;
    let claims = parse_object(&claims.as_string()?)?;
    Some(number(&claims, "exp")? - number(&claims, "iat")?)
}

/// Makes an object of its JSON; the texts are the SDK's own, so they can be read.
pub(super) fn object(json: &str) -> Object {
    JSON::parse(json).map_or_else(|_| Object::new(), JsCast::unchecked_into)
}

/// Returns the milliseconds since 1970 of an HTTP date (RFC 9110 §5.6.7); `None` where it is none.
pub(super) fn date_ms(text: &str) -> Option<f64> {
    let at = js_sys::Date::parse(text);
    at.is_finite().then_some(at)
}

/// Whether an error calls itself by that name.
pub(super) fn is_named(error: &JsValue, name: &str) -> bool {
    Reflect::get(error, &"name".into())
        .ok()
        .and_then(|text| text.as_string())
        .is_some_and(|text| text == name)
}
