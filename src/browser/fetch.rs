//! The platform's `fetch`, with a valid token for listed origins.
//!
//! Where the token is fresh, everything happens in the caller's own tick, without a Rust future and without copying
//! a string: one `Request`, one header, one call, and one look at the status of the answer.

use std::rc::Rc;

use js_sys::{Object, Promise};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, ReadableStream, Response};

use crate::core::{
    AfterResponse, Answer, Attempt, Body, Challenge, Input, Secret, SessionError, Span, Version,
    after_response, is_retryable,
};

use super::calls::{CallId, Calls};
use super::client::Aborted;
use super::global::{property, set};
use super::host::Host;
use super::natives::ApiRequest;
use super::platform::Deferred;

#[wasm_bindgen]
extern "C" {
    type Handler;

    #[wasm_bindgen(method)]
    fn bind(
        this: &Handler,
        receiver: &JsValue,
        again: &JsValue,
        body: &JsValue,
        version: &JsValue,
        call: f64,
    ) -> Handler;

    type Sent;

    #[wasm_bindgen(method)]
    fn then(this: &Sent, answered: &Handler) -> Promise;
}

/// What looks at every answer: one closure for life, bound to each call by the platform.
pub(super) type AnswerHandler = Closure<dyn FnMut(JsValue, JsValue, f64, f64, JsValue) -> JsValue>;

/// A token as it is sent: kept in JavaScript, made once for each version.
pub(super) struct Bearer {
    pub(super) version: Version,
    header: JsValue,
    number: JsValue,
}

impl Bearer {
    pub(super) fn new(token: &Secret, version: Version) -> Self {
        let mut header = String::from("Bearer ");
        header.push_str(token.expose());
        Self {
            version,
            header: JsValue::from_str(&header),
            number: JsValue::from_f64(version_to_f64(version)),
        }
    }
}

/// Does what `fetch` does with these arguments, with a token where their URL is listed.
pub(super) fn fetch(host: &Rc<Host>, input: &JsValue, init: &JsValue) -> Promise {
    try_fetch(host, input, init).unwrap_or_else(|error| Promise::reject(&error))
}

fn try_fetch(host: &Rc<Host>, input: &JsValue, init: &JsValue) -> Result<Promise, JsValue> {
    let natives = &host.natives;
    let Some(target) = target(host, input)? else {
        return natives.pass_on(input, init);
    };
    let request = natives.request(target.input(input), init)?;
    let is_own = request.headers().has(&natives.authorization);
    // A subclass of Request may have said another URL than the one it stands for.
    if is_own || target.is_request() && !host.origins.admit(natives, &request.url()) {
        return natives.send(&request);
    }
    let body = body_of(&request, init, target.is_request());
    let call = host.calls.begin(host, &request);
    if let Some(bearer) = host.bearer() {
        host.calls.sent(host, call);
        return send(host, request, &bearer, body, call);
    }
    if request.signal().aborted() {
        return natives.send(&request);
    }
    Ok(wait_and_send(host, request, body, call))
}

/// What of the caller's input is sent on to a listed origin.
enum Target {
    /// A text that was looked at, so that nobody can say another one when asked again.
    Text(JsValue),
    /// A text, as it is.
    Same,
    /// A request.
    Request,
}

impl Target {
    fn input<'a>(&'a self, given: &'a JsValue) -> &'a JsValue {
        match self {
            Self::Text(text) => text,
            Self::Same | Self::Request => given,
        }
    }

    fn is_request(&self) -> bool {
        matches!(self, Self::Request)
    }
}

/// Judges the input; `None` where it goes elsewhere, or nowhere that can be told.
fn target(host: &Host, input: &JsValue) -> Result<Option<Target>, JsValue> {
    let admit = |url: &JsValue| host.origins.admit(&host.natives, url);
    if input.is_string() {
        return Ok(admit(input).then_some(Target::Same));
    }
    if let Some(url) = input
        .is_object()
        .then(|| host.natives.url_of_request(input))
        .flatten()
    {
        return Ok(admit(&url).then_some(Target::Request));
    }
    if input.is_symbol() {
        // It has no text; the platform says so in its own words.
        return Ok(None);
    }
    let text = text_of(input)?;
    Ok(admit(&text).then_some(Target::Text(text)))
}

fn text_of(value: &JsValue) -> Result<JsValue, JsValue> {
    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = String, catch)]
        fn text(value: &JsValue) -> Result<JsValue, JsValue>;
    }
    text(value)
}

/// Whether a request has a body, and whether it can be sent again.
enum Load {
    /// None.
    Empty,
    /// One that nobody can change, which can be given once more: no copy is made for a retry that hardly ever comes.
    Fixed(JsValue),
    /// One that the platform has to copy before it is sent.
    Whole,
    /// A stream that runs once.
    Stream,
}

fn body_of(request: &ApiRequest, init: &JsValue, is_request: bool) -> Load {
    if init.is_object()
        && let Some(body) = property(init, "body")
    {
        return if body.is_string() || body.is_instance_of::<Blob>() {
            Load::Fixed(body)
        } else if body.is_instance_of::<ReadableStream>() {
            Load::Stream
        } else {
            Load::Whole
        };
    }
    if !is_request {
        return Load::Empty;
    }
    let body = request.body();
    // Some browsers cannot tell; then the method does.
    let is_empty =
        body.is_null() || body.is_undefined() && matches!(&*request.method(), "GET" | "HEAD");
    if is_empty { Load::Empty } else { Load::Whole }
}

