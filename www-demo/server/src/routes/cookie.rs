//! The cookies (RFC 6265bis): the refresh cookie with its prefix `__Host-Http-`, and the hint beside it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use nolapse::wire::{COOKIE, PAGE_COOKIE};

use crate::{
    config::SameSite,
    domain::{RefreshToken, RefreshTokenKey, Session, Timestamp},
};

/// The name of the hint: a cookie that scripts can read, with the value `1` as long as there may be a refresh cookie. It has
/// no secret and no id, and opens nothing.
pub(super) const HINT_COOKIE: &str = "nolapse-hint";

/// Reads the refresh token of a request's cookie; `None` if there is none, more than one, or a forged one.
pub(super) fn refresh_token(
    headers: &HeaderMap,
    name: &str,
    key: &RefreshTokenKey,
) -> Option<RefreshToken> {
    key.decode(only(headers, name)?)
}

/// Returns the name of an account's refresh cookie. Unlike a hyphen, the dot is in no account's name and in no other cookie's.
pub(super) fn name_of(account: &str) -> String {
    format!("{COOKIE}.{account}")
}

/// Returns the name of a further cookie of an account, by the name of its refresh cookie.
pub(super) fn beside(name: &str, refresh_cookie: &str) -> String {
    let account = refresh_cookie.strip_prefix(COOKIE).unwrap_or_default();
    format!("{name}{account}")
}

/// Returns whether there is a cookie with this name.
pub(super) fn has(headers: &HeaderMap, name: &str) -> bool {
    values(headers, name).next().is_some()
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

/// Reads the cookies whose names begin with `prefix`, by the rest of their names.
pub(super) fn beginning_with<'h>(
    headers: &'h HeaderMap,
    prefix: &'static str,
) -> impl Iterator<Item = (&'h str, &'h str)> {
    pairs(headers).filter_map(move |pair| {
        let pair = str::from_utf8(pair).ok()?;
        pair.strip_prefix(prefix)?.split_once('=')
    })
}

fn values<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let pairs = pairs(headers).filter_map(move |pair| pair.strip_prefix(name.as_bytes()));
    pairs.filter_map(|rest| rest.strip_prefix(b"="))
}

/// Returns the pairs of name and value; those of other servers may have any bytes.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii)
}

