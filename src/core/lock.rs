//! The lock that all tabs of a browser share: short, queued, and never a condition.

use super::effect::Effect;
use super::exchange::{Exchange, Flight};
use super::ids::AttemptId;
use super::jobs::Job;
use super::mark::{MarkState, Shelf};
use super::news::TabMessage;
use super::session::Session;
use super::span::Span;
use super::time::{Moment, Timestamp};

/// A lock that took longer than this was held by somebody whose news may still be on its way.
const CONTENDED: Span = Span::from_millis(20);

impl Session {
    /// Drops a wish for the lock that has been fulfilled meanwhile: the look-again of every waiting.
    pub(super) fn reconsider(&mut self, now: Timestamp) {
        let (Exchange::AwaitingLock { attempt, job, .. }
        | Exchange::Listening { attempt, job, .. }) = self.exchange
        else {
            return;
        };
        if self.page.is_dozing || !self.is_wanted(job, now) {
            self.release(attempt);
            self.exchange = Exchange::Idle;
        }
    }

    pub(super) fn on_lock_granted(&mut self, moment: &Moment, granted: AttemptId) {
        let Exchange::AwaitingLock {
            attempt,
            job,
            since,
            ..
        } = self.exchange
        else {
            self.release_unless_current(granted);
            return;
        };
        if attempt != granted {
            self.release_unless_current(granted);
            return;
        }
        self.is_lock_distrusted = false;
        if !self.is_wanted(job, moment.now) {
            self.release(attempt);
            self.exchange = Exchange::Idle;
            return;
        }
        let had_to_wait = moment.now.since(since) > CONTENDED && self.has_company(moment.now);
        let was_contended = had_to_wait || self.is_news_due(moment.now);
        let may_be_done = match job {
            // No other tab's token will do for a forced refresh, but its failure would.
            Job::Refresh => was_contended || self.is_behind(moment) && !self.waiters_force(),
            Job::Adopt { .. } | Job::TellServer { .. } => false,
        };
        if may_be_done {
            self.listen(moment, attempt, job, true, self.config.beat);
        } else {
            self.send(moment, attempt, job, true);
        }
    }

    pub(super) fn on_lock_failed(&mut self, moment: &Moment, failed: AttemptId) {
        match self.exchange {
            Exchange::AwaitingLock { attempt, job, .. } if attempt == failed => {
                self.go_on_unlocked(moment, attempt, job);
            }
            // Stolen: the exchange goes on, as if there had been no lock.
            Exchange::Listening {
                attempt,
                ref mut is_locked,
                ..
            } if attempt == failed => *is_locked = false,
            Exchange::InFlight(ref mut flight) if flight.attempt == failed => {
                flight.is_locked = false;
            }
            Exchange::Idle
            | Exchange::AwaitingLock { .. }
            | Exchange::Listening { .. }
            | Exchange::InFlight(_) => {}
        }
    }

    /// Whether another tab has begun an exchange whose outcome this one has not heard of.
    fn is_news_due(&self, now: Timestamp) -> bool {
        self.peer_at_work
            .is_some_and(|begun| now.since(begun) <= self.config.timeout)
    }

    /// How long another tab's exchange may take until its outcome is known here.
    pub(super) fn longest_exchange(&self) -> Span {
        self.config.timeout + Span::from_secs(1)
    }

    /// Another tab holds the lock and is at work: its answer is worth waiting for.
    pub(super) fn on_tab_works(&mut self, now: Timestamp) {
        self.peer_at_work = Some(now);
        let one_exchange = self.longest_exchange();
        if let Exchange::AwaitingLock {
            ref mut until,
            since,
            ..
        } = self.exchange
        {
            // Two exchanges at the most: a lock is never waited for longer than that.
            *until = (now + one_exchange)
                .max(*until)
                .min(since + one_exchange * 2);
        }
    }

    /// A lock is a courtesy, never a condition: without it, a random pause keeps tabs apart.
    pub(super) fn go_on_unlocked(&mut self, moment: &Moment, attempt: AttemptId, job: Job) {
        match job {
            Job::Refresh if !self.waiters_force() => {
                let pause = self.chance.up_to(self.config.beat * 3);
                self.listen(moment, attempt, job, false, pause);
            }
            Job::Refresh | Job::Adopt { .. } | Job::TellServer { .. } => {
                self.send(moment, attempt, job, false);
            }
        }
    }

    fn listen(
        &mut self,
        moment: &Moment,
        attempt: AttemptId,
        job: Job,
        is_locked: bool,
        pause: Span,
    ) {
        self.exchange = Exchange::Listening {
            attempt,
            job,
            is_locked,
            until: moment.now + pause,
        };
        let version = self.version;
        self.effects
            .push(Effect::Broadcast(TabMessage::Ask { version }));
    }

    /// A background refresh that does not get the lock is put off while the token is good for longer.
    pub(super) fn can_wait_for_lock(&mut self, job: Job, now: Timestamp) -> bool {
        let is_background = job == Job::Refresh && self.waiters.is_empty();
        is_background && self.put_off_refresh(now)
    }

    /// The page stops running: what it holds would be held for as long as it sleeps.
    pub(super) fn let_go(&mut self) {
        match self.exchange {
            Exchange::Idle => {}
            Exchange::AwaitingLock { attempt, .. } | Exchange::Listening { attempt, .. } => {
                self.release(attempt);
                self.exchange = Exchange::Idle;
            }
            Exchange::InFlight(flight) => {
                if flight.is_locked {
                    self.release(flight.attempt);
                }
                self.exchange = Exchange::InFlight(Flight {
                    is_locked: false,
                    ..flight
                });
            }
        }
    }

    /// Whether other tabs may know of a living token that this one has not seen: the shelf says so, or cannot be
    /// believed.
    fn is_behind(&self, moment: &Moment) -> bool {
        match &moment.shelf {
            Shelf::Marked(mark) if !mark.version.is_serial() => true,
            Shelf::Marked(mark) => match mark.state {
                MarkState::SignedIn { expires, .. } => {
                    mark.version.is_after(self.version) && expires > moment.wall
                }
                MarkState::SignedOut { .. } => false,
            },
            Shelf::Unavailable | Shelf::Empty => false,
        }
    }

    pub(super) fn release(&mut self, attempt: AttemptId) {
        self.effects.push(Effect::ReleaseLock { attempt });
    }

    /// A lock that comes too late must not be kept; one that comes twice is the one in use.
    fn release_unless_current(&mut self, granted: AttemptId) {
        let is_current = match self.exchange {
            Exchange::Idle => false,
            Exchange::AwaitingLock { attempt, .. } => attempt == granted,
            Exchange::Listening {
                attempt, is_locked, ..
            } => attempt == granted && is_locked,
            Exchange::InFlight(flight) => flight.attempt == granted && flight.is_locked,
        };
        if !is_current {
            self.release(granted);
        }
    }
}
