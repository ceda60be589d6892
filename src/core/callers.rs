//! The callers that wait for a result: each is settled once, in order of arrival.

use std::rc::Rc;

use crate::wire::RefreshReason;

use super::effects::Effects;
use super::error::SessionError;
use super::ids::{AttemptId, CallerId};
use super::millis::Millis;
use super::need::{Kind, Need};
use super::rate_limiter::RateLimiter;
use super::secret::Secret;
use super::time::Timestamp;
use super::token::Offer;

mod caller;

use caller::Rule;

/// A waiting caller.
#[derive(Clone, Debug)]
struct Caller {
    id: CallerId,
    need: Need,
    deadline: Timestamp,
    /// The context of the token; empty for none.
    context: Rc<str>,
}

/// The table of all waiting callers.
#[derive(Debug)]
pub(super) struct Callers {
    /// In order of arrival, so that the deadlines ascend, apart from those that are `NEVER`.
    waiting: Vec<Caller>,
    /// How many wait, by kind of need.
    counts: [usize; 6],
    /// How long a caller of a token waits.
    call_deadline: Millis,
    /// Limits the refreshes for single calls.
    limiter: RateLimiter,
}

/// The deadline of callers that wait without one.
const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

impl Callers {
    /// Upper bound on callers that wait for a token; more indicates a bug in the app.
    const CAPACITY: usize = 10_000;

    pub(super) const fn new(call_deadline: Millis) -> Self {
        Self {
            waiting: Vec::new(),
            counts: [0; 6],
            call_deadline,
            limiter: RateLimiter::new(10, Millis::from_secs(10)),
        }
    }

    /// Settles a caller of a token at once or adds it to the waiting callers.
    pub(super) fn on_token_requested(
        &mut self,
        now: Timestamp,
        id: CallerId,
        need: Need,
        context: Rc<str>,
        offer: Offer<'_>,
        effects: &mut Effects,
    ) {
        let within = offer.within(&context);
        let is_missing = matches!((offer, within), (Offer::Token(_), Offer::Nothing));
        let answer =
            if is_missing && let Some(retry_in) = self.limit_refresh(now, RefreshReason::Demand) {
                // An app that calls in ever new contexts would refresh for each call.
                Some(Err(SessionError::Misconfigured { retry_in }))
            } else {
                need.meet(now, within)
            };
        if let Some(answer) = answer {
            effects.settle(id, answer);
        } else if self.len() >= Self::CAPACITY {
            effects.settle(id, Err(SessionError::Overloaded));
        } else {
            self.add(id, need, context, now + self.call_deadline);
        }
    }

    /// Limits the refreshes for tokens that an API rejects, or that have not the context of a call; returns when the next one is
    /// allowed if this one is not. One that others wait for already serves this caller, too.
    pub(super) fn limit_refresh(
        &mut self,
        now: Timestamp,
        reason: RefreshReason,
    ) -> Option<Millis> {
        if self.limiter.next() > now {
            return Some(self.limiter.next().since(now));
        }
        if self.reason() != Some(reason) {
            self.limiter.consume(now);
        }
        None
    }

    pub(super) fn on_sign_in_requested(&mut self, id: CallerId) {
        self.add(id, Need::SignIn { started: None }, Rc::default(), NEVER);
    }

    pub(super) fn on_sign_out_requested(&mut self, id: CallerId) {
        self.add(id, Need::SignOut, Rc::default(), NEVER);
    }

    /// The app's sign-in function of this caller was called.
    pub(super) fn on_sign_in_started(&mut self, id: CallerId, attempt: AttemptId, at: Timestamp) {
        for caller in &mut self.waiting {
            if let Need::SignIn { started } = &mut caller.need
                && caller.id == id
            {
                *started = Some((attempt, at));
            }
        }
    }

    /// Takes the caller of a sign-in function that has finished, and when it was called.
    pub(super) fn on_sign_in_finished(
        &mut self,
        finished: AttemptId,
    ) -> Option<(CallerId, Timestamp)> {
        let is_it = |caller: &&Caller| matches!(caller.started(), Some((attempt, _)) if attempt == finished);
        let caller = self.waiting.iter().find(is_it)?;
        let (id, started) = (caller.id, caller.started());
        self.remove(id);
        started.map(|(_, at)| (id, at))
    }

    /// A caller no longer waits for its token. A sign-in or sign-out cannot be aborted.
    pub(super) fn on_aborted(&mut self, id: CallerId) {
        let is_it = |caller: &&Caller| caller.id == id;
        if let Some(caller) = self.waiting.iter().find(is_it)
            && caller.deadline != NEVER
        {
            self.remove(id);
        }
    }

    /// Settles callers with the credential.
    pub(super) fn on_offer(&mut self, now: Timestamp, offer: Offer<'_>, effects: &mut Effects) {
        self.settle(&Rule::Offered(now, offer), effects);
    }

    /// Settles callers that wait for the notification of a sign-out.
    pub(super) fn on_sign_out_settled(&mut self, server_notified: bool, effects: &mut Effects) {
        if self.count(Kind::SignOut) > 0 {
            self.settle(&Rule::SignedOut { server_notified }, effects);
        }
    }

