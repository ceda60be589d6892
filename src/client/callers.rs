//! The futures that wait for a result of the core. They are settled from its effects, without JavaScript.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_channel::oneshot;

use crate::bridge::codes;
use crate::core::{Answer, CallerId, SessionError};

use super::error::Error;
use super::host::Host;

/// The first id of a future; those of JavaScript callers are lower.
const FIRST_ID: u64 = 1 << 40;

type Outcome = Result<Answer, SessionError>;

/// The table of waiting futures.
#[derive(Default)]
pub(super) struct Callers {
    waiting: RefCell<BTreeMap<u64, oneshot::Sender<Outcome>>>,
    count: Cell<u64>,
    is_closed: Cell<bool>,
}

impl Callers {
    /// Feeds a caller's request to the machine and returns the future of its result. Dropping the future aborts the caller.
    pub(super) fn ask(
        self: &Rc<Self>,
        host: &Rc<Host>,
        kind: u32,
        number: f64,
        text: &str,
    ) -> Waiting {
        let id = FIRST_ID + self.count.get();
        self.count.set(self.count.get() + 1);
        let (settle, outcome) = oneshot::channel();
        if !self.is_closed.get() {
            self.waiting.borrow_mut().insert(id, settle);
            host.feed(kind, as_number(id), number, 0.0, 0.0, text);
        }
        Waiting {
            id,
            outcome,
            host: Rc::clone(host),
            callers: Rc::clone(self),
        }
    }

    /// Settles a future; `false` if the caller is JavaScript's.
    pub(super) fn settle(&self, CallerId(id): CallerId, outcome: &Outcome) -> bool {
        if let Some(caller) = self.waiting.borrow_mut().remove(&id) {
            // A dropped future needs no result.
            drop(caller.send(outcome.clone()));
        }
        id >= FIRST_ID
    }

    /// Rejects every future, now and later.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.waiting.take();
    }
}

/// The future of a caller.
pub(super) struct Waiting {
    id: u64,
    outcome: oneshot::Receiver<Outcome>,
    host: Rc<Host>,
    callers: Rc<Callers>,
}

impl Future for Waiting {
    type Output = Result<Answer, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = Pin::new(&mut self.outcome).poll(context);
        outcome.map(|outcome| {
            let outcome = outcome.unwrap_or(Err(SessionError::Closed));
            outcome.map_err(Error::Session)
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let caller = self.callers.waiting.borrow_mut().remove(&self.id);
        if caller.is_some() {
            self.host
                .feed(codes::CALLER_ABORTED, as_number(self.id), 0.0, 0.0, 0.0, "");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "ids are far below 2^53")]
fn as_number(id: u64) -> f64 {
    id as f64
}
