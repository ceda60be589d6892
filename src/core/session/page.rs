//! What follows from changes of the page and from activity on it.

use crate::wire::PageVisibility;

use super::super::context::Context;
use super::super::effect::Effect;
use super::super::input::PageChange;
use super::super::lifecycle::Transition;
use super::super::push::StreamNeed;
use super::super::storage_record::StoredState;
use super::super::tab_message::TabMessage;
use super::super::time::Timestamp;
use super::Session;

impl Session {
    pub(super) fn on_started(&mut self, context: &Context) {
        self.lifecycle.on_active(context.now);
        self.effects.push(Effect::OpenChannel);
        if context.stored == StoredState::Empty {
            self.credential.on_empty_storage();
        }
    }

    pub(super) fn on_active(&mut self, context: &Context) {
        if self.lifecycle.on_own_activity(context.now) {
            let at = context.wall;
            self.effects.broadcast(TabMessage::Active { at });
        }
    }

    pub(super) fn on_page_changed(&mut self, context: &Context, change: PageChange) {
        match self.lifecycle.on_page_changed(change) {
            Transition::None => {}
            Transition::Retry => {
                self.backoff.restart(context.now);
                self.push.on_resumed();
            }
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

    /// Collects what the push stream depends on.
    pub(super) fn stream_need(&self) -> StreamNeed {
        let page = &self.lifecycle;
        if page.visibility() == PageVisibility::Hidden
            || page.is_suspended()
            || self.credential.active().is_none()
        {
            StreamNeed::None
        } else if self.backoff.cause().is_some() {
            StreamNeed::Later
        } else {
            StreamNeed::Now
        }
    }

    /// Extends the deadlines of callers and restarts the failure streak after a suspension.
    pub(super) fn restart(&mut self, now: Timestamp) {
        self.callers.on_resumed(now);
        self.backoff.restart(now);
        self.push.on_resumed();
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
