//! What a session tells an app that is written in Rust.

use std::cell::RefCell;

use crate::core::{Effect, Event, Millis, Status, TraceEntry};

/// What a session tells its app.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Where the session stands has changed.
    Status(Status),
    /// Something has happened.
    Event(Event),
    /// A call has its answer; only told after [`Client::observe_calls`](super::Client::observe_calls).
    Called(FinishedCall),
}

/// A call made with `fetch` to a listed origin has its answer.
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
    /// The status of the answer; `None` where there was none.
    pub http_status: Option<u16>,
    /// Whether it was sent twice.
    pub retried: bool,
    /// From the call to its answer.
    pub duration: Millis,
}

/// What the machine has to tell, until the host has carried out its orders.
pub(super) struct EventQueue {
    listener: Box<dyn Fn(&Notice)>,
    pending: RefCell<Vec<Notice>>,
    status: RefCell<Status>,
    trace: RefCell<Vec<TraceEntry>>,
}

impl EventQueue {
    /// How many steps are kept for the trace.
    const KEPT_STEPS: usize = 64;

    /// Makes one for an app that is told by that function.
    pub(super) fn new(listener: Box<dyn Fn(&Notice)>) -> Self {
        Self {
            listener,
            pending: RefCell::default(),
            status: RefCell::new(Status::Unknown { degraded: None }),
            trace: RefCell::default(),
        }
    }

    /// Returns where the session stands, as far as the app has been told or is about to be.
    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Returns the last steps, oldest first.
    pub(super) fn trace(&self) -> Vec<TraceEntry> {
        self.trace.borrow().clone()
    }

    /// Keeps an order that is news.
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

    /// Tells the app, which may call back in.
    pub(super) fn flush(&self) {
        for notice in self.pending.take() {
            (self.listener)(&notice);
        }
    }

    /// Tells the app of a call at once.
    pub(super) fn emit_call(&self, call: FinishedCall) {
        (self.listener)(&Notice::Called(call));
    }
}
