//! One tab's view of a session.

use crate::wire::RefreshReason;

use super::access::{Access, Duty, Out};
use super::backoff::{Allowance, Backoff, Chance};
use super::config::Config;
use super::effect::{Effect, Event};
use super::error::SessionError;
use super::exchange::{Exchange, SlowAdopt};
use super::ids::{AttemptId, RequestId, Version};
use super::input::Input;
use super::jobs::Job;
use super::mark::{Mark, Shelf};
use super::page::Page;
use super::secret::Secret;
use super::span::Span;
use super::status::Status;
use super::time::{Moment, Timestamp};
use super::trace::TraceEntry;
use super::waiters::{Need, Waiters};

/// One tab's view of a session.
///
/// Feed it with [`handle`](Self::handle), then carry out what [`take_effects`](Self::take_effects) gives
/// returns `None`, then arm one timer for [`poll_deadline`](Self::poll_deadline).
#[derive(Debug)]
pub struct Session {
    pub(super) config: Config,
    pub(super) chance: Chance,
    /// This tab's part, in thousandths, of what keeps tabs apart.
    pub(super) tab_share: u64,
    pub(super) access: Access,
    /// The highest order among the facts that this tab knows.
    pub(super) version: Version,
    /// The highest order that this tab has seen on the shelf.
    pub(super) seen: Version,
    /// Counts the sessions that this tab has seen begin or end: an answer to an earlier one is void.
    pub(super) epoch: u32,
    pub(super) exchange: Exchange,
    pub(super) last_attempt: AttemptId,
    pub(super) flight_reason: RefreshReason,
    pub(super) is_lock_distrusted: bool,
    /// When another tab was last heard of.
    pub(super) heard_at: Option<Timestamp>,
    /// Until when messages of a sign-out count for nothing without the shelf.
    pub(super) deaf_until: Timestamp,
    /// When another tab began an exchange whose outcome has not been heard.
    pub(super) peer_at_work: Option<Timestamp>,
    pub(super) waiters: Waiters,
    pub(super) adopts: Vec<RequestId>,
    pub(super) slow_adopts: Vec<SlowAdopt>,
    pub(super) sign_outs: Vec<RequestId>,
    pub(super) backoff: Backoff,
    pub(super) rejections: Allowance,
    pub(super) known_life: Option<Span>,
    pub(super) last_mark: Option<Mark>,
    pub(super) page: Page,
    pub(super) last_active: Timestamp,
    pub(super) effects: Vec<Effect>,
    is_closed: bool,
    published: Status,
    outcome: Option<&'static str>,
}

