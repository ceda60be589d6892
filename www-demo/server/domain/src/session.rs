//! A session's row, and its changes.

use std::{ops::RangeInclusive, time::Duration};

use nolapse::wire::EndReason;

use crate::{
    Authentication, KeyThumbprint, RefreshSecret, RefreshToken, Registration, SecretHash,
    SessionId, Timestamp, UsedProofs, UserId,
};

/// The lifetimes and the number of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a replaced refresh token yields the newest one, even if its successor was used: covers requests that
    /// overlap. A token whose successor was never used needs no grace.
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

/// What a session begins with, besides its user and its refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// The device's label, derived from `User-Agent`.
    pub device: String,
    /// When and how the user was authenticated.
    pub authentication: Authentication,
    /// The key that the session is bound to (RFC 9449), if there is one.
    pub jkt: Option<KeyThumbprint>,
}

impl NewSession {
    /// Creates a session's beginning without a key.
    #[must_use]
    pub const fn new(device: String, authentication: Authentication) -> Self {
        Self {
            device,
            authentication,
            jkt: None,
        }
    }
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
    /// The hashes of the other tokens of this generation, oldest first. Each is as good as the newest until one is used.
    pub siblings: Vec<SecretHash>,
    /// The replaced generations within the grace, newest last.
    pub replaced: Vec<Replaced>,
    /// The last [`renew`](Self::renew).
    pub renewed: Option<Renewal>,
    /// When and how the user was authenticated.
    pub authentication: Authentication,
    /// The key that the session is bound to, if there is one. It never changes.
    pub jkt: Option<KeyThumbprint>,
    /// The proofs by that key that it was served with.
    pub proofs: UsedProofs,
    /// The key that the browser has registered for it, if it has.
    pub registration: Option<Registration>,
}

impl Session {
    /// Creates a session with its first refresh token.
    #[must_use]
    pub fn begin(
        now: Timestamp,
        first: &RefreshToken,
        user: UserId,
        new: NewSession,
        limits: &Limits,
    ) -> Self {
        Self {
            id: first.session,
            user,
            device: new.device,
            created_at: now,
            expires_at: now + limits.absolute,
            last_active_at: now,
            last_seen_at: now,
            ended: None,
            generation: first.generation,
            secret_hash: first.secret.hash(),
            siblings: Vec::new(),
            replaced: Vec::new(),
            renewed: None,
            authentication: new.authentication,
            jkt: new.jkt,
            proofs: UsedProofs::default(),
            registration: None,
        }
    }

    /// Carries out [`Verdict::Rotate`](crate::Verdict::Rotate): the successor becomes the newest token, and the siblings of
    /// the token that was used are dead.
    pub fn rotate(
        &mut self,
        now: Timestamp,
        successor: &RefreshToken,
        active_ago: Option<Duration>,
        limits: &Limits,
    ) {
        // More than one generation if the row was older than the token.
        let last = successor.generation.saturating_sub(1);
        self.begin_grace(now, self.generation..=last, limits);
        self.generation = successor.generation;
        self.secret_hash = successor.secret.hash();
        self.siblings.clear();
        self.touch(now, active_ago);
    }

    /// Carries out [`Verdict::Fork`](crate::Verdict::Fork): the sibling becomes the newest token beside those that there
    /// are, and the grace of the replaced token begins again, so that concurrent repeats yield the same sibling.
    pub fn fork(
        &mut self,
        now: Timestamp,
        sibling: &RefreshToken,
        active_ago: Option<Duration>,
        limits: &Limits,
    ) {
        let replaced = self.generation.saturating_sub(1);
        self.begin_grace(now, replaced..=replaced, limits);
        self.siblings.push(self.secret_hash);
        self.secret_hash = sibling.secret.hash();
        self.touch(now, active_ago);
    }

    /// Begins the grace of generations, which are the last ones replaced.
    fn begin_grace(&mut self, now: Timestamp, generations: RangeInclusive<u64>, limits: &Limits) {
        let (first, last) = generations.into_inner();
        self.replaced
            .retain(|replaced| now <= replaced.at + limits.grace);
        match self.replaced.last_mut() {
            // The server whose clock is behind adds to the newest entry.
            Some(newest) if now.as_secs() <= newest.at.as_secs() => {
                (newest.last, newest.at) = (last, newest.at.max(now));
            }
            Some(_) | None => self.replaced.push(Replaced {
                first,
                last,
                at: now,
            }),
        }
    }

    /// Replaces the secret by a random one and clears the grace, which voids all earlier tokens. Returns the new token.
    ///
    /// For operations that must revoke every copy of the cookie, such as a change of password (OWASP ASVS 7.4.3).
    pub fn renew(&mut self, now: Timestamp, secret: RefreshSecret) -> RefreshToken {
        let generation = self.generation.saturating_add(1);
        self.generation = generation;
        self.secret_hash = secret.hash();
        self.siblings.clear();
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

    /// Carries out [`Verdict::Repeat`](crate::Verdict::Repeat): updates the times of refresh and activity.
    pub fn touch(&mut self, now: Timestamp, active_ago: Option<Duration>) {
        self.last_active_at = self.active_at(now, active_ago);
        self.last_seen_at = self.last_seen_at.max(now);
    }

    /// Ends the session, unless it has ended.
    pub fn end(&mut self, now: Timestamp, reason: EndReason) {
        self.ended.get_or_insert(Ending { at: now, reason });
    }

    pub(super) fn active_at(&self, now: Timestamp, active_ago: Option<Duration>) -> Timestamp {
        let declared = active_ago.map(|ago| now.before(ago));
        declared.map_or(self.last_active_at, |at| at.max(self.last_active_at))
    }
}
