//! Rate limits: per account, network and device for passwords, per session for refreshes, per user for notes.

use std::{collections::BTreeMap, time::Duration};

use axum::http::StatusCode;
use hmac::Mac;
use nolapse::wire::ErrorCode;
use utoipa::{
    IntoResponses,
    openapi::{RefOr, Response as ResponseObject},
};

use super::{
    address::{Address, Network},
    device::Device,
    openapi,
    session_limits::SessionLimits,
};
use crate::{
    config::Config,
    domain::{self, Bucket, DirectoryError, Email, SessionId, Store, Timestamp, UserId},
    problem::Problem,
    throttle::Throttle,
};

const PASSWORD_SPAN: Duration = Duration::from_mins(5);
const LOOK_UP_SPAN: Duration = Duration::from_mins(1);
const NOTE_SPAN: Duration = Duration::from_mins(1);
const WRONG_SECRET_SPAN: Duration = Duration::from_mins(1);

/// How many lines of the security log a network's wrong server secrets make in [`WRONG_SECRET_SPAN`]: a server whose secret is
/// out of date tries with each page, and whoever wants to fill the disk more often.
const WRONG_SECRETS: u32 = 10;

/// The factor for look-ups of a session by servers: a page may need several, and prefetches of pages count.
const LOOK_UPS: u32 = 10;
/// The factor for an account, over all unknown devices. More than twice that of one /48, so that one party does not
/// lock an account for others.
const ACCOUNT: u32 = 10;
/// The factor for a network, over all accounts.
const NETWORK: u32 = 10;
/// The same for an IPv4 /24, which many parties share.
const SHARED_NETWORK: u32 = 20;

/// The rate limits of a server.
///
/// Passwords are counted in the database: the limit holds across servers and restarts. Refreshes are counted in memory:
/// the limit bounds the work of each server.
pub(crate) struct Limits {
    passwords: u32,
    /// Those of a session.
    pub(super) sessions: SessionLimits,
    look_ups: Throttle,
    notes: Throttle,
    wrong_secrets: Throttle,
    names: [u8; 32],
}

/// The turns that an attempt has taken, until it [succeeds](Self::succeed).
#[must_use]
pub(super) struct Turns(Vec<Bucket>);

impl Turns {
    /// Returns the turns of a right password, so that many users behind one address are not throttled.
    pub(super) async fn succeed(self, store: &dyn Store) -> Result<(), Problem> {
        self.give_back(store).await
    }

    /// Returns the turns if the password was not verified for lack of capacity.
    pub(super) async fn unless_busy<T>(
        &self,
        store: &dyn Store,
        tried: Result<T, DirectoryError>,
    ) -> Result<T, Problem> {
        if matches!(tried, Err(DirectoryError::Busy)) {
            self.give_back(store).await?;
        }
        Ok(tried?)
    }

    async fn give_back(&self, store: &dyn Store) -> Result<(), Problem> {
        Ok(store.return_turns(&self.0).await?)
    }
}

impl Limits {
    /// Creates the limits of the settings; `names` is the key of the hashes of accounts and networks in the database.
    pub(crate) fn new(config: &Config, names: [u8; 32]) -> Self {
        Self {
            passwords: config.passwords_per_account,
            sessions: SessionLimits::new(config.refreshes_per_minute),
            look_ups: Throttle::new(
                config.refreshes_per_minute.saturating_mul(LOOK_UPS),
                LOOK_UP_SPAN,
            ),
            notes: Throttle::new(config.notes_per_minute, NOTE_SPAN),
            wrong_secrets: Throttle::new(WRONG_SECRETS, WRONG_SECRET_SPAN),
            names,
        }
    }

    /// Counts a password attempt, before the account is looked up.
    ///
    /// A device that has signed in to the account has turns of its own. Once they are spent, and for unknown devices, the
    /// account and the networks are counted.
    pub(super) async fn password(
        &self,
        store: &dyn Store,
        now: Timestamp,
        email: &Email,
        address: Address,
        device: Option<&Device>,
    ) -> Result<Turns, Problem> {
        if let Some(device) = device {
            let own = self.bucket("device", &[device.nonce(), email.expose().as_bytes()], 1);
            if let Ok(turns) = self.take(store, now, own.into_iter().collect()).await? {
                return Ok(turns);
            }
        }
        let taken = self
            .take(store, now, self.buckets_of_unknown_device(email, address))
            .await?;
        Ok(taken.map_err(Throttled::passwords)?)
    }

