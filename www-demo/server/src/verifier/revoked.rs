//! What was revoked, for as long as a token of it can be valid.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use tokio::time::Instant;

use super::Verified;
use crate::domain::Timestamp;

/// The most entries of each kind; beyond it the oldest are forgotten, and their tokens end by themselves.
const MAX_ENTRIES: usize = 250_000;
/// The longest that an entry is kept: the longest life that a token of the reference server can have, and some.
const MAX_KEPT: u64 = 86_460;
/// How far clocks of two auth servers may differ: a user's tokens that were issued shortly after count as before.
const SKEW: Duration = Duration::from_secs(5);
/// How often entries are forgotten that concern no token any more.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
const MAX_ID_BYTES: usize = 256;

/// What an auth server revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokedTokens {
    /// All access tokens of the session, by `sid`.
    OfSession(String),
    /// The access tokens of the user, by `sub`, that were issued until then.
    OfUser(String, Timestamp),
}

/// The data of an event.
#[derive(Deserialize)]
pub(super) struct Notice {
    sid: Option<String>,
    sub: Option<String>,
    at: u64,
    expires_in: u64,
}

impl Notice {
    /// Reads an event's data; `None` if it is no revocation.
    pub(super) fn parse(data: &str) -> Option<(RevokedTokens, Duration)> {
        let Self {
            sid,
            sub,
            at,
            expires_in,
        } = serde_json::from_str(data).ok()?;
        let is_id = |id: &String| (1..=MAX_ID_BYTES).contains(&id.len());
        let kept = Duration::from_secs(expires_in.min(MAX_KEPT) + 1);
        let tokens = match (sid.filter(is_id), sub.filter(is_id)) {
            (Some(sid), None) => RevokedTokens::OfSession(sid),
            (None, Some(sub)) => RevokedTokens::OfUser(sub, Timestamp::from_millis(at)),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        Some((tokens, kept))
    }
}

/// The revocations in memory. Ages are of the steady clock: neither this machine's wall clock nor the auth server's counts.
#[derive(Debug)]
pub(super) struct Revoked {
    began: Instant,
    swept: u32,
    /// When to forget each session, in seconds since the beginning.
    sessions: BTreeMap<Box<str>, u32>,
    /// The last second of issue that counts for each user, and when to forget it.
    users: BTreeMap<Box<str>, (u64, u32)>,
}

impl Revoked {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            began: now,
            swept: 0,
            sessions: BTreeMap::new(),
            users: BTreeMap::new(),
        }
    }

    /// Adds a revocation; returns whether it was new.
    pub(super) fn add(&mut self, now: Instant, tokens: &RevokedTokens, kept: Duration) -> bool {
        self.sweep(now);
        let until = self.seconds(now + kept);
        match tokens {
            RevokedTokens::OfSession(sid) => {
                let known = self.sessions.get_mut(&**sid);
                let is_new = known.is_none();
                match known {
                    Some(known) => *known = until.max(*known),
                    None => drop(self.sessions.insert(sid.as_str().into(), until)),
                }
                bound(&mut self.sessions, |until| *until);
                is_new
            }
            RevokedTokens::OfUser(sub, at) => {
                let issued = (*at + SKEW).as_secs();
                let known = self.users.entry(sub.as_str().into()).or_default();
                let is_new = issued > known.0;
                *known = (issued.max(known.0), until.max(known.1));
                bound(&mut self.users, |(_, until)| *until);
                is_new
            }
        }
    }

    /// Returns whether a token is revoked.
    pub(super) fn has(&self, now: Instant, token: &Verified) -> bool {
        let now = self.seconds(now);
        let session = self.sessions.get(&*token.session);
        let user = || self.users.get(&*token.subject);
        session.is_some_and(|until| *until > now)
            || user()
                .is_some_and(|(issued, until)| *until > now && token.issued_at.as_secs() <= *issued)
    }

    fn seconds(&self, at: Instant) -> u32 {
        let passed = at.saturating_duration_since(self.began).as_secs();
        u32::try_from(passed).unwrap_or(u32::MAX)
    }

    fn sweep(&mut self, now: Instant) {
        let now = self.seconds(now);
        if u64::from(now - self.swept.min(now)) < SWEEP_EVERY.as_secs() {
            return;
        }
        self.swept = now;
        self.sessions.retain(|_, until| *until > now);
        self.users.retain(|_, (_, until)| *until > now);
    }
}

