//! What follows from changes of the page and from activity on it.

use super::super::context::Context;
use super::super::effect::Effect;
use super::super::input::PageChange;
use super::super::lifecycle::Transition;
use super::super::tab_message::TabMessage;
use super::super::time::Timestamp;
use super::Session;

impl Session {
    pub(super) fn on_active(&mut self, context: &Context) {
        if self.lifecycle.on_own_activity(context.now) {
            let at = context.wall;
            self.effects.broadcast(TabMessage::Active { at });
        }
    }

    pub(super) fn on_page_changed(&mut self, context: &Context, change: PageChange) {
        match self.lifecycle.on_page_changed(change) {
            Transition::None => {}
            Transition::Retry => self.backoff.restart(context.now),
            Transition::Suspended => self.refresher.on_suspended(&mut self.effects),
            Transition::Left => {
                self.refresher.on_suspended(&mut self.effects);
                if !self.peers.is_any_open(context.now) {
                    // No other tab is open: record the token as expired so the next page does not wait for peers.
                    self.update_record(context);
                }
                self.effects.push(Effect::CloseChannel);
            }
            Transition::Resumed => self.restart(context.now),
            Transition::Returned => {
                self.effects.push(Effect::OpenChannel);
                self.update_record(context);
                self.restart(context.now);
            }
        }
    }

    /// Extends the deadlines of callers and restarts the failure streak after a suspension.
    pub(super) fn restart(&mut self, now: Timestamp) {
        self.callers.on_resumed(now);
        self.backoff.restart(now);
    }

    /// Detects a suspension without an event.
    pub(super) fn detect_suspension(&mut self, now: Timestamp) {
        if self.refresher.attempt().is_none()
            && let Some(due) = self.backoff.retry_at(!self.callers.is_empty())
            && self.lifecycle.missed_retry(now, due)
        {
            self.restart(now);
        }
    }
}