    /// Counts an attempt of a signed-in user's current password, apart from attempts of others, which could lock the user
    /// out.
    pub(super) async fn current_password(
        &self,
        store: &dyn Store,
        now: Timestamp,
        session: SessionId,
    ) -> Result<Turns, Problem> {
        let bucket = self.bucket("current", &[session.as_bytes()], 1);
        let taken = self.take(store, now, bucket.into_iter().collect()).await?;
        Ok(taken.map_err(Throttled::passwords)?)
    }

    /// Counts an attempt of a one-time password or recovery code of a user whose first factor was right.
    pub(super) async fn code(
        &self,
        store: &dyn Store,
        now: Timestamp,
        user: UserId,
    ) -> Result<Turns, Problem> {
        let bucket = self.bucket("code", &[user.as_bytes()], 1);
        let taken = self.take(store, now, bucket.into_iter().collect()).await?;
        Ok(taken.map_err(Throttled::codes)?)
    }

    /// Counts a look-up of a session by a server, apart from its refreshes.
    pub(super) fn look_up(&self, now: Timestamp, session: SessionId) -> Result<(), Problem> {
        let text = "this session is looked up too often";
        let turn = self.look_ups.take(now, session);
        Ok(turn.map_err(|wait| Throttled { text, wait })?)
    }

    /// Says whether a wrong server secret from a network gets a line of the security log. All of them are counted.
    pub(super) fn logs_wrong_secret(&self, now: Timestamp, network: Option<&str>) -> bool {
        self.wrong_secrets.take(now, network).is_ok()
    }

    async fn take(
        &self,
        store: &dyn Store,
        now: Timestamp,
        buckets: Vec<Bucket>,
    ) -> Result<Result<Turns, Duration>, Problem> {
        let taken = store.take_turns(now, &buckets).await?;
        Ok(taken.map(|()| Turns(buckets)))
    }

    fn buckets_of_unknown_device(&self, email: &Email, address: Address) -> Vec<Bucket> {
        let email = email.expose().as_bytes();
        let networks = address.networks();
        let mut buckets = Vec::new();
        for Network { prefix, bits } in networks {
            let (any, at_account) = match prefix {
                24 => (SHARED_NETWORK, 4),
                48 => (NETWORK, 4),
                56 => (NETWORK, 2),
                _ => (NETWORK, 1),
            };
            let network = [&[prefix], bits.to_be_bytes().as_slice()].concat();
            buckets.extend(self.bucket("network", &[&network], any));
            buckets.extend(self.bucket("account at network", &[&network, email], at_account));
        }
        buckets.extend(self.bucket("account", &[email], ACCOUNT));
        buckets
    }

    /// Returns a bucket of `times` the setting; `None` if there is no limit.
    fn bucket(&self, kind: &str, subject: &[&[u8]], times: u32) -> Option<Bucket> {
        let burst = self.passwords.saturating_mul(times);
        let interval = PASSWORD_SPAN.checked_div(burst)?;
        let mut mac = domain::hmac_sha256(&self.names);
        mac.update(kind.as_bytes());
        for part in subject {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let tag = mac.finalize().into_bytes();
        let mut name = [0; 16];
        for (place, byte) in name.iter_mut().zip(tag) {
            *place = byte;
        }
        Some(Bucket {
            name,
            interval,
            burst,
        })
    }

    /// Counts a note that a user writes.
    pub(super) fn note(&self, now: Timestamp, user: UserId) -> Result<(), Problem> {
        let text = "notes are written too often";
        let turn = self.notes.take(now, user);
        Ok(turn.map_err(|wait| Throttled { text, wait })?)
    }
}

/// The response to a request beyond a limit: 429 with `Retry-After`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throttled {
    text: &'static str,
    wait: Duration,
}

impl Throttled {
    /// The response to too many refreshes, or proofs, of a session.
    pub(super) const fn refreshes(wait: Duration) -> Self {
        let text = "this session is refreshed too often";
        Self { text, wait }
    }

    const fn passwords(wait: Duration) -> Self {
        let text = "too many passwords were tried";
        Self { text, wait }
    }

    const fn codes(wait: Duration) -> Self {
        let text = "too many codes were tried";
        Self { text, wait }
    }
}

impl From<Throttled> for Problem {
    fn from(Throttled { text, wait }: Throttled) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
        Self::new(status, ErrorCode::TooManyRequests, text).retry_after(seconds.max(1))
    }
}

impl IntoResponses for Throttled {
    fn responses() -> BTreeMap<String, RefOr<ResponseObject>> {
        let response = openapi::problem("too many requests; Retry-After has the seconds to wait");
        BTreeMap::from([("429".to_owned(), response.into())])
    }
}
