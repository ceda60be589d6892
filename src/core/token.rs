//! An access token and the times derived from its lifetime.

use crate::wire::EndReason;

use super::context::Context;
use super::effect::Answer;
use super::grant::{Grant, SessionInfo};
use super::ids::Version;
use super::millis::Millis;
use super::rng::shared_jitter;
use super::secret::{ContextToken, Secret};
use super::tab_message::TabMessage;
use super::time::Timestamp;

/// An access token and the times derived from its lifetime.
#[derive(Clone, Debug)]
pub(super) struct ActiveToken {
    grant: Grant,
    version: Version,
    /// When the request for it was sent; its lifetime counts from here.
    issued: Timestamp,
    /// Whether this tab's own request returned it.
    own: bool,
    /// When the token is no longer sent: the lifetime less the expiry leeway.
    expires: Timestamp,
    /// When the background refresh is due.
    refresh_at: Timestamp,
}

/// Spreads the background refreshes of tabs and browsers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter {
    /// Equal on all tabs of a browser: spreads the clients of one server.
    pub(super) shared: u64,
    /// This tab's own, in thousandths: avoids that all tabs of a browser queue for the lock.
    pub(super) own: u64,
    /// Hidden tabs refresh later than visible ones.
    pub(super) is_hidden: bool,
}

/// What callers can be given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Offer<'a> {
    /// No usable token yet.
    Nothing,
    /// A token that can be sent.
    Token(&'a ActiveToken),
    /// No session.
    SignedOut {
        /// Why it ended; `None` if there was none.
        reason: Option<EndReason>,
        /// Whether the auth server is notified.
        is_notified: bool,
    },
    /// A session whose auth server refuses the context.
    ContextRefused,
}

impl Offer<'_> {
    /// Returns what callers of this context can be given.
    pub(super) fn within(self, context: &str) -> Self {
        match self {
            Self::Token(active) if !context.is_empty() => match active.tokens().find(context) {
                ContextToken::Granted(_) => self,
                ContextToken::Refused => Self::ContextRefused,
                ContextToken::Missing => Self::Nothing,
            },
            Self::Nothing | Self::Token(_) | Self::SignedOut { .. } | Self::ContextRefused => self,
        }
    }
}

impl ActiveToken {
    /// How long before its expiry a token is no longer sent. It could expire in transit, and servers round `exp` to whole
    /// seconds (RFC 7519 §2), so up to one second of `expires_in` is lost at signing.
    fn expiry_leeway(lifetime: Millis) -> Millis {
        let (least, most) = (Millis::from_millis(1_100), Millis::from_millis(1_500));
        (lifetime / 8).clamp(least, most).min(lifetime / 4)
    }

    /// How long before its expiry a token is refreshed.
    fn refresh_lead(lifetime: Millis) -> Millis {
        let expiry_leeway = Self::expiry_leeway(lifetime);
        (lifetime / 6)
            .min(Millis::from_secs(10))
            .max(expiry_leeway + expiry_leeway / 5)
    }

    /// Derives the times of a token from its lifetime.
    pub(super) fn new(
        grant: Grant,
        version: Version,
        issued: Timestamp,
        own: bool,
        jitter: Jitter,
    ) -> Self {
        let lifetime = grant.lifetime;
        let planned = grant
            .refresh_in
            .unwrap_or(lifetime.saturating_sub(Self::refresh_lead(lifetime)));
        // For a 60 s lifetime: 0.8 to 2 s earlier, equal on all tabs, then up to 0.2 s later per tab (hidden: 0.2 to 0.8 s).
        let unit = (lifetime / 30).min(Millis::from_secs(2));
        let own_share = if jitter.is_hidden {
            100 + jitter.own * 3 / 10
        } else {
            jitter.own / 10
        };
        let early = unit.thousandths(400) + shared_jitter(unit.thousandths(600), jitter.shared);
        let late = unit.thousandths(own_share);
        let refresh_in = (planned.saturating_sub(early) + late).max(Millis::from_secs(1));
        Self {
            expires: issued + lifetime.saturating_sub(Self::expiry_leeway(lifetime)),
            refresh_at: issued + refresh_in,
            grant,
            version,
            issued,
            own,
        }
    }

    /// Returns it as the result of a caller.
    pub(super) fn answer(&self) -> Answer {
        Answer::Token {
            token: self.grant.token.clone(),
            version: self.version,
        }
    }

    pub(super) fn tokens(&self) -> &Secret {
        &self.grant.token
    }

    pub(super) fn session(&self) -> &SessionInfo {
        &self.grant.session
    }