/// The attributes of the cookies that this server sets.
#[derive(Clone, Debug)]
pub(crate) struct CookieRules {
    /// The name of the refresh cookie.
    pub(crate) name: String,
    pub(crate) same_site: SameSite,
    /// Whether renderers get the access token in a cookie of their own.
    pub(crate) page_cookie: bool,
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
            response.append(header::SET_COOKIE, self.unpartitioned());
        }
        let value = key.encode(refresh_token);
        response.append(
            header::SET_COOKIE,
            self.private(&self.name, &value, lifetime),
        );
        let domain = self.hint_domain.as_deref();
        response.append(header::SET_COOKIE, self.hint("1", domain, lifetime));
    }

    /// Sets the page cookie: an access token for servers that render pages, for as long as it lives. `Lax`,
    /// so that a page is rendered signed-in when a link of another site leads to it.
    pub(super) fn set_page(&self, response: &mut HeaderMap, token: &str, lifetime: Duration) {
        let name = beside(PAGE_COOKIE, &self.name);
        let cookie = spell(&name, token, lifetime, PRIVATE, self.site("Lax"));
        response.append(header::SET_COOKIE, cookie);
    }

    /// Deletes the refresh cookie, the page cookie, and the hint unless it stands for another account of this browser. A request with two
    /// refresh cookies of one name has one of another setting too.
    pub(super) fn clear(&self, response: &mut HeaderMap, request: &HeaderMap) {
        let cleared = self.private(&self.name, "", Duration::ZERO);
        response.append(header::SET_COOKIE, cleared);
        if self.same_site == SameSite::None {
            response.append(header::SET_COOKIE, self.unpartitioned());
        } else if values(request, &self.name).nth(1).is_some() {
            let embedded = spell(&self.name, "", Duration::ZERO, PRIVATE, EMBEDDED);
            response.append(header::SET_COOKIE, embedded);
        }
        if self.page_cookie {
            self.set_page(response, "", Duration::ZERO);
        }
        if self.has_other_account(request) {
            return;
        }
        let domain = self.hint_domain.as_deref();
        let domains = [None].into_iter().chain(domain.map(Some));
        for domain in domains {
            let cleared = self.hint("", domain, Duration::ZERO);
            response.append(header::SET_COOKIE, cleared);
        }
    }

    fn has_other_account(&self, request: &HeaderMap) -> bool {
        pairs(request)
            .filter_map(|pair| pair.strip_prefix(COOKIE.as_bytes()))
            .filter(|rest| rest.starts_with(b"=") || rest.starts_with(b"."))
            .filter_map(|rest| rest.split(|byte| *byte == b'=').next())
            .any(|rest| self.name.as_bytes().strip_prefix(COOKIE.as_bytes()) != Some(rest))
    }

    /// Deletes a refresh cookie outside of any partition.
    fn unpartitioned(&self) -> HeaderValue {
        spell(&self.name, "", Duration::ZERO, PRIVATE, "None")
    }

    /// Formats a `Set-Cookie` that neither scripts nor other hosts can read or set.
    pub(super) fn private(&self, name: &str, value: &str, lifetime: Duration) -> HeaderValue {
        spell(name, value, lifetime, PRIVATE, self.site("Strict"))
    }

    /// Formats the `Set-Cookie` of a sign-in under way, which a redirect of another site must bring along.
    pub(super) fn transaction(name: &str, value: &str, lifetime: Duration) -> HeaderValue {
        spell(name, value, lifetime, PRIVATE, "Lax")
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
    use crate::domain::{Authentication, Limits, NewSession, SessionId, UserId};

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn rules(same_site: SameSite, hint_domain: Option<&str>) -> CookieRules {
        CookieRules {
            name: COOKIE.to_owned(),
            same_site,
            page_cookie: false,
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
        let new = NewSession::new(String::new(), Authentication::by_password(NOW));
        let session = Session::begin(NOW, &token, user, new, &Limits::default());
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
    fn part4_a_page_cookie_is_lax_goes_with_its_session_and_is_an_accounts_own() {
        let set = |rules: &CookieRules| {
            let mut headers = HeaderMap::new();
            rules.set_page(&mut headers, "TOKEN", Duration::from_mins(1));
            lines(&headers)
        };
        let usual = CookieRules {
            page_cookie: true,
            ..rules(SameSite::Strict, None)
        };
        let work = CookieRules {
            name: name_of("work"),
            ..usual.clone()
        };
        let embedded = CookieRules {
            same_site: SameSite::None,
            ..usual.clone()
        };
        let line =
            "__Host-Http-nolapse-page=TOKEN; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=";

        assert_eq!(set(&usual), [format!("{line}Lax")]);
        assert_eq!(set(&embedded), [format!("{line}None; Partitioned")]);
        assert!(set(&work)[0].starts_with("__Host-Http-nolapse-page.work=TOKEN; "));
        let mut cleared = HeaderMap::new();
        usual.clear(&mut cleared, &HeaderMap::new());
        let gone = "__Host-Http-nolapse-page=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(lines(&cleared)[1], gone);
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

    #[test]
    fn issue11_an_account_has_a_cookie_of_its_own_and_the_hint_stays_for_the_others() {
        let work = CookieRules {
            name: name_of("work"),
            ..rules(SameSite::Strict, None)
        };
        assert!(set(&work)[0].starts_with("__Host-Http-nolapse.work=TOKEN; Path=/;"));
        for (sent, is_other) in [
            ("__Host-Http-nolapse.work=a", false),
            (
                "__Host-Http-nolapse-device=a; __Host-Http-nolapsed=b",
                false,
            ),
            ("__Host-Http-nolapse.work=a; __Host-Http-nolapse=b", true),
            ("__Host-Http-nolapse.workshop=a", true),
        ] {
            let mut request = HeaderMap::new();
            request.insert(header::COOKIE, HeaderValue::from_static(sent));
            let mut response = HeaderMap::new();
            work.clear(&mut response, &request);
            let lines = lines(&response);
            assert!(
                lines[0].starts_with("__Host-Http-nolapse.work=; "),
                "{sent}"
            );
            assert_eq!(lines.len() == 1, is_other, "{sent}: {lines:?}");
        }
    }
}
