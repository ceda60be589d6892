//! The Web Lock shared by all tabs of a browser. It is held briefly, and progress never depends on it.

use super::super::effects::Effects;
use super::super::ids::AttemptId;
use super::super::millis::Millis;
use super::super::situation::{Situation, Task};
use super::super::tab_message::TabMessage;
use super::super::time::Timestamp;
use super::{Refresher, Stage};

/// A lock granted later than this was held by another tab, whose message may still be in transit.
const CONTENTION_THRESHOLD: Millis = Millis::from_millis(20);

impl Refresher {
    /// The lock was granted; `is_behind`: other tabs may have a valid token that this one has not received.
    pub(in crate::core) fn on_lock_granted(
        &mut self,
        situation: &Situation,
        granted: AttemptId,
        is_behind: bool,
        effects: &mut Effects,
    ) {
        let current = self.exchange.as_mut().filter(|it| it.attempt == granted);
        let Some(exchange) = current else {
            // Granted too late.
            effects.release(granted);
            return;
        };
        let Stage::AwaitingLock { since } = exchange.stage else {
            if !exchange.is_locked {
                effects.release(granted);
            }
            return;
        };
        self.lock_timed_out = false;
        exchange.is_locked = true;
        let (now, task) = (situation.now, exchange.task);
        if !situation.wants(task) {
            self.cancel(effects);
            return;
        }
        let had_to_wait = now.since(since) > CONTENTION_THRESHOLD && situation.has_peers;
        let is_peer_busy = situation
            .peer_started_at
            .is_some_and(|begun| now.since(begun) <= self.timeout);
        // Another tab's token does not satisfy a forced refresh, but its failure would start a back-off.
        let may_be_done = had_to_wait || is_peer_busy || is_behind && !situation.wants_new();
        if task == Task::Refresh && may_be_done {
            let mut pause = self.peer_reply_timeout;
            if situation.waiting.is_none() && situation.token_left > pause * 20 {
                // Nobody waits: on a busy machine a message takes longer than the usual timeout.
                pause = pause * 10;
            }
            self.await_peers(situation, pause, effects);
        } else {
            self.send(situation, effects);
        }
    }

    pub(in crate::core) fn on_lock_failed(
        &mut self,
        situation: &Situation,
        failed: AttemptId,
        effects: &mut Effects,
    ) {
        if let Some(exchange) = &mut self.exchange
            && exchange.attempt == failed
        {
            // If the lock was stolen, continue without it.
            exchange.is_locked = false;
            if matches!(exchange.stage, Stage::AwaitingLock { .. }) {
                self.proceed_without_lock(situation, effects);
            }
        }
    }

    /// Extends the lock timeout: another tab holds the lock and has sent a request.
    pub(in crate::core) fn on_peer_started(&mut self, now: Timestamp) {
        let one_exchange = self.longest_exchange();
        if let Some(exchange) = &mut self.exchange
            && let Stage::AwaitingLock { since } = exchange.stage
        {
            // Wait for at most two exchanges.
            let until = (now + one_exchange).max(exchange.until);
            exchange.until = until.min(since + one_exchange * 2);
        }
    }

    /// Without the lock, waits a random time so that tabs do not refresh at once.
    pub(super) fn proceed_without_lock(&mut self, situation: &Situation, effects: &mut Effects) {
        let is_refresh = self
            .exchange
            .as_ref()
            .is_some_and(|it| it.task == Task::Refresh);
        if is_refresh && !situation.wants_new() {
            let pause = self.rng.jitter(self.peer_reply_timeout * 3);
            self.await_peers(situation, pause, effects);
        } else {
            self.send(situation, effects);
        }
    }

    /// Requests the state of other tabs and waits for their messages.
    fn await_peers(&mut self, situation: &Situation, pause: Millis, effects: &mut Effects) {
        if let Some(exchange) = &mut self.exchange {
            exchange.stage = Stage::AwaitingPeers;
            exchange.until = situation.now + pause;
        }
        let version = situation.version;
        effects.broadcast(TabMessage::StateRequest { version });
    }
}