impl Session {
    /// Makes a session that knows nothing yet: [`Input::Started`] is to come first.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut chance = Chance::new(config.seed);
        let tab_share = chance.up_to(Span::from_secs(1)).as_millis();
        Self {
            config,
            chance,
            tab_share,
            access: Access::Unknown,
            version: Version::default(),
            seen: Version::default(),
            epoch: 0,
            exchange: Exchange::Idle,
            last_attempt: AttemptId::default(),
            flight_reason: RefreshReason::Load,
            is_lock_distrusted: false,
            heard_at: None,
            deaf_until: Timestamp::default(),
            peer_at_work: None,
            waiters: Waiters::default(),
            adopts: Vec::new(),
            slow_adopts: Vec::new(),
            sign_outs: Vec::new(),
            backoff: Backoff::new(),
            rejections: Allowance::new(10, Span::from_secs(10)),
            known_life: None,
            last_mark: None,
            page: Page::new(),
            last_active: Timestamp::default(),
            effects: Vec::new(),
            is_closed: false,
            published: Status::Unknown { degraded: None },
            outcome: None,
        }
    }

    /// Takes in what has happened and decides what to do about it.
    pub fn handle(&mut self, moment: &Moment, input: Input) {
        if self.is_closed {
            self.refuse_closed(&input);
            return;
        }
        let trigger = input.name();
        let before = self.effects.len();
        self.read_order(moment);
        self.notice_sleep(moment.now);
        self.read_shelf(moment);
        self.dispatch(moment, input);
        if !self.is_closed {
            self.expire(moment);
            self.serve_errors(moment.now);
            self.reconsider(moment.now);
            self.start_next(moment);
        }
        self.publish();
        self.record(moment.now, trigger, before);
    }

    /// Returns the orders that have not been given yet, in the order in which they are to be carried out.
    #[must_use]
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Returns when to come back with [`Input::DeadlineReached`], and what for. The moment may have passed.
    #[must_use]
    pub fn poll_deadline(&self, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        if self.is_closed {
            return None;
        }
        let idle = matches!(self.exchange, Exchange::Idle);
        let job = if idle { self.job_deadline(now) } else { None };
        let waiter = self
            .waiters
            .next_deadline()
            .map(|at| (at, "caller's deadline"));
        let doubt = match &self.access {
            Access::Out(out) => out.doubt.map(|doubt| (doubt.until, "confirmation")),
            Access::Unknown | Access::Held(_) => None,
        };
        let mut first: Option<(Timestamp, &'static str)> = None;
        for deadline in [self.exchange_deadline(), job, waiter, doubt] {
            if let Some((at, _)) = deadline
                && first.is_none_or(|(earliest, _)| at < earliest)
            {
                first = deadline;
            }
        }
        first
    }

    /// Returns the token where a request can be sent with it at `now` without waiting for anything.
    #[must_use]
    pub fn usable_token(&self, now: Timestamp) -> Option<(&Secret, Version)> {
        match &self.access {
            Access::Held(held)
                if held.is_usable(now) && !self.page.is_dozing && !self.is_closed =>
            {
                Some((&held.grant.token, held.version))
            }
            Access::Held(_) | Access::Unknown | Access::Out(_) => None,
        }
    }

    /// Returns how long the current token can still be sent; zero where there is none.
    #[must_use]
    pub fn token_left(&self, now: Timestamp) -> Span {
        match &self.access {
            Access::Held(held) => held.left(now),
            Access::Unknown | Access::Out(_) => Span::ZERO,
        }
    }

    /// Returns how long ago the current token's refresh was sent; zero where there is none.
    #[must_use]
    pub fn token_age(&self, now: Timestamp) -> Span {
        match &self.access {
            Access::Held(held) => now.since(held.issued),
            Access::Unknown | Access::Out(_) => Span::ZERO,
        }
    }

    /// Notes that the app made a call or the user gave input: idle limits count from here.
    pub fn touch(&mut self, now: Timestamp) {
        self.last_active = self.last_active.max(now);
    }

    /// Returns where the session stands.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.access {
            Access::Unknown => Status::Unknown {
                degraded: self.backoff.cause(),
            },
            Access::Held(held) => Status::SignedIn {
                session: held.grant.session.clone(),
                degraded: self.backoff.cause(),
            },
            Access::Out(out) => Status::SignedOut {
                reason: out.reason,
                server_told: out.duty == Duty::Done,
            },
        }
    }

    fn dispatch(&mut self, moment: &Moment, input: Input) {
        let now = moment.now;
        match input {
            Input::Started => self.on_started(moment),
            Input::TokenRequested {
                request,
                min_validity,
            } => {
                let asked = now;
                let need = Need::Token {
                    min_validity,
                    asked,
                };
                self.wait(now, request, need);
            }
            Input::RefreshRequested { request, force } => {
                self.on_refresh_requested(now, request, force);
            }
            Input::TokenRejected { request, version } => {
                self.on_token_rejected(now, request, version);
            }
            Input::RequestAborted { request } => self.waiters.remove(request),
            Input::AdoptRequested { request } => self.adopts.push(request),
            Input::AdoptFinished { attempt, outcome } => {
                self.on_adopt_finished(moment, attempt, outcome);
            }
            Input::Adopted { request, outcome } => self.on_adopted(moment, request, now, outcome),
            Input::SignOutRequested {
                request,
                everywhere,
            } => self.on_sign_out_requested(moment, request, everywhere),
            Input::SignOutFinished { attempt, outcome } => {
                self.on_sign_out_finished(moment, attempt, outcome);
            }
            Input::LockGranted { attempt } => self.on_lock_granted(moment, attempt),
            Input::LockFailed { attempt } => self.on_lock_failed(moment, attempt),
            Input::RefreshFinished { attempt, outcome } => {
                self.on_refresh_finished(moment, attempt, outcome);
            }
            Input::TabSpoke(message) => self.on_tab_spoke(moment, message),
            Input::TabGarbled => self.note("ignored"),
            Input::ShelfChanged | Input::DeadlineReached => {}
            Input::PageChanged(change) => self.on_page_changed(moment, change),
            Input::Closed => self.on_closed(),
        }
    }

    fn on_started(&mut self, moment: &Moment) {
        self.last_active = moment.now;
        self.effects.push(Effect::OpenChannel);
        if moment.shelf == Shelf::Empty {
            // A visitor: nothing says that there is a session, so nobody is asked (P29).
            self.access = Access::Out(Out {
                reason: None,
                fingerprint: 0,
                duty: Duty::Done,
                doubt: None,
            });
        }
    }

    fn expire(&mut self, moment: &Moment) {
        self.expire_exchange(moment);
        self.expire_doubt(moment);
        self.expire_callers(moment.now);
    }

    fn on_closed(&mut self) {
        self.let_go();
        self.refuse_all(SessionError::Closed);
        let mut waiting = std::mem::take(&mut self.adopts);
        waiting.append(&mut self.sign_outs);
        waiting.extend(self.slow_adopts.drain(..).map(|slow| slow.request));
        if let Exchange::InFlight(flight) = self.exchange {
            let attempt = flight.attempt;
            self.effects.push(Effect::Abort { attempt });
            if let Job::Adopt { request } = flight.job {
                waiting.push(request);
            }
        }
        self.exchange = Exchange::Idle;
        for request in waiting {
            self.answer(request, Err(SessionError::Closed));
        }
        self.effects.push(Effect::CloseChannel);
        self.is_closed = true;
    }

    fn publish(&mut self) {
        let status = self.status();
        if status != self.published {
            self.published = status.clone();
            self.effects.push(Effect::Publish(status));
        }
    }

    /// Notes what came of the input at hand, for the trace.
    pub(super) fn note(&mut self, outcome: &'static str) {
        self.outcome = Some(outcome);
    }

    fn record(&mut self, now: Timestamp, trigger: &'static str, effects_before: usize) {
        let outcome = self.outcome.take();
        if outcome.is_none() && self.effects.len() == effects_before {
            return;
        }
        let attempt = match self.exchange {
            Exchange::Idle => None,
            Exchange::AwaitingLock { attempt, .. } | Exchange::Listening { attempt, .. } => {
                Some(attempt)
            }
            Exchange::InFlight(flight) => Some(flight.attempt),
        };
        let entry = TraceEntry {
            at: now,
            trigger,
            status: self.published.name(),
            tab: self.config.tab,
            page: self.page.visibility(),
            attempt,
            outcome,
        };
        self.effects.push(Effect::Emit(Event::Traced(entry)));
    }
}
