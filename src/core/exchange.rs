//! A tab's one exchange with the auth server, from the request for the lock to the response.

use super::context::Context;
use super::effect::Effect;
use super::ids::{AttemptId, CallerId, Version};
use super::input::Failure;
use super::millis::Millis;
use super::scheduler::Task;
use super::session::Session;
use super::tab_message::TabMessage;
use super::time::Timestamp;
use super::{FailureCause, RefreshOutcome, SignInOutcome, SignOutOutcome};

/// The exchange of a tab with the auth server: at most one at a time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exchange {
    /// No exchange.
    Idle,
    /// Queued for the lock.
    AwaitingLock {
        attempt: AttemptId,
        task: Task,
        since: Timestamp,
        until: Timestamp,
    },
    /// Waiting for messages of other tabs before sending.
    AwaitingPeers {
        attempt: AttemptId,
        task: Task,
        is_locked: bool,
        until: Timestamp,
    },
    /// A request to the auth server is in flight, or the app's sign-in function is running.
    InFlight(InFlight),
}

/// An in-flight request, or a running sign-in function.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) attempt: AttemptId,
    pub(super) task: Task,
    pub(super) is_locked: bool,
    /// The epoch at sending: a response for another session is ignored.
    pub(super) epoch: u32,
    /// The highest version known in this browser at sending.
    pub(super) seen: Version,
    pub(super) sent: Timestamp,
    pub(super) until: Timestamp,
    /// Whether its deadline was extended after a suspension.
    pub(super) is_extended: bool,
}

/// A sign-in function of the app that exceeded the timeout; it no longer holds the lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct LateSignIn {
    pub(super) attempt: AttemptId,
    pub(super) caller: CallerId,
    pub(super) sent: Timestamp,
}

/// A deadline noticed later than this passed during a suspension.
pub(super) const SUSPEND_THRESHOLD: Millis = Millis::from_secs(2);
/// How long a response that arrived during a suspension may take to be delivered.
const RESUME_GRACE: Millis = Millis::from_secs(2);
/// The lock timeout after a first request for the lock has timed out.
const SHORT_LOCK_WAIT: Millis = Millis::from_secs(5);

impl Session {
    /// Starts the next task if no exchange is running.
    pub(super) fn start_next(&mut self, context: &Context) {
        if !matches!(self.exchange, Exchange::Idle) || self.page.is_suspended {
            return;
        }
        let Some(task) = self.next_task(context.now) else {
            return;
        };
        self.last_attempt = self.last_attempt.next();
        let attempt = self.last_attempt;
        let wait = if self.lock_timed_out {
            SHORT_LOCK_WAIT
        } else {
            self.longest_exchange()
        };
        // Jitter, so that tabs waiting for the same dead lock do not time out together.
        let mut until = context.now + wait + self.rng.jitter(wait / 10);
        if let Some(begun) = self.peer_refresh_started_at {
            until = until.max(begun + self.longest_exchange());
        }
        self.exchange = Exchange::AwaitingLock {
            attempt,
            task,
            since: context.now,
            until,
        };
        self.effects.push(Effect::AcquireLock { attempt });
    }

    pub(super) fn send(
        &mut self,
        context: &Context,
        attempt: AttemptId,
        task: Task,
        is_locked: bool,
    ) {
        self.exchange = Exchange::InFlight(InFlight {
            attempt,
            task,
            is_locked,
            epoch: self.epoch,
            seen: self.highest_version(),
            sent: context.now,
            until: context.now + self.config.timeout,
            is_extended: false,
        });
        self.effects.broadcast(TabMessage::RefreshStarted);
        self.effects.push(match task {
            Task::Refresh => {
                let reason = self
                    .refresh_reason(context.now)
                    .unwrap_or(crate::wire::RefreshReason::Timer);
                self.sent_reason = reason;
                Effect::SendRefresh {
                    attempt,
                    reason,
                    page: self.page.visibility(),
                    active_ago: context.now.since(self.last_active),
                }
            }
            Task::NotifySignOut { everywhere } => Effect::SendSignOut {
                attempt,
                everywhere,
            },
            Task::SignIn { caller } => {
                self.sign_ins.retain(|waiting| *waiting != caller);
                Effect::RunSignIn { attempt, caller }
            }
        });
    }

