//! One exchange with the auth server: started here, ended by its answer or by `Abort`.

use std::rc::Rc;

use wasm_bindgen::prelude::*;

use crate::core::{
    AdoptOutcome, AttemptId, Failure, FailureCause, Input, RefreshOutcome, RequestId,
    SignOutOutcome,
};

use super::answer::read_adopted;
use super::host::Host;
use super::options::{Refresher, SignOut};
use super::refresh::{self, RefreshCall};
use super::refresher;
use super::spawn::{settled, spawn};

/// Asks for a new token.
pub(super) fn refresh(host: &Rc<Host>, attempt: AttemptId, call: RefreshCall) {
    let Some(signal) = host.begin_exchange(attempt) else {
        let outcome = RefreshOutcome::Failed(Failure::new(FailureCause::Network));
        host.feed(Input::RefreshFinished { attempt, outcome });
        return;
    };
    let host = Rc::clone(host);
    spawn(Box::pin(async move {
        let outcome = match &host.refresher {
            Refresher::Url(url) => refresh::refresh(&host.natives, url, call, &signal).await,
            Refresher::Function(function) => refresher::refresh(function, call, &signal).await,
        };
        drop(host.end_exchange(attempt));
        host.feed(Input::RefreshFinished { attempt, outcome });
    }));
}

/// Tells of a sign-out.
pub(super) fn sign_out(host: &Rc<Host>, attempt: AttemptId, everywhere: bool) {
    let Some(signal) = host.begin_exchange(attempt) else {
        let outcome = SignOutOutcome::Failed(Failure::new(FailureCause::Network));
        host.feed(Input::SignOutFinished { attempt, outcome });
        return;
    };
    let host = Rc::clone(host);
    spawn(Box::pin(async move {
        let outcome = match &host.sign_out {
            SignOut::Url(url) => refresh::sign_out(&host.natives, url, everywhere, &signal).await,
            SignOut::Function(function) => refresher::sign_out(function, everywhere, &signal).await,
            SignOut::Local => SignOutOutcome::Told,
        };
        drop(host.end_exchange(attempt));
        host.feed(Input::SignOutFinished { attempt, outcome });
    }));
}

/// Runs the app's sign-in function.
pub(super) fn adopt(host: &Rc<Host>, attempt: AttemptId, request: RequestId) {
    let function = host.sign_ins.borrow_mut().remove(request);
    let host = Rc::clone(host);
    spawn(Box::pin(async move {
        let returned = function.map_or(Ok(JsValue::NULL), |function| {
            function.call0(&JsValue::UNDEFINED)
        });
        let outcome = match settled(returned).await {
            Ok(answer) => read_adopted(answer).await,
            Err(thrown) => {
                host.thrown.borrow_mut().insert(request, thrown);
                AdoptOutcome::Threw
            }
        };
        host.feed(Input::AdoptFinished { attempt, outcome });
    }));
}
