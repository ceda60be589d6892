//! One exchange with the auth server, or the app in its place: started here, ended by its answer or by `Abort`.

use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::JsValue;

use crate::core::{
    AdoptOutcome, AttemptId, Input, RefreshOutcome, RequestId, SignOutOutcome, Span,
};
use crate::wire::{MAX_TOKEN_RESPONSE_BYTES, PageVisibility, RefreshReason};

use super::answer;
use super::host::Host;
use super::platform::{self, after};

/// The largest answer that is read, as JavaScript counts.
#[expect(clippy::cast_possible_truncation, reason = "it is 64 KiB")]
const LIMIT: u32 = MAX_TOKEN_RESPONSE_BYTES as u32;

/// What is exchanged.
#[derive(Clone, Copy)]
pub(super) enum Exchange {
    /// Asks for a new token.
    Refresh {
        reason: RefreshReason,
        page: PageVisibility,
        active_ago: Span,
    },
    /// Tells of a sign-out.
    SignOut { everywhere: bool },
    /// Runs the app's sign-in function.
    Adopt { request: RequestId },
}

/// Starts it; its end is an input.
pub(super) fn start(host: &Rc<Host>, attempt: AttemptId, exchange: Exchange) {
    let Some(answer) = begin(host, attempt, exchange) else {
        host.feed(finished(host, attempt, exchange, Err(JsValue::UNDEFINED)));
        return;
    };
    let host = Rc::clone(host);
    after(
        &answer,
        Box::new(move |answer| {
            drop(host.end_exchange(attempt));
            host.feed(finished(&host, attempt, exchange, answer));
        }),
    );
}

fn begin(host: &Rc<Host>, attempt: AttemptId, exchange: Exchange) -> Option<Promise> {
    let native = &host.natives.fetch;
    match exchange {
        Exchange::Refresh {
            reason,
            page,
            active_ago,
        } => Some(platform::renew(
            native,
            &host.refresher,
            reason.as_str(),
            page.as_str(),
            active_ago.as_secs_f64(),
            &host.begin_exchange(attempt)?,
            LIMIT,
        )),
        Exchange::SignOut { everywhere } => Some(platform::sign_out(
            native,
            &host.sign_out,
            everywhere,
            &host.begin_exchange(attempt)?,
        )),
        Exchange::Adopt { request } => {
            let function = host.replies.sign_in(request)?;
            Some(platform::sign_in(&function, LIMIT))
        }
    }
}

fn finished(
    host: &Host,
    attempt: AttemptId,
    exchange: Exchange,
    answer: Result<JsValue, JsValue>,
) -> Input {
    match exchange {
        Exchange::Refresh { .. } => {
            let outcome = match answer {
                answer if !host.refresher.is_string() => answer::renewed(answer),
                Ok(answer) => answer::refreshed(&answer),
                Err(_) => RefreshOutcome::Failed(answer::broken()),
            };
            Input::RefreshFinished { attempt, outcome }
        }
        Exchange::SignOut { .. } => {
            let outcome = match answer {
                Ok(answer) if host.sign_out.is_string() => answer::signed_out(&answer),
                Ok(_) => SignOutOutcome::Told,
                Err(_) => SignOutOutcome::Failed(answer::untold(host.sign_out.is_string())),
            };
            Input::SignOutFinished { attempt, outcome }
        }
        Exchange::Adopt { request } => {
            let outcome = match answer {
                Ok(answer) => answer::adopted(&answer),
                Err(thrown) => {
                    host.replies.throw(request, thrown);
                    AdoptOutcome::Threw
                }
            };
            Input::AdoptFinished { attempt, outcome }
        }
    }
}
