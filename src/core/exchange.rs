//! A tab's one exchange with the auth server, from the wish for the lock to the answer.

use super::effect::Effect;
use super::ids::{AttemptId, RequestId, Version};
use super::input::Failure;
use super::jobs::Job;
use super::news::TabMessage;
use super::session::Session;
use super::span::Span;
use super::time::{Moment, Timestamp};
use super::{AdoptOutcome, FailureCause, RefreshOutcome, SignOutOutcome};

/// Where a tab stands with the auth server: at most one exchange at a time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exchange {
    /// Nothing is under way.
    Idle,
    /// Queued for the lock.
    AwaitingLock {
        attempt: AttemptId,
        job: Job,
        since: Timestamp,
        until: Timestamp,
    },
    /// About to send, giving other tabs' news a moment to arrive.
    Listening {
        attempt: AttemptId,
        job: Job,
        is_locked: bool,
        until: Timestamp,
    },
    /// The auth server, or the app's sign-in function, is at work.
    InFlight(Flight),
}

/// An exchange whose answer is awaited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) attempt: AttemptId,
    pub(super) job: Job,
    pub(super) is_locked: bool,
    /// The session it was sent for: an answer to another one is of no use.
    pub(super) epoch: u32,
    /// The highest order that this browser had given out when it was sent.
    pub(super) seen: Version,
    pub(super) sent: Timestamp,
    pub(super) until: Timestamp,
    /// Whether it was given more time after a nap.
    pub(super) is_extended: bool,
}

/// A sign-in function of the app's that takes its time: it no longer holds the lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlowAdopt {
    pub(super) attempt: AttemptId,
    pub(super) request: RequestId,
    pub(super) sent: Timestamp,
}

/// A deadline noticed later than this was slept through.
pub(super) const OVERSLEPT: Span = Span::from_secs(2);
/// How long an answer that arrived during a nap may take to be delivered.
const AFTER_NAP: Span = Span::from_secs(2);
/// How long the lock is waited for once it has failed to come.
const DISTRUSTING: Span = Span::from_secs(5);

impl Session {
    /// Starts the next job, where there is one and nothing is under way.
    pub(super) fn start_next(&mut self, moment: &Moment) {
        if !matches!(self.exchange, Exchange::Idle) || self.page.is_dozing {
            return;
        }
        let Some(job) = self.next_job(moment.now) else {
            return;
        };
        self.last_attempt = self.last_attempt.next();
        let attempt = self.last_attempt;
        let wait = if self.is_lock_distrusted {
            DISTRUSTING
        } else {
            self.longest_exchange()
        };
        // Tabs that wait for the same dead lock shall not give up on it at the same moment.
        let mut until = moment.now + wait + self.chance.up_to(wait / 10);
        if let Some(begun) = self.peer_at_work {
            until = until.max(begun + self.longest_exchange());
        }
        self.exchange = Exchange::AwaitingLock {
            attempt,
            job,
            since: moment.now,
            until,
        };
        self.effects.push(Effect::AcquireLock { attempt });
    }

    pub(super) fn send(&mut self, moment: &Moment, attempt: AttemptId, job: Job, is_locked: bool) {
        self.exchange = Exchange::InFlight(Flight {
            attempt,
            job,
            is_locked,
            epoch: self.epoch,
            seen: self.highest_version(),
            sent: moment.now,
            until: moment.now + self.config.timeout,
            is_extended: false,
        });
        self.effects.push(Effect::Broadcast(TabMessage::Working));
        self.effects.push(match job {
            Job::Refresh => {
                let reason = self
                    .refresh_reason(moment.now)
                    .unwrap_or(crate::wire::RefreshReason::Timer);
                self.flight_reason = reason;
                Effect::SendRefresh {
                    attempt,
                    reason,
                    page: self.page.visibility(),
                    active_ago: moment.now.since(self.last_active),
                }
            }
            Job::TellServer { everywhere } => Effect::SendSignOut {
                attempt,
                everywhere,
            },
            Job::Adopt { request } => {
                self.adopts.retain(|waiting| *waiting != request);
                Effect::RunAdopt { attempt, request }
            }
        });
    }

