//! Who asks too often: per account and address for passwords, per session for refreshes.

use std::{net::IpAddr, time::Duration};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, StatusCode, request::Parts},
};
use nolapse::wire::ErrorCode;

use super::App;
use crate::{
    config::Config,
    connections::Peer,
    domain::{Email, SessionId, Timestamp},
    problem::Problem,
    throttle::Throttle,
};

const PASSWORD_SPAN: Duration = Duration::from_mins(5);
const REFRESH_SPAN: Duration = Duration::from_mins(1);
/// An account, and an address, may be tried this often as much as an account from one address: many people
/// share an address, and nobody should be able to lock somebody else out.
const WIDER: u32 = 10;

/// What is counted.
pub(crate) struct Limits {
    trusted_proxies: usize,
    account_at_address: Throttle,
    account: Throttle,
    address: Throttle,
    session: Throttle,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        let (password, refresh) = (config.passwords_per_account, config.refreshes_per_minute);
        let wide = || Throttle::new(password.saturating_mul(WIDER), PASSWORD_SPAN);
        Self {
            trusted_proxies: config.trusted_proxies,
            account_at_address: Throttle::new(password, PASSWORD_SPAN),
            account: wide(),
            address: wide(),
            session: Throttle::new(refresh, REFRESH_SPAN),
        }
    }

    /// Counts a password that somebody tries, before anything is known of the account.
    pub(super) fn password(
        &self,
        now: Timestamp,
        email: &Email,
        address: Address,
    ) -> Result<(), Problem> {
        let (account, Address(address)) = (email.expose(), address);
        self.address
            .take(now, address)
            .and_then(|()| self.account_at_address.take(now, (account, address)))
            .and_then(|()| self.account.take(now, account))
            .map_err(|seconds| too_many("too many passwords were tried", seconds))
    }

    /// Counts a refresh of a session that this server made.
    pub(super) fn refresh(&self, now: Timestamp, session: SessionId) -> Result<(), Problem> {
        let turn = self.session.take(now, session);
        turn.map_err(|seconds| too_many("this session is refreshed too often", seconds))
    }
}

const fn too_many(text: &'static str, seconds: u32) -> Problem {
    let status = StatusCode::TOO_MANY_REQUESTS;
    Problem::new(status, ErrorCode::TooManyRequests, text).retry_after(seconds)
}

/// The network that a request comes from: an IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address(IpAddr);

impl FromRequestParts<App> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        let ConnectInfo(Peer(peer)) = peer.ok_or(Problem::internal())?;
        let address = forwarded(&parts.headers, app.limits.trusted_proxies).unwrap_or(*peer);
        Ok(Self(network(address)))
    }
}

/// Reads the address that the outermost of so many proxies saw; what stands before it anybody can write.
fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").iter();
    let all: Vec<&str> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    let place = (proxies > 0).then(|| all.len().checked_sub(proxies))??;
    all.get(place)?.trim().parse().ok()
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_trusted_proxy_wrote_is_believed() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 1.2.3.4".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.1".parse().unwrap());

        assert_eq!(forwarded(&headers, 0), None);
        assert_eq!(forwarded(&headers, 1), Some([10, 0, 0, 1].into()));
        assert_eq!(forwarded(&headers, 2), Some([1, 2, 3, 4].into()));
        assert_eq!(forwarded(&headers, 4), None);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let network = |text: &str| network(text.parse().unwrap());

        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:1.2.3.4"), network("1.2.3.4"));
    }
}
