//! One tab's view of a session: passes inputs to its parts, and what follows from them on to the others.

use std::rc::Rc;

use crate::wire::RefreshReason;

use super::backoff::Backoff;
use super::callers::Callers;
use super::config::Config;
use super::context::Context;
use super::credential::Credential;
use super::effect::Effect;
use super::effects::Effects;
use super::error::SessionError;
use super::ids::{CallerId, Version};
use super::input::Input;
use super::lifecycle::Lifecycle;
use super::millis::Millis;
use super::need::Need;
use super::peers::Peers;
use super::push::Push;
use super::refresher::Refresher;
use super::rng::Rng;
use super::secret::Secret;
use super::situation::Situation;
use super::status::Status;
use super::storage_record::StoredState;
use super::time::Timestamp;
use super::token::{ActiveToken, Offer};
use super::trace::TraceEntry;

mod message;
mod outcome;
mod page;

/// One tab's view of a session.
///
/// Call [`handle`](Self::handle), execute every effect from [`take_effects`](Self::take_effects), then set one timer for
/// [`poll_deadline`](Self::poll_deadline).
#[derive(Debug)]
pub struct Session {
    config: Config,
    credential: Credential,
    refresher: Refresher,
    peers: Peers,
    push: Push,
    callers: Callers,
    backoff: Backoff,
    lifecycle: Lifecycle,
    effects: Effects,
}

