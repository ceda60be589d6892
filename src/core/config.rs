//! The settings of a session.

use super::ids::TabId;
use super::millis::Millis;

/// Settings of one session on one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long one exchange with the auth server may take.
    pub timeout: Millis,
    /// How long to wait for messages of other tabs once the lock is granted.
    pub peer_reply_timeout: Millis,
    /// Whether to learn of a revocation at once, by a push stream from the auth server.
    pub push: bool,
    /// The seed of the random numbers; different on each tab.
    pub seed: u64,
    /// The tab's id in traces.
    pub tab: TabId,
}

impl Config {
    /// The maximum time that a caller waits.
    #[must_use]
    pub fn call_deadline(&self) -> Millis {
        self.timeout * 2 + Millis::from_secs(5)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: Millis::from_secs(10),
            peer_reply_timeout: Millis::from_millis(100),
            push: false,
            seed: 0,
            tab: TabId(0),
        }
    }
}
