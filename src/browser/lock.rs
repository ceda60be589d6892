//! The lock that all tabs of a browser share: queued for, held briefly, given back by resolving a promise.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use js_sys::{Function, Object, Promise};
use wasm_bindgen::prelude::*;
use web_sys::AbortController;

use crate::core::{AttemptId, Input};

use super::global::{global, property, set};
use super::host::Host;
use super::platform::{Deferred, after};
use super::table::Table;

#[wasm_bindgen]
extern "C" {
    // web-sys keeps Web Locks behind `--cfg web_sys_unstable_apis`, a flag that a published crate cannot set for
    // its users, so the one method needed is declared here.
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        options: &Object,
        granted: &Function,
    ) -> Result<Promise, JsValue>;
}

/// This tab's requests for the lock.
pub(super) struct Locks {
    name: String,
    requests: RefCell<Table<AttemptId, LockRequest>>,
}

/// One request; dropping it withdraws it, or gives the lock back.
struct LockRequest {
    controller: AbortController,
    give_back: Option<Deferred>,
    _granted: Closure<dyn FnMut() -> JsValue>,
}

impl Drop for LockRequest {
    fn drop(&mut self) {
        match self.give_back.take() {
            Some(give_back) => give_back.settle(Ok(JsValue::UNDEFINED)),
            None => self.controller.abort(),
        }
    }
}

impl Locks {
    /// Makes it; nothing is requested yet.
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            requests: RefCell::default(),
        }
    }

    /// Queues for the lock; says `LockGranted` or `LockFailed`.
    pub(super) fn acquire(&self, host: &Rc<Host>, attempt: AttemptId) {
        let Some(promise) = self.try_acquire(&Rc::downgrade(host), attempt) else {
            self.requests.borrow_mut().remove(attempt);
            host.feed(Input::LockFailed { attempt });
            return;
        };
        let host = Rc::downgrade(host);
        after(
            &promise,
            Box::new(move |_| {
                // It is kept until it was given back: an end before that is a failure, or a theft.
                if let Some(host) = host.upgrade()
                    && host.locks.requests.borrow().has(attempt)
                {
                    host.locks.release(attempt);
                    host.feed(Input::LockFailed { attempt });
                }
            }),
        );
    }

    /// Gives the lock back, or withdraws the request for it.
    pub(super) fn release(&self, attempt: AttemptId) {
        let request = self.requests.borrow_mut().remove(attempt);
        drop(request);
    }

    fn try_acquire(&self, host: &Weak<Host>, attempt: AttemptId) -> Option<Promise> {
        let locks: LockManager = property(&global("navigator")?, "locks")?.unchecked_into();
        let controller = AbortController::new().ok()?;
        let options = Object::new();
        set(&options, "signal", &controller.signal());
        let host = Weak::clone(host);
        let granted = Closure::new(move || match host.upgrade() {
            Some(host) => hold(&host, attempt),
            None => JsValue::UNDEFINED,
        });
        let callback = granted.as_ref().unchecked_ref::<Function>().clone();
        let request = LockRequest {
            controller,
            give_back: None,
            _granted: granted,
        };
        self.requests.borrow_mut().insert(attempt, request);
        locks.request(&self.name, &options, &callback).ok()
    }
}

/// Holds the lock: it is this tab's until the returned promise is resolved.
fn hold(host: &Rc<Host>, attempt: AttemptId) -> JsValue {
    let give_back = Deferred::new();
    let held = give_back.promise.clone();
    match host.locks.requests.borrow_mut().get_mut(attempt) {
        Some(request) => request.give_back = Some(give_back),
        // Withdrawn at the very moment: it goes back at once.
        None => return JsValue::UNDEFINED,
    }
    host.feed(Input::LockGranted { attempt });
    held.into()
}
