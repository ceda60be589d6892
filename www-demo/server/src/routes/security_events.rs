//! Logs security events of requests.
//!
//! The event is derived from method and path, its result from the response, so that every endpoint logs refusals.
//! Handlers add users, sessions and reasons with [`note`].

use std::{cell::RefCell, collections::BTreeMap, sync::Mutex, sync::PoisonError};

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use nolapse::wire::{
    ErrorCode, PASSKEY_SIGN_IN_PATH, PASSKEY_SIGN_UP_PATH, PASSKEYS_PATH, PASSWORD_PATH,
    REFRESH_PATH, REVOCATIONS_PATH, SESSION_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_OUT_PATH,
    SIGN_UP_PATH, STEP_UP_PATH, TOTP_PATH, TOTP_SIGN_IN_PATH,
};

use super::{App, address::Address, dbsc, openapi, providers, request_log::REQUEST_ID};
use crate::{
    clock,
    domain::{SessionId, UserId},
    notices::{self, Change},
    security_log::Event,
};

/// A server of the operator's own that presents a wrong secret. Nothing else of such requests is an event.
const SERVER_AUTHENTICATION: &str = "server_authentication";
/// The reason of such an event, which [`AuthenticatedServer`](super::servers::AuthenticatedServer) notes.
pub(super) const WRONG_SECRET: &str = "wrong_secret";

/// A browser proves the key that it has registered for a session. That it is asked to, and does, is no event.
const KEY_PROOF: &str = "key_proof";

/// The events of requests. Handlers set `late_refresh`, `provider_link`, `renewed_secret_reuse`,
/// `reuse_detected` and `sign_out_everywhere`.
pub(crate) const EVENTS: [&str; 23] = [
    "account_deletion",
    "admin_report",
    KEY_PROOF,
    "key_registration",
    "late_refresh",
    "passkey_change",
    "passkey_sign_in",
    "password_change",
    "provider_link",
    "provider_logout",
    "provider_sign_in",
    "refresh",
    "renewed_secret_reuse",
    "reuse_detected",
    "revocation",
    SERVER_AUTHENTICATION,
    "second_factor",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "sign_up",
    "step_up",
    "totp_change",
];
/// The results of events.
pub(crate) const RESULTS: [&str; 6] = [
    "ok",
    "refused",
    "throttled",
    "malformed",
    "unavailable",
    "failed",
];

/// What a handler adds to an event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Subject {
    /// The event, if it is not that of the path.
    pub(super) event: Option<&'static str>,
    /// The result, if it is not that of the status.
    pub(super) result: Option<&'static str>,
    /// Why it was refused.
    pub(super) reason: Option<&'static str>,
    /// The account.
    pub(super) user: Option<UserId>,
    /// The session that acts.
    pub(super) session: Option<SessionId>,
    /// What was changed of how the user signs in, if the request succeeds.
    pub(super) change: Option<Change>,
    /// The session that is acted upon.
    pub(super) target: Option<SessionId>,
}

tokio::task_local! {
    /// Like a tracing span: of the request under way, and only added to.
    static SUBJECT: RefCell<Subject>;
}

/// Adds to the event of the current request.
pub(super) fn note(add: impl FnOnce(&mut Subject)) {
    // Only security events have a subject.
    let _ = SUBJECT.try_with(|subject| add(&mut subject.borrow_mut()));
}

