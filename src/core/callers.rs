//! Callers: settles each with a token or an error, at once or after waiting.

use crate::wire::RefreshReason;

use super::credential::{Credential, SignOutSync};
use super::effect::Answer;
use super::error::SessionError;
use super::exchange::Exchange;
use super::ids::{CallerId, Version};
use super::input::Input;
use super::millis::Millis;
use super::session::Session;
use super::time::Timestamp;
use super::waiters::{TokenRequirement, Waiter};

/// The result for a caller; `None` while it has to wait.
type Resolution = Option<Result<Answer, SessionError>>;

impl Session {
    pub(super) fn on_refresh_requested(&mut self, now: Timestamp, caller: CallerId, force: bool) {
        // An explicit request is a retry hint, but does not restart the failure streak.
        self.backoff.retry_now(now);
        let requirement = if force {
            TokenRequirement::Forced { asked: now }
        } else {
            TokenRequirement::Renewed {
                than: match &self.credential {
                    Credential::Active(active) => active.version,
                    Credential::Unknown | Credential::SignedOut(_) => self.settled_version(),
                },
            }
        };
        self.enqueue(now, caller, requirement);
    }

    pub(super) fn on_token_rejected(&mut self, now: Timestamp, caller: CallerId, version: Version) {
        let is_current =
            matches!(&self.credential, Credential::Active(active) if active.version == version);
        if is_current {
            if self.rejections.next() > now {
                // An API that rejects every new token is misconfigured; another refresh does not help.
                let retry_in = self.rejections.next().since(now);
                self.effects
                    .settle(caller, Err(SessionError::Misconfigured { retry_in }));
                return;
            }
            if self.waiters.reason() != Some(RefreshReason::Rejected) {
                self.rejections.consume(now);
            }
        }
        self.enqueue(now, caller, TokenRequirement::Replaced { than: version });
    }

    /// Settles a caller at once or adds it to the waiting callers.
    pub(super) fn enqueue(
        &mut self,
        now: Timestamp,
        caller: CallerId,
        requirement: TokenRequirement,
    ) {
        if let Some(answer) = self.resolve(now, requirement) {
            self.effects.settle(caller, answer);
            return;
        }
        if self.waiters.is_full() {
            self.effects.settle(caller, Err(SessionError::Overloaded));
            return;
        }
        let deadline = now + self.config.call_deadline();
        self.waiters.add(
            caller,
            Waiter {
                requirement,
                deadline,
            },
        );
    }

    /// Returns the result for a caller; `None` if it has to wait.
    fn resolve(&self, now: Timestamp, requirement: TokenRequirement) -> Resolution {
        let active = match &self.credential {
            Credential::Unknown => return None,
            Credential::SignedOut(signed_out) => {
                let asks_server = requirement.is_explicit() && signed_out.sync == SignOutSync::Done;
                return (!asks_server).then_some(Err(SessionError::SignedOut {
                    reason: signed_out.reason,
                }));
            }
            Credential::Active(active) => active,
        };
        if self.page.is_suspended || !active.is_usable(now) {
            return None;
        }
        let is_met = match requirement {
            TokenRequirement::Token { min_validity, .. } if active.left(now) >= min_validity => {
                true
            }
            TokenRequirement::Token {
                min_validity,
                asked,
            } => {
                // Another refresh cannot help: the full lifetime is too short, or this token is from less than 1 s before
                // the call, or later.
                let is_new = active.own && asked.since(active.issued) < Millis::from_secs(1);
                if is_new || active.expires.since(active.issued) <= min_validity {
                    return Some(Err(SessionError::MinValidity));
                }
                false
            }
            TokenRequirement::Renewed { than } | TokenRequirement::Replaced { than } => {
                active.version != than
            }
            TokenRequirement::Forced { asked } => active.own && active.issued >= asked,
        };
        is_met.then(|| {
            Ok(Answer::Token {
                token: active.grant.token.clone(),
                version: active.version,
            })
        })
    }

    pub(super) fn settle_all(&mut self, now: Timestamp) {
        for (caller, waiter) in self.waiters.take() {
            match self.resolve(now, waiter.requirement) {
                Some(answer) => self.effects.settle(caller, answer),
                None => self.waiters.add(caller, waiter),
            }
        }
    }

    /// Rejects all waiting callers.
    pub(super) fn reject_all(&mut self, error: SessionError) {
        self.reject(error, Timestamp::from_millis(u64::MAX), false);
    }

    /// Rejects callers with a deadline before `before`; with `by_name`, also those that requested a new token explicitly.
    fn reject(&mut self, error: SessionError, before: Timestamp, by_name: bool) {
        for (caller, waiter) in self.waiters.take() {
            if waiter.deadline < before || by_name && waiter.requirement.is_explicit() {
                self.effects.settle(caller, Err(error));
            } else {
                self.waiters.add(caller, waiter);
            }
        }
    }

    /// Rejects callers during a back-off, except those that can wait for recovery (P49).
    pub(super) fn reject_during_backoff(&mut self, now: Timestamp) {
        let is_under_way = matches!(self.exchange, Exchange::InFlight(_));
        if is_under_way || self.backoff.until() <= now {
            return;
        }
        self.settle_sign_outs(false);
        let (Some(error), Some(first)) = (self.backoff.error(now), self.waiters.next_deadline())
        else {
            return;
        };
        let reject_before = self.backoff.reject_before(now);
        // Callers that requested a new token can go on with the current one.
        let is_served = self.usable_token(now).is_some();
        if first < reject_before || is_served && self.waiters_want_new() {
            self.reject(error, reject_before, is_served);
        }
    }

    pub(super) fn reject_closed(&mut self, input: &Input) {
        if let Input::TokenRequested { caller, .. }
        | Input::RefreshRequested { caller, .. }
        | Input::TokenRejected { caller, .. }
        | Input::SignInRequested { caller }
        | Input::TokensProvided { caller, .. }
        | Input::SignOutRequested { caller, .. } = input
        {
            let caller = *caller;
            self.effects.settle(caller, Err(SessionError::Closed));
        }
    }

    /// Rejects callers whose deadline has passed.
    pub(super) fn expire_callers(&mut self, now: Timestamp) {
        if self.waiters.next_deadline().is_none_or(|first| now < first) {
            return;
        }
        let error = self.backoff.error(now).unwrap_or(SessionError::Timeout {
            retry_in: Millis::ZERO,
        });
        self.reject(error, now + Millis::from_millis(1), false);
    }
}
