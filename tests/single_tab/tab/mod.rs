//! A single-tab harness: a test feeds inputs at chosen times and inspects the effects.

#![allow(
    clippy::allow_attributes,
    clippy::wildcard_enum_match_arm,
    reason = "tests use what production code may not"
)]

use std::rc::Rc;

use nolapse::core::{
    Answer, AttemptId, CallerId, Config, Context, Effect, Event, Failure, Grant, Input, Millis,
    RefreshOutcome, Session, SessionError, SignInOutcome, Status, StorageRecord, StoredState,
    TabMessage, Timestamp, Version, WallTime,
};
use nolapse::wire::EndReason;

mod values;

pub(crate) use values::{error_of, grant, grant_of, nth_version, signed_in_record};

/// The time at which the tab received its token.
pub(crate) const BEGIN: u64 = 1_000_000;
/// When that token expires.
pub(crate) const EXPIRED: u64 = BEGIN + 60_000;

pub(crate) struct Tab {
    pub(crate) core: Session,
    pub(crate) now: u64,
    asked: u64,
    /// The stored record that the tab reads: set by the test or written by the tab.
    pub(crate) stored: StoredState,
    /// The effects of the last input.
    pub(crate) effects: Vec<Effect>,
}

impl Tab {
    /// A tab that has just received a token with a lifetime of 60 s.
    pub(crate) fn signed_in(seed: u64) -> Self {
        let mut tab = Self::open(seed, StoredState::Unavailable);
        tab.adopt(grant());
        tab
    }

    /// Like [`Tab::signed_in`], with the option `push`.
    pub(crate) fn pushed(seed: u64) -> Self {
        let mut tab = Self::open_with(seed, StoredState::Unavailable, true);
        tab.adopt(grant());
        tab
    }

    /// A tab that has just started.
    pub(crate) fn open(seed: u64, stored: StoredState) -> Self {
        Self::open_with(seed, stored, false)
    }

    pub(crate) fn open_with(seed: u64, stored: StoredState, push: bool) -> Self {
        let config = Config {
            push,
            seed,
            ..Config::default()
        };
        let mut tab = Self {
            core: Session::new(config),
            now: BEGIN,
            asked: 0,
            stored,
            effects: Vec::new(),
        };
        tab.feed(Input::Started);
        tab
    }

    /// The app provides the token response of a sign-in.
    pub(crate) fn adopt(&mut self, grant: Grant) {
        let caller = CallerId(0);
        let outcome = SignInOutcome::Granted(grant);
        self.feed(Input::TokensProvided { caller, outcome });
    }

    pub(crate) fn feed(&mut self, input: Input) {
        let context = Context {
            now: Timestamp::from_millis(self.now),
            wall: self.wall(),
            stored: self.stored,
        };
        self.core.handle(&context, input);
        self.effects = self.core.take_effects();
        if let (Some(record), false) = (self.written(), self.stored == StoredState::Unavailable) {
            self.stored = StoredState::Record(record);
        }
    }

    /// The wall clock's time.
    pub(crate) fn wall(&self) -> WallTime {
        WallTime::from_millis(1_700_000_000_000 + self.now)
    }

    /// Delivers a tab message.
    pub(crate) fn hear(&mut self, message: TabMessage) {
        self.feed(Input::TabMessageReceived(message));
    }

    /// Delivers a tab message with a new token.
    pub(crate) fn hear_token(&mut self, version: Version, grant: Grant, age_ms: u64) {
        let age = Millis::from_millis(age_ms);
        let posted = self.wall();
        self.hear(TabMessage::Token {
            version,
            grant,
            age,
            posted,
        });
    }

    /// The version of the tab's token.
    pub(crate) fn version(&self) -> Version {
        let now = Timestamp::from_millis(self.now);
        self.core.usable_token(now).expect("a token").1
    }

    /// The tab's usable token.
    pub(crate) fn token(&self) -> Option<&str> {
        let now = Timestamp::from_millis(self.now);
        self.core.usable_token(now).map(|(token, _)| token.expose())
    }

    /// The record written by the last input.
    pub(crate) fn written(&self) -> Option<StorageRecord> {
        self.first(|effect| match effect {
            Effect::WriteRecord(record) => Some(*record),
            _ => None,
        })
    }

    /// The tab messages broadcast by the last input.
    pub(crate) fn said(&self) -> Vec<&TabMessage> {
        let said = self.effects.iter().filter_map(|effect| {
            if let Effect::Broadcast(message) = effect {
                Some(message)
            } else {
                None
            }
        });
        said.collect()
    }

    /// The events emitted by the last input, without trace entries.
    pub(crate) fn events(&self) -> Vec<&Event> {
        let events = self.effects.iter().filter_map(|order| match order {
            Effect::Emit(event) if !matches!(event, Event::Traced(_)) => Some(event),
            _ => None,
        });
        events.collect()
    }

    pub(crate) fn is_in(&self) -> bool {
        matches!(self.core.status(), Status::SignedIn { .. })
    }

    pub(crate) fn finish(&mut self, attempt: AttemptId, outcome: RefreshOutcome) {
        self.feed(Input::RefreshFinished { attempt, outcome });
    }

    pub(crate) fn grant(&mut self, attempt: AttemptId, grant: Grant) {
        self.finish(attempt, RefreshOutcome::Granted(grant));
    }

    pub(crate) fn end(&mut self, attempt: AttemptId, reason: EndReason) {
        self.finish(attempt, RefreshOutcome::Ended(reason));
    }

