//! Applies the results of refreshes, sign-ins and sign-outs to the session.

use crate::wire::{EndReason, RefreshReason};

use super::context::Context;
use super::credential::{ActiveToken, Credential, Jitter, SignOutSync, SignedOut};
use super::effect::{Answer, Event, Source};
use super::error::SessionError;
use super::exchange::InFlight;
use super::grant::Grant;
use super::ids::{AttemptId, CallerId};
use super::input::{Failure, RefreshOutcome, SignInOutcome, SignOutOutcome};
use super::millis::Millis;
use super::session::Session;
use super::storage_record::{RecordState, StoredState};
use super::time::Timestamp;

/// The origin of a token, for events.
pub(super) struct Origin {
    pub(super) source: Source,
    pub(super) reason: Option<RefreshReason>,
    pub(super) duration: Millis,
}

impl Session {
    pub(super) fn on_refresh_finished(
        &mut self,
        context: &Context,
        attempt: AttemptId,
        outcome: RefreshOutcome,
    ) {
        let Some(in_flight) = self.take_in_flight(attempt) else {
            self.effects.note("late answer ignored");
            return;
        };
        if in_flight.epoch != self.epoch {
            // A sign-in or sign-out happened while it was in flight.
            self.effects.note("answer of another session ignored");
            self.finish(in_flight);
            return;
        }
        match outcome {
            RefreshOutcome::Granted(grant) if is_replaced(context, in_flight, &grant) => {
                // A page that was suspended meanwhile received no message of the sign-in, but the storage record shows it.
                self.effects.note("answer of another session ignored");
            }
            RefreshOutcome::Granted(grant) => self.on_granted(context, in_flight, grant),
            RefreshOutcome::Ended(_) if is_overtaken(context, in_flight) => {
                // Another tab has signed in since: the session that ended may be the previous one.
                self.effects.note("end of an earlier session");
            }
            RefreshOutcome::Ended(reason) => {
                self.effects.note(reason.as_str());
                self.backoff.succeed();
                // If this browser is signed out already, a new version could hide a concurrent sign-in.
                let is_new = !self.is_confirmed_signed_out();
                self.end_session(Some(reason), SignOutSync::Done);
                if is_new {
                    self.version = self.next_version();
                    self.publish_sign_out(context);
                }
            }
            RefreshOutcome::Failed(failure) => self.on_failed(context, in_flight, &failure),
        }
        self.finish(in_flight);
    }

    /// Whether this browser is signed out and the sign-out is confirmed.
    fn is_confirmed_signed_out(&self) -> bool {
        matches!(&self.credential, Credential::SignedOut(signed_out) if signed_out.unconfirmed.is_none())
    }

    fn on_granted(&mut self, context: &Context, in_flight: InFlight, grant: Grant) {
        self.effects.note("granted");
        self.known_lifetime = Some(grant.lifetime);
        if let Credential::Active(active) = &self.credential
            && active.issued > in_flight.sent
            && active.grant.session.id == grant.session.id
        {
            // Another tab's token is from a later request: keep that one.
            self.backoff.succeed();
            return;
        }
        let origin = Origin {
            source: Source::ThisTab,
            reason: Some(self.sent_reason),
            duration: context.now.since(in_flight.sent),
        };
        self.version = self.next_version();
        self.install_token(context, grant, in_flight.sent, &origin);
        self.write_record(context);
        self.broadcast_token(context);
    }

    fn on_failed(&mut self, context: &Context, in_flight: InFlight, failure: &Failure) {
        let now = context.now;
        self.effects.note(
            failure
                .detail
                .map_or(failure.cause.as_str(), super::UnexpectedAnswer::as_str),
        );
        self.backoff
            .fail(now, in_flight.sent, failure, &mut self.rng);
        let retry_in = self.backoff.until().since(now);
        self.effects.emit(Event::RefreshFailed {
            reason: self.sent_reason,
            cause: failure.cause,
            http_status: failure.http_status,
            duration: now.since(in_flight.sent),
            failures: self.backoff.failures(),
            retry_in,
        });
        self.publish_backoff(context);
    }

    /// Makes a token the current one.
    pub(super) fn install_token(
        &mut self,
        context: &Context,
        grant: Grant,
        issued: Timestamp,
        origin: &Origin,
    ) {
        let now = context.now;
        self.backoff.succeed();
        let is_same_session = matches!(
            &self.credential, Credential::Active(active) if active.grant.session.id == grant.session.id
        );
        if !is_same_session {
            self.epoch = self.epoch.wrapping_add(1);
        }
        let jitter = Jitter {
            shared: self.version.number() ^ u64::from(grant.session.fingerprint()),
            own: self.tab_jitter,
            is_hidden: !self.page.is_visible,
        };
        let own = origin.source != Source::OtherTab;
        let active = ActiveToken::new(grant, self.version, issued, own, jitter);
        self.effects.emit(Event::Refreshed {
            reason: origin.reason,
            source: origin.source,
            waiting: self.waiters.len(),
            duration: origin.duration,
            expires_in: active.left(now),
            refresh_in: active.refresh_at.since(now),
        });
        let previous = std::mem::replace(&mut self.credential, Credential::Active(active));
        // The sign-in has replaced the session to be signed out; the server ends the old one on sign-in.
        self.settle_sign_outs(true);
        self.settle_all(now);
        if let (Credential::Active(previous), Credential::Active(active)) =
            (previous, &self.credential)
            && !previous.grant.session.is_same_user(&active.grant.session)
        {
            self.effects.emit(Event::UserChanged {
                previous: previous.grant.session.user,
                user: active.grant.session.user.clone(),
            });
        }
    }

