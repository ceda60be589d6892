//! What is told of each call, where somebody listens; otherwise it costs one comparison.

use crate::core::Span;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::Response;

use crate::core::Timestamp;

use super::client::Notice;
use super::host::Host;
use super::natives::ApiRequest;
use super::platform::after;
use super::table::Table;

/// A call made with `fetch` to a listed origin has its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedCall {
    /// The method.
    pub method: String,
    /// Origin and path, without query and fragment.
    pub url: String,
    /// How long it waited for a token.
    pub waited: Span,
    /// How old the token was when the call was sent.
    pub token_age: Span,
    /// The status of the answer; `None` where there was none.
    pub http_status: Option<u16>,
    /// Whether it was sent twice.
    pub retried: bool,
    /// From the call to its answer.
    pub duration: Span,
}

/// The calls that are told of, while somebody listens.
#[derive(Default)]
pub(super) struct Calls {
    is_heard: Cell<bool>,
    last: Cell<u32>,
    open: RefCell<Table<u32, OpenCall>>,
}

/// A call's number; none while nobody listens.
#[derive(Clone, Copy)]
pub(super) struct CallId(u32);

struct OpenCall {
    method: String,
    url: String,
    begun: Timestamp,
    waited: Span,
    token_age: Span,
    retried: bool,
}

impl CallId {
    const NONE: Self = Self(0);

    pub(super) fn as_f64(self) -> f64 {
        f64::from(self.0)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it comes from `as_f64`"
    )]
    pub(super) fn from_f64(number: f64) -> Self {
        Self(number as u32)
    }
}

impl Calls {
    /// Says whether somebody listens.
    pub(super) fn hear(&self, is_heard: bool) {
        self.is_heard.set(is_heard);
    }

    /// Notes that a call begins.
    pub(super) fn begin(&self, host: &Host, request: &ApiRequest) -> CallId {
        if !self.is_heard.get() {
            return CallId::NONE;
        }
        let number = self.last.get().wrapping_add(1).max(1);
        self.last.set(number);
        let url = request.url().as_string().unwrap_or_default();
        let call = OpenCall {
            method: request.method(),
            url: url.split(['?', '#']).next().unwrap_or_default().to_owned(),
            begun: host.now(),
            waited: Span::ZERO,
            token_age: Span::ZERO,
            retried: false,
        };
        self.open.borrow_mut().insert(number, call);
        CallId(number)
    }

    /// Notes that it has its token and is sent.
    pub(super) fn sent(&self, host: &Host, call: CallId) {
        if let Some(open) = self.open.borrow_mut().get_mut(call.0) {
            let now = host.now();
            open.waited = now.since(open.begun);
            open.token_age = host.token_age(now);
        }
    }

    /// Notes that it is sent once more.
    pub(super) fn retried(&self, call: CallId) {
        if let Some(open) = self.open.borrow_mut().get_mut(call.0) {
            open.retried = true;
        }
    }

    /// Forgets a call that was never sent.
    pub(super) fn forget(&self, call: CallId) {
        self.open.borrow_mut().remove(call.0);
    }

    /// Tells of a call when its answer is there; the answer itself goes to the caller untouched.
    pub(super) fn watch(host: &Rc<Host>, answer: Promise, call: CallId) -> Promise {
        if call.0 != 0 {
            let host = Rc::clone(host);
            after(
                &answer,
                Box::new(move |answer| {
                    let status = answer
                        .ok()
                        .map(|answer| answer.unchecked_into::<Response>().status());
                    host.calls.finish(&host, call, status);
                }),
            );
        }
        answer
    }

    fn finish(&self, host: &Host, call: CallId, http_status: Option<u16>) {
        let Some(open) = self.open.borrow_mut().remove(call.0) else {
            return;
        };
        host.notify(&Notice::Called(FinishedCall {
            duration: host.now().since(open.begun),
            method: open.method,
            url: open.url,
            waited: open.waited,
            token_age: open.token_age,
            http_status,
            retried: open.retried,
        }));
    }
}
