//! Origins of pages that may call: exact ones, and patterns for preview deployments.

use std::{collections::BTreeSet, fmt, net::Ipv6Addr};

use axum::http::HeaderValue;

/// The schemes of app shells, whose pages have a host of the app's choice.
const SHELLS: [&str; 4] = ["capacitor", "ionic", "tauri", "app"];

/// The longest host name and the longest label of one (RFC 1035 §2.3.4).
const MAX_HOST: usize = 253;
const MAX_LABEL: usize = 63;

/// The labels that must follow the one with a `*`.
const FIXED_LABELS: usize = 2;

/// Why a text is no origin that can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError {
    /// It is not `scheme://host` or `scheme://host:port` as browsers spell it (RFC 6454 §6.2), or it is `null`.
    Malformed,
    /// Its scheme is none of those that are known.
    Scheme,
    /// It is no extension's id.
    Extension,
    /// Its `*` is not the only one, not in a label of an `https` host, or fewer than two labels follow.
    Wildcard,
}

impl OriginError {
    /// Returns the expected form.
    #[must_use]
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Malformed => {
                "origins with commas between, such as https://app.example.com, in lower case and \
                 without a default port; no null, no path, no slash at the end"
            }
            Self::Scheme => {
                "origins with the scheme https, http, capacitor, ionic, tauri, app, \
                 chrome-extension, moz-extension or safari-web-extension"
            }
            Self::Extension => {
                "origins with an extension's id: 32 letters a to p for chrome-extension, a UUID \
                 for moz-extension and safari-web-extension"
            }
            Self::Wildcard => {
                "exact origins, or ones with one * in a label of an https host that two more \
                 labels follow, such as https://app-*.team.example"
            }
        }
    }
}

impl fmt::Display for OriginError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ALLOWED_ORIGINS must be {}", self.expected())
    }
}

impl std::error::Error for OriginError {}

/// An origin that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    /// This one.
    Exact(String),
    /// All that have one part of a label between these two.
    Pattern { before: String, after: String },
}

impl Allowed {
    fn parse(text: &str) -> Result<Self, OriginError> {
        if text == "*" {
            return Err(OriginError::Wildcard);
        }
        let (scheme, authority) = text.split_once("://").ok_or(OriginError::Malformed)?;
        let exact = Self::Exact(text.to_owned());
        match scheme {
            "https" | "http" if authority.contains('*') => pattern(text, scheme, authority),
            "https" | "http" if is_authority(authority, default_port(scheme)) => Ok(exact),
            "https" | "http" => Err(OriginError::Malformed),
            "chrome-extension" if is_chrome_id(authority) => Ok(exact),
            "moz-extension" | "safari-web-extension" if is_uuid(authority) => Ok(exact),
            "chrome-extension" | "moz-extension" | "safari-web-extension" => {
                Err(OriginError::Extension)
            }
            shell if SHELLS.contains(&shell) && authority.contains('*') => {
                Err(OriginError::Wildcard)
            }
            shell if SHELLS.contains(&shell) && is_authority(authority, None) => Ok(exact),
            shell if SHELLS.contains(&shell) => Err(OriginError::Malformed),
            _ => Err(OriginError::Scheme),
        }
    }

    fn host_pattern(&self) -> Option<String> {
        let host = |authority: &str| authority.split(':').next().unwrap_or_default().to_owned();
        match self {
            Self::Exact(exact) => {
                let authority = exact.strip_prefix("https://");
                let authority = authority.or_else(|| exact.strip_prefix("http://"))?;
                (!authority.starts_with('[')).then(|| host(authority))
            }
            Self::Pattern { after, .. } => {
                let (_, follows) = after.split_once('.')?;
                Some(format!("*.{}", host(follows)))
            }
        }
    }

