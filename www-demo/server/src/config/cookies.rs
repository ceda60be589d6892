//! Settings for cookies.

use std::collections::BTreeSet;

use super::{
    Config, ConfigError,
    reader::{Bounded, Reader, refuse},
};

/// The `SameSite` of the cookies with secrets (RFC 6265bis §5.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// `Strict`: sent by pages of the auth server's own site only.
    Strict,
    /// `None` and `Partitioned` (CHIPS): sent by pages of other sites and by pages embedded in them. Each top-level site has
    /// sessions of its own.
    None,
}

/// The expected form of `HINT_COOKIE_DOMAIN`.
const HINT_DOMAIN: &str =
    "a domain such as example.com: the host of ISSUER, or a parent of it that is no public suffix";

/// The expected form of `ACCOUNT_PATHS`.
const ACCOUNT_PATHS: &str = "at most 20 different names of a-z, 0-9 and -, of 1 to 32 characters, such as work,private; \
     auth, demo, healthz and readyz are taken";
/// Upper bound on accounts: browsers send all of their cookies with each request.
const MAX_ACCOUNTS: usize = 20;
/// The first segments of other paths of the auth server.
const TAKEN: [&str; 4] = ["auth", "demo", "healthz", "readyz"];

impl Config {
    pub(super) fn with_cookies(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        let same_site = match read.text("COOKIE_SAME_SITE").as_deref() {
            None => self.cookie_same_site,
            Some("strict") => SameSite::Strict,
            Some("none") => SameSite::None,
            Some(_) => return refuse("COOKIE_SAME_SITE", "strict or none"),
        };
        let hint_domain = read.text("HINT_COOKIE_DOMAIN");
        if let Some(domain) = &hint_domain
            && !is_settable(domain, self.issuer.as_deref())
        {
            return refuse("HINT_COOKIE_DOMAIN", HINT_DOMAIN);
        }
        let page_cookie = read.switch("PAGE_COOKIE", self.page_cookie)?;
        let device_binding = read.switch("DEVICE_BINDING", self.device_binding)?;
        let bound_cookie = Bounded("DBSC_COOKIE_SECONDS", 1..=3_600, "whole seconds, 1 to 3600");
        let bound_cookie_lifetime = read.seconds(bound_cookie, self.bound_cookie_lifetime)?;
        let dbsc = read.switch("DBSC", self.dbsc)?;
        let account_paths = read
            .text("ACCOUNT_PATHS")
            .map_or(self.account_paths, |text| {
                text.split(',').map(|name| name.trim().to_owned()).collect()
            });
        check_account_paths(&account_paths)?;
        Ok(Self {
            account_paths,
            page_cookie,
            device_binding,
            dbsc,
            bound_cookie_lifetime,
            cookie_same_site: same_site,
            hint_cookie_domain: hint_domain,
            ..self
        })
    }
}

/// Checks that routes and cookies can have these names.
pub(crate) fn check_account_paths(names: &[String]) -> Result<(), ConfigError> {
    let is_name = |name: &String| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=32).contains(&name.len()) && name.bytes().all(plain) && !TAKEN.contains(&name.as_str())
    };
    let distinct: BTreeSet<&String> = names.iter().collect();
    if names.len() > MAX_ACCOUNTS || distinct.len() < names.len() || !names.iter().all(is_name) {
        return refuse("ACCOUNT_PATHS", ACCOUNT_PATHS);
    }
    Ok(())
}

/// Returns whether a browser takes a cookie with this `Domain` from the issuer (RFC 6265bis §5.7); whether it is a public
/// suffix is not known here.
fn is_settable(domain: &str, issuer: Option<&str>) -> bool {
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(plain)
    };
    let is_address = domain.parse::<std::net::Ipv4Addr>().is_ok();
    if !domain.contains('.') || is_address || !domain.split('.').all(is_label) {
        return false;
    }
    let Some((_, authority)) = issuer.and_then(|issuer| issuer.split_once("://")) else {
        return false;
    };
    let host = authority.split(':').next().unwrap_or_default();
    let above = host.strip_suffix(domain);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}
