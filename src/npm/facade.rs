//! What the facade is told, by position: it makes the objects, in fewer bytes.

use wasm_bindgen::prelude::*;

use crate::browser::{FinishedCall, Notice, OptionError};
use crate::core::{Event, FailureCause, SessionError, Source, Span, Status, TraceEntry};
use crate::wire::{EndReason, RefreshReason};

#[wasm_bindgen]
extern "C" {
    /// What the facade hands over to be told of things.
    pub type Facade;

    #[wasm_bindgen(method)]
    fn status(
        this: &Facade,
        state: &str,
        session_id: &str,
        user: &str,
        degraded: Option<&str>,
        reason: Option<&str>,
        server_told: bool,
    );

    #[wasm_bindgen(method)]
    fn refreshed(
        this: &Facade,
        reason: Option<&str>,
        source: &str,
        waiting: usize,
        duration: f64,
        expires_in: f64,
        refresh_in: f64,
    );

    #[wasm_bindgen(method, js_name = refreshFailed)]
    fn refresh_failed(
        this: &Facade,
        reason: &str,
        cause: &str,
        http_status: Option<u16>,
        duration: f64,
        failures: u32,
        retry_in: f64,
    );

    #[wasm_bindgen(method, js_name = signedOut)]
    fn signed_out(this: &Facade, reason: &str);

    #[wasm_bindgen(method, js_name = userChanged)]
    fn user_changed(this: &Facade, previous: &str, user: &str);

    #[wasm_bindgen(method)]
    fn called(
        this: &Facade,
        method: &str,
        url: &str,
        waited: f64,
        token_age: f64,
        http_status: Option<u16>,
        retried: bool,
        duration: f64,
    );

    #[wasm_bindgen(method)]
    fn traced(
        this: &Facade,
        at: f64,
        trigger: &str,
        status: &str,
        tab: u32,
        page: &str,
        attempt: Option<f64>,
        outcome: Option<&str>,
    );

    /// Makes a `SessionError`.
    #[wasm_bindgen(method)]
    fn error(
        this: &Facade,
        code: &str,
        message: &str,
        reason: Option<&str>,
        failure: Option<&str>,
        retry_in: Option<f64>,
        option: Option<&str>,
    ) -> JsValue;
}

/// Tells of anything.
pub(super) fn tell(facade: &Facade, notice: &Notice) {
    match notice {
        Notice::Status(status) => tell_status(facade, status),
        Notice::Event(event) => tell_event(facade, event),
        Notice::Called(call) => tell_call(facade, call),
    }
}

/// Tells where the session stands.
pub(super) fn tell_status(facade: &Facade, status: &Status) {
    let state = status.name();
    match status {
        Status::Unknown { degraded } => {
            let degraded = degraded.map(FailureCause::as_str);
            facade.status(state, "", "", degraded, None, true);
        }
        Status::SignedIn { session, degraded } => {
            let degraded = degraded.map(FailureCause::as_str);
            facade.status(state, &session.id, &session.user, degraded, None, true);
        }
        Status::SignedOut {
            reason,
            server_told,
        } => {
            let reason = reason.map(EndReason::as_str);
            facade.status(state, "", "", None, reason, *server_told);
        }
    }
}

fn tell_event(facade: &Facade, event: &Event) {
    match event {
        Event::Refreshed {
            reason,
            source,
            waiting,
            duration,
            expires_in,
            refresh_in,
        } => facade.refreshed(
            reason.map(RefreshReason::as_str),
            match source {
                Source::ThisTab => "this-tab",
                Source::OtherTab => "other-tab",
                Source::Adopted => "adopted",
            },
            *waiting,
            millis(*duration),
            expires_in.as_secs_f64(),
            refresh_in.as_secs_f64(),
        ),
        Event::RefreshFailed {
            reason,
            cause,
            http_status,
            duration,
            failures,
            retry_in,
        } => facade.refresh_failed(
            reason.as_str(),
            cause.as_str(),
            *http_status,
            millis(*duration),
            *failures,
            retry_in.as_secs_f64(),
        ),
        Event::SignedOut { reason } => facade.signed_out(reason.as_str()),
        Event::UserChanged { previous, user } => facade.user_changed(previous, user),
        Event::Traced(entry) => tell_trace(facade, entry),
    }
}

/// Tells of one step.
pub(super) fn tell_trace(facade: &Facade, entry: &TraceEntry) {
    facade.traced(
        whole(entry.at.as_millis()),
        entry.trigger,
        entry.status,
        entry.tab.0,
        entry.page.as_str(),
        entry.attempt.map(|attempt| whole(attempt.0)),
        entry.outcome,
    );
}

fn tell_call(facade: &Facade, call: &FinishedCall) {
    facade.called(
        &call.method,
        &call.url,
        millis(call.waited),
        call.token_age.as_secs_f64(),
        call.http_status,
        call.retried,
        millis(call.duration),
    );
}

/// Makes a `SessionError` of one of the core's.
pub(super) fn error_to_js(facade: &Facade, error: &SessionError) -> JsValue {
    let (reason, failure, retry_in) = match error {
        SessionError::SignedOut { reason } => (*reason, None, None),
        SessionError::Unreachable { cause, retry_in } => (None, Some(*cause), Some(*retry_in)),
        SessionError::Timeout { retry_in } => (None, Some(FailureCause::Timeout), Some(*retry_in)),
        SessionError::Misconfigured { retry_in } => {
            (None, Some(FailureCause::Misconfigured), Some(*retry_in))
        }
        SessionError::MinValidity
        | SessionError::Overloaded
        | SessionError::Closed
        | SessionError::NotAdoptable
        | SessionError::SignInThrew => (None, None, None),
    };
    facade.error(
        error.code(),
        error.message(),
        reason.map(EndReason::as_str),
        failure.map(FailureCause::as_str),
        retry_in.map(Span::as_secs_f64),
        None,
    )
}

/// Makes a `SessionError` of a wrong option.
pub(super) fn option_error_to_js(facade: &Facade, error: &OptionError) -> JsValue {
    let option = Some(&*error.option);
    facade.error("misconfigured", &error.message(), None, None, None, option)
}

fn millis(duration: Span) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a page's life, and counts of its requests, are far below 2^53"
)]
fn whole(number: u64) -> f64 {
    number as f64
}
