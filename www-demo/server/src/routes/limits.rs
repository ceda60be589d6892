//! Who asks too often: per account, network and device for passwords, per session for refreshes, per user for notes.

use std::time::Duration;

use axum::http::StatusCode;
use hmac::Mac;
use nolapse::wire::ErrorCode;

use super::{
    address::{Address, Network},
    device::Device,
};
use crate::{
    config::Config,
    domain::{self, Bucket, DirectoryError, Email, SessionId, Store, Timestamp, UserId},
    problem::Problem,
    throttle::Throttle,
};

const PASSWORD_SPAN: Duration = Duration::from_mins(5);
const REFRESH_SPAN: Duration = Duration::from_mins(1);
const NOTE_SPAN: Duration = Duration::from_mins(1);

/// How many times the setting an account may be tried by all strangers together. It is more than twice what one /48
/// may try at it, so that one party does not lock an account for the others.
const ACCOUNT: u32 = 10;
/// How many times the setting a network may be tried from, whatever the accounts.
const NETWORK: u32 = 10;
/// The same for an IPv4 /24, which many parties share.
const SHARED_NETWORK: u32 = 20;

/// What is counted.
///
/// Passwords are counted in the database, because a guess is one wherever it is made: shared by all servers, and not
/// forgotten at a restart. Refreshes are counted in memory: their limit guards this server's own work, and a session
/// that is refreshed at two servers costs each of them no more than its limit.
pub(crate) struct Limits {
    passwords: u32,
    session: Throttle,
    notes: Throttle,
    names: [u8; 32],
}

/// The turns that a try has taken; they stay taken unless the try [succeeds](Self::succeed).
#[must_use]
pub(super) struct Turns(Vec<Bucket>);

impl Turns {
    /// Gives the turns back: the password was right, so that an office behind one address is not throttled by its
    /// own sign-ins.
    pub(super) async fn succeed(self, store: &dyn Store) -> Result<(), Problem> {
        self.give_back(store).await
    }

    /// Gives the turns back where nothing was tried, because too many others wait.
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
    /// Makes the limits of the settings; `names` is the key under which the database knows accounts and networks.
    pub(crate) fn new(config: &Config, names: [u8; 32]) -> Self {
        Self {
            passwords: config.passwords_per_account,
            session: Throttle::new(config.refreshes_per_minute, REFRESH_SPAN),
            notes: Throttle::new(config.notes_per_minute, NOTE_SPAN),
            names,
        }
    }

    /// Counts a password that is tried, before anything is known of the account.
    ///
    /// A browser that has signed in to the account before has turns of its own. Once they are spent, and for every
    /// stranger, the account and the networks count.
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
            .take(store, now, self.strangers(email, address))
            .await?;
        taken.map_err(|wait| too_many("too many passwords were tried", wait))
    }

    /// Counts a current password that a signed-in user gives: apart from strangers, who could lock the user out.
    pub(super) async fn current_password(
        &self,
        store: &dyn Store,
        now: Timestamp,
        session: SessionId,
    ) -> Result<Turns, Problem> {
        let bucket = self.bucket("current", &[session.as_bytes()], 1);
        let taken = self.take(store, now, bucket.into_iter().collect()).await?;
        taken.map_err(|wait| too_many("too many passwords were tried", wait))
    }

    /// Counts a refresh of a session that this server made.
    pub(super) fn refresh(&self, now: Timestamp, session: SessionId) -> Result<(), Problem> {
        let turn = self.session.take(now, session);
        turn.map_err(|seconds| {
            let wait = Duration::from_secs(seconds.into());
            too_many("this session is refreshed too often", wait)
        })
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

    fn strangers(&self, email: &Email, address: Address) -> Vec<Bucket> {
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

    /// Names a bucket of so many times the setting; `None` where there is no limit.
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
        let turn = self.notes.take(now, user);
        turn.map_err(|seconds| {
            let wait = Duration::from_secs(seconds.into());
            too_many("notes are written too often", wait)
        })
    }
}

fn too_many(text: &'static str, wait: Duration) -> Problem {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
    Problem::new(status, ErrorCode::TooManyRequests, text).retry_after(seconds.max(1))
}
