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

/// Runs the exchanges of a tab: at most one at a time.
#[derive(Debug)]
pub(super) struct Refresher {
    timeout: Millis,
    peer_reply_timeout: Millis,
    exchange: Option<Exchange>,
    last_attempt: AttemptId,
    lock_timed_out: bool,
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    attempt: AttemptId,
    task: Task,
    until: Timestamp,
    is_locked: bool,
    stage: Stage,
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
    /// The request of this attempt timed out.
    TimedOut(AttemptId, Task),
}

impl Refresher {
    /// How long a response that arrived during a suspension may take to be delivered.
    const RESUME_GRACE: Millis = Millis::from_secs(2);
    /// The lock timeout after a first request for the lock has timed out.
    const SHORT_LOCK_WAIT: Millis = Millis::from_secs(5);
    /// A lock granted later than this was held by another tab, whose message may still be in transit.
    const CONTENTION_THRESHOLD: Millis = Millis::from_millis(20);

    pub(super) fn new(config: &Config) -> Self {
        Self {
            timeout: config.timeout,
            peer_reply_timeout: config.peer_reply_timeout,
            exchange: None,
            last_attempt: AttemptId::default(),
            lock_timed_out: false,
        }
    }

    /// Cancels a pending lock request that is no longer needed, and starts the next task if no exchange is running.
    pub(super) fn on_situation(
        &mut self,
        situation: &Situation,
        rng: &mut Rng,
        effects: &mut Effects,
    ) {
        if let Some(exchange) = self.exchange
            && !matches!(exchange.stage, Stage::InFlight { .. })
            && (situation.is_suspended || !situation.wants(exchange.task))
        {
            self.cancel(exchange.attempt, effects);
        }
        if self.exchange.is_some() || situation.is_suspended {
            return;
        }
        let Some(task) = situation.next_task() else {
            return;
        };
        self.last_attempt = self.last_attempt.next();
        let attempt = self.last_attempt;
        let wait = if self.lock_timed_out {
            Self::SHORT_LOCK_WAIT
        } else {
            self.longest_exchange()
        };
        // Jitter, so that tabs waiting for the same dead lock do not time out together.
        let mut until = situation.now + wait + rng.jitter(wait / 10);
        if let Some(begun) = situation.peer_started_at {
            until = until.max(begun + self.longest_exchange());
        }
        let since = situation.now;
        self.exchange = Some(Exchange {
            attempt,
            task,
            until,
            is_locked: false,
            stage: Stage::AwaitingLock { since },
        });
        effects.push(Effect::AcquireLock { attempt });
    }

    pub(super) fn on_lock_granted(
        &mut self,
        situation: &Situation,
        granted: AttemptId,
        effects: &mut Effects,
    ) {
        let current = self.exchange.filter(|it| it.attempt == granted);
        let Some((exchange, since)) = current.and_then(Exchange::awaiting_lock) else {
            // Granted too late; a duplicate grant of the held lock is kept.
            let is_current = current.is_some_and(|exchange| exchange.is_locked);
            if !is_current {
                effects.release(granted);
            }
            return;
        };
        self.lock_timed_out = false;
        if !situation.wants(exchange.task) {
            self.cancel(granted, effects);
            return;
        }
        let now = situation.now;
        let had_to_wait = now.since(since) > Self::CONTENTION_THRESHOLD && situation.has_peers;
        let is_peer_busy = situation
            .peer_started_at
            .is_some_and(|begun| now.since(begun) <= self.timeout);
        let was_contended = had_to_wait || is_peer_busy;
        // Another tab's token does not satisfy a forced refresh, but its failure would start a back-off.
        let may_be_done = exchange.task == Task::Refresh
            && (was_contended || situation.is_behind && !situation.wants_new());
        let exchange = Exchange {
            is_locked: true,
            ..exchange
        };
        if may_be_done {
            self.await_peers(situation, exchange, self.peer_reply_timeout, effects);
        } else {
            self.send(situation, exchange, effects);
        }
    }

