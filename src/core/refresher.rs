//! A tab's exchange with the auth server, from the request for the lock to the response. Progress never depends on the lock.

use crate::wire::RefreshReason;

use super::config::Config;
use super::effect::Effect;
use super::effects::Effects;
use super::ids::{AttemptId, CallerId};
use super::millis::Millis;
use super::rng::Rng;
use super::situation::{Sent, Situation, Task};
use super::tab_message::TabMessage;
use super::time::Timestamp;

mod lock;

/// Runs the exchanges of a tab: at most one at a time.
#[derive(Debug)]
pub(super) struct Refresher {
    timeout: Millis,
    peer_reply_timeout: Millis,
    exchange: Option<Exchange>,
    last_attempt: AttemptId,
    lock_timed_out: bool,
    rng: Rng,
}

#[derive(Debug)]
struct Exchange {
    attempt: AttemptId,
    task: Task,
    stage: Stage,
    until: Timestamp,
    is_locked: bool,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Queued for the lock.
    AwaitingLock { since: Timestamp },
    /// Waiting for messages of other tabs before sending.
    AwaitingPeers,
    /// A request to the auth server is in flight, or the app's sign-in function is running.
    InFlight {
        sent: Sent,
        /// Whether its deadline was extended after a suspension.
        is_extended: bool,
    },
}

/// What a passed deadline of the exchange means for the other parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Nothing.
    None,
    /// The page was suspended.
    Suspended,
    /// The background refresh did not get the lock and is postponed.
    Postponed,
    /// The refresh of this attempt timed out.
    Refresh(AttemptId),
    /// The sign-out notification of this attempt timed out.
    SignOut(AttemptId),
}

impl Refresher {
    /// How long a response that arrived during a suspension may take to be delivered.
    const RESUME_GRACE: Millis = Millis::from_secs(2);
    /// The lock timeout after a first request for the lock has timed out.
    const SHORT_LOCK_WAIT: Millis = Millis::from_secs(5);

    pub(super) fn new(config: &Config, rng: Rng) -> Self {
        Self {
            timeout: config.timeout,
            peer_reply_timeout: config.peer_reply_timeout,
            exchange: None,
            last_attempt: AttemptId::default(),
            lock_timed_out: false,
            rng,
        }
    }

    /// Cancels a pending lock request that is no longer needed, and starts the next task if no exchange is running.
    pub(super) fn on_situation(&mut self, situation: &Situation, effects: &mut Effects) {
        if let Some(exchange) = &self.exchange {
            if exchange.is_sent() || !situation.is_suspended && situation.wants(exchange.task) {
                return;
            }
            self.cancel(effects);
        }
        if situation.is_suspended {
            return;
        }
        let Some(task) = situation.next_task() else {
            return;
        };
        let since = situation.now;
        let wait = if self.lock_timed_out {
            Self::SHORT_LOCK_WAIT
        } else {
            self.longest_exchange()
        };
        // Jitter, so that tabs waiting for the same dead lock do not time out together.
        let mut until = since + wait + self.rng.jitter(wait / 10);
        if let Some(begun) = situation.peer_started_at {
            until = until.max(begun + self.longest_exchange());
        }
        let attempt = self.last_attempt.next();
        self.last_attempt = attempt;
        self.exchange = Some(Exchange {
            attempt,
            task,
            stage: Stage::AwaitingLock { since },
            until,
            is_locked: false,
        });
        effects.push(Effect::AcquireLock { attempt });
    }

    /// Handles a passed deadline of the exchange.
    pub(super) fn on_deadline(&mut self, situation: &Situation, effects: &mut Effects) -> Expiry {
        let now = situation.now;
        let longest_exchange = self.longest_exchange();
        let due = self.exchange.as_mut().filter(|it| now >= it.until);
        let Some(exchange) = due else {
            return Expiry::None;
        };
        let is_late = exchange.until.passed_in_suspension(now);
        let (attempt, task) = (exchange.attempt, exchange.task);
        match &mut exchange.stage {
            Stage::AwaitingLock { since } if is_late => {
                // No lock could be granted while the computer was suspended.
                *since = now;
                exchange.until = now + longest_exchange;
                return Expiry::Suspended;
            }
            Stage::AwaitingLock { .. } => {
                self.lock_timed_out = true;
                let is_background = task == Task::Refresh && situation.waiting.is_none();
                if is_background && situation.token_left > self.peer_reply_timeout * 5 {
                    self.cancel(effects);
                    return Expiry::Postponed;
                }
                effects.release(attempt);
                self.proceed_without_lock(situation, effects);
            }
            Stage::AwaitingPeers => self.send(situation, effects),
            Stage::InFlight { is_extended, .. } if is_late && !*is_extended => {
                *is_extended = true;
                exchange.until = now + Self::RESUME_GRACE;
                return Expiry::Suspended;
            }
            Stage::InFlight { .. } => {
                let expiry = match task {
                    Task::Refresh => Expiry::Refresh(attempt),
                    Task::NotifySignOut { .. } => Expiry::SignOut(attempt),
                    Task::SignIn { .. } => {
                        // The sign-in function goes on without the lock.
                        self.finish(effects);
                        return Expiry::None;
                    }
                };
                effects.push(Effect::Abort { attempt });
                return expiry;
            }
        }
        Expiry::None
    }

