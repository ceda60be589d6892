//! One tab without a world around it: a test says what its page hears and when, and looks at what it orders then.

use nolapse::core::{
    AdoptOutcome, Answer, AttemptId, Config, Effect, Failure, FailureCause, Grant, Input, Moment,
    RefreshOutcome, RequestId, Secret, Session, SessionError, SessionInfo, Shelf, Span, Timestamp,
    WallTime,
};

/// When the tab got its token.
pub(crate) const BEGIN: u64 = 1_000_000;

pub(crate) struct Tab {
    pub(crate) core: Session,
    pub(crate) now: u64,
    asked: u64,
    /// What was ordered for the last input.
    pub(crate) orders: Vec<Effect>,
}

impl Tab {
    /// A tab with a token of 60 seconds that has just come.
    pub(crate) fn signed_in(seed: u64) -> Self {
        let config = Config {
            seed,
            ..Config::default()
        };
        let mut tab = Self {
            core: Session::new(config),
            now: BEGIN,
            asked: 0,
            orders: Vec::new(),
        };
        tab.feed(Input::Started);
        let request = RequestId(0);
        let outcome = AdoptOutcome::Granted(grant());
        tab.feed(Input::Adopted { request, outcome });
        tab
    }

    pub(crate) fn feed(&mut self, input: Input) {
        let moment = Moment {
            now: Timestamp::from_millis(self.now),
            wall: WallTime::from_millis(1_700_000_000_000 + self.now),
            shelf: Shelf::Unavailable,
        };
        self.core.handle(&moment, input);
        self.orders = self.core.take_effects();
    }

    /// Lets the alarm ring at that moment.
    pub(crate) fn ring(&mut self, now: u64) {
        self.now = now;
        self.feed(Input::DeadlineReached);
    }

    /// When the tab wants to be woken next, and what for.
    pub(crate) fn alarm(&self) -> (u64, &'static str) {
        let now = Timestamp::from_millis(self.now);
        let (at, what_for) = self
            .core
            .poll_deadline(now)
            .expect("it waits for something");
        (at.as_millis(), what_for)
    }

    /// A caller that needs a token.
    pub(crate) fn call(&mut self) -> RequestId {
        self.asked += 1;
        let request = RequestId(self.asked);
        let min_validity = Span::ZERO;
        self.feed(Input::TokenRequested {
            request,
            min_validity,
        });
        request
    }

    /// What a caller is told now.
    pub(crate) fn told(&self, caller: RequestId) -> Option<&Result<Answer, SessionError>> {
        self.orders.iter().find_map(|order| {
            if let Effect::Settle { request, answer } = order
                && *request == caller
            {
                Some(answer)
            } else {
                None
            }
        })
    }

    /// The lock that is asked for now.
    pub(crate) fn wish(&self) -> Option<AttemptId> {
        self.orders.iter().find_map(|order| {
            if let Effect::AcquireLock { attempt } = order {
                Some(*attempt)
            } else {
                None
            }
        })
    }

    /// Gives it the lock that it asks for now; it sends its refresh.
    pub(crate) fn send(&mut self) -> AttemptId {
        let attempt = self.wish().expect("it asks for the lock");
        self.feed(Input::LockGranted { attempt });
        assert!(self.has(|order| matches!(order, Effect::SendRefresh { .. })));
        attempt
    }

    pub(crate) fn fail(&mut self, attempt: AttemptId, failure: Failure) {
        self.feed(Input::RefreshFinished {
            attempt,
            outcome: RefreshOutcome::Failed(failure),
        });
    }

    pub(crate) fn has(&self, is_it: impl Fn(&Effect) -> bool) -> bool {
        self.orders.iter().any(is_it)
    }

    pub(crate) fn aborts(&self) -> bool {
        self.has(|order| matches!(order, Effect::Abort { .. }))
    }

    /// An API refuses the token that the tab has.
    pub(crate) fn refuse(&mut self) -> RequestId {
        self.asked += 1;
        let request = RequestId(self.asked);
        let now = Timestamp::from_millis(self.now);
        let (_, version) = self.core.usable_token(now).expect("a token");
        self.feed(Input::TokenRejected { request, version });
        request
    }

    /// When the error says that the next attempt may be.
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

pub(crate) fn error_of(cause: FailureCause) -> &'static str {
    SessionError::from_failure(cause, Span::ZERO).code()
}

pub(crate) fn grant() -> Grant {
    Grant {
        token: Secret::new("a.b.c").expect("a token"),
        life: Span::from_secs(60),
        refresh_in: None,
        session: SessionInfo::new("s", "u", "{}"),
    }
}