    /// The user signs out.
    pub(crate) fn sign_out(&mut self, everywhere: bool) -> CallerId {
        self.asked += 1;
        let caller = CallerId(self.asked);
        self.feed(Input::SignOutRequested { caller, everywhere });
        caller
    }

    /// The app requests a refresh.
    pub(crate) fn refresh(&mut self, force: bool) -> CallerId {
        self.asked += 1;
        let caller = CallerId(self.asked);
        self.feed(Input::RefreshRequested { caller, force });
        caller
    }

    /// Fires the timer at this time.
    pub(crate) fn ring(&mut self, now: u64) {
        self.now = now;
        self.feed(Input::DeadlineReached);
    }

    /// The tab's next deadline and its purpose.
    pub(crate) fn alarm(&self) -> (u64, &'static str) {
        let now = Timestamp::from_millis(self.now);
        let (at, what_for) = self
            .core
            .poll_deadline(now)
            .expect("it waits for something");
        (at.as_millis(), what_for)
    }

    /// A caller requests a token.
    pub(crate) fn call(&mut self) -> CallerId {
        self.need(Millis::ZERO)
    }

    /// A caller requests a token of a context.
    pub(crate) fn call_within(&mut self, context: &str) -> CallerId {
        self.asked += 1;
        let caller = CallerId(self.asked);
        self.feed(Input::TokenRequested {
            caller,
            min_validity: Millis::ZERO,
            waits_out: true,
            context: context.into(),
        });
        caller
    }

    /// A caller requests a token that is valid for at least `min_validity`.
    pub(crate) fn need(&mut self, min_validity: Millis) -> CallerId {
        self.asked += 1;
        let caller = CallerId(self.asked);
        self.feed(Input::TokenRequested {
            caller,
            min_validity,
            waits_out: true,
            context: Rc::default(),
        });
        caller
    }

    /// The result that the last input settled a caller with.
    pub(crate) fn told(&self, id: CallerId) -> Option<&Result<Answer, SessionError>> {
        self.first(|effect| match effect {
            Effect::Settle { caller, answer } if *caller == id => Some(answer),
            _ => None,
        })
    }

    /// The lock requested by the last input.
    pub(crate) fn wish(&self) -> Option<AttemptId> {
        self.first(|effect| match effect {
            Effect::AcquireLock { attempt } => Some(*attempt),
            _ => None,
        })
    }

    /// The refresh sent by the last input.
    pub(crate) fn sent(&self) -> Option<AttemptId> {
        self.first(|effect| match effect {
            Effect::SendRefresh { attempt, .. } => Some(*attempt),
            _ => None,
        })
    }

    pub(crate) fn sends(&self) -> bool {
        self.sent().is_some()
    }

    pub(crate) fn releases(&self, attempt: AttemptId) -> bool {
        self.has(|effect| *effect == Effect::ReleaseLock { attempt })
    }

    pub(crate) fn asks_the_tabs(&self) -> bool {
        let is_ask = |message: &&TabMessage| matches!(message, TabMessage::StateRequest { .. });
        self.said().iter().any(is_ask)
    }

    /// The app forces a refresh, or requests a token with a longer validity than is left after 20 s.
    pub(crate) fn want(&mut self, force: bool) {
        if force {
            self.refresh(true);
        } else {
            self.need(Millis::from_secs(50));
        }
    }

    /// A tab that needs a token with a longer validity and waits for the lock; with `has_peers`, it knows of other tabs.
    pub(crate) fn wanting(has_peers: bool) -> (Self, AttemptId) {
        let mut tab = Self::signed_in(1);
        tab.now += 20_000;
        if has_peers {
            let version = tab.version();
            tab.hear(TabMessage::StateRequest { version });
        }
        tab.want(false);
        let attempt = tab.wish().expect("it asks for the lock");
        (tab, attempt)
    }

    /// Grants the requested lock; the tab sends its refresh.
    pub(crate) fn send(&mut self) -> AttemptId {
        let attempt = self.wish().expect("it asks for the lock");
        self.feed(Input::LockGranted { attempt });
        assert!(self.has(|effect| matches!(effect, Effect::SendRefresh { .. })));
        attempt
    }

    pub(crate) fn fail(&mut self, attempt: AttemptId, failure: Failure) {
        self.finish(attempt, RefreshOutcome::Failed(failure));
    }

    /// Maps the first effect for which `wanted` returns a value.
    fn first<'a, T>(&'a self, wanted: impl Fn(&'a Effect) -> Option<T>) -> Option<T> {
        self.effects.iter().find_map(wanted)
    }

    pub(crate) fn has(&self, is_it: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(is_it)
    }

    pub(crate) fn aborts(&self) -> bool {
        self.has(|effect| matches!(effect, Effect::Abort { .. }))
    }

    /// An API rejects the tab's token.
    pub(crate) fn refuse(&mut self) -> CallerId {
        self.asked += 1;
        let caller = CallerId(self.asked);
        let now = Timestamp::from_millis(self.now);
        let version = self.core.usable_token(now).expect("a token").1;
        let context = Rc::default();
        self.feed(Input::TokenRejected {
            caller,
            version,
            context,
        });
        caller
    }

    /// The time of the next attempt according to the error.
    pub(crate) fn rest_ends(&self, error: &SessionError) -> u64 {
        let (SessionError::Unreachable { retry_in, .. }
        | SessionError::Timeout { retry_in }
        | SessionError::Misconfigured { retry_in }) = error
        else {
            panic!("{error:?}");
        };
        self.now + retry_in.as_millis()
    }
}
