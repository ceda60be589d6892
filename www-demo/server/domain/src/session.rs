//! The row of a session, and what presenting a refresh token for it means.

use std::time::Duration;

use nolapse::wire::EndReason;

use crate::{
    RefreshSecret, RefreshToken, RefreshTokenKey, SecretHash, SessionId, Timestamp, UserId,
};

/// How many successors are derived at most for one replaced refresh token, about a millisecond's work. A refresh token
/// that is older than that within the grace is told to come back with the newest cookie.
const MAX_DERIVATIONS: u64 = 2_048;

/// How long a refresh token from before [`Session::renew`] is answered with a passing failure: a refresh that was
/// under way finds the new cookie when it is repeated.
const RENEWAL_WINDOW: Duration = Duration::from_secs(30);

/// How long things last, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a replaced refresh token still yields its successor. It covers an answer that was lost:
    /// the client's deadline, a back-off and one more deadline.
    pub grace: Duration,
    /// How long a session lives without declared activity.
    pub idle: Duration,
    /// How long a session lives at most, whatever happens.
    pub absolute: Duration,
    /// How many sessions a user has at most.
    pub sessions_per_user: usize,
}

impl Default for Limits {
    /// Returns 30 seconds of grace, a day of idleness, thirty days in all, and 20 sessions
    /// a user.
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
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: EndReason,
}

/// What presenting a refresh token means. Nothing has happened yet: the host acts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The newest refresh token: [`rotate`](Session::rotate) the session to this successor and hand it out.
    Rotate(RefreshToken),
    /// A refresh token that was replaced a moment ago, its answer lost or its tab beaten: hand out the newest
    /// refresh token again.
    Repeat(RefreshToken),
    /// A refresh token that was replaced longer ago than the grace: someone copied it. End the session.
    Theft,
    /// A refresh token from before [`Session::renew`], which was a moment ago, or one that thousands of rotations have
    /// replaced within the grace: a request that was under way. Nothing is handed out; a repeat with the new cookie
    /// succeeds.
    Superseded,
    /// A refresh token from before [`Session::renew`]: a copy that the renewal made void. The presenter is refused, and
    /// the session, whose user proved to be there since, goes on.
    Void,
    /// The session has just been found to be past a limit: end it, for this reason.
    LimitReached(EndReason),
    /// The session had ended before.
    Refuse(EndReason),
    /// The refresh token was never one of this session's.
    Unknown,
}

/// Generations that were replaced in one second: so the number of rows is bounded by the grace in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// When the last of them was replaced: the grace of all of them counts from here.
    pub at: Timestamp,
}

/// When the secret of a session was last drawn anew, and not derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The first generation since then: refresh tokens of earlier ones are void.
    pub generation: u64,
    /// When.
    pub at: Timestamp,
}

/// A session as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What the user calls the device, from its `User-Agent`.
    pub device: String,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When it ends at the latest. Set once: rotation never moves it.
    pub expires_at: Timestamp,
    /// When the user was last known to be there. The idle limit counts from it.
    pub last_active_at: Timestamp,
    /// When it was last refreshed.
    pub last_seen_at: Timestamp,
    /// When and why it ended.
    pub ended: Option<Ending>,
    /// How often its refresh token was replaced.
    pub generation: u64,
    /// The hash of the newest refresh token's secret.
    pub secret_hash: SecretHash,
    /// Which generations were replaced when, the newest last; those past the grace are forgotten.
    pub replaced: Vec<Replaced>,
    /// The last [`renew`](Self::renew), if there was one.
    pub renewed: Option<Renewal>,
}

impl Session {
    /// Begins a session with its first refresh token.
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

    /// Decides what presenting `token` at `now` means.
    ///
    /// `active_ago` is how long ago the client says the user was there; `None` declares nothing.
    /// An invented refresh token changes nothing, so that nobody can end a session by knowing its name.
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

    /// Decides about a refresh token that was replaced: by time alone, because a late request may be overtaken by any
    /// number of refreshes.
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

    /// Says why the session is over at `now`, or `None` while it lives.
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

    /// Acts on [`Verdict::Rotate`]: the successor becomes the newest refresh token.
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
            // Of two servers whose clocks differ the one behind adds to the newest second.
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

    /// Draws the secret anew from random bytes and forgets the grace: no refresh token from before, and none derived from
    /// one, is good for a token any more. Returns the refresh token to hand out.
    ///
    /// For acts that must end every copy of the cookie, such as a change of password (OWASP ASVS 7.4.3).
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

    /// Acts on [`Verdict::Repeat`]: notes that the session was seen, and the user with it.
    pub fn touch(&mut self, now: Timestamp, active_ago: Option<Duration>) {
        self.last_active_at = self.active_at(now, active_ago);
        self.last_seen_at = self.last_seen_at.max(now);
    }

    /// Ends the session. The first ending stays.
    pub fn end(&mut self, now: Timestamp, reason: EndReason) {
        self.ended.get_or_insert(Ending { at: now, reason });
    }

    fn active_at(&self, now: Timestamp, active_ago: Option<Duration>) -> Timestamp {
        let declared = active_ago.map(|ago| now.before(ago));
        declared.map_or(self.last_active_at, |at| at.max(self.last_active_at))
    }
}
