//! One tab's view of a session.

use crate::wire::RefreshReason;

use super::backoff::Backoff;
use super::config::Config;
use super::context::Context;
use super::credential::{Credential, SignOutSync, SignedOut};
use super::effect::Effect;
use super::effects::Effects;
use super::error::SessionError;
use super::exchange::{Exchange, LateSignIn};
use super::ids::{AttemptId, CallerId, Version};
use super::input::Input;
use super::lifecycle::Lifecycle;
use super::millis::Millis;
use super::rate_limiter::RateLimiter;
use super::rng::Rng;
use super::scheduler::Task;
use super::secret::Secret;
use super::status::Status;
use super::storage_record::{StorageRecord, StoredState};
use super::time::Timestamp;
use super::trace::TraceEntry;
use super::waiters::{TokenRequirement, Waiters};

/// One tab's view of a session.
///
/// Call [`handle`](Self::handle), execute every effect from [`take_effects`](Self::take_effects), then set one timer for
/// [`poll_deadline`](Self::poll_deadline).
#[derive(Debug)]
pub struct Session {
    pub(super) config: Config,
    pub(super) rng: Rng,
    /// This tab's jitter in thousandths; spreads the refreshes of concurrent tabs.
    pub(super) tab_jitter: u64,
    pub(super) credential: Credential,
    /// The version of this tab's credential.
    pub(super) version: Version,
    /// The highest version that this tab has read from the storage record.
    pub(super) seen: Version,
    /// Incremented when a session begins or ends; responses from an earlier epoch are ignored.
    pub(super) epoch: u32,
    pub(super) exchange: Exchange,
    pub(super) last_attempt: AttemptId,
    pub(super) sent_reason: RefreshReason,
    pub(super) lock_timed_out: bool,
    /// When the last message of another tab was received.
    pub(super) last_peer_message_at: Option<Timestamp>,
    /// Until when sign-out messages are ignored unless the storage record confirms them.
    pub(super) ignore_sign_outs_until: Timestamp,
    /// When another tab started an exchange whose outcome has not been received.
    pub(super) peer_refresh_started_at: Option<Timestamp>,
    pub(super) waiters: Waiters,
    pub(super) sign_ins: Vec<CallerId>,
    pub(super) late_sign_ins: Vec<LateSignIn>,
    pub(super) sign_outs: Vec<CallerId>,
    pub(super) backoff: Backoff,
    pub(super) rejections: RateLimiter,
    pub(super) known_lifetime: Option<Millis>,
    pub(super) last_record: Option<StorageRecord>,
    pub(super) page: Lifecycle,
    pub(super) last_active: Timestamp,
    pub(super) effects: Effects,
    is_closed: bool,
}

