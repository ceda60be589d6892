//! Callers: who gets a token at once, who waits, and who is told why not.

use crate::wire::RefreshReason;

use super::access::{Access, Duty};
use super::effect::{Answer, Effect};
use super::error::SessionError;
use super::exchange::Exchange;
use super::ids::{RequestId, Version};
use super::input::Input;
use super::session::Session;
use super::span::Span;
use super::time::Timestamp;
use super::waiters::{Need, Waiter};

/// What a caller is told; nothing as long as it has to wait.
type Verdict = Option<Result<Answer, SessionError>>;

impl Session {
    /// Answers a caller.
    pub(super) fn answer(&mut self, request: RequestId, answer: Result<Answer, SessionError>) {
        self.effects.push(Effect::Settle { request, answer });
    }

    pub(super) fn on_refresh_requested(&mut self, now: Timestamp, request: RequestId, force: bool) {
        // The app asks by name: it may know more than the clock does. The row of failures stays as old as it is.
        self.backoff.hurry(now);
        let need = if force {
            Need::Forced { asked: now }
        } else {
            Need::Renewed {
                than: match &self.access {
                    Access::Held(held) => held.version,
                    Access::Unknown | Access::Out(_) => self.settled_version(),
                },
            }
        };
        self.wait(now, request, need);
    }

    pub(super) fn on_token_rejected(
        &mut self,
        now: Timestamp,
        request: RequestId,
        version: Version,
    ) {
        let is_current = matches!(&self.access, Access::Held(held) if held.version == version);
        if is_current {
            if self.rejections.next() > now {
                // An API that refuses each new token too is not mended by another one.
                let retry_in = self.rejections.next().since(now);
                self.answer(request, Err(SessionError::Misconfigured { retry_in }));
                return;
            }
            if self.waiters.reason() != Some(RefreshReason::Rejected) {
                self.rejections.spend(now);
            }
        }
        self.wait(now, request, Need::Replaced { than: version });
    }

    /// Answers a caller at once, or keeps it waiting.
    pub(super) fn wait(&mut self, now: Timestamp, request: RequestId, need: Need) {
        if let Some(answer) = self.verdict(now, need) {
            self.answer(request, answer);
            return;
        }
        if self.waiters.is_full() {
            self.answer(request, Err(SessionError::Overloaded));
            return;
        }
        let deadline = now + self.config.call_deadline();
        self.waiters.add(request, Waiter { need, deadline });
    }

    /// Returns the answer to a caller; `None` where there is none yet.
    fn verdict(&self, now: Timestamp, need: Need) -> Verdict {
        let held = match &self.access {
            Access::Unknown => return None,
            Access::Out(out) => {
                let asks_server = need.is_explicit() && out.duty == Duty::Done;
                return (!asks_server)
                    .then_some(Err(SessionError::SignedOut { reason: out.reason }));
            }
            Access::Held(held) => held,
        };
        if self.page.is_dozing || !held.is_usable(now) {
            return None;
        }
        let is_met = match need {
            Need::Token { min_validity, .. } if held.left(now) >= min_validity => true,
            Need::Token {
                min_validity,
                asked,
            } => {
                // A new one is no better where this one was too short from the start, or came after the caller.
                let is_new = held.own && asked.since(held.issued) < Span::from_secs(1);
                if is_new || held.expires.since(held.issued) <= min_validity {
                    return Some(Err(SessionError::MinValidity));
                }
                false
            }
            Need::Renewed { than } | Need::Replaced { than } => held.version != than,
            Need::Forced { asked } => held.own && held.issued >= asked,
        };
        is_met.then(|| {
            Ok(Answer::Token {
                token: held.grant.token.clone(),
                version: held.version,
            })
        })
    }

    pub(super) fn settle_all(&mut self, now: Timestamp) {
        for (request, waiter) in self.waiters.take() {
            match self.verdict(now, waiter.need) {
                Some(answer) => self.answer(request, answer),
                None => self.waiters.add(request, waiter),
            }
        }
    }

    /// Tells all callers why there is no token for them.
    pub(super) fn refuse_all(&mut self, error: SessionError) {
        self.refuse(error, Timestamp::from_millis(u64::MAX), false);
    }

    /// Tells callers with an earlier deadline, and perhaps those who asked for a new token by name.
    fn refuse(&mut self, error: SessionError, before: Timestamp, by_name: bool) {
        for (request, waiter) in self.waiters.take() {
            if waiter.deadline < before || by_name && waiter.need.is_explicit() {
                self.answer(request, Err(error));
            } else {
                self.waiters.add(request, waiter);
            }
        }
    }

    /// Tells callers of the failure while the auth server rests, but for those who wait for its return (P49).
    pub(super) fn serve_errors(&mut self, now: Timestamp) {
        let is_under_way = matches!(self.exchange, Exchange::InFlight(_));
        if is_under_way || self.backoff.until() <= now {
            return;
        }
        self.settle_sign_outs(false);
        let (Some(error), Some(first)) = (self.backoff.error(now), self.waiters.next_deadline())
        else {
            return;
        };
        let hopeless = self.backoff.hopeless_before(now);
        // Who asked for a new token can go on with the one that is there.
        let is_served = self.usable_token(now).is_some();
        if first < hopeless || is_served && self.waiters_force() {
            self.refuse(error, hopeless, is_served);
        }
    }

    pub(super) fn refuse_closed(&mut self, input: &Input) {
        if let Input::TokenRequested { request, .. }
        | Input::RefreshRequested { request, .. }
        | Input::TokenRejected { request, .. }
        | Input::AdoptRequested { request }
        | Input::Adopted { request, .. }
        | Input::SignOutRequested { request, .. } = input
        {
            let request = *request;
            self.answer(request, Err(SessionError::Closed));
        }
    }

    /// Tells callers whose time is over.
    pub(super) fn expire_callers(&mut self, now: Timestamp) {
        if self.waiters.next_deadline().is_none_or(|first| now < first) {
            return;
        }
        let error = self.backoff.error(now).unwrap_or(SessionError::Timeout {
            retry_in: Span::ZERO,
        });
        self.refuse(error, now + Span::from_millis(1), false);
    }
}
