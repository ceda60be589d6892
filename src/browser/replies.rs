//! Callers that await an answer of the core.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::JsValue;
use web_sys::AbortSignal;

use crate::core::{Answer, Input, RequestId, SessionError};

use super::client::Aborted;
use super::host::Host;
use super::listening::Listening;
use super::table::Table;

/// Where an answer goes.
pub(super) type Done = Box<dyn FnOnce(&Rc<Host>, Result<Answer, Aborted>)>;

/// The callers that await an answer.
#[derive(Default)]
pub(super) struct Replies {
    last: Cell<u64>,
    callers: RefCell<Table<RequestId, Caller>>,
    settled: RefCell<Vec<(Caller, Result<Answer, SessionError>)>>,
}

/// What a caller asks.
pub(crate) struct Question {
    pub(super) request: RequestId,
    pub(super) input: Input,
    /// The app's sign-in function, where the input is about it.
    pub(super) sign_in: Option<Function>,
}

struct Caller {
    done: Done,
    /// The signal that ends the waiting, and the ear for it.
    signal: Option<(AbortSignal, Listening)>,
    sign_in: Option<Function>,
    /// What the sign-in function threw.
    thrown: Option<JsValue>,
}

impl Replies {
    /// Names a new caller.
    pub(super) fn next(&self) -> RequestId {
        self.last.set(self.last.get() + 1);
        RequestId(self.last.get())
    }

    /// Takes a caller's sign-in function; `None` where it was taken before.
    pub(super) fn sign_in(&self, request: RequestId) -> Option<Function> {
        let mut callers = self.callers.borrow_mut();
        callers.get_mut(request)?.sign_in.take()
    }

    /// Notes what a caller's sign-in function threw.
    pub(super) fn throw(&self, request: RequestId, thrown: JsValue) {
        if let Some(caller) = self.callers.borrow_mut().get_mut(request) {
            caller.thrown = Some(thrown);
        }
    }

    /// Answers a caller, after all else that is to be done now; one that no longer waits is not missed.
    pub(super) fn settle(&self, request: RequestId, answer: Result<Answer, SessionError>) {
        let caller = self.callers.borrow_mut().remove(request);
        if let Some(caller) = caller {
            self.settled.borrow_mut().push((caller, answer));
        }
    }
}

impl Host {
    /// Names a caller and says what it asks.
    pub(super) fn question(&self, input: impl FnOnce(RequestId) -> Input) -> Question {
        let request = self.replies.next();
        Question {
            request,
            input: input(request),
            sign_in: None,
        }
    }

    /// Returns what a caller is rejected with.
    pub(super) fn reason(&self, aborted: Aborted) -> JsValue {
        match aborted {
            Aborted::Session(error) => self.to_js(&error),
            Aborted::By(reason) => reason,
        }
    }

    /// Asks the core for something on behalf of a caller, who waits until the signal ends it.
    pub(super) fn ask(
        self: &Rc<Self>,
        question: Question,
        signal: Option<AbortSignal>,
        done: Done,
    ) {
        let Question {
            request,
            input,
            sign_in,
        } = question;
        if let Some(signal) = &signal
            && signal.aborted()
        {
            done(self, Err(Aborted::By(signal.reason())));
            return;
        }
        let signal = signal.map(|signal| {
            let host = Rc::downgrade(self);
            let heard = Listening::new(
                signal.clone().into(),
                &["abort"],
                Box::new(move |_| {
                    if let Some(host) = host.upgrade() {
                        host.hang_up(request);
                    }
                }),
            );
            (signal, heard)
        });
        let caller = Caller {
            done,
            signal,
            sign_in,
            thrown: None,
        };
        self.replies.callers.borrow_mut().insert(request, caller);
        self.feed(input);
    }

    /// Answers those whose answers are there.
    pub(super) fn deliver(self: &Rc<Self>) {
        for (caller, answer) in self.replies.settled.take() {
            let answer = match (answer, caller.thrown) {
                (Err(SessionError::SignInThrew), Some(thrown)) => Err(Aborted::By(thrown)),
                (answer, _) => answer.map_err(Aborted::Session),
            };
            (caller.done)(self, answer);
        }
    }

    /// A caller waits no longer. A sign-in function that waits for its turn runs all the same.
    pub(super) fn hang_up(self: &Rc<Self>, request: RequestId) {
        let mut callers = self.replies.callers.borrow_mut();
        match callers.get_mut(request) {
            None => return,
            Some(caller) if caller.sign_in.is_some() => {
                caller.done = Box::new(|_, _| {});
                return;
            }
            Some(_) => {}
        }
        let caller = callers.remove(request);
        drop(callers);
        self.feed(Input::RequestAborted { request });
        if let Some(caller) = caller
            && let Some((signal, _)) = &caller.signal
        {
            (caller.done)(self, Err(Aborted::By(signal.reason())));
        }
    }
}
