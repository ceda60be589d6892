//! The client's address.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, HeaderMap, request::Parts},
};

use super::App;
use crate::problem::Problem;

/// The longest text of an address in `X-Forwarded-For`: an IPv6 address in brackets, with a port.
const MAX_ADDRESS_CHARS: usize = 48;

/// The address that a request comes from; an IPv4 address that is mapped into IPv6 is an IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address(pub(super) IpAddr);

/// The networks around an address, the narrowest first: each is named by its prefix's length and bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Network {
    /// The length of the prefix, in bits.
    pub(super) prefix: u8,
    /// The address with all bits after the prefix at zero.
    pub(super) bits: u128,
}

impl Address {
    /// Reads it from a request; `None` without `ConnectInfo`.
    pub(super) fn of(headers: &HeaderMap, extensions: &Extensions, app: &App) -> Option<Self> {
        let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        let address = forwarded(headers, app.settings.trusted_proxies).unwrap_or(peer.ip());
        Some(Self(address.to_canonical()))
    }

    /// Returns the networks of one party: an IPv4 address and its /24, or the /64, /56 and /48 that providers delegate of
    /// IPv6 (RFC 6177).
    pub(super) fn networks(self) -> Vec<Network> {
        let cut = |bits: u128, length: u32, prefixes: &[u8]| {
            let networks = prefixes.iter().map(|prefix| {
                let host = length.saturating_sub(u32::from(*prefix));
                Network {
                    prefix: *prefix,
                    bits: bits.checked_shr(host).unwrap_or_default() << host,
                }
            });
            networks.collect()
        };
        match self.0 {
            IpAddr::V4(address) => cut(address.to_bits().into(), 32, &[32, 24]),
            IpAddr::V6(address) => cut(address.to_bits(), 128, &[64, 56, 48]),
        }
    }
}

impl FromRequestParts<App> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let address = Self::of(&parts.headers, &parts.extensions, app);
        address.ok_or(Problem::internal())
    }
}

/// Reads the address that the outermost trusted proxy appended; a client can write the elements before it.
///
/// An element there that is not an address yields `None`, never another element.
fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").iter();
    let all: Vec<&[u8]> = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .collect();
    let place = (proxies > 0).then(|| all.len().checked_sub(proxies))??;
    parse(all.get(place)?.trim_ascii())
}

/// Reads an address, as it is or with the port that some proxies add (`192.0.2.1:80`, `[2001:db8::1]:80`).
fn parse(text: &[u8]) -> Option<IpAddr> {
    if text.len() > MAX_ADDRESS_CHARS {
        return None;
    }
    let text = str::from_utf8(text).ok()?;
    let bare = text.parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let bracketed = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse().ok().map(IpAddr::V6)
    };
    bare.or_else(with_port).or_else(bracketed)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    #[test]
    fn only_the_entry_of_a_trusted_proxy_is_used() {
        let headers = headers(&[b"6.6.6.6, 1.2.3.4", b"10.0.0.1"]);

        assert_eq!(forwarded(&headers, 0), None);
        assert_eq!(forwarded(&headers, 1), Some([10, 0, 0, 1].into()));
        assert_eq!(forwarded(&headers, 2), Some([1, 2, 3, 4].into()));
        assert_eq!(forwarded(&headers, 4), None);
    }

    #[test]
    fn an_element_that_is_no_address_is_never_skipped_for_one_that_a_client_wrote() {
        let odd: [&[u8]; 12] = [
            b"\xff",
            b"1.2.3.4\xe9",
            "１.2.3.4".as_bytes(),
            b"",
            b" ",
            b"unknown",
            b"_hidden",
            b"1.2.3.4.5",
            b"1.2.3",
            b"fe80::1%eth0",
            b"[::1",
            b"1.2.3.4:99999",
        ];
        for text in odd {
            let same_line = [b"6.6.6.6, ".as_slice(), text].concat();
            for lines in [vec![b"6.6.6.6".as_slice(), text], vec![&same_line]] {
                let headers = headers(&lines);
                assert_eq!(forwarded(&headers, 1), None, "{text:?}");
                assert_eq!(
                    forwarded(&headers, 2),
                    Some([6, 6, 6, 6].into()),
                    "{text:?}"
                );
            }
            // What the proxy adds is believed whatever the client sent before it.
            let headers = headers(&[text, b"9.9.9.9"]);
            assert_eq!(
                forwarded(&headers, 1),
                Some([9, 9, 9, 9].into()),
                "{text:?}"
            );
        }
        let long = "1".repeat(10_000);
        assert_eq!(forwarded(&headers(&[long.as_bytes()]), 1), None);
    }

    #[test]
    fn a_port_or_brackets_do_not_hide_the_address() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:8080", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("\t ::ffff:192.0.2.1 ", "::ffff:192.0.2.1"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(parse(text.as_bytes().trim_ascii()), Some(address), "{text}");
        }
    }

    #[test]
    fn the_networks_of_an_address_hold_their_neighbours_and_no_others() {
        let networks =
            |text: &str| Address(text.parse::<IpAddr>().unwrap().to_canonical()).networks();
        let shared = |left: &str, right: &str| {
            let right = networks(right);
            let both = networks(left).into_iter().filter(|one| right.contains(one));
            both.map(|network| network.prefix).collect::<Vec<_>>()
        };

        assert_eq!(shared("2001:db8::1", "2001:db8::ffff:2"), [64, 56, 48]);
        assert_eq!(shared("2001:db8::1", "2001:db8:0:1::1"), [56, 48]);
        assert_eq!(shared("2001:db8::1", "2001:db8:0:100::1"), [48]);
        assert_eq!(shared("2001:db8::1", "2001:db8:1::1"), [0_u8; 0]);
        assert_eq!(shared("1.2.3.4", "1.2.3.5"), [24]);
        assert_eq!(shared("1.2.3.4", "1.2.4.4"), [0_u8; 0]);
        assert_eq!(shared("::ffff:1.2.3.4", "1.2.3.4"), [32, 24]);
    }
}
