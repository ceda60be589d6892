//! Events of a session for a Rust app.

use std::cell::RefCell;

use crate::core::{Effect, Event, Millis, Status, TraceEntry};

/// An event of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The session's status has changed.
    Status(Status),
    /// An event of the core.
    Event(Event),
    /// A call has finished; only sent after [`Client::observe_calls`](super::Client::observe_calls).
    Called(FinishedCall),
}

/// A finished call made with `fetch` to a listed origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedCall {
    /// The method.
    pub method: String,
    /// Origin and path, without query and fragment.
    pub url: String,
    /// How long it waited for a token.
    pub waited: Millis,
    /// How old the token was when the call was sent.
    pub token_age: Millis,
    /// The status of the response; `None` without one.
    pub http_status: Option<u16>,
    /// Whether it was sent twice.
    pub retried: bool,
    /// From the call to its response.
    pub duration: Millis,
}

/// Queues the machine's events until the host has executed its commands.
pub(super) struct EventQueue {
    listener: Box<dyn Fn(&Notice)>,
    pending: RefCell<Vec<Notice>>,
    status: RefCell<Status>,
    trace: RefCell<Vec<TraceEntry>>,
}

impl EventQueue {
    /// Length of the trace.
    const KEPT_STEPS: usize = 64;

    /// Creates a queue that delivers to `listener`.
    pub(super) fn new(listener: Box<dyn Fn(&Notice)>) -> Self {
        Self {
            listener,
            pending: RefCell::default(),
            status: RefCell::new(Status::Unknown { degraded: None }),
            trace: RefCell::default(),
        }
    }

    /// Returns the latest status, delivered or pending.
    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Returns the last trace entries, oldest first.
    pub(super) fn trace(&self) -> Vec<TraceEntry> {
        self.trace.borrow().clone()
    }

    /// Queues an effect that is an event for the app; ignores any other.
    pub(super) fn push(&self, effect: &Effect) {
        let notice = match effect {
            Effect::Publish(status) => {
                self.status.replace(status.clone());
                Notice::Status(status.clone())
            }
            Effect::Emit(event) => {
                if let Event::Traced(step) = event {
                    let mut trace = self.trace.borrow_mut();
                    if trace.len() == Self::KEPT_STEPS {
                        trace.remove(0);
                    }
                    trace.push(*step);
                }
                Notice::Event(event.clone())
            }
            Effect::AcquireLock { .. }
            | Effect::ReleaseLock { .. }
            | Effect::SendRefresh { .. }
            | Effect::SendSignOut { .. }
            | Effect::RunSignIn { .. }
            | Effect::Abort { .. }
            | Effect::Settle { .. }
            | Effect::Broadcast(_)
            | Effect::WriteRecord(_)
            | Effect::OpenChannel
            | Effect::CloseChannel => return,
        };
        self.pending.borrow_mut().push(notice);
    }

    /// Delivers the pending events. The listener may call back into the session.
    pub(super) fn flush(&self) {
        for notice in self.pending.take() {
            (self.listener)(&notice);
        }
    }

    /// Delivers a finished call at once.
    pub(super) fn emit_call(&self, call: FinishedCall) {
        (self.listener)(&Notice::Called(call));
    }
}
