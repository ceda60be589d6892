//! The row of a session, and what presenting a ticket for it means.

use std::time::Duration;

use nolapse::wire::EndReason;

use super::{SecretHash, SessionId, Ticket, TicketKey, Timestamp, UserId};

/// How many replaced generations the grace can reach back.
const REMEMBERED_ROTATIONS: usize = 8;

/// How long things last, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a replaced ticket still yields its successor. It covers an answer that was lost:
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

/// What presenting a ticket means. Nothing has happened yet: the host acts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The newest ticket: [`rotate`](Session::rotate) the session to this successor and hand it out.
    Rotate(Ticket),
    /// A ticket that was replaced a moment ago, its answer lost or its tab beaten: hand out the newest
    /// ticket again.
    Repeat(Ticket),
    /// A ticket that was replaced longer ago than the grace: someone copied it. End the session.
    Theft,
    /// The session has just been found to be past a limit: end it, for this reason.
    Lapse(EndReason),
    /// The session had ended before.
    Refuse(EndReason),
    /// The ticket was never one of this session's.
    Unknown,
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
    /// How often its ticket was replaced.
    pub generation: u64,
    /// The hash of the newest ticket's secret.
    pub secret_hash: SecretHash,
    /// When the latest generations were replaced, the newest last; those past the grace are forgotten.
    pub replaced_at: Vec<Timestamp>,
}

impl Session {
    /// Begins a session with its first ticket.
    #[must_use]
    pub fn begin(
        now: Timestamp,
        first: &Ticket,
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
            replaced_at: Vec::new(),
        }
    }

    /// Decides what presenting `ticket` at `now` means.
    ///
    /// `active_ago` is how long ago the client says the user was there; `None` declares nothing.
    /// An invented ticket changes nothing, so that nobody can end a session by knowing its name.
    #[must_use]
    pub fn present(
        &self,
        now: Timestamp,
        ticket: &Ticket,
        active_ago: Option<Duration>,
        limits: &Limits,
        key: &TicketKey,
    ) -> Verdict {
        let Some(age) = self.generation.checked_sub(ticket.generation) else {
            return Verdict::Unknown;
        };
        if ticket.session != self.id {
            return Verdict::Unknown;
        }
        if age == 0 && ticket.secret.hash() != self.secret_hash {
            return Verdict::Unknown;
        }
        if let Some(end) = self.ending(now, active_ago, limits) {
            return end;
        }
        if age == 0 {
            return Verdict::Rotate(key.successor(ticket));
        }
        self.forgive(now, ticket, age, limits, key)
    }

    /// Decides about a ticket that was replaced: by time, not by count, because a late request may be
    /// overtaken by more than one refresh.
    fn forgive(
        &self,
        now: Timestamp,
        ticket: &Ticket,
        age: u64,
        limits: &Limits,
        key: &TicketKey,
    ) -> Verdict {
        let replaced_at = usize::try_from(age)
            .ok()
            .and_then(|age| self.replaced_at.len().checked_sub(age))
            .and_then(|place| self.replaced_at.get(place));
        let Some(replaced_at) = replaced_at else {
            return Verdict::Theft;
        };
        if limits.grace.is_zero() || now > *replaced_at + limits.grace {
            return Verdict::Theft;
        }
        let newest = (0..age).fold(ticket.clone(), |older, _| key.successor(&older));
        if newest.secret.hash() == self.secret_hash {
            Verdict::Repeat(newest)
        } else {
            Verdict::Unknown
        }
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
            return Some(Verdict::Lapse(EndReason::Expired));
        }
        if now >= self.active_at(now, active_ago) + limits.idle {
            return Some(Verdict::Lapse(EndReason::Idle));
        }
        None
    }

    /// Says why the session is over at `now`, or `None` while it lives.
    #[must_use]
    pub fn over(&self, now: Timestamp, limits: &Limits) -> Option<EndReason> {
        match self.ending(now, None, limits) {
            Some(Verdict::Refuse(reason) | Verdict::Lapse(reason)) => Some(reason),
            Some(Verdict::Rotate(_) | Verdict::Repeat(_) | Verdict::Theft | Verdict::Unknown)
            | None => None,
        }
    }

    /// Acts on [`Verdict::Rotate`]: the successor becomes the newest ticket.
    pub fn rotate(
        &mut self,
        now: Timestamp,
        successor: &Ticket,
        active_ago: Option<Duration>,
        limits: &Limits,
    ) {
        self.generation = successor.generation;
        self.secret_hash = successor.secret.hash();
        self.replaced_at.retain(|at| now <= *at + limits.grace);
        self.replaced_at.push(now);
        if self.replaced_at.len() > REMEMBERED_ROTATIONS {
            self.replaced_at.remove(0);
        }
        self.touch(now, active_ago);
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
