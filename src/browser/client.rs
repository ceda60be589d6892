//! A session for Rust on a page or in a worker.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use crate::core::{
    Answer, Event, Input, RequestId, Secret, SessionError, Span, Status, TraceEntry,
};

use super::answer::adopted;
use super::calls::FinishedCall;
use super::fetch;
use super::host::{ErrorMaker, Host};
use super::natives::Natives;
use super::options::{OptionError, Options};
use super::platform::Deferred;
use super::replies::{Done, Question};

/// A session on this page: it renews its token in the background and gives out a `fetch` that always has a valid one.
///
/// Dropping it ends the work on this page; the session itself goes on.
pub struct Client {
    host: Rc<Host>,
}

/// What a session tells its app.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Where the session stands has changed.
    Status(Status),
    /// Something has happened.
    Event(Event),
    /// A call has its answer; only told after [`Client::hear_calls`].
    Called(FinishedCall),
}

impl Client {
    /// Starts a session. The first refresh, where there may be a session, is on its way when this returns.
    ///
    /// `listener` is told of everything; it may call back in.
    ///
    /// # Errors
    ///
    /// Names the first option that makes no sense, or `fetch` where this is no browser.
    pub fn new(
        options: Options,
        listener: impl Fn(&Notice) + 'static,
    ) -> Result<Self, OptionError> {
        Self::with_errors(options, Box::new(listener), Box::new(plain_error))
    }

    pub(crate) fn with_errors(
        options: Options,
        listener: Box<dyn Fn(&Notice)>,
        errors: ErrorMaker,
    ) -> Result<Self, OptionError> {
        let seed = options.seed;
        let checked = options.check()?;
        let natives = Natives::capture().ok_or_else(|| {
            OptionError::new(
                "fetch",
                "there: this is no browser, and none of its workers",
            )
        })?;
        let host = Host::start(checked, seed, natives, listener, errors);
        Ok(Self { host })
    }

    /// Calls the platform's `fetch` with these arguments, with a token where their URL is listed.
    ///
    /// The promise is rejected with what `fetch` throws, or with an `Error` named `SessionError` whose `code` is
    /// that of [`SessionError`].
    pub fn fetch(&self, input: &JsValue, init: &JsValue) -> Promise {
        fetch::fetch(&self.host, input, init)
    }

    /// Returns a token with at least so much life left.
    ///
    /// # Errors
    ///
    /// Says why there is none; [`Aborted::By`] where the signal came first.
    pub fn get_token(
        &self,
        min_validity: Span,
        signal: Option<AbortSignal>,
    ) -> impl Future<Output = Result<Secret, Aborted>> + use<> {
        let asked = self.await_answer(self.ask_token(min_validity), signal);
        async move {
            match asked.await? {
                Answer::Token { token, .. } => Ok(token),
                Answer::Adopted | Answer::SignedOut { .. } => Err(SessionError::Closed.into()),
            }
        }
    }

    /// Renews the token now; with `force`, from a refresh that is sent after this call.
    ///
    /// # Errors
    ///
    /// Says why there is none; [`Aborted::By`] where the signal came first.
    pub fn refresh(
        &self,
        force: bool,
        signal: Option<AbortSignal>,
    ) -> impl Future<Output = Result<(), Aborted>> + use<> {
        let asked = self.await_answer(self.ask_refresh(force), signal);
        async move { asked.await.map(drop) }
    }

    /// Takes over a token response that the app has got by itself: an object as RFC 6749 §5.1 has it.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotAdoptable`] where there is no usable token in it.
    pub fn adopt(&self, answer: &JsValue) -> impl Future<Output = Result<(), Aborted>> + use<> {
        let asked = self.await_answer(self.ask_adopt(answer), None);
        async move { asked.await.map(drop) }
    }

    /// Runs the app's sign-in function while no tab refreshes, and takes over what it returns: a token response,
    /// a `Response` with one in it, or a promise of either.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotAdoptable`] where there is no usable token in it; [`Aborted::By`] with what the function
    /// throws.
    pub fn adopt_with(
        &self,
        sign_in: Function,
    ) -> impl Future<Output = Result<(), Aborted>> + use<> {
        let asked = self.await_answer(self.ask_adopt_with(sign_in), None);
        async move { asked.await.map(drop) }
    }