    pub(super) fn on_lock_failed(
        &mut self,
        situation: &Situation,
        failed: AttemptId,
        rng: &mut Rng,
        effects: &mut Effects,
    ) {
        let Some(exchange) = self.exchange.as_mut().filter(|it| it.attempt == failed) else {
            return;
        };
        // If the lock was stolen, continue without it.
        exchange.is_locked = false;
        if let Some((exchange, _)) = exchange.awaiting_lock() {
            self.proceed_without_lock(situation, exchange, rng, effects);
        }
    }

    /// Extends the lock timeout: another tab holds the lock and has sent a request.
    pub(super) fn on_peer_started(&mut self, now: Timestamp) {
        let one_exchange = self.longest_exchange();
        if let Some(exchange) = &mut self.exchange
            && let Stage::AwaitingLock { since } = exchange.stage
        {
            // Wait for at most two exchanges.
            let until = (now + one_exchange).max(exchange.until);
            exchange.until = until.min(since + one_exchange * 2);
        }
    }

    /// Handles a passed deadline of the exchange.
    pub(super) fn on_deadline(
        &mut self,
        situation: &Situation,
        rng: &mut Rng,
        effects: &mut Effects,
    ) -> Expiry {
        let now = situation.now;
        let Some(exchange) = self.exchange.filter(|exchange| now >= exchange.until) else {
            return Expiry::None;
        };
        let Exchange { attempt, task, .. } = exchange;
        let is_late = exchange.until.passed_in_suspension(now);
        match exchange.stage {
            Stage::AwaitingLock { .. } if is_late => {
                // No lock could be granted while the computer was suspended.
                self.exchange = Some(Exchange {
                    until: now + self.longest_exchange(),
                    stage: Stage::AwaitingLock { since: now },
                    ..exchange
                });
                return Expiry::Suspended;
            }
            Stage::AwaitingLock { .. } => {
                self.lock_timed_out = true;
                self.cancel(attempt, effects);
                let is_background = task == Task::Refresh && situation.waiting.is_none();
                if is_background && situation.token_left > self.peer_reply_timeout * 5 {
                    return Expiry::Postponed;
                }
                self.proceed_without_lock(situation, exchange, rng, effects);
            }
            Stage::AwaitingPeers => self.send(situation, exchange, effects),
            Stage::InFlight { sent, is_extended } if is_late && !is_extended => {
                self.exchange = Some(Exchange {
                    until: now + Self::RESUME_GRACE,
                    stage: Stage::InFlight {
                        sent,
                        is_extended: true,
                    },
                    ..exchange
                });
                return Expiry::Suspended;
            }
            Stage::InFlight { .. } if matches!(task, Task::SignIn { .. }) => {
                // The sign-in function goes on without the lock.
                self.finish(effects);
            }
            Stage::InFlight { .. } => {
                effects.push(Effect::Abort { attempt });
                return Expiry::TimedOut(attempt, task);
            }
        }
        Expiry::None
    }

    /// Releases the lock before the page is suspended; a suspended page would keep holding it.
    pub(super) fn on_suspended(&mut self, effects: &mut Effects) {
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        if !matches!(exchange.stage, Stage::InFlight { .. }) {
            let attempt = exchange.attempt;
            self.cancel(attempt, effects);
        } else if exchange.is_locked {
            exchange.is_locked = false;
            effects.release(exchange.attempt);
        }
    }

    /// Ends the exchange: releases the lock, and aborts a request in flight.
    pub(super) fn on_closed(&mut self, effects: &mut Effects) {
        self.on_suspended(effects);
        if let Some(Exchange { attempt, .. }) = self.exchange.take() {
            effects.push(Effect::Abort { attempt });
        }
    }

    /// Returns the request of this attempt; `None` if it is not in flight.
    pub(super) fn in_flight(&self, attempt: AttemptId) -> Option<Sent> {
        match self.exchange?.stage {
            Stage::InFlight { sent, .. } if self.attempt() == Some(attempt) => Some(sent),
            Stage::AwaitingLock { .. } | Stage::AwaitingPeers | Stage::InFlight { .. } => None,
        }
    }

