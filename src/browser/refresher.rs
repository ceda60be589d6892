//! The app's own functions in place of the reference protocol.

use js_sys::{Function, Object};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::core::{Failure, FailureCause, RefreshOutcome, SignOutOutcome};
use crate::wire::EndReason;

use super::answer::{APP, is_named, read_grant, text};
use super::global::set;
use super::refresh::RefreshCall;
use super::spawn::settled;

/// Asks the app's refresher for a new token. An error named `SessionEnded` says that the session is over, any other
/// is taken as passing.
pub(super) async fn refresh(
    refresher: &Function,
    call: RefreshCall,
    signal: &AbortSignal,
) -> RefreshOutcome {
    let context = Object::new();
    set(&context, "reason", &call.reason.as_str().into());
    set(&context, "page", &call.page.as_str().into());
    let active_ago = call.active_ago.as_secs_f64();
    set(&context, "activeAgo", &active_ago.into());
    set(&context, "signal", signal);
    let failed = |failure| RefreshOutcome::Failed(failure);
    match run(refresher, &context).await {
        Ok(grant) => match read_grant(&grant, &APP) {
            Ok(grant) => RefreshOutcome::Granted(grant),
            Err(detail) => failed(Failure {
                detail: Some(detail),
                ..Failure::new(FailureCause::UnexpectedAnswer)
            }),
        },
        Err(error) if is_named(&error, "SessionEnded") => {
            let reason = text(&error, "reason").as_deref().and_then(EndReason::parse);
            RefreshOutcome::Ended(reason.unwrap_or(EndReason::Expired))
        }
        Err(_) => failed(Failure::new(FailureCause::RefresherFailed)),
    }
}

/// Tells the app of a sign-out.
pub(super) async fn sign_out(
    teller: &Function,
    everywhere: bool,
    signal: &AbortSignal,
) -> SignOutOutcome {
    let context = Object::new();
    set(&context, "everywhere", &everywhere.into());
    set(&context, "signal", signal);
    match run(teller, &context).await {
        Ok(_) => SignOutOutcome::Told,
        Err(_) => SignOutOutcome::Failed(Failure::new(FailureCause::RefresherFailed)),
    }
}

/// Calls a function of the app's and awaits what it returns, promise or not.
pub(super) async fn run(function: &Function, context: &JsValue) -> Result<JsValue, JsValue> {
    settled(function.call1(&JsValue::UNDEFINED, context)).await
}