impl Session {
    /// Creates a session in the unknown state. The first input must be [`Input::Started`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut rng = Rng::new(config.seed);
        let tab_jitter = rng.jitter(Millis::from_secs(1)).as_millis();
        Self {
            config,
            rng,
            tab_jitter,
            credential: Credential::Unknown,
            version: Version::default(),
            seen: Version::default(),
            epoch: 0,
            exchange: Exchange::Idle,
            last_attempt: AttemptId::default(),
            sent_reason: RefreshReason::Load,
            lock_timed_out: false,
            last_peer_message_at: None,
            ignore_sign_outs_until: Timestamp::default(),
            peer_refresh_started_at: None,
            waiters: Waiters::default(),
            sign_ins: Vec::new(),
            late_sign_ins: Vec::new(),
            sign_outs: Vec::new(),
            backoff: Backoff::new(),
            rejections: RateLimiter::new(10, Millis::from_secs(10)),
            known_lifetime: None,
            last_record: None,
            page: Lifecycle::new(),
            last_active: Timestamp::default(),
            effects: Effects::new(),
            is_closed: false,
        }
    }

    /// Handles an input and queues the effects that follow from it.
    pub fn handle(&mut self, context: &Context, input: Input) {
        if self.is_closed {
            self.reject_closed(&input);
            return;
        }
        let trigger = input.name();
        let before = self.effects.len();
        self.read_version(context);
        self.detect_suspension(context.now);
        self.read_storage(context);
        self.dispatch(context, input);
        if !self.is_closed {
            self.expire(context);
            self.reject_during_backoff(context.now);
            self.cancel_if_unneeded(context.now);
            self.start_next(context);
        }
        self.effects.publish(self.status());
        let attempt = match self.exchange {
            Exchange::Idle => None,
            Exchange::AwaitingLock { attempt, .. } | Exchange::AwaitingPeers { attempt, .. } => {
                Some(attempt)
            }
            Exchange::InFlight(in_flight) => Some(in_flight.attempt),
        };
        let entry = TraceEntry {
            at: context.now,
            trigger,
            status: self.effects.status(),
            tab: self.config.tab,
            page: self.page.visibility(),
            attempt,
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
        if self.is_closed {
            return None;
        }
        let idle = matches!(self.exchange, Exchange::Idle);
        let task = if idle { self.task_deadline(now) } else { None };
        let waiter = self
            .waiters
            .next_deadline()
            .map(|at| (at, "caller's deadline"));
        let unconfirmed = match &self.credential {
            Credential::SignedOut(signed_out) => signed_out
                .unconfirmed
                .map(|unconfirmed| (unconfirmed.until, "confirmation")),
            Credential::Unknown | Credential::Active(_) => None,
        };
        let mut first: Option<(Timestamp, &'static str)> = None;
        for deadline in [self.exchange_deadline(), task, waiter, unconfirmed] {
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
        match &self.credential {
            Credential::Active(active)
                if active.is_usable(now) && !self.page.is_suspended && !self.is_closed =>
            {
                Some((&active.grant.token, active.version))
            }
            Credential::Active(_) | Credential::Unknown | Credential::SignedOut(_) => None,
        }
    }

    /// Returns how long the current token can still be sent; zero without a token.
    #[must_use]
    pub fn token_left(&self, now: Timestamp) -> Millis {
        match &self.credential {
            Credential::Active(active) => active.left(now),
            Credential::Unknown | Credential::SignedOut(_) => Millis::ZERO,
        }
    }

    /// Returns the time since the current token's refresh was sent; zero without a token.
    #[must_use]
    pub fn token_age(&self, now: Timestamp) -> Millis {
        match &self.credential {
            Credential::Active(active) => now.since(active.issued),
            Credential::Unknown | Credential::SignedOut(_) => Millis::ZERO,
        }
    }

    /// Records app or user activity; idle limits count from it.
    pub fn touch(&mut self, now: Timestamp) {
        self.last_active = self.last_active.max(now);
    }

    /// Returns the status of the session.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.credential {
            Credential::Unknown => Status::Unknown {
                degraded: self.backoff.cause(),
            },
            Credential::Active(active) => Status::SignedIn {
                session: active.grant.session.clone(),
                degraded: self.backoff.cause(),
            },
            Credential::SignedOut(signed_out) => Status::SignedOut {
                reason: signed_out.reason,
                server_notified: signed_out.sync == SignOutSync::Done,
            },
        }
    }

    fn dispatch(&mut self, context: &Context, input: Input) {
        let now = context.now;
        match input {
            Input::Started => self.on_started(context),
            Input::TokenRequested {
                caller,
                min_validity,
            } => {
                let asked = now;
                let requirement = TokenRequirement::Token {
                    min_validity,
                    asked,
                };
                self.enqueue(now, caller, requirement);
            }
            Input::RefreshRequested { caller, force } => {
                self.on_refresh_requested(now, caller, force);
            }
            Input::TokenRejected { caller, version } => {
                self.on_token_rejected(now, caller, version);
            }
            Input::CallerAborted { caller } => self.waiters.remove(caller),
            Input::SignInRequested { caller } => self.sign_ins.push(caller),
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
            Input::LockGranted { attempt } => self.on_lock_granted(context, attempt),
            Input::LockFailed { attempt } => self.on_lock_failed(context, attempt),
            Input::RefreshFinished { attempt, outcome } => {
                self.on_refresh_finished(context, attempt, outcome);
            }
            Input::TabMessageReceived(message) => self.on_tab_message(context, message),
            Input::Malformed => self.effects.note("ignored"),
            Input::StorageChanged | Input::DeadlineReached => {}
            Input::PageChanged(change) => self.on_page_changed(context, change),
            Input::Closed => self.on_closed(),
        }
    }

    fn on_started(&mut self, context: &Context) {
        self.last_active = context.now;
        self.effects.push(Effect::OpenChannel);
        if context.stored == StoredState::Empty {
            // No session is recorded, so no request is sent (P29).
            self.credential = Credential::SignedOut(SignedOut {
                reason: None,
                fingerprint: 0,
                sync: SignOutSync::Done,
                unconfirmed: None,
            });
        }
    }

    fn expire(&mut self, context: &Context) {
        self.expire_exchange(context);
        self.revert_unconfirmed(context);
        self.expire_callers(context.now);
    }

    fn on_closed(&mut self) {
        self.release_held();
        self.reject_all(SessionError::Closed);
        let mut waiting = std::mem::take(&mut self.sign_ins);
        waiting.append(&mut self.sign_outs);
        waiting.extend(self.late_sign_ins.drain(..).map(|late| late.caller));
        if let Exchange::InFlight(in_flight) = self.exchange {
            let attempt = in_flight.attempt;
            self.effects.push(Effect::Abort { attempt });
            if let Task::SignIn { caller } = in_flight.task {
                waiting.push(caller);
            }
        }
        self.exchange = Exchange::Idle;
        for caller in waiting {
            self.effects.settle(caller, Err(SessionError::Closed));
        }
        self.effects.push(Effect::CloseChannel);
        self.is_closed = true;
    }
}