    /// Ends the exchange in flight and releases its lock. Call it after queueing the effects that the next holder depends on,
    /// such as `WriteRecord`.
    pub(super) fn finish(&mut self, effects: &mut Effects) {
        if let Some(exchange) = self.exchange.take()
            && exchange.is_locked
        {
            effects.release(exchange.attempt);
        }
    }

    /// Returns the deadline of the exchange; without one, when a task becomes due.
    pub(super) fn deadline(&self, situation: &Situation) -> Option<(Timestamp, &'static str)> {
        let Some(exchange) = self.exchange else {
            return situation.deadline();
        };
        let reason = match exchange.stage {
            Stage::AwaitingLock { .. } => "lock wait",
            Stage::AwaitingPeers => "peers",
            Stage::InFlight { .. } => "answer",
        };
        Some((exchange.until, reason))
    }

    /// Returns the current attempt, if an exchange is running.
    pub(super) fn attempt(&self) -> Option<AttemptId> {
        self.exchange.map(|exchange| exchange.attempt)
    }

    /// Returns the caller of the sign-in function that is running.
    pub(super) fn sign_in(&self) -> Option<(CallerId, AttemptId, Timestamp)> {
        let Exchange { attempt, task, .. } = self.exchange?;
        let sent = self.in_flight(attempt)?;
        match task {
            Task::SignIn { caller } => Some((caller, attempt, sent.at)),
            Task::NotifySignOut { .. } | Task::Refresh => None,
        }
    }

    /// Whether a request is in flight, or a sign-in function is running.
    pub(super) fn is_in_flight(&self) -> bool {
        self.attempt().and_then(|it| self.in_flight(it)).is_some()
    }

    /// How long another tab's exchange may take until its outcome is received here.
    fn longest_exchange(&self) -> Millis {
        self.timeout + Millis::from_secs(1)
    }

    /// Gives up an exchange that is not in flight.
    fn cancel(&mut self, attempt: AttemptId, effects: &mut Effects) {
        effects.release(attempt);
        self.exchange = None;
    }

    /// Without the lock, waits a random time so that tabs do not refresh at once.
    fn proceed_without_lock(
        &mut self,
        situation: &Situation,
        exchange: Exchange,
        rng: &mut Rng,
        effects: &mut Effects,
    ) {
        if exchange.task == Task::Refresh && !situation.wants_new() {
            let pause = rng.jitter(self.peer_reply_timeout * 3);
            self.await_peers(situation, exchange, pause, effects);
        } else {
            self.send(situation, exchange, effects);
        }
    }

    /// Requests the state of other tabs and waits for their messages.
    fn await_peers(
        &mut self,
        situation: &Situation,
        exchange: Exchange,
        pause: Millis,
        effects: &mut Effects,
    ) {
        self.exchange = Some(Exchange {
            until: situation.now + pause,
            stage: Stage::AwaitingPeers,
            ..exchange
        });
        let version = situation.version;
        effects.broadcast(TabMessage::StateRequest { version });
    }

    fn send(&mut self, situation: &Situation, exchange: Exchange, effects: &mut Effects) {
        let Exchange { attempt, task, .. } = exchange;
        let reason = situation.refresh_reason().unwrap_or(RefreshReason::Timer);
        let sent = Sent {
            at: situation.now,
            reason,
            epoch: situation.epoch,
            seen: situation.seen,
        };
        self.exchange = Some(Exchange {
            until: situation.now + self.timeout,
            stage: Stage::InFlight {
                sent,
                is_extended: false,
            },
            ..exchange
        });
        effects.broadcast(TabMessage::RefreshStarted);
        effects.push(match task {
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
    /// Returns it with the time since which it has been queued for the lock; `None` after that.
    fn awaiting_lock(self) -> Option<(Self, Timestamp)> {
        match self.stage {
            Stage::AwaitingLock { since } => Some((self, since)),
            Stage::AwaitingPeers | Stage::InFlight { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