    pub(super) fn into_session(self) -> SessionInfo {
        self.grant.session
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Whether this tab's own request returned it.
    pub(super) fn is_own(&self) -> bool {
        self.own
    }

    /// Whether its request was sent after this time.
    pub(super) fn is_issued_after(&self, time: Timestamp) -> bool {
        self.issued > time
    }

    /// Returns the time since its request was sent; zero before it.
    pub(super) fn age(&self, now: Timestamp) -> Millis {
        now.since(self.issued)
    }

    /// Returns how long it can be sent in all.
    pub(super) fn usable_lifetime(&self) -> Millis {
        self.expires.since(self.issued)
    }

    pub(super) fn refresh_at(&self) -> Timestamp {
        self.refresh_at
    }

    /// Whether it is this tab's own and of another session than the one with this fingerprint.
    pub(super) fn is_own_of_other_session(&self, fingerprint: u32) -> bool {
        self.own && fingerprint != 0 && self.grant.session.fingerprint() != fingerprint
    }

    /// Gives it a newer version.
    pub(super) fn renumber(&mut self, version: Version) {
        self.version = version;
    }

    /// Returns the message with it for other tabs.
    pub(super) fn message(&self, version: Version, context: &Context) -> TabMessage {
        TabMessage::Token {
            version,
            grant: self.grant.clone(),
            age: self.age(context.now),
            posted: context.wall,
        }
    }

    /// Whether it can be sent at `now`.
    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    /// Returns the remaining lifetime at `now`.
    pub(super) fn left(&self, now: Timestamp) -> Millis {
        self.expires.since(now)
    }

    /// Expires the token now: its session is no longer this browser's.
    pub(super) fn invalidate(&mut self, now: Timestamp) {
        self.expires = self.expires.min(now);
        self.refresh_at = self.refresh_at.min(now);
    }

    /// Postpones the background refresh to half of the token's remaining lifetime.
    pub(super) fn postpone_refresh(&mut self, now: Timestamp) {
        self.refresh_at = now + self.left(now) / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(lifetime: Millis, refresh_in: Option<Millis>, jitter: Jitter) -> ActiveToken {
        let grant = Grant {
            token: Secret::new("a.b.c").expect("a token"),
            lifetime,
            refresh_in,
            session: SessionInfo::default(),
        };
        ActiveToken::new(
            grant,
            Version::default(),
            Timestamp::default(),
            true,
            jitter,
        )
    }

    fn shifts() -> impl Iterator<Item = Jitter> {
        (0..500_u64).flat_map(|shared| {
            [(0, false), (1_000, false), (0, true), (1_000, true)].map(|(own, is_hidden)| Jitter {
                shared,
                own,
                is_hidden,
            })
        })
    }

    #[test]
    fn p01_a_sixty_second_token_is_renewed_at_fifty_less_up_to_two() {
        for jitter in shifts() {
            let refresh_at = active(Millis::from_secs(60), None, jitter)
                .refresh_at
                .as_millis();
            assert!(
                (48_000..=50_000).contains(&refresh_at),
                "{refresh_at} {jitter:?}"
            );
        }
    }

    #[test]
    fn p06_the_lead_is_smaller_than_any_life_and_the_first_second_is_quiet() {
        for jitter in shifts() {
            for life_s in [2, 3, 5, 8, 10, 59, 60, 61, 300, 3_600, 86_400, 604_800] {
                let lifetime = Millis::from_secs(life_s);
                let active = active(lifetime, None, jitter);
                assert!(active.refresh_at < active.expires, "{lifetime:?}");
                assert!(
                    active.refresh_at >= Timestamp::from_millis(1_000),
                    "{lifetime:?}"
                );
            }
        }
    }

    #[test]
    fn the_server_can_choose_the_refresh_time() {
        for jitter in shifts() {
            let refresh_at =
                active(Millis::from_secs(60), Some(Millis::from_secs(20)), jitter).refresh_at;
            assert!(
                (18_000..=20_000).contains(&refresh_at.as_millis()),
                "{refresh_at:?}"
            );
        }
    }

    #[test]
    fn a_visible_tab_comes_before_the_hidden_ones() {
        let jitter = |own, is_hidden| Jitter {
            shared: 7,
            own,
            is_hidden,
        };
        let visible = active(Millis::from_secs(60), None, jitter(990, false));
        let hidden = active(Millis::from_secs(60), None, jitter(20, true));

        assert!(visible.refresh_at < hidden.refresh_at);
    }

    #[test]
    fn p06_the_second_that_a_server_rounds_away_is_never_used() {
        for (life_ms, expires_ms) in [
            (2_000, 1_500),
            (4_400, 3_300),
            (5_000, 3_900),
            (8_000, 6_900),
            (10_000, 8_750),
            (12_000, 10_500),
            (60_000, 58_500),
        ] {
            for jitter in shifts() {
                let active = active(Millis::from_millis(life_ms), None, jitter);
                assert_eq!(active.expires.as_millis(), expires_ms);
                let expiry_leeway = life_ms - expires_ms;
                let latest = active.refresh_at + Millis::from_millis(expiry_leeway / 5);
                assert!(latest <= active.expires, "{life_ms} {jitter:?}");
            }
        }
    }

    #[test]
    fn p01_a_token_is_sent_until_its_last_moments_and_renewed_no_later_once_distrusted_or_put_off()
    {
        let jitter = Jitter {
            shared: 7,
            own: 0,
            is_hidden: false,
        };
        let fresh = active(Millis::from_secs(60), None, jitter);
        let last = Timestamp::from_millis(58_499);
        let end = Timestamp::from_millis(58_500);
        assert!(fresh.is_usable(last) && !fresh.is_usable(end));

        let mut postpone_refresh = fresh.clone();
        postpone_refresh.postpone_refresh(Timestamp::from_millis(50_500));
        assert_eq!(postpone_refresh.refresh_at, Timestamp::from_millis(54_500));

        let mut distrusted = fresh;
        let now = Timestamp::from_millis(10_000);
        distrusted.invalidate(now);
        assert!(!distrusted.is_usable(now));
        assert_eq!(distrusted.refresh_at, now);
    }
}
