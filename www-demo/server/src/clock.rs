//! The only reader of the system's clock and of its randomness.

use std::time::{Duration, SystemTime};

use crate::domain::Timestamp;

/// How far the clocks of the servers of a database may differ.
pub(crate) const SERVER_SKEW: Duration = Duration::from_secs(5);

/// Reads the wall clock.
#[must_use]
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is where `now` comes from")]
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since_epoch.map_or(0, |passed| passed.as_millis());
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// Returns random bytes of the operating system, fit for secrets.
///
/// # Panics
/// Panics if the operating system has none.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = getrandom::fill(&mut bytes);
    assert!(filled.is_ok(), "the operating system gives no random bytes");
    bytes
}
