//! What follows from the outcome of an exchange.

use crate::wire::{EndReason, RefreshReason};

use super::super::context::Context;
use super::super::effect::{Answer, Event, Source};
use super::super::error::{FailureCause, SessionError};
use super::super::grant::{Grant, UnexpectedAnswer};
use super::super::ids::{AttemptId, CallerId, Version};
use super::super::input::{Failure, RefreshOutcome, SignInOutcome, SignOutOutcome};
use super::super::millis::Millis;
use super::super::refresher::Expiry;
use super::super::sign_out::{SignOutSync, SignedOut};
use super::super::situation::Sent;
use super::super::time::Timestamp;
use super::Session;

/// The origin of a token, for events.
pub(super) struct Origin {
    source: Source,
    reason: Option<RefreshReason>,
    duration: Millis,
}

impl Origin {
    /// The token is of another tab.
    pub(super) const PEER: Self = Self {
        source: Source::OtherTab,
        reason: None,
        duration: Millis::ZERO,
    };
}

impl Session {
    pub(super) fn on_refresh_finished(
        &mut self,
        context: &Context,
        attempt: AttemptId,
        outcome: RefreshOutcome,
    ) {
        let Some(sent) = self.refresher.in_flight(attempt) else {
            self.effects.note("late");
            return;
        };
        if let Some(reason) = sent.void_reason(context, self.credential.epoch(), &outcome) {
            self.effects.note(reason);
        } else {
            match outcome {
                RefreshOutcome::Granted(grant) => self.on_granted(context, &sent, grant),
                RefreshOutcome::Ended(reason) => self.on_ended(context, reason),
                RefreshOutcome::Failed(failure) => self.on_failed(context, &sent, &failure),
            }
        }
        self.refresher.finish(&mut self.effects);
    }

    fn on_granted(&mut self, context: &Context, sent: &Sent, grant: Grant) {
        self.effects.note("granted");
        if self.credential.is_newer_than(sent.at, &grant) {
            // Another tab's token is from a later request: keep that one.
            self.peers.on_own_token(grant.lifetime);
            self.backoff.succeed();
            return;
        }
        let origin = Origin {
            source: Source::ThisTab,
            reason: Some(sent.reason),
            duration: context.now.since(sent.at),
        };
        self.install_own_token(context, grant, sent.at, &origin);
    }

    fn on_ended(&mut self, context: &Context, reason: EndReason) {
        self.effects.note(reason.as_str());
        self.backoff.succeed();
        // If this browser is signed out already, a new version could hide a concurrent sign-in.
        let is_new = !self.credential.is_confirmed_signed_out();
        self.end_session(reason, SignOutSync::Done);
        if is_new {
            self.credential.raise_version();
            self.publish(context);
        }
    }

    fn on_failed(&mut self, context: &Context, sent: &Sent, failure: &Failure) {
        let detail = failure.detail.map(UnexpectedAnswer::as_str);
        self.effects.note(detail.unwrap_or(failure.cause.as_str()));
        let now = context.now;
        self.backoff.fail(now, sent.at, failure);
        self.effects.emit(Event::RefreshFailed {
            reason: sent.reason,
            cause: failure.cause,
            http_status: failure.http_status,
            duration: now.since(sent.at),
            failures: self.backoff.failures(),
            retry_in: self.backoff.until().since(now),
        });
        self.publish_backoff(context);
    }

    pub(super) fn on_sign_in_finished(
        &mut self,
        context: &Context,
        attempt: AttemptId,
        outcome: SignInOutcome,
    ) {
        let in_flight = self.refresher.in_flight(attempt);
        let latest = in_flight
            .as_ref()
            .and_then(|sent| context.stored.session_since(sent.seen));
        if let Some((caller, sent)) = self.callers.on_sign_in_finished(attempt) {
            if latest.is_some() && matches!(outcome, SignInOutcome::Granted(_)) {
                // The page was suspended meanwhile, and gave the lock back: the cookie may be of a sign-in in another tab.
                self.effects.note("other_session");
                self.on_refresh_requested(context, caller, true);
            } else {
                self.on_tokens_provided(context, caller, sent, outcome);
            }
        }
        // A function that exceeded the timeout is not in flight any more.
        if in_flight.is_some() {
            self.refresher.finish(&mut self.effects);
        }
    }

    pub(super) fn on_tokens_provided(
        &mut self,
        context: &Context,
        caller: CallerId,
        sent: Timestamp,
        outcome: SignInOutcome,
    ) {
        let answer = match outcome {
            SignInOutcome::Granted(grant) => {
                let origin = Origin {
                    source: Source::SignIn,
                    reason: None,
                    duration: context.now.since(sent),
                };
                self.credential.begin_epoch();
                self.install_own_token(context, grant, sent, &origin);
                Ok(Answer::SignedIn)
            }
            SignInOutcome::Unusable => Err(SessionError::InvalidTokenResponse),
            SignInOutcome::Threw => Err(SessionError::SignInThrew),
        };
        self.effects.settle(caller, answer);
    }

    pub(super) fn on_sign_out_requested(
        &mut self,
        context: &Context,
        caller: CallerId,
        everywhere: bool,
    ) {
        if self.credential.is_notified() && !everywhere {
            let server_notified = true;
            let answer = Answer::SignedOut { server_notified };
            self.effects.settle(caller, Ok(answer));
            return;
        }
        self.callers.on_sign_out_requested(caller);
        self.credential.raise_version();
        // Failed refreshes do not predict whether this request fails.
        self.backoff.succeed();
        let sync = SignOutSync::Pending { everywhere };
        self.end_session(EndReason::SignedOut, sync);
        self.publish(context);
    }