    /// Signs out, here and in every tab at once; tells whether the auth server knows.
    ///
    /// # Errors
    ///
    /// [`SessionError::Closed`] only.
    pub fn sign_out(
        &self,
        everywhere: bool,
    ) -> impl Future<Output = Result<bool, Aborted>> + use<> {
        let asked = self.await_answer(self.ask_sign_out(everywhere), None);
        async move {
            match asked.await? {
                Answer::SignedOut { server_told } => Ok(server_told),
                Answer::Token { .. } | Answer::Adopted => Ok(false),
            }
        }
    }

    /// Returns where the session stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.host.look(|session, _| session.status())
    }

    /// Returns how long the current token can still be sent; zero where there is none.
    #[must_use]
    pub fn token_left(&self) -> Span {
        self.host.look(crate::core::Session::token_left)
    }

    /// Shows the last 64 steps, oldest first.
    #[must_use]
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.host
            .look(|session, _| session.trace().copied().collect())
    }

    /// Says whether [`Notice::Called`] is wanted.
    pub fn hear_calls(&self, is_wanted: bool) {
        self.host.calls.hear(is_wanted);
    }

    /// Ends the work on this page: every waiting caller is told, nothing is left behind. Once more does no harm.
    pub fn close(&self) {
        self.host.close();
    }

    pub(crate) fn ask_token(&self, min_validity: Span) -> Question {
        self.host.touch();
        self.host.question(|request| Input::TokenRequested {
            request,
            min_validity,
        })
    }

    pub(crate) fn ask_refresh(&self, force: bool) -> Question {
        self.host
            .question(|request| Input::RefreshRequested { request, force })
    }

    pub(crate) fn ask_adopt(&self, answer: &JsValue) -> Question {
        let outcome = adopted(answer);
        self.host
            .question(|request| Input::Adopted { request, outcome })
    }

    pub(crate) fn ask_adopt_with(&self, sign_in: Function) -> Question {
        let question = self
            .host
            .question(|request| Input::AdoptRequested { request });
        Question {
            sign_in: Some(sign_in),
            ..question
        }
    }

    pub(crate) fn ask_sign_out(&self, everywhere: bool) -> Question {
        self.host.question(|request| Input::SignOutRequested {
            request,
            everywhere,
        })
    }

    /// Asks at once; what it returns is a promise of the answer.
    #[cfg(feature = "npm")]
    pub(crate) fn promise(
        &self,
        question: Question,
        signal: Option<AbortSignal>,
        show: fn(Answer) -> JsValue,
    ) -> Promise {
        let deferred = Deferred::new();
        let promise = deferred.promise.clone();
        let done: Done = Box::new(move |host, answer| {
            deferred.settle(answer.map(show).map_err(|aborted| host.reason(aborted)));
        });
        self.host.ask(question, signal, done);
        promise
    }

    /// Asks at once; dropping what it returns says that nobody waits any more.
    fn await_answer(
        &self,
        question: Question,
        signal: Option<AbortSignal>,
    ) -> impl Future<Output = Result<Answer, Aborted>> + use<> {
        let waiting = Waiting {
            host: Rc::clone(&self.host),
            request: question.request,
        };
        let deferred = Deferred::new();
        let there = JsFuture::from(deferred.promise.clone());
        let answer = Rc::new(RefCell::new(None));
        let room = Rc::clone(&answer);
        let done: Done = Box::new(move |_, answer| {
            room.replace(Some(answer));
            deferred.settle(Ok(JsValue::UNDEFINED));
        });
        self.host.ask(question, signal, done);
        async move {
            let waiting = waiting;
            // It is resolved, never rejected.
            drop(there.await);
            drop(waiting);
            answer
                .take()
                .unwrap_or(Err(Aborted::Session(SessionError::Closed)))
        }
    }
}

/// Somebody who waits for an answer.
struct Waiting {
    host: Rc<Host>,
    request: RequestId,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.host.hang_up(self.request);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

/// Why a caller gets nothing.
#[derive(Clone, Debug)]
pub enum Aborted {
    /// The session says so.
    Session(SessionError),
    /// The caller's own signal or function says so, by this reason.
    By(JsValue),
}

impl From<SessionError> for Aborted {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

/// Makes an error without a class of its own: `name` and `code` tell what it is.
fn plain_error(error: &SessionError) -> JsValue {
    let made = js_sys::Error::new(error.message());
    made.set_name("SessionError");
    super::global::set(&made, "code", &error.code().into());
    made.into()
}
