//! A session for Rust on a page or in a worker.

mod call;
mod callers;
mod error;
mod events;
mod host;
mod options;
mod tokens;

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use js_sys::{JSON, Promise};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{Request, Response};

use crate::bridge::{Machine, codes};
use crate::core::{Answer, ContextToken, Effect, Secret, SessionError, Status, TraceEntry};

pub use call::{Authorization, CallOptions};
use callers::Callers;
pub use error::Error;
use events::EventQueue;
pub use events::{FinishedCall, Notice};
use host::{Host, LastUser, MakeMachine, OnCall, read_options, rust_app};
pub use options::{Auth, ClientBuilder, Refresher, SignOut};
use tokens::to_js;
pub use tokens::{ContextResponse, RefreshContext, RefreshError, TokenResponse, TokenSession};

/// A session on this page: refreshes its token in the background and provides a `fetch` that always sends a valid one.
///
/// Dropping it closes this object; the session itself continues. Dropping a returned future aborts that caller.
pub struct Client {
    host: Rc<Host>,
    callers: Rc<Callers>,
    events: Rc<EventQueue>,
    context: String,
    _make: Closure<MakeMachine>,
    _on_call: Option<Closure<OnCall>>,
}

/// Which refresh satisfies [`Client::refresh`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshMode {
    /// Any refresh, also one that is in flight or that another tab sends.
    Shared,
    /// A refresh that is sent after the call, so that the token contains what the auth server knows now.
    Forced,
}

/// Which sessions [`Client::sign_out`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOutScope {
    /// This session.
    ThisSession,
    /// All sessions of the user, on all devices.
    AllSessions,
}

impl Client {
    /// Builds a session: [`ClientBuilder::build`] starts it.
    pub fn builder(auth: impl Into<Auth>) -> ClientBuilder {
        ClientBuilder::new(auth.into())
    }

    fn start(builder: ClientBuilder) -> Result<Self, Error> {
        let settings = read_options(&builder.to_js())?;
        let host = Rc::new(Host::new(&settings, &rust_app(), &js_sys::global())?);
        let last_user = LastUser::new(&settings, &js_sys::global())?;
        let events = EventQueue::new(builder.listener, last_user, builder.initial);
        let events = Rc::new(events);
        let callers = Rc::new(Callers::default());
        let on_call = builder.observes_calls.then(|| on_call(Rc::clone(&events)));
        if let Some(on_call) = &on_call {
            host.calls().set_on_call(on_call.as_ref());
        }
        let (queue, table) = (Rc::clone(&events), Rc::clone(&callers));
        let observer = Rc::new(move |effect: &Effect| {
            if let Effect::Settle { caller, answer } = effect {
                table.settle(*caller, answer)
            } else {
                queue.push(effect)
            }
        });
        let make = Closure::new(move |name, seed, timeout_ms, push, steady, wall| {
            let observer = Rc::clone(&observer);
            Machine::new(name, seed, timeout_ms, push, steady, wall).with_observer(observer)
        });
        host.start(make.as_ref());
        Ok(Self {
            host,
            callers,
            events,
            context: builder.context,
            _make: make,
            _on_call: on_call,
        })
    }

    /// Calls the platform's `fetch`, with a token if the request's URL is allowed. The request's signal aborts it.
    ///
    /// # Errors
    ///
    /// Why there is no token; [`Error::Js`] with what `fetch` throws.
    pub fn fetch(
        &self,
        request: &Request,
    ) -> impl Future<Output = Result<Response, Error>> + use<> {
        self.fetch_with(request, &CallOptions::default())
    }

    /// [`fetch`](Self::fetch), with options of the call.
    ///
    /// # Errors
    ///
    /// Why there is no token; [`Error::InvalidOption`]; [`Error::Js`] with what `fetch` throws.
    pub fn fetch_with(
        &self,
        request: &Request,
        options: &CallOptions,
    ) -> impl Future<Output = Result<Response, Error>> + use<> {
        let response = self.host.calls().fetch(request, &options.to_js());
        async move { Ok(JsFuture::from(response?).await?.unchecked_into()) }
    }

    /// Returns a token that remains valid for at least `min_validity`.
    ///
    /// # Errors
    ///
    /// Why there is no token.
    pub fn get_token(
        &self,
        min_validity: Duration,
    ) -> impl Future<Output = Result<Secret, Error>> + use<> {
        // Counts as activity of the app.
        drop(self.host.bearer(false, &self.context));
        let millis = min_validity.as_secs_f64() * 1_000.0;
        let context = self.context.clone();
        let kind = codes::TOKEN_REQUESTED;
        let waiting = self.callers.ask(&self.host, kind, millis, &context);
        async move {
            match waiting.await? {
                Answer::Token { token, .. } => Ok(match token.find(&context) {
                    ContextToken::Granted(token) => {
                        Secret::new(token).ok_or(SessionError::ContextRefused)?
                    }
                    ContextToken::Refused | ContextToken::Missing => token,
                }),
                Answer::SignedIn | Answer::SignedOut { .. } => Err(SessionError::Closed.into()),
            }
        }
    }

    /// Refreshes the token now.
    ///
    /// # Errors
    ///
    /// Why there is no token.
    pub fn refresh(&self, mode: RefreshMode) -> impl Future<Output = Result<(), Error>> + use<> {
        let force = f64::from(u8::from(mode == RefreshMode::Forced));
        let waiting = self
            .callers
            .ask(&self.host, codes::REFRESH_REQUESTED, force, "");
        async move { waiting.await.map(drop) }
    }