    /// Handles passed deadlines of the exchange.
    pub(super) fn expire_exchange(&mut self, context: &Context) {
        let now = context.now;
        match self.exchange {
            Exchange::AwaitingLock {
                attempt,
                task,
                until,
                ..
            } if now >= until && now.since(until) > SUSPEND_THRESHOLD => {
                // No lock could be granted while the computer was suspended.
                self.restart(now);
                let until = now + self.longest_exchange();
                self.exchange = Exchange::AwaitingLock {
                    attempt,
                    task,
                    since: now,
                    until,
                };
            }
            Exchange::AwaitingLock {
                attempt,
                task,
                until,
                ..
            } if now >= until => {
                self.lock_timed_out = true;
                self.effects.release(attempt);
                if self.can_wait_for_lock(task, now) {
                    self.exchange = Exchange::Idle;
                } else {
                    self.proceed_without_lock(context, attempt, task);
                }
            }
            Exchange::AwaitingPeers {
                attempt,
                task,
                is_locked,
                until,
            } if now >= until => self.send(context, attempt, task, is_locked),
            Exchange::InFlight(ref mut in_flight) if now >= in_flight.until => {
                if now.since(in_flight.until) > SUSPEND_THRESHOLD && !in_flight.is_extended {
                    in_flight.is_extended = true;
                    in_flight.until = now + RESUME_GRACE;
                    self.restart(now);
                } else {
                    let in_flight = *in_flight;
                    self.on_timeout(context, in_flight);
                }
            }
            Exchange::Idle
            | Exchange::AwaitingLock { .. }
            | Exchange::AwaitingPeers { .. }
            | Exchange::InFlight(_) => {}
        }
    }

    fn on_timeout(&mut self, context: &Context, in_flight: InFlight) {
        match in_flight.task {
            Task::Refresh => {
                self.effects.push(Effect::Abort {
                    attempt: in_flight.attempt,
                });
                let failure = Failure::new(FailureCause::Timeout);
                self.on_refresh_finished(
                    context,
                    in_flight.attempt,
                    RefreshOutcome::Failed(failure),
                );
            }
            Task::NotifySignOut { .. } => {
                self.effects.push(Effect::Abort {
                    attempt: in_flight.attempt,
                });
                let failure = Failure::new(FailureCause::Timeout);
                self.on_sign_out_finished(
                    context,
                    in_flight.attempt,
                    SignOutOutcome::Failed(failure),
                );
            }
            Task::SignIn { caller } => {
                self.late_sign_ins.push(LateSignIn {
                    attempt: in_flight.attempt,
                    caller,
                    sent: in_flight.sent,
                });
                self.finish(in_flight);
            }
        }
    }

    /// Takes the exchange of this attempt; `None` if it is no longer in flight.
    pub(super) fn take_in_flight(&mut self, attempt: AttemptId) -> Option<InFlight> {
        let Exchange::InFlight(in_flight) = self.exchange else {
            return None;
        };
        if in_flight.attempt != attempt {
            return None;
        }
        self.exchange = Exchange::Idle;
        Some(in_flight)
    }

    /// Releases the lock. Call it after queueing the effects that the next holder depends on, such as `WriteRecord`.
    pub(super) fn finish(&mut self, in_flight: InFlight) {
        self.exchange = Exchange::Idle;
        if in_flight.is_locked {
            self.effects.release(in_flight.attempt);
        }
    }

    pub(super) fn on_sign_in_finished(
        &mut self,
        context: &Context,
        attempt: AttemptId,
        outcome: SignInOutcome,
    ) {
        if let Some(at) = self
            .late_sign_ins
            .iter()
            .position(|late| late.attempt == attempt)
        {
            let late = self.late_sign_ins.swap_remove(at);
            self.on_tokens_provided(context, late.caller, late.sent, outcome);
            return;
        }
        let Some(in_flight) = self.take_in_flight(attempt) else {
            return;
        };
        if let Task::SignIn { caller } = in_flight.task {
            self.on_tokens_provided(context, caller, in_flight.sent, outcome);
        }
        self.finish(in_flight);
    }

    pub(super) fn exchange_deadline(&self) -> Option<(Timestamp, &'static str)> {
        match self.exchange {
            Exchange::Idle => None,
            Exchange::AwaitingLock { until, .. } => Some((until, "lock wait")),
            Exchange::AwaitingPeers { until, .. } => Some((until, "peers")),
            Exchange::InFlight(in_flight) => Some((in_flight.until, "answer")),
        }
    }
}