    /// Deals with deadlines that have passed.
    pub(super) fn expire_exchange(&mut self, moment: &Moment) {
        let now = moment.now;
        match self.exchange {
            Exchange::AwaitingLock {
                attempt,
                job,
                until,
                ..
            } if now >= until && now.since(until) > OVERSLEPT => {
                // Nobody could have been granted anything while the computer slept.
                self.begin_anew(now);
                let until = now + self.longest_exchange();
                self.exchange = Exchange::AwaitingLock {
                    attempt,
                    job,
                    since: now,
                    until,
                };
            }
            Exchange::AwaitingLock {
                attempt,
                job,
                until,
                ..
            } if now >= until => {
                self.is_lock_distrusted = true;
                self.release(attempt);
                if self.can_wait_for_lock(job, now) {
                    self.exchange = Exchange::Idle;
                } else {
                    self.go_on_unlocked(moment, attempt, job);
                }
            }
            Exchange::Listening {
                attempt,
                job,
                is_locked,
                until,
            } if now >= until => self.send(moment, attempt, job, is_locked),
            Exchange::InFlight(ref mut flight) if now >= flight.until => {
                if now.since(flight.until) > OVERSLEPT && !flight.is_extended {
                    flight.is_extended = true;
                    flight.until = now + AFTER_NAP;
                    self.begin_anew(now);
                } else {
                    let flight = *flight;
                    self.on_flight_overdue(moment, flight);
                }
            }
            Exchange::Idle
            | Exchange::AwaitingLock { .. }
            | Exchange::Listening { .. }
            | Exchange::InFlight(_) => {}
        }
    }

    fn on_flight_overdue(&mut self, moment: &Moment, flight: Flight) {
        match flight.job {
            Job::Refresh => {
                self.effects.push(Effect::Abort {
                    attempt: flight.attempt,
                });
                let failure = Failure::new(FailureCause::Timeout);
                self.on_refresh_finished(moment, flight.attempt, RefreshOutcome::Failed(failure));
            }
            Job::TellServer { .. } => {
                self.effects.push(Effect::Abort {
                    attempt: flight.attempt,
                });
                let failure = Failure::new(FailureCause::Timeout);
                self.on_sign_out_finished(moment, flight.attempt, SignOutOutcome::Failed(failure));
            }
            Job::Adopt { request } => {
                self.slow_adopts.push(SlowAdopt {
                    attempt: flight.attempt,
                    request,
                    sent: flight.sent,
                });
                self.end_flight(flight);
            }
        }
    }

    /// Takes the exchange that this answer belongs to; `None` where it is no longer awaited.
    pub(super) fn take_flight(&mut self, attempt: AttemptId) -> Option<Flight> {
        let Exchange::InFlight(flight) = self.exchange else {
            return None;
        };
        if flight.attempt != attempt {
            return None;
        }
        self.exchange = Exchange::Idle;
        Some(flight)
    }

    /// Gives the lock back, after everything that the next holder must see has been ordered.
    pub(super) fn end_flight(&mut self, flight: Flight) {
        self.exchange = Exchange::Idle;
        if flight.is_locked {
            self.release(flight.attempt);
        }
    }

    pub(super) fn on_adopt_finished(
        &mut self,
        moment: &Moment,
        attempt: AttemptId,
        outcome: AdoptOutcome,
    ) {
        if let Some(at) = self
            .slow_adopts
            .iter()
            .position(|slow| slow.attempt == attempt)
        {
            let slow = self.slow_adopts.swap_remove(at);
            self.on_adopted(moment, slow.request, slow.sent, outcome);
            return;
        }
        let Some(flight) = self.take_flight(attempt) else {
            return;
        };
        if let Job::Adopt { request } = flight.job {
            self.on_adopted(moment, request, flight.sent, outcome);
        }
        self.end_flight(flight);
    }

    pub(super) fn exchange_deadline(&self) -> Option<(Timestamp, &'static str)> {
        match self.exchange {
            Exchange::Idle => None,
            Exchange::AwaitingLock { until, .. } => Some((until, "lock wait")),
            Exchange::Listening { until, .. } => Some((until, "news")),
            Exchange::InFlight(flight) => Some((flight.until, "answer")),
        }
    }
}
