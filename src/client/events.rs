//! Events of a session for a Rust app.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use js_sys::JSON;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use crate::core::{Effect, Event, SessionInfo, Status, TraceEntry};

use super::host::LastUser;

/// An event of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The session's status has changed.
    Status(Status),
    /// An event of the core.
    Event(Event),
    /// A call has finished; only with [`ClientBuilder::observe_calls`](super::ClientBuilder::observe_calls).
    Called(FinishedCall),
}

/// A finished call made with `fetch` to an allowed origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedCall {
    /// The method.
    pub method: String,
    /// Origin and path, without query and fragment.
    pub url: String,
    /// How long it waited for a token.
    pub waited: Duration,
    /// How old the token was when the call was sent.
    pub token_age: Duration,
    /// The status of the response; `None` without one.
    pub http_status: Option<u16>,
    /// Whether it was sent twice.
    pub retried: bool,
    /// From the call to its response.
    pub duration: Duration,
}

/// Delivers the machine's events in a microtask, so that the listener may call back into the session.
pub(super) struct EventQueue {
    listener: Box<dyn Fn(&Notice)>,
    pending: RefCell<Vec<Notice>>,
    status: RefCell<Status>,
    trace: RefCell<Vec<TraceEntry>>,
    last_user: LastUser,
}

impl EventQueue {
    /// Length of the trace.
    const KEPT_STEPS: usize = 64;

    /// Creates a queue that delivers to `listener`, and keeps the last user. Without `initial`, the status begins unknown.
    pub(super) fn new(
        listener: Box<dyn Fn(&Notice)>,
        last_user: LastUser,
        initial: Option<SessionInfo>,
    ) -> Self {
        let failure = None;
        let status = initial.map_or(Status::Unknown { failure }, |session| Status::SignedIn {
            session,
            failure,
        });
        Self {
            listener,
            last_user,
            pending: RefCell::default(),
            status: RefCell::new(status),
            trace: RefCell::default(),
        }
    }

    /// Returns the latest status, delivered or pending.
    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Returns what is kept of the user who was signed in last, in an unknown status; null otherwise.
    pub(super) fn last_user(&self) -> JsValue {
        match &*self.status.borrow() {
            Status::Unknown { .. } => self.last_user.get(),
            Status::SignedIn { .. } | Status::SignedOut { .. } => JsValue::NULL,
        }
    }

    /// Returns the last trace entries, oldest first.
    pub(super) fn trace(&self) -> Vec<TraceEntry> {
        self.trace.borrow().clone()
    }

    /// Queues an effect that is an event for the app; `false` for any other.
    pub(super) fn push(self: &Rc<Self>, effect: &Effect) -> bool {
        if let Effect::Publish(status) = effect {
            let status = self.or_rendered(status);
            self.status.replace(status.clone());
            self.remember(&status);
            self.deliver(Notice::Status(status));
            return true;
        }
        let Effect::Emit(event) = effect else {
            return false;
        };
        if let Event::Traced(step) = event {
            let mut trace = self.trace.borrow_mut();
            if trace.len() == Self::KEPT_STEPS {
                trace.remove(0);
            }
            trace.push(*step);
        }
        self.deliver(Notice::Event(event.clone()));
        true
    }

    /// Returns the status, or that of the session that the page was rendered for, as long as nothing else is known.
    fn or_rendered(&self, status: &Status) -> Status {
        if let (Status::Unknown { failure }, Status::SignedIn { session, .. }) =
            (status, &*self.status.borrow())
        {
            return Status::SignedIn {
                session: session.clone(),
                failure: *failure,
            };
        }
        status.clone()
    }

    fn remember(&self, status: &Status) {
        match status {
            Status::SignedIn { session, .. } => {
                if let Ok(user) = JSON::parse(&session.user) {
                    // The app's function may throw: nothing is kept then.
                    drop(self.last_user.keep(&user));
                }
            }
            Status::SignedOut { .. } => self.last_user.forget(),
            Status::Unknown { .. } => {}
        }
    }

    /// Queues a notice.
    pub(super) fn deliver(self: &Rc<Self>, notice: Notice) {
        self.pending.borrow_mut().push(notice);
        if self.pending.borrow().len() == 1 {
            let queue = Rc::clone(self);
            spawn_local(async move {
                for notice in queue.pending.take() {
                    (queue.listener)(&notice);
                }
            });
        }
    }
}
