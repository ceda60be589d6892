//! The queue of effects, and the trace of the inputs that caused them.

use super::effect::{Answer, Effect, Event};
use super::error::SessionError;
use super::ids::{AttemptId, CallerId};
use super::status::Status;
use super::tab_message::TabMessage;
use super::trace::TraceEntry;

/// The effects for the host, in execution order.
#[derive(Debug)]
pub(super) struct Effects {
    queue: Vec<Effect>,
    /// The last published status.
    published: Status,
    /// The outcome of the current input, for the trace.
    outcome: Option<&'static str>,
}

impl Effects {
    pub(super) const fn new() -> Self {
        Self {
            queue: Vec::new(),
            published: Status::Unknown { failure: None },
            outcome: None,
        }
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.queue.push(effect);
    }

    /// Queues the result of a caller.
    pub(super) fn settle(&mut self, caller: CallerId, answer: Result<Answer, SessionError>) {
        self.push(Effect::Settle { caller, answer });
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.push(Effect::Emit(event));
    }

    pub(super) fn broadcast(&mut self, message: TabMessage) {
        self.push(Effect::Broadcast(message));
    }

    pub(super) fn release(&mut self, attempt: AttemptId) {
        self.push(Effect::ReleaseLock { attempt });
    }

    /// Publishes the status if it has changed.
    pub(super) fn publish(&mut self, status: Status) {
        if status != self.published {
            self.published = status.clone();
            self.push(Effect::Publish(status));
        }
    }

    /// Returns the name of the published status.
    pub(super) const fn status(&self) -> &'static str {
        self.published.name()
    }

    /// Sets the outcome of the current input, for the trace.
    pub(super) fn note(&mut self, outcome: &'static str) {
        self.outcome = Some(outcome);
    }

    /// Traces the current input if it has an outcome, or effects beyond the first `before`.
    pub(super) fn trace(&mut self, before: usize, mut entry: TraceEntry) {
        entry.outcome = self.outcome.take();
        if entry.outcome.is_some() || self.queue.len() > before {
            self.emit(Event::Traced(entry));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Returns the effects queued since the last call.
    pub(super) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.queue)
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::PageVisibility;

    use super::super::ids::TabId;
    use super::super::time::Timestamp;
    use super::*;

    fn entry() -> TraceEntry {
        TraceEntry {
            at: Timestamp::default(),
            trigger: "deadline",
            status: "unknown",
            tab: TabId(1),
            page: PageVisibility::Visible,
            attempt: None,
            outcome: None,
        }
    }

    #[test]
    fn a_status_is_published_when_it_changes() {
        let mut effects = Effects::new();
        let signed_out = Status::SignedOut {
            reason: None,
            server_notified: true,
        };
        effects.publish(Status::Unknown { failure: None });
        assert!(effects.take().is_empty());

        effects.publish(signed_out.clone());
        effects.publish(signed_out.clone());

        assert_eq!(effects.take(), [Effect::Publish(signed_out)]);
        assert_eq!(effects.status(), "signed_out");
    }

    #[test]
    fn an_input_is_traced_if_it_has_effects_or_an_outcome() {
        let mut effects = Effects::new();
        effects.trace(0, entry());
        assert_eq!(effects.len(), 0);

        effects.push(Effect::OpenChannel);
        effects.trace(1, entry());
        assert_eq!(effects.len(), 1);
        effects.trace(0, entry());
        assert_eq!(effects.len(), 2);
        effects.note("ignored");
        effects.trace(2, entry());

        let outcome = Some("ignored");
        let traced = Effect::Emit(Event::Traced(TraceEntry { outcome, ..entry() }));
        assert_eq!(effects.take().last(), Some(&traced));
    }
}