impl Session {
    /// Creates a session in the unknown state. The first input must be [`Input::Started`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut rng = Rng::new(config.seed);
        let jitter = rng.jitter(Millis::from_secs(1)).as_millis();
        Self {
            credential: Credential::new(jitter),
            refresher: Refresher::new(&config, rng.clone()),
            peers: Peers::new(),
            push: Push::new(config.push, rng.clone()),
            callers: Callers::new(config.call_deadline()),
            backoff: Backoff::new(rng.fork()),
            lifecycle: Lifecycle::new(),
            effects: Effects::new(),
            config,
        }
    }

    /// Handles an input and queues the effects that follow from it.
    pub fn handle(&mut self, context: &Context, input: Input) {
        if self.lifecycle.is_closed() {
            self.reject_closed(&input);
            return;
        }
        if input == Input::Active {
            // Not traced: the trace would contain little else.
            self.on_active(context);
            return;
        }
        let trigger = input.name();
        let before = self.effects.len();
        self.read_version(context);
        self.detect_suspension(context.now);
        self.read_record(context);
        self.dispatch(context, input);
        if !self.lifecycle.is_closed() {
            self.expire(context);
            self.reject_during_backoff(context.now);
            if let Some((caller, attempt, at)) = self.refresher.sign_in() {
                self.callers.on_sign_in_started(caller, attempt, at);
            }
            let situation = self.situation(context.now);
            self.refresher.on_situation(&situation, &mut self.effects);
            self.push
                .on_situation(context.now, self.stream_need(), &mut self.effects);
        }
        self.effects.publish(self.status());
        let entry = TraceEntry {
            at: context.now,
            trigger,
            status: self.effects.status(),
            tab: self.config.tab,
            page: self.lifecycle.visibility(),
            attempt: self.refresher.attempt(),
            outcome: None,
        };
        self.effects.trace(before, entry);
    }

    /// Returns the effects queued since the last call, in execution order.
    #[must_use]
    pub fn take_effects(&mut self) -> Vec<Effect> {
        self.effects.take()
    }

    /// Returns the next deadline and its reason; send [`Input::DeadlineReached`] then. It may lie in the past.
    #[must_use]
    pub fn poll_deadline(&self, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        if self.lifecycle.is_closed() {
            return None;
        }
        let mut first = self.refresher.deadline(&self.situation(now));
        for deadline in [
            self.callers.deadline(),
            self.credential.deadline(),
            self.push.deadline(self.stream_need()),
        ] {
            if let Some((at, _)) = deadline
                && first.is_none_or(|(earliest, _)| at < earliest)
            {
                first = deadline;
            }
        }
        first
    }

    /// Returns the token if a request can be sent with it at `now` without waiting.
    #[must_use]
    pub fn usable_token(&self, now: Timestamp) -> Option<(&Secret, Version)> {
        match self.credential.offer(now, self.lifecycle.is_suspended()) {
            Offer::Token(active) => Some((active.tokens(), active.version())),
            Offer::Nothing | Offer::SignedOut { .. } | Offer::ContextRefused => None,
        }
    }

    /// Returns the names of the contexts that a refresh requests, each followed by a space: those of callers that wait, then those
    /// of the current token, which other tabs may use. A name may be repeated.
    #[must_use]
    pub fn contexts(&self) -> String {
        let mut names = self.callers.contexts();
        if let Some(active) = self.credential.active() {
            active.tokens().push_granted(&mut names);
        }
        names
    }

    /// Returns how long the current token can still be sent; zero without a token.
    #[must_use]
    pub fn token_left(&self, now: Timestamp) -> Millis {
        let left = |active: &ActiveToken| active.left(now);
        self.credential.active().map_or(Millis::ZERO, left)
    }

    /// Returns the time since the current token's refresh was sent; zero without a token.
    #[must_use]
    pub fn token_age(&self, now: Timestamp) -> Millis {
        let age = |active: &ActiveToken| active.age(now);
        self.credential.active().map_or(Millis::ZERO, age)
    }

    /// Returns the status of the session.
    #[must_use]
    pub fn status(&self) -> Status {
        self.credential.status(self.backoff.cause())
    }

    fn dispatch(&mut self, context: &Context, input: Input) {
        let now = context.now;
        match input {
            Input::Started => self.on_started(context),
            Input::TokenRequested {
                caller,
                min_validity,
                waits_out,
                context: of,
            } => {
                let need = Need::Token {
                    min_validity,
                    asked: now,
                    waits_out,
                };
                self.request_token(context, caller, need, of);
            }
            Input::RefreshRequested { caller, force } => {
                self.on_refresh_requested(context, caller, force);
            }
            Input::TokenRejected {
                caller,
                version,
                context: of,
            } => self.on_token_rejected(context, caller, version, of),
            Input::CallerAborted { caller } => self.callers.on_aborted(caller),
            Input::SignInRequested { caller } => self.callers.on_sign_in_requested(caller),
            Input::SignInFinished { attempt, outcome } => {
                self.on_sign_in_finished(context, attempt, outcome);
            }
            Input::TokensProvided { caller, outcome } => {
                self.on_tokens_provided(context, caller, now, outcome);
            }
            Input::SignOutRequested { caller, everywhere } => {
                self.on_sign_out_requested(context, caller, everywhere);
            }
            Input::SignOutFinished { attempt, outcome } => {
                self.on_sign_out_finished(context, attempt, outcome);
            }
            Input::LockGranted { attempt } => {
                let (situation, effects) = (self.situation(now), &mut self.effects);
                let is_behind = self.credential.is_behind(context);
                self.refresher
                    .on_lock_granted(&situation, attempt, is_behind, effects);
            }
            Input::LockFailed { attempt } => {
                let situation = self.situation(now);
                self.refresher
                    .on_lock_failed(&situation, attempt, &mut self.effects);
            }
            Input::RefreshFinished { attempt, outcome } => {
                self.on_refresh_finished(context, attempt, outcome);
            }
            Input::TabMessageReceived(message) => self.on_tab_message(context, message),
            Input::PushReceived => self.push.on_message(now),
            Input::StreamEnded { was_open } => self.push.on_ended(now, was_open),
            Input::Malformed => self.effects.note("ignored"),
            Input::Active | Input::StorageChanged | Input::DeadlineReached => {}
            Input::PageChanged(change) => self.on_page_changed(context, change),
            Input::Closed => self.on_closed(),
        }
    }

    fn on_refresh_requested(&mut self, context: &Context, caller: CallerId, force: bool) {
        let now = context.now;
        // An explicit request is a retry hint, but does not restart the failure streak.
        self.backoff.retry_now(now);
        let than = self.credential.token_version();
        let need = if force {
            Need::Forced { asked: now, than }
        } else {
            Need::Renewed { than }
        };
        self.request_token(context, caller, need, Rc::default());
    }

    fn on_token_rejected(
        &mut self,
        context: &Context,
        caller: CallerId,
        version: Version,
        of: Rc<str>,
    ) {
        let now = context.now;
        let is_current = |active: &ActiveToken| active.version() == version;
        if self.credential.active().is_some_and(is_current)
            && let Some(retry_in) = self.callers.limit_refresh(now, RefreshReason::Rejected)
        {
            // An API that rejects every new token is misconfigured; another refresh does not help.
            let error = SessionError::Misconfigured { retry_in };
            self.effects.settle(caller, Err(error));
        } else {
            let need = Need::Replaced { than: version };
            self.request_token(context, caller, need, of);
        }
    }

    /// A page that is left or frozen can still send: the storage record, read with each input, shows what it missed.
    fn request_token(&mut self, context: &Context, caller: CallerId, need: Need, of: Rc<str>) {
        let now = context.now;
        let may_have_missed = context.stored == StoredState::Unavailable;
        let is_withheld = self.lifecycle.is_suspended() && may_have_missed;
        let offer = self.credential.offer(now, is_withheld);
        self.callers
            .on_token_requested(now, caller, need, of, offer, &mut self.effects);
    }

    /// Rejects callers during a back-off, except those that can wait for recovery (P49).
    fn reject_during_backoff(&mut self, now: Timestamp) {
        if self.refresher.is_in_flight() || self.backoff.until() <= now {
            return;
        }
        self.callers.on_sign_out_settled(false, &mut self.effects);
        if let Some(error) = self.backoff.error(now) {
            let before = self.backoff.reject_before(now);
            let has_token = self.usable_token(now).is_some();
            self.callers
                .on_backoff(error, before, has_token, &mut self.effects);
        }
    }

    fn on_closed(&mut self) {
        self.refresher.on_closed(&mut self.effects);
        self.callers.on_closed(&mut self.effects);
        self.push.close(&mut self.effects);
        self.effects.push(Effect::CloseChannel);
        self.lifecycle.on_closed();
    }

    fn reject_closed(&mut self, input: &Input) {
        if let Input::TokenRequested { caller, .. }
        | Input::RefreshRequested { caller, .. }
        | Input::TokenRejected { caller, .. }
        | Input::SignInRequested { caller }
        | Input::TokensProvided { caller, .. }
        | Input::SignOutRequested { caller, .. } = input
        {
            self.effects.settle(*caller, Err(SessionError::Closed));
        }
    }

    /// Collects what an exchange depends on.
    fn situation(&self, now: Timestamp) -> Situation {
        Situation {
            now,
            sign_in: self.callers.next_sign_in(),
            sign_out: self.credential.notification(),
            waiting: self.callers.reason(),
            background: self
                .credential
                .background(self.push.refresh_at(), self.backoff.idle_retry_at()),
            retry_at: self.backoff.until(),
            token_left: self.token_left(now),
            epoch: self.credential.epoch(),
            version: self.credential.version(),
            seen: self.credential.highest_version(),
            has_peers: self.peers.is_any_open(now),
            peer_started_at: self.peers.refresh_started_at(),
            page: self.lifecycle.visibility(),
            is_suspended: self.lifecycle.is_suspended(),
            active_ago: self.lifecycle.active_ago(now),
        }
    }
}
