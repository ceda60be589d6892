//! A session's row, and the rules for a refresh token that is presented.

use std::time::Duration;

use nolapse::wire::EndReason;

use crate::{
    RefreshSecret, RefreshToken, RefreshTokenKey, SecretHash, SessionId, Timestamp, UserId,
};

/// Upper bound on successors derived for a replaced refresh token: about 1 ms. An older token within the grace is
/// [`Verdict::Superseded`].
const MAX_DERIVATIONS: u64 = 2_048;

/// How long a refresh token from before [`Session::renew`] is [`Verdict::Superseded`] rather than void: a repeat of a
/// refresh under way then has the new cookie.
const RENEWAL_WINDOW: Duration = Duration::from_secs(30);

/// The lifetimes and the number of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a replaced refresh token still yields its successor. Covers a lost response: the client's deadline, a
    /// back-off and one more deadline.
    pub grace: Duration,
    /// The lifetime without declared activity.
    pub idle: Duration,
    /// The absolute lifetime.
    pub absolute: Duration,
    /// The maximum number of sessions of a user.
    pub sessions_per_user: usize,
}

impl Default for Limits {
    /// Returns a grace of 30 seconds, an idle lifetime of a day, an absolute one of 30 days, and 20 sessions per user.
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(30),
            idle: Duration::from_hours(24),
            absolute: Duration::from_hours(720),
            sessions_per_user: 20,
        }
    }
}

/// When and why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When it ended.
    pub at: Timestamp,
    /// Why it ended.
    pub reason: EndReason,
}

/// The decision on a refresh token. The caller carries it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The newest token: [`rotate`](Session::rotate) to this successor and return it.
    Rotate(RefreshToken),
    /// A token replaced within the grace, by a concurrent refresh or one whose response was lost: return the newest token
    /// again.
    Repeat(RefreshToken),
    /// A token replaced before the grace, which indicates a copy (RFC 9700 §4.14.2): end the session.
    Theft,
    /// A token from before a recent [`Session::renew`], or thousands of rotations old within the grace: return no token; a
    /// repeat with the new cookie succeeds.
    Superseded,
    /// A token from before [`Session::renew`], which revoked all copies: refuse it; the session goes on.
    Void,
    /// The session reached a limit: end it, for this reason.
    LimitReached(EndReason),
    /// The session has already ended.
    Refuse(EndReason),
    /// The session never had this token.
    Unknown,
}

/// Generations replaced in the same second: bounds the number of entries by the grace in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The first generation.
    pub first: u64,
    /// The last generation.
    pub last: u64,
    /// When the last one was replaced: the grace of all of them begins here.
    pub at: Timestamp,
}

/// The last time that the secret was random instead of derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The first generation since then: tokens of earlier ones are void.
    pub generation: u64,
    /// When it was renewed.
    pub at: Timestamp,
}

/// A session's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Its user.
    pub user: UserId,
    /// The device's label, derived from `User-Agent`.
    pub device: String,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// The absolute limit. Rotation never moves it.
    pub expires_at: Timestamp,
    /// The last declared activity. The idle limit begins here.
    pub last_active_at: Timestamp,
    /// When it was last refreshed.
    pub last_seen_at: Timestamp,
    /// When and why it ended.
    pub ended: Option<Ending>,
    /// The number of rotations.
    pub generation: u64,
    /// The hash of the newest token's secret.
    pub secret_hash: SecretHash,
    /// The replaced generations within the grace, newest last.
    pub replaced: Vec<Replaced>,
    /// The last [`renew`](Self::renew).
    pub renewed: Option<Renewal>,
}

impl Session {
    /// Creates a session with its first refresh token.
    #[must_use]
    pub fn begin(
        now: Timestamp,
        first: &RefreshToken,
        user: UserId,
        device: String,
        limits: &Limits,
    ) -> Self {
        Self {
            id: first.session,
            user,
            device,
            created_at: now,
            expires_at: now + limits.absolute,
            last_active_at: now,
            last_seen_at: now,
            ended: None,
            generation: first.generation,
            secret_hash: first.secret.hash(),
            replaced: Vec::new(),
            renewed: None,
        }
    }

    /// Decides on `token`, presented at `now`.
    ///
    /// `active_ago` is the client's declared time since the last activity; `None` declares none. A forged token never ends
    /// a session, because session ids are not secret.
    #[must_use]
    pub fn present(
        &self,
        now: Timestamp,
        token: &RefreshToken,
        active_ago: Option<Duration>,
        limits: &Limits,
        key: &RefreshTokenKey,
    ) -> Verdict {
        let Some(age) = self.generation.checked_sub(token.generation) else {
            return Verdict::Unknown;
        };
        if token.session != self.id {
            return Verdict::Unknown;
        }
        if age == 0 && token.secret.hash() != self.secret_hash {
            return Verdict::Unknown;
        }
        if let Some(end) = self.ending(now, active_ago, limits) {
            return end;
        }
        if let Some(renewed) = self.renewed
            && token.generation < renewed.generation
        {
            let recent = now <= renewed.at + RENEWAL_WINDOW;
            return if recent {
                Verdict::Superseded
            } else {
                Verdict::Void
            };
        }
        if age == 0 {
            return Verdict::Rotate(key.successor(token));
        }
        self.within_grace(now, token, age, limits, key)
    }