    fn matches(&self, origin: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => origin == exact.as_bytes(),
            Self::Pattern { before, after } => {
                let rest = origin.strip_prefix(before.as_bytes());
                let part = rest.and_then(|rest| rest.strip_suffix(after.as_bytes()));
                part.is_some_and(|part| {
                    (1..=MAX_LABEL).contains(&part.len()) && part.iter().all(|byte| is_plain(*byte))
                })
            }
        }
    }
}

/// The origins that are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AllowedOrigins(Vec<Allowed>);

impl AllowedOrigins {
    /// Parses origins.
    pub(crate) fn parse<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Self, OriginError> {
        texts
            .map(Allowed::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns the hosts of websites as patterns of Device Bound Session Credentials, where a `*` stands for whole labels, and
    /// the first ones alone.
    pub(crate) fn host_patterns(&self) -> Vec<String> {
        let patterns: BTreeSet<String> = self.0.iter().filter_map(Allowed::host_pattern).collect();
        patterns.into_iter().collect()
    }

    /// Returns whether the value of a header `Origin` is allowed.
    pub(crate) fn matches(&self, origin: &HeaderValue) -> bool {
        let origin = origin.as_bytes();
        self.0.iter().any(|allowed| allowed.matches(origin))
    }
}

/// Returns whether a text is the origin of a website: scheme, host and port.
pub(crate) fn is_web_origin(text: &str) -> bool {
    let authority = text.strip_prefix("https://");
    let authority = authority.or_else(|| text.strip_prefix("http://"));
    authority.is_some_and(|authority| is_authority(authority, None))
}

/// Parses an origin with a `*`: one, in a label that enough others follow.
fn pattern(text: &str, scheme: &str, authority: &str) -> Result<Allowed, OriginError> {
    let (before, after) = text.split_once('*').ok_or(OriginError::Wildcard)?;
    // With a letter in place of the `*` it is an origin.
    let example = authority.replacen('*', "x", 1);
    let (_, follows) = after.split_once('.').ok_or(OriginError::Wildcard)?;
    let is_fixed = follows.split('.').count() >= FIXED_LABELS;
    let is_origin = is_authority(&example, default_port(scheme));
    if scheme != "https" || !is_fixed || !is_origin || is_address(&example) {
        return Err(OriginError::Wildcard);
    }
    Ok(Allowed::Pattern {
        before: before.to_owned(),
        after: after.to_owned(),
    })
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

/// Returns whether a text is `host` or `host:port` as browsers spell it, with another port than the default one.
fn is_authority(text: &str, default_port: Option<u16>) -> bool {
    let (is_host, port) = if let Some(literal) = text.strip_prefix('[') {
        let (address, port) = literal.split_once(']').unwrap_or_default();
        (address.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let colon = text.find(':').unwrap_or(text.len());
        let (host, port) = text.split_at_checked(colon).unwrap_or_default();
        (is_host(host), port)
    };
    is_host && (port.is_empty() || is_port(port, default_port))
}

/// Returns whether a text is a host name, also one with `_`, which DNS allows and host names do not.
fn is_host(text: &str) -> bool {
    let is_label =
        |label: &str| (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(is_plain);
    text.len() <= MAX_HOST && text.split('.').all(is_label)
}

fn is_port(text: &str, default_port: Option<u16>) -> bool {
    let digits = text.strip_prefix(':').unwrap_or_default();
    let port = digits.parse::<u16>().ok();
    port.is_some_and(|port| port.to_string() == digits && port != 0 && Some(port) != default_port)
}

/// Returns whether an authority is an IPv4 address, which has no labels.
fn is_address(authority: &str) -> bool {
    let last = authority
        .split(':')
        .next()
        .and_then(|host| host.rsplit('.').next());
    last.is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()))
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')
}

fn is_chrome_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'a'..=b'p'))
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    let hexadecimal = |byte: u8| byte == b'-' || byte.is_ascii_hexdigit();
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(hexadecimal)
}

#[cfg(test)]
mod tests;
