//! The cookies (RFC 6265bis): the refresh cookie with its prefix `__Host-Http-`, and the hint beside it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use nolapse::wire::COOKIE;

use crate::{
    config::SameSite,
    domain::{RefreshToken, RefreshTokenKey, Session, Timestamp},
};

/// The name of the hint: a cookie that scripts can read, with the value `1` as long as there may be a refresh cookie. It has
/// no secret and no id, and opens nothing.
pub(super) const HINT_COOKIE: &str = "nolapse-hint";

/// Reads the refresh token of a request's cookie; `None` if there is none, more than one, or a forged one.
pub(super) fn refresh_token(headers: &HeaderMap, key: &RefreshTokenKey) -> Option<RefreshToken> {
    key.decode(only(headers, COOKIE)?)
}

/// Reads the value of the cookie with this name; `None` if there is none, or more than one.
pub(super) fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = values(headers, name);
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    str::from_utf8(only).ok()
}

fn values<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(header::COOKIE).iter();
    // Other cookies may have any bytes.
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(move |pair| pair.trim_ascii().strip_prefix(name.as_bytes()))
        .filter_map(|rest| rest.strip_prefix(b"="))
}

/// The attributes of the cookies that this server sets.
#[derive(Clone, Debug)]
pub(crate) struct CookieRules {
    pub(crate) same_site: SameSite,
    /// The `Domain` of the hint; `None` for the auth server's host alone.
    pub(crate) hint_domain: Option<String>,
}

impl CookieRules {
    /// Sets the refresh cookie and the hint, until the session's absolute limit.
    pub(super) fn set(
        &self,
        response: &mut HeaderMap,
        now: Timestamp,
        session: &Session,
        refresh_token: &RefreshToken,
        key: &RefreshTokenKey,
    ) {
        let lifetime = session.expires_at.since(now);
        if self.same_site == SameSite::None {
            // Of before the setting. First, for browsers without partitions: there it is the same cookie.
            response.append(header::SET_COOKIE, unpartitioned());
        }
        let value = key.encode(refresh_token);
        response.append(header::SET_COOKIE, self.private(COOKIE, &value, lifetime));
        let domain = self.hint_domain.as_deref();
        response.append(header::SET_COOKIE, self.hint("1", domain, lifetime));
    }

    /// Deletes the refresh cookie and the hint. A request with two refresh cookies has one of another setting too.
    pub(super) fn clear(&self, response: &mut HeaderMap, request: &HeaderMap) {
        let cleared = self.private(COOKIE, "", Duration::ZERO);
        response.append(header::SET_COOKIE, cleared);
        if self.same_site == SameSite::None {
            response.append(header::SET_COOKIE, unpartitioned());
        } else if values(request, COOKIE).nth(1).is_some() {
            let embedded = spell(COOKIE, "", Duration::ZERO, PRIVATE, EMBEDDED);
            response.append(header::SET_COOKIE, embedded);
        }
        let domain = self.hint_domain.as_deref();
        let domains = [None].into_iter().chain(domain.map(Some));
        for domain in domains {
            let cleared = self.hint("", domain, Duration::ZERO);
            response.append(header::SET_COOKIE, cleared);
        }
    }

    /// Formats a `Set-Cookie` that neither scripts nor other hosts can read or set.
    pub(super) fn private(&self, name: &str, value: &str, lifetime: Duration) -> HeaderValue {
        spell(name, value, lifetime, PRIVATE, self.site("Strict"))
    }

    /// Formats the `Set-Cookie` of a hint.
    fn hint(&self, value: &str, domain: Option<&str>, lifetime: Duration) -> HeaderValue {
        let domain = domain.map(|domain| format!("; Domain={domain}"));
        let domain = domain.unwrap_or_default();
        let site = self.site("Lax");
        spell(HINT_COOKIE, value, lifetime, &domain, site)
    }