    /// The fingerprint of the recorded session; 0 without one.
    fn recorded_fingerprint(&self) -> u32 {
        match self.last_record.as_ref().map(|record| &record.state) {
            Some(RecordState::SignedIn { fingerprint, .. }) => *fingerprint,
            Some(RecordState::SignedOut { .. }) | None => 0,
        }
    }

    /// Ends the session on this tab.
    pub(super) fn end_session(&mut self, reason: Option<EndReason>, sync: SignOutSync) {
        let was_signed_out = matches!(self.credential, Credential::SignedOut(_));
        let fingerprint = match &self.credential {
            Credential::Active(active) => active.grant.session.fingerprint(),
            Credential::SignedOut(signed_out) => signed_out.fingerprint,
            Credential::Unknown => self.recorded_fingerprint(),
        };
        self.epoch = self.epoch.wrapping_add(1);
        self.credential = Credential::SignedOut(SignedOut {
            reason,
            fingerprint,
            sync,
            unconfirmed: None,
        });
        self.reject_all(SessionError::SignedOut { reason });
        if sync == SignOutSync::Done {
            self.settle_sign_outs(true);
        }
        if let Some(reason) = reason
            && !was_signed_out
        {
            self.effects.emit(Event::SignedOut { reason });
        }
    }

    pub(super) fn on_sign_out_requested(
        &mut self,
        context: &Context,
        caller: CallerId,
        everywhere: bool,
    ) {
        let was_told = match &self.credential {
            Credential::SignedOut(signed_out) => {
                signed_out.sync == SignOutSync::Done && signed_out.unconfirmed.is_none()
            }
            Credential::Unknown | Credential::Active(_) => false,
        };
        if was_told && !everywhere {
            self.effects.settle(
                caller,
                Ok(Answer::SignedOut {
                    server_notified: true,
                }),
            );
            return;
        }
        self.sign_outs.push(caller);
        self.version = self.next_version();
        // Failed refreshes do not predict whether this request fails.
        self.backoff.succeed();
        self.end_session(
            Some(EndReason::SignedOut),
            SignOutSync::Pending { everywhere },
        );
        self.publish_sign_out(context);
    }

    pub(super) fn on_sign_out_finished(
        &mut self,
        context: &Context,
        attempt: AttemptId,
        outcome: SignOutOutcome,
    ) {
        let Some(in_flight) = self.take_in_flight(attempt) else {
            return;
        };
        match outcome {
            SignOutOutcome::Notified => {
                self.effects.note("told");
                if let Credential::SignedOut(signed_out) = &mut self.credential
                    && in_flight.epoch == self.epoch
                {
                    signed_out.sync = SignOutSync::Done;
                    self.backoff.succeed();
                    self.write_record(context);
                }
                self.settle_sign_outs(true);
            }
            SignOutOutcome::Failed(failure) => {
                self.effects.note(failure.cause.as_str());
                if in_flight.epoch == self.epoch {
                    self.backoff
                        .fail(context.now, in_flight.sent, &failure, &mut self.rng);
                    self.publish_backoff(context);
                }
                self.settle_sign_outs(false);
            }
        }
        self.finish(in_flight);
    }

    pub(super) fn settle_sign_outs(&mut self, server_notified: bool) {
        for caller in std::mem::take(&mut self.sign_outs) {
            self.effects
                .settle(caller, Ok(Answer::SignedOut { server_notified }));
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
                // In-flight requests belong to the previous session.
                self.epoch = self.epoch.wrapping_add(1);
                self.known_lifetime = Some(grant.lifetime);
                self.version = self.next_version();
                let origin = Origin {
                    source: Source::SignIn,
                    reason: None,
                    duration: context.now.since(sent),
                };
                self.install_token(context, grant, sent, &origin);
                self.write_record(context);
                self.broadcast_token(context);
                Ok(Answer::SignedIn)
            }
            SignInOutcome::Unusable => Err(SessionError::InvalidTokenResponse),
            SignInOutcome::Threw => Err(SessionError::SignInThrew),
        };
        self.effects.settle(caller, answer);
    }
}

/// The fingerprint of a session that another tab has recorded since this exchange was sent.
fn written_since(context: &Context, in_flight: InFlight) -> Option<u32> {
    let StoredState::Record(record) = &context.stored else {
        return None;
    };
    match record.state {
        RecordState::SignedIn { fingerprint, .. } if record.version.is_after(in_flight.seen) => {
            Some(fingerprint)
        }
        RecordState::SignedIn { .. } | RecordState::SignedOut { .. } => None,
    }
}

/// Whether another tab may have signed in since this exchange was sent.
fn is_overtaken(context: &Context, in_flight: InFlight) -> bool {
    written_since(context, in_flight).is_some()
}

/// Whether another tab has recorded a different session since this exchange was sent.
fn is_replaced(context: &Context, in_flight: InFlight, grant: &Grant) -> bool {
    written_since(context, in_flight)
        .is_some_and(|fingerprint| fingerprint != grant.session.fingerprint())
}