    /// Releases the lock before the page is suspended; a suspended page would keep holding it.
    pub(super) fn on_suspended(&mut self, effects: &mut Effects) {
        if let Some(exchange) = &mut self.exchange {
            if !exchange.is_sent() {
                self.cancel(effects);
            } else if exchange.is_locked {
                exchange.is_locked = false;
                effects.release(exchange.attempt);
            }
        }
    }

    /// Ends the exchange: releases the lock, and aborts a request in flight.
    pub(super) fn on_closed(&mut self, effects: &mut Effects) {
        self.on_suspended(effects);
        if let Some(attempt) = self.attempt() {
            effects.push(Effect::Abort { attempt });
        }
        self.exchange = None;
    }

    /// Ends the exchange in flight and releases its lock. Call it after queueing the effects that the next holder depends on,
    /// such as `WriteRecord`.
    pub(super) fn finish(&mut self, effects: &mut Effects) {
        if self.exchange.as_ref().is_some_and(|it| it.is_locked) {
            self.cancel(effects);
        }
        self.exchange = None;
    }

    /// Returns the request of this attempt; `None` if it is not in flight.
    pub(super) fn in_flight(&self, attempt: AttemptId) -> Option<Sent> {
        match &self.exchange {
            Some(exchange) if exchange.attempt == attempt => exchange.sent(),
            Some(_) | None => None,
        }
    }

    /// Whether a request is in flight, or a sign-in function is running.
    pub(super) fn is_in_flight(&self) -> bool {
        self.exchange.as_ref().is_some_and(Exchange::is_sent)
    }

    /// Returns the caller of the sign-in function that is running.
    pub(super) fn sign_in(&self) -> Option<(CallerId, AttemptId, Timestamp)> {
        match &self.exchange {
            Some(Exchange {
                attempt,
                task: Task::SignIn { caller },
                stage: Stage::InFlight { sent, .. },
                ..
            }) => Some((*caller, *attempt, sent.at)),
            Some(_) | None => None,
        }
    }

    /// Returns the current attempt, if an exchange is running.
    pub(super) fn attempt(&self) -> Option<AttemptId> {
        self.exchange.as_ref().map(|exchange| exchange.attempt)
    }

    /// Returns the deadline of the exchange; without one, when a task becomes due.
    pub(super) fn deadline(&self, situation: &Situation) -> Option<(Timestamp, &'static str)> {
        let Some(exchange) = &self.exchange else {
            return situation.deadline();
        };
        let reason = match exchange.stage {
            Stage::AwaitingLock { .. } => "lock",
            Stage::AwaitingPeers => "peers",
            Stage::InFlight { .. } => "timeout",
        };
        Some((exchange.until, reason))
    }

    /// How long another tab's exchange may take until its outcome is received here.
    fn longest_exchange(&self) -> Millis {
        self.timeout + Millis::from_secs(1)
    }

    /// Releases the lock, or cancels the request for it, and ends the exchange.
    fn cancel(&mut self, effects: &mut Effects) {
        if let Some(exchange) = self.exchange.take() {
            effects.release(exchange.attempt);
        }
    }

    fn send(&mut self, situation: &Situation, effects: &mut Effects) {
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        let reason = situation.refresh_reason().unwrap_or(RefreshReason::Timer);
        exchange.until = situation.now + self.timeout;
        exchange.stage = Stage::InFlight {
            sent: Sent {
                at: situation.now,
                reason,
                epoch: situation.epoch,
                seen: situation.seen,
            },
            is_extended: false,
        };
        effects.broadcast(TabMessage::RefreshStarted);
        let attempt = exchange.attempt;
        effects.push(match exchange.task {
            Task::Refresh => Effect::SendRefresh {
                attempt,
                reason,
                page: situation.page,
                active_ago: situation.active_ago,
            },
            Task::NotifySignOut { everywhere } => Effect::SendSignOut {
                attempt,
                everywhere,
            },
            Task::SignIn { caller } => Effect::RunSignIn { attempt, caller },
        });
    }
}

impl Exchange {
    fn sent(&self) -> Option<Sent> {
        match self.stage {
            Stage::InFlight { sent, .. } => Some(sent),
            Stage::AwaitingLock { .. } | Stage::AwaitingPeers => None,
        }
    }

    fn is_sent(&self) -> bool {
        matches!(self.stage, Stage::InFlight { .. })
    }
}

#[cfg(test)]
mod tests;
