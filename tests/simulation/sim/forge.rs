//! Messages that a same-origin script can post on the channel.

use nolapse::core::{
    FailureCause, Grant, Millis, Secret, SessionInfo, TabMessage, Version, WallTime,
};
use nolapse::wire::EndReason;

use super::World;

impl World {
    /// Posts a forged or malformed message on a browser's channel.
    pub fn forge(&mut self, browser: usize, kind: u8) {
        // Small versions fall among the real ones, large ones above all of them.
        let range = [20, 1_000, 900_000, 1 << 46][usize::from(kind / 6) % 4];
        let version = Version::heard(self.random.below(range)).unwrap_or_default();
        let wall = self.browsers[browser].wall(self.now);
        let message = match kind % 6 {
            0 => TabMessage::SignedOut {
                version,
                reason: EndReason::Revoked,
                fingerprint: 0,
            },
            1 => TabMessage::BackoffStarted {
                cause: FailureCause::ServerError,
                failures: 60,
                retry_in: Millis::from_secs(100_000),
                resets_in: Millis::from_secs(100_000),
            },
            2 => TabMessage::RefreshStarted,
            3 => TabMessage::StateRequest { version },
            4 => TabMessage::Token {
                version,
                grant: Grant {
                    token: Secret::new("forged").expect("a token"),
                    lifetime: Millis::from_secs(86_400),
                    refresh_in: None,
                    session: SessionInfo::new("forged", "666", "{\"id\":666}"),
                },
                age: Millis::ZERO,
                posted: WallTime::from_millis(wall),
            },
            _ => {
                self.say(browser, None, "nolapse1\ntoken\n1\n2\n3");
                return;
            }
        };
        self.say(browser, None, &message.encode());
    }
}
