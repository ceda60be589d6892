//! The reference protocol: a `POST` with the cookie, answered by a token or by the word that the session is over.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Response};

use crate::core::{
    Failure, FailureCause, RefreshOutcome, SignOutOutcome, Span, UnexpectedAnswer, number,
    push_number,
};
use crate::wire::{EndReason, ErrorCode, PageVisibility, RefreshReason};

use super::answer::{Unread, WIRE, date_ms, object, parse_object, read_grant, read_text, text};
use super::global::set;
use super::natives::Natives;
use super::page::is_offline;

/// `keepalive`: without it a page that is left in this moment loses the rotated cookie. `redirect`: an endpoint that
/// leads elsewhere is none of the contract.
const INIT: &str = r#"{"method":"POST","credentials":"include","keepalive":true,"cache":"no-store","redirect":"error","headers":{"content-type":"application/json","nolapse-version":"1"}}"#;

/// What a refresh says of itself.
#[derive(Clone, Copy)]
pub(super) struct RefreshCall {
    pub(super) reason: RefreshReason,
    pub(super) page: PageVisibility,
    pub(super) active_ago: Span,
}

impl RefreshCall {
    fn to_json(self) -> String {
        let mut json = String::from(r#"{"reason":""#);
        json.push_str(self.reason.as_str());
        json.push_str(r#"","page":""#);
        json.push_str(self.page.as_str());
        json.push_str(r#"","active_ago":"#);
        push_number(&mut json, self.active_ago.as_secs());
        json.push('}');
        json
    }
}

/// Asks for a new token.
pub(super) async fn refresh(
    natives: &Natives,
    url: &str,
    call: RefreshCall,
    signal: &AbortSignal,
) -> RefreshOutcome {
    let response = match post(natives, url, &call.to_json(), signal).await {
        Ok(response) => response,
        Err(failure) => return RefreshOutcome::Failed(failure),
    };
    let status = response.status();
    let unexpected = |detail| RefreshOutcome::Failed(Failure::unexpected(status, detail));
    if !matches!(status, 200 | 401) {
        return RefreshOutcome::Failed(Failure::from_status(status, retry_after(&response)));
    }
    let body = match read_text(&response).await {
        Ok(body) => parse_object(&body),
        Err(Unread::TooLarge) => return unexpected(UnexpectedAnswer::TooLarge),
        Err(Unread::Broken) => return RefreshOutcome::Failed(broken()),
    };
    match (status, body) {
        (200, None) => unexpected(UnexpectedAnswer::NotJson),
        (200, Some(body)) => match read_grant(&body, &WIRE) {
            Ok(grant) => RefreshOutcome::Granted(grant),
            Err(detail) => unexpected(detail),
        },
        (_, body) => match body.as_ref().and_then(end_reason) {
            Some(reason) => RefreshOutcome::Ended(reason),
            None => RefreshOutcome::Failed(Failure::from_status(status, None)),
        },
    }
}

/// Tells of a sign-out.
pub(super) async fn sign_out(
    natives: &Natives,
    url: &str,
    everywhere: bool,
    signal: &AbortSignal,
) -> SignOutOutcome {
    let body = if everywhere {
        r#"{"everywhere":true}"#
    } else {
        "{}"
    };
    match post(natives, url, body, signal).await {
        // 401: the session was over before.
        Ok(response) if response.ok() || response.status() == 401 => SignOutOutcome::Told,
        Ok(response) => {
            let failure = Failure::from_status(response.status(), retry_after(&response));
            SignOutOutcome::Failed(failure)
        }
        Err(failure) => SignOutOutcome::Failed(failure),
    }
}

async fn post(
    natives: &Natives,
    url: &str,
    body: &str,
    signal: &AbortSignal,
) -> Result<Response, Failure> {
    let init = object(INIT);
    set(&init, "body", &JsValue::from_str(body));
    set(&init, "signal", signal);
    let sent = natives
        .pass_on(&JsValue::from_str(url), &init)
        .map_err(|_| broken())?;
    match JsFuture::from(sent).await {
        Ok(response) => Ok(response.unchecked_into()),
        Err(_) => Err(broken()),
    }
}

/// The platform does not tell name resolution, connection, TLS, CORS and redirects apart.
fn broken() -> Failure {
    Failure::new(if is_offline() {
        FailureCause::Offline
    } else {
        FailureCause::Network
    })
}

/// Reads the word that the session is over; `None` where it is not said, or for no reason of the contract.
fn end_reason(body: &JsValue) -> Option<EndReason> {
    let error = text(body, "error")?;
    if error != ErrorCode::SessionEnded.as_str() {
        return None;
    }
    EndReason::parse(&text(body, "reason")?)
}

/// Reads `Retry-After` in both forms (RFC 9110 §10.2.3); a date counts against the answer's own `Date`, where it can
/// be read, so that a wrong clock does not matter.
fn retry_after(response: &Response) -> Option<Span> {
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let value = header("retry-after")?;
    let value = value.trim();
    if let Some(seconds) = number(Some(value)) {
        return Some(Span::from_secs(seconds));
    }
    let at = date_ms(value)?;
    let now = header("date")
        .and_then(|date| date_ms(&date))
        .unwrap_or_else(js_sys::Date::now);
    Span::from_secs_f64((at - now).max(0.0) / 1_000.0)
}