/// Forgets an eighth of too many entries, those that end first.
fn bound<V>(entries: &mut BTreeMap<Box<str>, V>, until: impl Fn(&V) -> u32) {
    if entries.len() <= MAX_ENTRIES {
        return;
    }
    let mut ends: Vec<u32> = entries.values().map(&until).collect();
    ends.sort_unstable();
    let last = ends.get(MAX_ENTRIES / 8).copied().unwrap_or_default();
    let mut most = MAX_ENTRIES / 8;
    entries.retain(|_, entry| {
        let forgotten = until(entry) <= last && most > 0;
        most -= usize::from(forgotten);
        !forgotten
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(session: &str, subject: &str, issued: u64) -> Verified {
        let at = Timestamp::from_millis(issued * 1_000);
        Verified {
            subject: subject.to_owned(),
            session: session.to_owned(),
            role: "member".to_owned(),
            context: None,
            authenticated_at: None,
            authentication_context: None,
            authentication_methods: Vec::new(),
            issued_at: at,
            expires_at: at + Duration::from_mins(1),
        }
    }

    #[tokio::test]
    async fn p56_revocations_count_as_long_as_they_concern_a_token() {
        let begun = Instant::now();
        let mut revoked = Revoked::new(begun);
        let session = Notice::parse(r#"{"sid":"s","at":0,"expires_in":90}"#);
        let user = Notice::parse(r#"{"sub":"u","at":100500,"expires_in":90}"#);
        for (tokens, kept) in [session, user].into_iter().flatten() {
            assert!(revoked.add(begun, &tokens, kept));
            assert!(
                !revoked.add(begun, &tokens, kept),
                "a replay is nothing new"
            );
        }
        let later = |seconds| begun + Duration::from_secs(seconds);
        for (now, session, subject, issued, expected) in [
            (0, "s", "x", 500, true),
            (89, "s", "x", 500, true),
            (92, "s", "x", 500, false),
            (0, "t", "u", 100, true),
            (0, "t", "u", 105, true),
            (0, "t", "u", 106, false),
            (92, "t", "u", 100, false),
            (0, "t", "x", 100, false),
        ] {
            let token = token(session, subject, issued);
            assert_eq!(revoked.has(later(now), &token), expected, "{now} {token:?}");
        }
        let other = RevokedTokens::OfSession("t".to_owned());
        revoked.add(later(100), &other, Duration::from_secs(1));
        assert_eq!((revoked.sessions.len(), revoked.users.len()), (1, 0));
    }

    #[tokio::test]
    async fn p56_a_flood_of_revocations_forgets_the_oldest() {
        let begun = Instant::now();
        let mut revoked = Revoked::new(begun);
        for number in 0..=MAX_ENTRIES {
            let tokens = RevokedTokens::OfSession(number.to_string());
            let kept = Duration::from_secs(60 + number as u64 / 1_000);
            revoked.add(begun, &tokens, kept);
        }
        assert!(revoked.sessions.len() <= MAX_ENTRIES);
        assert!(!revoked.has(begun, &token("0", "u", 0)));
        assert!(revoked.has(begun, &token(&MAX_ENTRIES.to_string(), "u", 0)));
    }

    #[test]
    fn p56_what_is_no_revocation_is_none() {
        for data in [
            "",
            "null",
            "{sid}",
            r#"{"sid":"s"}"#,
            r#"{"sid":"s","sub":"u","at":1,"expires_in":1}"#,
            r#"{"sid":"","at":1,"expires_in":1}"#,
            r#"{"sid":1,"at":1,"expires_in":1}"#,
            r#"{"sid":"s","at":-1,"expires_in":1}"#,
            r#"{"sid":"s","at":1,"expires_in":1.5}"#,
            r#"{"other":"s","at":1,"expires_in":1}"#,
        ] {
            assert_eq!(Notice::parse(data), None, "{data}");
        }
    }
}