    /// Decides on a replaced token, by time alone: any number of refreshes may overtake a late request.
    fn within_grace(
        &self,
        now: Timestamp,
        token: &RefreshToken,
        age: u64,
        limits: &Limits,
        key: &RefreshTokenKey,
    ) -> Verdict {
        let replaced = self
            .replaced
            .iter()
            .find(|replaced| (replaced.first..=replaced.last).contains(&token.generation));
        let Some(replaced) = replaced else {
            return Verdict::Theft;
        };
        if limits.grace.is_zero() || now > replaced.at + limits.grace {
            return Verdict::Theft;
        }
        if age > MAX_DERIVATIONS {
            return Verdict::Superseded;
        }
        key.descendant(token, age, self.secret_hash)
            .map_or(Verdict::Unknown, Verdict::Repeat)
    }

    fn ending(
        &self,
        now: Timestamp,
        active_ago: Option<Duration>,
        limits: &Limits,
    ) -> Option<Verdict> {
        if let Some(ended) = self.ended {
            return Some(Verdict::Refuse(ended.reason));
        }
        if now >= self.expires_at {
            return Some(Verdict::LimitReached(EndReason::Expired));
        }
        if now >= self.active_at(now, active_ago) + limits.idle {
            return Some(Verdict::LimitReached(EndReason::Idle));
        }
        None
    }

    /// Returns why the session has ended at `now`; `None` while it is live.
    #[must_use]
    pub fn ended_reason(&self, now: Timestamp, limits: &Limits) -> Option<EndReason> {
        match self.ending(now, None, limits) {
            Some(Verdict::Refuse(reason) | Verdict::LimitReached(reason)) => Some(reason),
            Some(
                Verdict::Rotate(_)
                | Verdict::Repeat(_)
                | Verdict::Theft
                | Verdict::Superseded
                | Verdict::Void
                | Verdict::Unknown,
            )
            | None => None,
        }
    }

    /// Carries out [`Verdict::Rotate`]: the successor becomes the newest token.
    pub fn rotate(
        &mut self,
        now: Timestamp,
        successor: &RefreshToken,
        active_ago: Option<Duration>,
        limits: &Limits,
    ) {
        self.replaced
            .retain(|replaced| now <= replaced.at + limits.grace);
        let generation = self.generation;
        match self.replaced.last_mut() {
            // The server whose clock is behind adds to the newest entry.
            Some(newest) if now.as_secs() <= newest.at.as_secs() => {
                (newest.last, newest.at) = (generation, newest.at.max(now));
            }
            Some(_) | None => self.replaced.push(Replaced {
                first: generation,
                last: generation,
                at: now,
            }),
        }
        self.generation = successor.generation;
        self.secret_hash = successor.secret.hash();
        self.touch(now, active_ago);
    }

    /// Replaces the secret by a random one and clears the grace, which voids all earlier tokens. Returns the new token.
    ///
    /// For operations that must revoke every copy of the cookie, such as a change of password (OWASP ASVS 7.4.3).
    pub fn renew(&mut self, now: Timestamp, secret: RefreshSecret) -> RefreshToken {
        let generation = self.generation.saturating_add(1);
        self.generation = generation;
        self.secret_hash = secret.hash();
        self.replaced.clear();
        self.renewed = Some(Renewal {
            generation,
            at: now,
        });
        self.touch(now, Some(Duration::ZERO));
        RefreshToken {
            session: self.id,
            generation,
            secret,
        }
    }

    /// Carries out [`Verdict::Repeat`]: updates the times of refresh and activity.
    pub fn touch(&mut self, now: Timestamp, active_ago: Option<Duration>) {
        self.last_active_at = self.active_at(now, active_ago);
        self.last_seen_at = self.last_seen_at.max(now);
    }

    /// Ends the session, unless it has ended.
    pub fn end(&mut self, now: Timestamp, reason: EndReason) {
        self.ended.get_or_insert(Ending { at: now, reason });
    }

    fn active_at(&self, now: Timestamp, active_ago: Option<Duration>) -> Timestamp {
        let declared = active_ago.map(|ago| now.before(ago));
        declared.map_or(self.last_active_at, |at| at.max(self.last_active_at))
    }
}
