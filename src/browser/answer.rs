//! Reads what an auth server, or the app in its place, says.

use wasm_bindgen::JsValue;

use crate::core::{
    AdoptOutcome, Failure, FailureCause, Grant, RawGrant, RefreshOutcome, SessionInfo,
    SignOutOutcome, Span, UnexpectedAnswer,
};
use crate::wire::{EndReason, ErrorCode};

use super::global::property;
use super::page::is_offline;
use super::platform::grant_of;

/// Reads the answer to a refresh.
pub(super) fn refreshed(answer: &JsValue) -> RefreshOutcome {
    let status = status_of(answer);
    let body = property(answer, "body");
    RefreshOutcome::Failed(match status {
        200 if property(answer, "isTooLarge").is_some() => {
            Failure::unexpected(status, UnexpectedAnswer::TooLarge)
        }
        200 => match read_grant(&body.unwrap_or_default(), false) {
            Ok(grant) => return RefreshOutcome::Granted(grant),
            Err(detail) => Failure::unexpected(status, detail),
        },
        401 => match body.as_ref().and_then(end_reason) {
            Some(reason) => return RefreshOutcome::Ended(reason),
            None => Failure::from_status(status, None),
        },
        _ => Failure::from_status(status, retry_after(answer)),
    })
}

/// Reads what the app's own refresher has come to. An error named `SessionEnded` says that the session is over, any
/// other is taken as passing.
pub(super) fn renewed(returned: Result<JsValue, JsValue>) -> RefreshOutcome {
    RefreshOutcome::Failed(match returned {
        Ok(grant) => match read_grant(&grant, true) {
            Ok(grant) => return RefreshOutcome::Granted(grant),
            Err(detail) => Failure {
                detail: Some(detail),
                ..Failure::new(FailureCause::UnexpectedAnswer)
            },
        },
        Err(error) if text(&error, "name").is_some_and(|name| name == "SessionEnded") => {
            let reason = text(&error, "reason").as_deref().and_then(EndReason::parse);
            return RefreshOutcome::Ended(reason.unwrap_or(EndReason::Expired));
        }
        Err(_) => Failure::new(FailureCause::RefresherFailed),
    })
}

/// Reads the answer to a sign-out.
pub(super) fn signed_out(answer: &JsValue) -> SignOutOutcome {
    match status_of(answer) {
        // 401: the session was over before.
        200..=299 | 401 => SignOutOutcome::Told,
        status => SignOutOutcome::Failed(Failure::from_status(status, retry_after(answer))),
    }
}

/// The platform does not tell name resolution, connection, TLS, CORS and redirects apart.
pub(super) fn broken() -> Failure {
    Failure::new(if is_offline() {
        FailureCause::Offline
    } else {
        FailureCause::Network
    })
}

/// Why nobody could be told of a sign-out.
pub(super) fn untold(is_endpoint: bool) -> Failure {
    if is_endpoint {
        broken()
    } else {
        Failure::new(FailureCause::RefresherFailed)
    }
}

/// Takes over a token response.
pub(super) fn adopted(answer: &JsValue) -> AdoptOutcome {
    read_grant(answer, false).map_or(AdoptOutcome::Unusable, AdoptOutcome::Granted)
}

fn read_grant(answer: &JsValue, is_app: bool) -> Result<Grant, UnexpectedAnswer> {
    let fields = grant_of(answer, is_app);
    if fields.is_undefined() {
        return Err(UnexpectedAnswer::NotJson);
    }
    let named = |name: &str| text(&fields, name).unwrap_or_default();
    Grant::check(RawGrant {
        access_token: text(&fields, "token"),
        token_type: text(&fields, "type"),
        expires_in: number(&fields, "expiresIn"),
        claimed_life: number(&fields, "life"),
        refresh_in: number(&fields, "refreshIn"),
        session: SessionInfo::new(&named("id"), &named("userId"), &named("user")),
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

fn retry_after(answer: &JsValue) -> Option<Span> {
    Span::from_secs_f64(number(answer, "retryAfter")?)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and a status has three digits"
)]
fn status_of(answer: &JsValue) -> u16 {
    number(answer, "status").unwrap_or_default() as u16
}

/// Returns a field that is a text.
fn text(object: &JsValue, name: &str) -> Option<String> {
    property(object, name)?.as_string()
}

fn number(object: &JsValue, name: &str) -> Option<f64> {
    property(object, name)?.as_f64()
}