/// Sends a request with a token, in the same tick, and has its answer looked at.
fn send(
    host: &Rc<Host>,
    request: ApiRequest,
    bearer: &Bearer,
    load: Load,
    call: CallId,
) -> Result<Promise, JsValue> {
    let natives = &host.natives;
    let (again, body) = match load {
        Load::Whole => (Some(request.duplicate()?), JsValue::UNDEFINED),
        Load::Fixed(body) => (None, body),
        Load::Empty => (None, JsValue::UNDEFINED),
        Load::Stream => {
            request
                .headers()
                .set(&natives.authorization, &bearer.header);
            return Ok(Calls::watch(host, natives.send(&request)?, call));
        }
    };
    request
        .headers()
        .set(&natives.authorization, &bearer.header);
    let sent = natives.send(&request)?;
    let answered: &Handler = host.answered.as_ref().unchecked_ref();
    let again = again.unwrap_or(request);
    let handler = answered.bind(
        &JsValue::UNDEFINED,
        &again,
        &body,
        &bearer.number,
        call.as_f64(),
    );
    let promise = sent.unchecked_ref::<Sent>().then(&handler);
    Ok(Calls::watch(host, promise, call))
}

fn wait_and_send(host: &Rc<Host>, request: ApiRequest, load: Load, call: CallId) -> Promise {
    let deferred = Deferred::new();
    let (promise, signal) = (deferred.promise.clone(), request.signal());
    let question = host.question(|request| Input::TokenRequested {
        request,
        min_validity: Span::ZERO,
    });
    let done = move |host: &Rc<Host>, answer| {
        let sent = match answer {
            Ok(Answer::Token { token, version }) => {
                host.calls.sent(host, call);
                let bearer = host.bearer_of(&token, version);
                send(host, request, &bearer, load, call)
            }
            Ok(Answer::Adopted | Answer::SignedOut { .. }) => {
                Err(host.to_js(&SessionError::Closed))
            }
            Err(aborted) => Err(host.reason(aborted)),
        };
        if sent.is_err() {
            host.calls.forget(call);
        }
        deferred.settle(sent.map(Into::into));
    };
    host.ask(question, Some(signal), Box::new(done));
    promise
}

/// Makes the closure that looks at every answer.
pub(super) fn answer_handler(host: &std::rc::Weak<Host>) -> AnswerHandler {
    let host = std::rc::Weak::clone(host);
    Closure::new(
        move |again: JsValue, body: JsValue, version: f64, call: f64, response: JsValue| {
            let answer: &Response = response.unchecked_ref();
            if !is_retryable(answer.status()) {
                return response;
            }
            match host.upgrade() {
                Some(host) if is_mendable(answer) => {
                    let refused = Refused {
                        request: again.unchecked_into(),
                        body,
                        version: version_from_f64(version),
                        call: CallId::from_f64(call),
                        answer: response,
                    };
                    retry(&host, refused).into()
                }
                Some(_) | None => response,
            }
        },
    )
}

fn is_mendable(answer: &Response) -> bool {
    // A header that cannot be read is one that is not there.
    let header = answer.headers().get("www-authenticate").ok().flatten();
    let challenge = Challenge::parse(header.as_deref());
    let decision = after_response(answer.status(), Attempt::First, Body::Replayable, challenge);
    match decision {
        AfterResponse::RefreshAndRetry => true,
        AfterResponse::Return => false,
    }
}

/// A call whose token was refused.
struct Refused {
    /// What can be sent once more, given the body where there is one.
    request: ApiRequest,
    body: JsValue,
    version: Version,
    call: CallId,
    answer: JsValue,
}

/// Renews the refused token and sends the request once more; without another token the first answer is the answer.
fn retry(host: &Rc<Host>, refused: Refused) -> Promise {
    let deferred = Deferred::new();
    let (promise, signal) = (deferred.promise.clone(), refused.request.signal());
    let question = host.question(|request| Input::TokenRejected {
        request,
        version: refused.version,
    });
    let done = move |host: &Rc<Host>, answer| {
        deferred.settle(match answer {
            Ok(Answer::Token { token, version }) if version != refused.version => {
                let bearer = host.bearer_of(&token, version);
                send_again(host, refused, &bearer).map(Into::into)
            }
            Err(Aborted::By(reason)) => Err(reason),
            Ok(_) | Err(Aborted::Session(_)) => Ok(refused.answer),
        });
    };
    host.ask(question, Some(signal), Box::new(done));
    promise
}

fn send_again(host: &Host, refused: Refused, bearer: &Bearer) -> Result<Promise, JsValue> {
    let natives = &host.natives;
    let request = if refused.body.is_undefined() {
        refused.request
    } else {
        let init = Object::new();
        set(&init, "body", &refused.body);
        natives.request(&refused.request, &init)?
    };
    request
        .headers()
        .set(&natives.authorization, &bearer.header);
    host.calls.retried(refused.call);
    natives.send(&request)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "versions stay far below 2^53: no honest tab gives out a higher one"
)]
fn version_to_f64(version: Version) -> f64 {
    version.number() as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it comes from `version_to_f64`"
)]
fn version_from_f64(number: f64) -> Version {
    Version::heard(number as u64).unwrap_or_default()
}
