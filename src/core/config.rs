//! What a host can set.

use std::time::Duration;

use super::ids::TabId;

/// Settings of one session on one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long one exchange with the auth server may take.
    pub timeout: Duration,
    /// How long to wait for the lock while its holder gives no sign of life.
    pub lock_wait: Duration,
    /// How long to listen for another tab's news after the lock was granted.
    pub beat: Duration,
    /// What chance is drawn from; each tab has another one.
    pub seed: u64,
    /// The tab's name in traces.
    pub tab: TabId,
}

impl Config {
    /// How long a caller is kept waiting at the most, whatever happens.
    #[must_use]
    pub fn call_deadline(&self) -> Duration {
        self.timeout * 2 + self.lock_wait
    }

    /// How long calls wait through network failures before they are told.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.timeout * 2
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            lock_wait: Duration::from_secs(5),
            beat: Duration::from_millis(100),
            seed: 0,
            tab: TabId(0),
        }
    }
}
