//! Callers that await an answer of the core.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use wasm_bindgen::JsValue;
use web_sys::AbortSignal;

use crate::core::{Answer, Input, RequestId, SessionError};

use super::host::Host;
use super::listening::Listening;
use super::table::Table;

/// The callers that await an answer.
#[derive(Default)]
pub(super) struct Replies {
    last: Cell<u64>,
    slots: RefCell<Table<RequestId, Slot>>,
}

enum Slot {
    Awaited(Option<Waker>),
    Settled(Result<Answer, SessionError>),
}

impl Replies {
    /// Names a new caller.
    pub(super) fn next(&self) -> RequestId {
        self.last.set(self.last.get() + 1);
        let request = RequestId(self.last.get());
        self.slots.borrow_mut().insert(request, Slot::Awaited(None));
        request
    }

    /// Answers a caller; one that no longer waits is not missed.
    pub(super) fn settle(&self, request: RequestId, answer: Result<Answer, SessionError>) {
        let waker = match self.slots.borrow_mut().get_mut(request) {
            Some(slot @ Slot::Awaited(_)) => match std::mem::replace(slot, Slot::Settled(answer)) {
                Slot::Awaited(waker) => waker,
                Slot::Settled(_) => None,
            },
            Some(Slot::Settled(_)) | None => None,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The answer to one caller, to be awaited; dropping it says that nobody waits any more.
pub(super) struct Reply {
    pub(super) host: Rc<Host>,
    pub(super) request: RequestId,
}

impl Future for Reply {
    type Output = Result<Answer, SessionError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slots = self.host.replies.slots.borrow_mut();
        match slots.get_mut(self.request) {
            Some(Slot::Awaited(waker)) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            Some(Slot::Settled(answer)) => {
                let answer = answer.clone();
                slots.remove(self.request);
                Poll::Ready(answer)
            }
            None => Poll::Ready(Err(SessionError::Closed)),
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let request = self.request;
        let slot = self.host.replies.slots.borrow_mut().remove(request);
        if let Some(Slot::Awaited(_)) = slot {
            self.host.feed(Input::RequestAborted { request });
        }
    }
}

/// Does the work unless the signal aborts it before its end.
///
/// # Errors
///
/// The signal's reason.
pub(super) async fn unless_aborted<Done>(
    signal: Option<&AbortSignal>,
    work: impl Future<Output = Done>,
) -> Result<Done, JsValue> {
    let Some(signal) = signal else {
        return Ok(work.await);
    };
    let waker = Rc::new(RefCell::new(None::<Waker>));
    let woken = Rc::clone(&waker);
    let _listening = Listening::new(signal.clone().into(), &["abort"], move |_| {
        let waker = woken.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    let mut work = pin!(work);
    poll_fn(|context| {
        if signal.aborted() {
            return Poll::Ready(Err(signal.reason()));
        }
        waker.replace(Some(context.waker().clone()));
        work.as_mut().poll(context).map(Ok)
    })
    .await
}