/// Counters by event and result.
#[derive(Debug)]
pub(crate) struct SecurityCounts(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

impl Default for SecurityCounts {
    /// Begins with all of them at zero: a rate needs a first value (Prometheus, "Avoid missing metrics").
    fn default() -> Self {
        let all = EVENTS.into_iter();
        let all = all.flat_map(|event| RESULTS.map(|result| ((event, result), 0)));
        Self(Mutex::new(all.collect()))
    }
}

impl SecurityCounts {
    fn count(&self, event: &'static str, result: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((event, result)).or_default() += 1;
    }

    /// Returns all counts.
    pub(crate) fn read(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clone()
    }
}

/// Logs and counts a request that is a security event.
pub(super) async fn record(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = app.endpoint(&request);
    let Some(event) = path.and_then(|path| event_of(request.method(), path)) else {
        return next.run(request).await;
    };
    let address = Address::of(request.headers(), request.extensions(), &app);
    let (response, subject) = SUBJECT
        .scope(RefCell::default(), async {
            let response = next.run(request).await;
            (response, SUBJECT.with(|subject| *subject.borrow()))
        })
        .await;
    let event = subject.event.unwrap_or(event);
    let result = subject.result;
    let Some(result) = result.or_else(|| result_of(event, response.status())) else {
        return response;
    };
    // RFC 7009 §2.2: signing out succeeds without a session.
    if event == "sign_out" && result == "ok" && subject.session.is_none() {
        return response;
    }
    if event == SERVER_AUTHENTICATION && subject.reason.is_none() {
        return response;
    }
    if let ("ok", Some(change), Some(user)) = (result, subject.change, subject.user)
        && let Some(notifier) = &app.notifier
    {
        notices::tell(notifier, &app.users, change, user);
    }
    app.security_counts.count(event, result);
    let now = clock::now();
    let network = address.map(|Address(address)| app.networks.hash(now, address));
    if event == SERVER_AUTHENTICATION && !app.limits.logs_wrong_secret(now, network.as_deref()) {
        return response;
    }
    let code = response.extensions().get::<ErrorCode>();
    let id = response.headers().get(REQUEST_ID);
    app.security_log.write(
        now,
        &Event {
            event,
            result,
            reason: subject.reason.or(code.map(|code| code.as_str())),
            source: "http",
            user: subject.user,
            session: subject.session,
            target: subject.target,
            network: network.as_deref(),
            request: id.and_then(|id| id.to_str().ok()),
        },
    );
    response
}

fn event_of(method: &Method, path: &str) -> Option<&'static str> {
    let is_revocation = path == openapi::one_of(SESSIONS_PATH);
    let is_passkey = path == PASSKEYS_PATH || path == openapi::one_of(PASSKEYS_PATH);
    match *method {
        Method::POST if path == SIGN_UP_PATH => Some("sign_up"),
        Method::POST if path == SIGN_IN_PATH => Some("sign_in"),
        Method::POST if path == SIGN_OUT_PATH => Some("sign_out"),
        Method::POST if path == REFRESH_PATH => Some("refresh"),
        Method::POST if path == dbsc::REGISTRATION_PATH => Some("key_registration"),
        Method::POST if path == dbsc::PROOF_PATH => Some(KEY_PROOF),
        Method::POST if path == PASSWORD_PATH => Some("password_change"),
        Method::POST if path == SESSION_PATH => Some(SERVER_AUTHENTICATION),
        Method::GET if path == REVOCATIONS_PATH => Some(SERVER_AUTHENTICATION),
        Method::POST if path == PASSKEY_SIGN_UP_PATH => Some("sign_up"),
        Method::POST if path == PASSKEY_SIGN_IN_PATH => Some("passkey_sign_in"),
        Method::POST if path == TOTP_SIGN_IN_PATH => Some("second_factor"),
        Method::POST if path == STEP_UP_PATH => Some("step_up"),
        Method::POST | Method::DELETE if is_passkey => Some("passkey_change"),
        Method::POST | Method::DELETE if path.starts_with(TOTP_PATH) => Some("totp_change"),
        Method::GET if path == providers::CALLBACK_PATH => Some("provider_sign_in"),
        Method::POST if path == providers::LOGOUT_PATH => Some("provider_logout"),
        Method::DELETE if is_revocation => Some("revocation"),
        Method::DELETE if path == "/account" => Some("account_deletion"),
        Method::GET if path == "/admin/report" => Some("admin_report"),
        _ => None,
    }
}

/// Returns the result; `None` for a refresh that succeeded, was unavailable, or was refused other than with 403, and for a proof
/// of a key that succeeded, was unavailable, or was asked for with 403.
fn result_of(event: &str, status: StatusCode) -> Option<&'static str> {
    let result = match status {
        status if status.is_success() => "ok",
        StatusCode::TOO_MANY_REQUESTS => "throttled",
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE => "malformed",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_server_error() => "failed",
        _ => "refused",
    };
    let is_usual = match event {
        "refresh" => {
            ["ok", "refused", "unavailable"].contains(&result) && status != StatusCode::FORBIDDEN
        }
        KEY_PROOF => ["ok", "unavailable"].contains(&result) || status == StatusCode::FORBIDDEN,
        _ => false,
    };
    (!is_usual).then_some(result)
}
