//! The Web Lock shared by all tabs of a browser. It is held briefly, and progress never depends on it.

use super::context::Context;
use super::exchange::{Exchange, InFlight};
use super::ids::AttemptId;
use super::millis::Millis;
use super::scheduler::Task;
use super::session::Session;
use super::storage_record::{RecordState, StoredState};
use super::tab_message::TabMessage;
use super::time::Timestamp;

/// A lock granted later than this was held by another tab, whose message may still be in transit.
const CONTENTION_THRESHOLD: Millis = Millis::from_millis(20);

impl Session {
    /// Cancels a pending lock request that is no longer needed. Called after every input.
    pub(super) fn cancel_if_unneeded(&mut self, now: Timestamp) {
        let (Exchange::AwaitingLock { attempt, task, .. }
        | Exchange::AwaitingPeers { attempt, task, .. }) = self.exchange
        else {
            return;
        };
        if self.page.is_suspended || !self.is_wanted(task, now) {
            self.effects.release(attempt);
            self.exchange = Exchange::Idle;
        }
    }

    pub(super) fn on_lock_granted(&mut self, context: &Context, granted: AttemptId) {
        let Exchange::AwaitingLock {
            attempt,
            task,
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
        self.lock_timed_out = false;
        if !self.is_wanted(task, context.now) {
            self.effects.release(attempt);
            self.exchange = Exchange::Idle;
            return;
        }
        let had_to_wait =
            context.now.since(since) > CONTENTION_THRESHOLD && self.has_peers(context.now);
        let was_contended = had_to_wait || self.is_peer_result_pending(context.now);
        let may_be_done = match task {
            // Another tab's token does not satisfy a forced refresh, but its failure would start a back-off.
            Task::Refresh => was_contended || self.is_behind(context) && !self.waiters_want_new(),
            Task::SignIn { .. } | Task::NotifySignOut { .. } => false,
        };
        if may_be_done {
            self.await_peers(context, attempt, task, true, self.config.peer_reply_timeout);
        } else {
            self.send(context, attempt, task, true);
        }
    }

    pub(super) fn on_lock_failed(&mut self, context: &Context, failed: AttemptId) {
        match self.exchange {
            Exchange::AwaitingLock { attempt, task, .. } if attempt == failed => {
                self.proceed_without_lock(context, attempt, task);
            }
            // The lock was stolen: continue without it.
            Exchange::AwaitingPeers {
                attempt,
                ref mut is_locked,
                ..
            } if attempt == failed => *is_locked = false,
            Exchange::InFlight(ref mut in_flight) if in_flight.attempt == failed => {
                in_flight.is_locked = false;
            }
            Exchange::Idle
            | Exchange::AwaitingLock { .. }
            | Exchange::AwaitingPeers { .. }
            | Exchange::InFlight(_) => {}
        }
    }

    /// Whether another tab has started an exchange whose outcome has not been received.
    fn is_peer_result_pending(&self, now: Timestamp) -> bool {
        self.peer_refresh_started_at
            .is_some_and(|begun| now.since(begun) <= self.config.timeout)
    }

    /// How long another tab's exchange may take until its outcome is received here.
    pub(super) fn longest_exchange(&self) -> Millis {
        self.config.timeout + Millis::from_secs(1)
    }

    /// Extends the lock timeout: another tab holds the lock and has sent a request.
    pub(super) fn on_peer_refresh_started(&mut self, now: Timestamp) {
        self.peer_refresh_started_at = Some(now);
        let one_exchange = self.longest_exchange();
        if let Exchange::AwaitingLock {
            ref mut until,
            since,
            ..
        } = self.exchange
        {
            // Wait for at most two exchanges.
            *until = (now + one_exchange)
                .max(*until)
                .min(since + one_exchange * 2);
        }
    }

    /// Without the lock, waits a random time so that tabs do not refresh at once.
    pub(super) fn proceed_without_lock(
        &mut self,
        context: &Context,
        attempt: AttemptId,
        task: Task,
    ) {
        match task {
            Task::Refresh if !self.waiters_want_new() => {
                let pause = self.rng.jitter(self.config.peer_reply_timeout * 3);
                self.await_peers(context, attempt, task, false, pause);
            }
            Task::Refresh | Task::SignIn { .. } | Task::NotifySignOut { .. } => {
                self.send(context, attempt, task, false);
            }
        }
    }

    fn await_peers(
        &mut self,
        context: &Context,
        attempt: AttemptId,
        task: Task,
        is_locked: bool,
        pause: Millis,
    ) {
        self.exchange = Exchange::AwaitingPeers {
            attempt,
            task,
            is_locked,
            until: context.now + pause,
        };
        let version = self.version;
        self.effects.broadcast(TabMessage::StateRequest { version });
    }

    /// Postpones a background refresh that did not get the lock if the token stays usable; `false` otherwise.
    pub(super) fn can_wait_for_lock(&mut self, task: Task, now: Timestamp) -> bool {
        let is_background = task == Task::Refresh && self.waiters.is_empty();
        is_background && self.postpone_refresh(now)
    }

    /// Releases the lock before the page is suspended; a suspended page would keep holding it.
    pub(super) fn release_held(&mut self) {
        match self.exchange {
            Exchange::Idle => {}
            Exchange::AwaitingLock { attempt, .. } | Exchange::AwaitingPeers { attempt, .. } => {
                self.effects.release(attempt);
                self.exchange = Exchange::Idle;
            }
            Exchange::InFlight(in_flight) => {
                if in_flight.is_locked {
                    self.effects.release(in_flight.attempt);
                }
                self.exchange = Exchange::InFlight(InFlight {
                    is_locked: false,
                    ..in_flight
                });
            }
        }
    }

    /// Whether other tabs may have a valid token that this one has not received: the storage record has a higher version,
    /// or a version that no tab writes.
    fn is_behind(&self, context: &Context) -> bool {
        match &context.stored {
            StoredState::Record(record) if !record.version.is_serial() => true,
            StoredState::Record(record) => match record.state {
                RecordState::SignedIn { expires, .. } => {
                    record.version.is_after(self.version) && expires > context.wall
                }
                RecordState::SignedOut { .. } => false,
            },
            StoredState::Unavailable | StoredState::Empty => false,
        }
    }

    /// Releases a lock granted too late; a duplicate grant of the held lock is kept.
    fn release_unless_current(&mut self, granted: AttemptId) {
        let is_current = match self.exchange {
            Exchange::Idle => false,
            Exchange::AwaitingLock { attempt, .. } => attempt == granted,
            Exchange::AwaitingPeers {
                attempt, is_locked, ..
            } => attempt == granted && is_locked,
            Exchange::InFlight(in_flight) => in_flight.attempt == granted && in_flight.is_locked,
        };
        if !is_current {
            self.effects.release(granted);
        }
    }
}