    pub(super) fn on_sign_out_finished(
        &mut self,
        context: &Context,
        attempt: AttemptId,
        outcome: SignOutOutcome,
    ) {
        let Some(sent) = self.refresher.in_flight(attempt) else {
            return;
        };
        let is_notified = match outcome {
            SignOutOutcome::Notified => {
                self.effects.note("notified");
                if self.credential.on_notified(sent.epoch) {
                    self.backoff.succeed();
                    self.write_record(context);
                }
                true
            }
            SignOutOutcome::Failed(failure) => {
                self.effects.note(failure.cause.as_str());
                if sent.epoch == self.credential.epoch() {
                    self.backoff.fail(context.now, sent.at, &failure);
                    self.publish_backoff(context);
                }
                false
            }
        };
        self.callers
            .on_sign_out_settled(is_notified, &mut self.effects);
        self.refresher.finish(&mut self.effects);
    }

    /// Handles passed deadlines.
    pub(super) fn expire(&mut self, context: &Context) {
        let now = context.now;
        let situation = self.situation(now);
        let failure = Failure::new(FailureCause::Timeout);
        match self.refresher.on_deadline(&situation, &mut self.effects) {
            Expiry::None => {}
            Expiry::Suspended => self.restart(now),
            Expiry::Postponed => self.credential.on_refresh_postponed(now),
            Expiry::Refresh(attempt) => {
                self.on_refresh_finished(context, attempt, RefreshOutcome::Failed(failure));
            }
            Expiry::SignOut(attempt) => {
                self.on_sign_out_finished(context, attempt, SignOutOutcome::Failed(failure));
            }
        }
        if self.credential.on_deadline(now) {
            self.effects.note("unconfirmed");
            self.peers.on_forged_sign_out(now);
        }
        self.callers
            .on_deadline(now, self.backoff.error(now), &mut self.effects);
    }

    /// Makes a token from the auth server the current one, and publishes it.
    fn install_own_token(
        &mut self,
        context: &Context,
        grant: Grant,
        issued: Timestamp,
        origin: &Origin,
    ) {
        self.peers.on_own_token(grant.lifetime);
        let version = self.credential.highest_version().next();
        self.install_token(context.now, version, grant, issued, origin);
        self.publish(context);
    }

    /// Makes a token the current one.
    pub(super) fn install_token(
        &mut self,
        now: Timestamp,
        version: Version,
        grant: Grant,
        issued: Timestamp,
        origin: &Origin,
    ) {
        self.backoff.succeed();
        self.push.on_token(issued);
        let is_own = origin.source != Source::OtherTab;
        let page = self.lifecycle.visibility();
        let previous = self
            .credential
            .on_granted(version, grant, issued, is_own, page);
        let Some(active) = self.credential.active() else {
            return;
        };
        self.effects.emit(Event::Refreshed {
            reason: origin.reason,
            source: origin.source,
            waiting: self.callers.len(),
            duration: origin.duration,
            expires_in: active.left(now),
            refresh_in: active.refresh_at().since(now),
        });
        // The sign-in has replaced the session to be signed out; the server ends the old one on sign-in.
        self.callers.on_sign_out_settled(true, &mut self.effects);
        let offer = self.credential.offer(now, self.lifecycle.is_suspended());
        self.callers.on_offer(now, offer, &mut self.effects);
        if let Some(previous) = previous
            && !previous.is_same_user(active.session())
        {
            self.effects.emit(Event::UserChanged {
                previous: previous.user,
                user: active.session().user.clone(),
            });
        }
    }

    /// Ends the session on this tab.
    pub(super) fn end_session(&mut self, reason: EndReason, sync: SignOutSync) {
        let recorded = self.peers.recorded_fingerprint();
        let is_new = self.credential.on_ended(reason, sync, recorded);
        let reason = self.credential.signed_out().and_then(SignedOut::reason);
        let error = SessionError::SignedOut { reason };
        self.callers.on_ended(error, &mut self.effects);
        if sync == SignOutSync::Done {
            self.callers.on_sign_out_settled(true, &mut self.effects);
        }
        if let Some(reason) = reason.filter(|_| is_new) {
            self.effects.emit(Event::SignedOut { reason });
        }
    }

    /// Publishes the credential: the storage record for tabs that open later, a message for the others.
    pub(super) fn publish(&mut self, context: &Context) {
        self.write_record(context);
        self.broadcast_credential(context);
    }

    pub(super) fn broadcast_credential(&mut self, context: &Context) {
        if let Some(message) = self.credential.message(context) {
            self.effects.broadcast(message);
        }
    }

    fn publish_backoff(&mut self, context: &Context) {
        self.write_record(context);
        if let Some(message) = self.backoff.message(context.now) {
            self.effects.broadcast(message);
        }
    }

    fn write_record(&mut self, context: &Context) {
        let is_pagehidden = self.lifecycle.is_pagehidden();
        let own = self.credential.record_state(context, is_pagehidden);
        let backoff = self.backoff.persisted(context);
        let version = self.credential.version();
        self.peers
            .write_record(context, version, own, backoff, &mut self.effects);
    }

    /// Rewrites the record with the token's expiry. A tab without a usable token does not write: it could only overwrite
    /// another tab's concurrent write.
    pub(super) fn update_record(&mut self, context: &Context) {
        if !self.token_left(context.now).is_zero() {
            self.write_record(context);
        }
    }
}