    /// Rejects all callers of a token.
    pub(super) fn on_ended(&mut self, error: SessionError, effects: &mut Effects) {
        self.reject(error, NEVER, false, effects);
    }

    /// Rejects callers that do not wait out a back-off or have a deadline before `before`. Those that requested a new token can
    /// go on with the current one: with `has_token`, they are rejected, too.
    pub(super) fn on_backoff(
        &mut self,
        error: SessionError,
        before: Timestamp,
        has_token: bool,
        effects: &mut Effects,
    ) {
        if self.count(Kind::Brief) > 0 {
            self.settle(&Rule::Brief(error), effects);
        }
        let is_any_due = self.first_deadline().is_some_and(|first| first < before);
        if is_any_due || has_token && self.count(Kind::Explicit) > 0 {
            self.reject(error, before, has_token, effects);
        }
    }

    /// Rejects callers whose deadline has passed.
    pub(super) fn on_deadline(
        &mut self,
        now: Timestamp,
        error: Option<SessionError>,
        effects: &mut Effects,
    ) {
        if self.first_deadline().is_some_and(|first| first <= now) {
            let retry_in = Millis::ZERO;
            let error = error.unwrap_or(SessionError::Timeout { retry_in });
            self.reject(error, now + Millis::from_millis(1), false, effects);
        }
    }

    /// Extends every deadline: no caller could be served while the page was suspended.
    pub(super) fn on_resumed(&mut self, now: Timestamp) {
        for caller in &mut self.waiting {
            caller.deadline = caller.deadline.max(now + self.call_deadline);
        }
    }

    /// Rejects all callers.
    pub(super) fn on_closed(&mut self, effects: &mut Effects) {
        self.settle(&Rule::Closed, effects);
    }

    /// Returns when the first caller is to be rejected.
    pub(super) fn deadline(&self) -> Option<(Timestamp, &'static str)> {
        self.first_deadline().map(|at| (at, "callers"))
    }

    fn first_deadline(&self) -> Option<Timestamp> {
        if self.is_empty() {
            return None;
        }
        let is_first = |caller: &&Caller| caller.deadline != NEVER;
        let first = self.waiting.iter().find(is_first);
        first.map(|caller| caller.deadline)
    }

    /// Returns the first caller whose sign-in function has not been called.
    pub(super) fn next_sign_in(&self) -> Option<CallerId> {
        if self.count(Kind::SignIn) == 0 {
            return None;
        }
        let is_next = |caller: &&Caller| matches!(caller.need, Need::SignIn { started: None });
        self.waiting.iter().find(is_next).map(|caller| caller.id)
    }

    /// The reason of a refresh for the callers of a token; `None` without any.
    pub(super) fn reason(&self) -> Option<RefreshReason> {
        if self.count(Kind::Explicit) > 0 {
            Some(RefreshReason::Force)
        } else if self.count(Kind::Rejected) > 0 {
            Some(RefreshReason::Rejected)
        } else if self.is_empty() {
            None
        } else {
            Some(RefreshReason::Demand)
        }
    }

    /// Returns the names of the contexts of callers that wait for a token, each followed by a space.
    pub(super) fn contexts(&self) -> String {
        let mut names = String::new();
        for caller in &self.waiting {
            if !caller.context.is_empty() {
                names.push_str(&caller.context);
                names.push_str(Secret::SEPARATOR);
            }
        }
        names
    }

    /// Returns how many callers wait for a token.
    pub(super) fn len(&self) -> usize {
        let of_a_token = [Kind::Token, Kind::Brief, Kind::Rejected, Kind::Explicit];
        of_a_token.into_iter().map(|kind| self.count(kind)).sum()
    }

    /// Whether no caller waits for a token.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&mut self, id: CallerId, need: Need, context: Rc<str>, deadline: Timestamp) {
        self.counts[need.kind() as usize] += 1;
        self.waiting.push(Caller {
            id,
            need,
            deadline,
            context,
        });
    }

    fn remove(&mut self, id: CallerId) {
        let counts = &mut self.counts;
        self.waiting.retain(|caller| {
            let is_it = caller.id == id;
            if is_it {
                counts[caller.need.kind() as usize] -= 1;
            }
            !is_it
        });
    }

    fn count(&self, kind: Kind) -> usize {
        self.counts[kind as usize]
    }

    fn reject(
        &mut self,
        error: SessionError,
        before: Timestamp,
        explicit: bool,
        effects: &mut Effects,
    ) {
        let rule = Rule::Rejected {
            error,
            before,
            explicit,
        };
        self.settle(&rule, effects);
    }

    /// Settles the callers to whom the rule applies.
    fn settle(&mut self, rule: &Rule<'_>, effects: &mut Effects) {
        let counts = &mut self.counts;
        self.waiting.retain(|caller| {
            let answer = caller.answer(rule);
            if let Some(answer) = answer {
                counts[caller.need.kind() as usize] -= 1;
                effects.settle(caller.id, answer);
                return false;
            }
            true
        });
    }
}

#[cfg(test)]
mod tests;