    /// Makes a proof that this browser has the key of its session, for the header `DPoP` of a request of the app's own to an endpoint
    /// of the auth server that the cookie opens (RFC 9449): for this absolute URL and method, once. `None` without a key.
    pub fn proof(&self, url: &str, method: &str) -> impl Future<Output = Option<String>> + use<> {
        let made = JsFuture::from(self.host.proof(url, method));
        async move { made.await.ok()?.as_string() }
    }

    /// Signs in: sends the credentials, as JSON, to the auth server's `/auth/sign-in`.
    ///
    /// # Errors
    ///
    /// [`Error::SignInRefused`], or why the auth server is unreachable.
    pub fn sign_in<C: Serialize + ?Sized>(
        &self,
        credentials: &C,
    ) -> impl Future<Output = Result<(), Error>> + use<C> {
        self.send(credentials, "sign-in")
    }

    /// Creates an account and signs in: sends the credentials, as JSON, to the auth server's `/auth/sign-up`.
    ///
    /// # Errors
    ///
    /// As [`sign_in`](Self::sign_in).
    pub fn sign_up<C: Serialize + ?Sized>(
        &self,
        credentials: &C,
    ) -> impl Future<Output = Result<(), Error>> + use<C> {
        self.send(credentials, "sign-up")
    }

    fn send<C: Serialize + ?Sized>(
        &self,
        credentials: &C,
        endpoint: &str,
    ) -> impl Future<Output = Result<(), Error>> + use<C> {
        let sent = to_js(credentials).and_then(|body| self.host.sign_in(&body, endpoint));
        async move { settled(sent?).await }
    }

    /// Runs the app's sign-in function while no tab refreshes, and signs in with its result: a [`TokenResponse`], or the
    /// `web_sys::Response` that contains one.
    ///
    /// # Errors
    ///
    /// [`SessionError::InvalidTokenResponse`] if the result has no usable token; [`Error::Js`] with the function's error.
    pub fn sign_in_with<F, Fut, R>(
        &self,
        sign_in: F,
    ) -> impl Future<Output = Result<(), Error>> + use<F, Fut, R>
    where
        F: FnOnce() -> Fut + 'static,
        Fut: Future<Output = Result<R, JsValue>> + 'static,
        R: Into<JsValue>,
    {
        let run = Closure::once_into_js(move || -> Promise {
            let signed_in = sign_in();
            future_to_promise(async move { signed_in.await.map(Into::into) })
        });
        let signed_in = self.host.sign_in(&run, "sign-in");
        async move { settled(signed_in?).await }
    }

    /// Signs in with a token response that the app has already.
    ///
    /// # Errors
    ///
    /// [`SessionError::InvalidTokenResponse`] if it has no usable token.
    pub fn set_tokens<User: Serialize>(
        &self,
        response: TokenResponse<User>,
    ) -> impl Future<Output = Result<(), Error>> + use<User> {
        settled(self.host.set_tokens(&response.into()))
    }

    /// Signs out, here and in every tab at once; returns whether the auth server confirmed it.
    ///
    /// # Errors
    ///
    /// [`SessionError::Closed`] only.
    pub fn sign_out(
        &self,
        scope: SignOutScope,
    ) -> impl Future<Output = Result<bool, Error>> + use<> {
        let everywhere = f64::from(u8::from(scope == SignOutScope::AllSessions));
        let waiting = self
            .callers
            .ask(&self.host, codes::SIGN_OUT_REQUESTED, everywhere, "");
        async move {
            let answer = waiting.await?;
            Ok(matches!(
                answer,
                Answer::SignedOut {
                    server_notified: true
                }
            ))
        }
    }

    /// Returns the session's status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.events.status()
    }

    /// Returns the signed-in user; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Js`] if the auth server's user is not a `User`.
    pub fn user<User: DeserializeOwned>(&self) -> Result<Option<User>, Error> {
        let Status::SignedIn { session, .. } = self.status() else {
            return Ok(None);
        };
        let user = serde_wasm_bindgen::from_value(JSON::parse(&session.user)?);
        user.map(Some).map_err(|error| Error::Js(error.into()))
    }

    /// Returns what is kept of the user who was signed in last, while the status is unknown: unverified. Nothing is kept after a
    /// sign-out.
    ///
    /// # Errors
    ///
    /// [`Error::Js`] if what was kept is not a `Kept`.
    pub fn last_user<Kept: DeserializeOwned>(&self) -> Result<Option<Kept>, Error> {
        let kept = serde_wasm_bindgen::from_value(self.events.last_user());
        kept.map_err(|error| Error::Js(error.into()))
    }

    /// Returns how long the current token can still be sent; zero without one.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        Duration::from_secs_f64(self.host.token_left())
    }

    /// Returns the last 64 trace entries, oldest first.
    #[must_use]
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.events.trace()
    }

    /// Closes this object: rejects every waiting caller and releases all resources. Idempotent.
    pub fn close(&self) {
        self.callers.close();
        self.host.close();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

async fn settled(promise: Promise) -> Result<(), Error> {
    JsFuture::from(promise).await?;
    Ok(())
}

fn on_call(events: Rc<EventQueue>) -> Closure<OnCall> {
    let millis = |millis: f64| Duration::from_secs_f64(millis.max(0.0) / 1_000.0);
    Closure::new(
        move |method, url, waited, token_age, http_status, retried, duration| {
            events.deliver(Notice::Called(FinishedCall {
                method,
                url,
                waited: millis(waited),
                token_age: millis(token_age),
                http_status,
                retried,
                duration: millis(duration),
            }));
        },
    )
}
