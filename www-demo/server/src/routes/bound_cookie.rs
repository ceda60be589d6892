//! The bound cookie of a session that the browser has registered a key for (W3C, Device Bound Session Credentials), and the
//! header by which a sign-in asks for a key.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{App, cookie, dbsc};
use crate::{
    config::SameSite,
    dbsc::Purpose,
    domain::{BoundCookie, Possession, Proof, SessionId, Timestamp},
};

/// The bound cookie's name. Browsers take none with the prefix of the refresh cookie.
const BOUND_COOKIE: &str = "__Host-nolapse-bound";

/// The attributes that the browser looks for the cookie by.
pub(super) const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

const REGISTRATION_HEADER: HeaderName = HeaderName::from_static("secure-session-registration");
/// Says why a request has no bound cookie.
const SKIPPED_HEADER: HeaderName = HeaderName::from_static("secure-session-skipped");

impl App {
    /// Returns what a request has of the keys that its session may be bound to.
    pub(super) fn possession(&self, headers: &HeaderMap, proof: Option<&Proof>) -> Possession {
        let value = cookie::only(headers, &self.bound_cookie_name());
        let bound = match value {
            Some(value) => self.dbsc.read_bound_cookie(value),
            None if self.has_bound_cookie(headers) => BoundCookie::Malformed,
            None if headers.contains_key(SKIPPED_HEADER) => BoundCookie::Skipped,
            None => BoundCookie::Absent,
        };
        Possession {
            proof: proof.copied(),
            bound,
        }
    }

    /// Asks the browser to make a key for a session that has begun, and deletes the bound cookie of the one before, with which
    /// it would take the new session for one that is fresh.
    pub(super) fn ask_for_key(
        &self,
        now: Timestamp,
        purpose: Purpose,
        session: SessionId,
        response: &mut HeaderMap,
    ) {
        let is_embedded = self.settings.cookies.same_site == SameSite::None;
        if !self.settings.dbsc || is_embedded {
            return;
        }
        self.forget_bound_cookie(response);
        let challenge = self.dbsc.challenge(now, purpose, session);
        let path = self.external(dbsc::REGISTRATION_PATH);
        let text = format!(r#"(ES256 RS256);path="{path}";challenge="{challenge}""#);
        if let Ok(value) = HeaderValue::try_from(text) {
            response.insert(REGISTRATION_HEADER, value);
        }
    }

    /// Sets the bound cookie of a session whose key was proved.
    pub(super) fn bind(&self, now: Timestamp, session: SessionId, response: &mut HeaderMap) {
        let lifetime = self.settings.bound_cookie_lifetime;
        let value = self.dbsc.bound_cookie(now, session, lifetime);
        let name = self.bound_cookie_name();
        let seconds = lifetime.as_secs();
        set(
            response,
            &format!("{name}={value}; Max-Age={seconds}; {ATTRIBUTES}"),
        );
    }

    /// Deletes the bound cookie.
    pub(super) fn forget_bound_cookie(&self, response: &mut HeaderMap) {
        let name = self.bound_cookie_name();
        set(response, &format!("{name}=; Max-Age=0; {ATTRIBUTES}"));
    }

    /// Deletes the cookies of a session, the bound one among them if the request has it.
    pub(super) fn clear_cookies(&self, response: &mut HeaderMap, request: &HeaderMap) {
        self.settings.cookies.clear(response, request);
        if self.has_bound_cookie(request) {
            self.forget_bound_cookie(response);
        }
    }

    /// Returns the name of the bound cookie of this account.
    pub(super) fn bound_cookie_name(&self) -> String {
        cookie::beside(BOUND_COOKIE, &self.settings.cookies.name)
    }

    /// Returns an endpoint's path, as the browser sees it.
    pub(super) fn external(&self, path: &str) -> String {
        format!("{}{path}", self.settings.mount)
    }

    fn has_bound_cookie(&self, headers: &HeaderMap) -> bool {
        cookie::has(headers, &self.bound_cookie_name())
    }
}

fn set(response: &mut HeaderMap, cookie: &str) {
    if let Ok(mut value) = HeaderValue::try_from(cookie) {
        value.set_sensitive(true);
        response.append(header::SET_COOKIE, value);
    }
}