    /// Returns the values of `SameSite` and what goes with it.
    const fn site(&self, usual: &'static str) -> &'static str {
        match self.same_site {
            SameSite::Strict => usual,
            SameSite::None => EMBEDDED,
        }
    }
}

/// The attribute of cookies that scripts cannot read.
const PRIVATE: &str = "; HttpOnly";
/// `SameSite` of the cookies of an embedded app.
const EMBEDDED: &str = "None; Partitioned";

/// Deletes a refresh cookie outside of any partition.
fn unpartitioned() -> HeaderValue {
    spell(COOKIE, "", Duration::ZERO, PRIVATE, "None")
}

fn spell(name: &str, value: &str, lifetime: Duration, more: &str, site: &str) -> HeaderValue {
    let seconds = lifetime.as_secs();
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure{more}; SameSite={site}");
    let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Limits, SessionId, UserId};

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn rules(same_site: SameSite, hint_domain: Option<&str>) -> CookieRules {
        CookieRules {
            same_site,
            hint_domain: hint_domain.map(str::to_owned),
        }
    }

    fn lines(headers: &HeaderMap) -> Vec<String> {
        let all = headers.get_all(header::SET_COOKIE).iter();
        all.map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    fn set(rules: &CookieRules) -> Vec<String> {
        let token = RefreshToken::first(SessionId::from_bytes([3; 16]), [5; 32]);
        let key = RefreshTokenKey::from_bytes([1; 32]);
        let user = UserId::from_bytes([1; 16]);
        let session = Session::begin(NOW, &token, user, String::new(), &Limits::default());
        let mut headers = HeaderMap::new();
        rules.set(&mut headers, NOW, &session, &token, &key);
        let value = key.encode(&token);
        let lines = lines(&headers).into_iter();
        lines.map(|line| line.replace(&value, "TOKEN")).collect()
    }

    #[test]
    fn issue11_line6_the_hint_is_readable_by_scripts_and_has_no_data() {
        assert_eq!(
            set(&rules(SameSite::Strict, None)),
            [
                "__Host-Http-nolapse=TOKEN; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Strict",
                "nolapse-hint=1; Path=/; Max-Age=2592000; Secure; SameSite=Lax",
            ]
        );
        assert_eq!(
            set(&rules(SameSite::Strict, Some("example.com")))[1],
            "nolapse-hint=1; Path=/; Max-Age=2592000; Secure; Domain=example.com; SameSite=Lax"
        );
    }

    #[test]
    fn issue11_line14_cookies_of_an_embedded_app_are_partitioned_and_replace_those_of_before() {
        assert_eq!(
            set(&rules(SameSite::None, None)),
            [
                "__Host-Http-nolapse=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=None",
                "__Host-Http-nolapse=TOKEN; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=None; \
                 Partitioned",
                "nolapse-hint=1; Path=/; Max-Age=2592000; Secure; SameSite=None; Partitioned",
            ]
        );
    }

    #[test]
    fn all_that_is_set_is_deleted() {
        let mut request = HeaderMap::new();
        let cleared = |rules: &CookieRules, request: &HeaderMap| {
            let mut headers = HeaderMap::new();
            rules.clear(&mut headers, request);
            lines(&headers)
        };
        let strict = "__Host-Http-nolapse=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict";
        let embedded =
            "__Host-Http-nolapse=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=None; Partitioned";
        let hint = "nolapse-hint=; Path=/; Max-Age=0; Secure; SameSite=Lax";
        let wide = "nolapse-hint=; Path=/; Max-Age=0; Secure; Domain=example.com; SameSite=Lax";

        let usual = rules(SameSite::Strict, None);
        assert_eq!(cleared(&usual, &request), [strict, hint]);
        let parent = rules(SameSite::Strict, Some("example.com"));
        assert_eq!(cleared(&parent, &request), [strict, hint, wide]);
        let partitioned = cleared(&rules(SameSite::None, None), &request);
        assert_eq!(partitioned[0], embedded);
        assert_eq!(partitioned.len(), 3);
        let two = "__Host-Http-nolapse=a; __Host-Http-nolapse=b";
        request.insert(header::COOKIE, HeaderValue::from_static(two));
        assert_eq!(cleared(&usual, &request), [strict, embedded, hint]);
    }
}
