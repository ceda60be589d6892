//! What becomes of the session when a fact about it is known: a token, an end, a failure.

use crate::wire::{EndReason, RefreshReason};

use super::access::{Access, Duty, Held, Out, Shift};
use super::effect::{Answer, Effect, Event, Source};
use super::error::SessionError;
use super::exchange::Flight;
use super::grant::Grant;
use super::ids::{AttemptId, RequestId};
use super::input::{AdoptOutcome, Failure, RefreshOutcome, SignOutOutcome};
use super::mark::{MarkState, Shelf};
use super::session::Session;
use super::span::Span;
use super::time::{Moment, Timestamp};

/// Where a token comes from, for whoever watches.
pub(super) struct Origin {
    pub(super) source: Source,
    pub(super) reason: Option<RefreshReason>,
    pub(super) duration: Span,
}

impl Session {
    pub(super) fn on_refresh_finished(
        &mut self,
        moment: &Moment,
        attempt: AttemptId,
        outcome: RefreshOutcome,
    ) {
        let Some(flight) = self.take_flight(attempt) else {
            self.note("late answer ignored");
            return;
        };
        if flight.epoch != self.epoch {
            // The user signed out, or in as somebody else, while it was on its way.
            self.note("answer of another session ignored");
            self.end_flight(flight);
            return;
        }
        match outcome {
            RefreshOutcome::Granted(grant) if is_replaced(moment, flight, &grant) => {
                // A page that slept meanwhile does not know, but the shelf does.
                self.note("answer of another session ignored");
            }
            RefreshOutcome::Granted(grant) => self.on_granted(moment, flight, grant),
            RefreshOutcome::Ended(_) if is_overtaken(moment, flight) => {
                // Somebody has signed in since: what ended may be the session before.
                self.note("end of an earlier session");
            }
            RefreshOutcome::Ended(reason) => {
                self.note(reason.as_str());
                self.backoff.succeed();
                // Where this browser is out already, told with an order of its own it could hide a sign-in of this very moment.
                let is_news = !self.is_known_to_be_out();
                self.go_out(Some(reason), Duty::Done);
                if is_news {
                    self.version = self.next_version();
                    self.tell_of_end(moment);
                }
            }
            RefreshOutcome::Failed(failure) => self.on_failed(moment, flight, &failure),
        }
        self.end_flight(flight);
    }

    /// Whether this browser is signed out, by more than a message's word.
    fn is_known_to_be_out(&self) -> bool {
        matches!(&self.access, Access::Out(out) if out.doubt.is_none())
    }

    fn on_granted(&mut self, moment: &Moment, flight: Flight, grant: Grant) {
        self.note("granted");
        self.known_life = Some(grant.life);
        if let Access::Held(held) = &self.access
            && held.issued > flight.sent
            && held.grant.session.id == grant.session.id
        {
            // Another tab's token is from a later request: the newer one stays.
            self.backoff.succeed();
            return;
        }
        let origin = Origin {
            source: Source::ThisTab,
            reason: Some(self.flight_reason),
            duration: moment.now.since(flight.sent),
        };
        self.version = self.next_version();
        self.take_over(moment, grant, flight.sent, &origin);
        self.write_mark(moment);
        self.broadcast_token(moment);
    }

    fn on_failed(&mut self, moment: &Moment, flight: Flight, failure: &Failure) {
        let now = moment.now;
        self.note(
            failure
                .detail
                .map_or(failure.cause.as_str(), super::UnexpectedAnswer::as_str),
        );
        self.backoff
            .fail(now, flight.sent, failure, &mut self.chance);
        let retry_in = self.backoff.until().since(now);
        self.effects.push(Effect::Emit(Event::RefreshFailed {
            reason: self.flight_reason,
            cause: failure.cause,
            http_status: failure.http_status,
            duration: now.since(flight.sent),
            failures: self.backoff.failures(),
            retry_in,
        }));
        self.tell_of_failure(moment);
    }

    /// Makes a token the current one.
    pub(super) fn take_over(
        &mut self,
        moment: &Moment,
        grant: Grant,
        issued: Timestamp,
        origin: &Origin,
    ) {
        let now = moment.now;
        self.backoff.succeed();
        let is_same_session = matches!(
            &self.access, Access::Held(held) if held.grant.session.id == grant.session.id
        );
        if !is_same_session {
            self.epoch = self.epoch.wrapping_add(1);
        }
        let shift = Shift {
            agreed: self.version.number() ^ u64::from(grant.session.fingerprint()),
            own: self.tab_share,
            is_hidden: !self.page.is_visible,
        };
        let own = origin.source != Source::OtherTab;
        let held = Held::new(grant, self.version, issued, own, shift);
        self.effects.push(Effect::Emit(Event::Refreshed {
            reason: origin.reason,
            source: origin.source,
            waiting: self.waiters.len(),
            duration: origin.duration,
            expires_in: held.left(now),
            refresh_in: held.refresh_at.since(now),
        }));
        let previous = std::mem::replace(&mut self.access, Access::Held(held));
        // A sign-in has replaced the session that was to be ended: the server ends it with that.
        self.settle_sign_outs(true);
        self.settle_all(now);
        if let (Access::Held(previous), Access::Held(held)) = (previous, &self.access)
            && !previous.grant.session.is_same_user(&held.grant.session)
        {
            self.effects.push(Effect::Emit(Event::UserChanged {
                previous: previous.grant.session.user,
                user: held.grant.session.user.clone(),
            }));
        }
    }

    /// The fingerprint of the session that the shelf tells of; 0 where it tells of none.
    fn marked_fingerprint(&self) -> u32 {
        match self.last_mark.as_ref().map(|mark| &mark.state) {
            Some(MarkState::SignedIn { fingerprint, .. }) => *fingerprint,
            Some(MarkState::SignedOut { .. }) | None => 0,
        }
    }

    /// Makes this browser's session be over, as far as this tab is concerned.
    pub(super) fn go_out(&mut self, reason: Option<EndReason>, duty: Duty) {
        let was_out = matches!(self.access, Access::Out(_));
        let fingerprint = match &self.access {
            Access::Held(held) => held.grant.session.fingerprint(),
            Access::Out(out) => out.fingerprint,
            Access::Unknown => self.marked_fingerprint(),
        };
        self.epoch = self.epoch.wrapping_add(1);
        self.access = Access::Out(Out {
            reason,
            fingerprint,
            duty,
            doubt: None,
        });
        self.refuse_all(SessionError::SignedOut { reason });
        if duty == Duty::Done {
            self.settle_sign_outs(true);
        }
        if let Some(reason) = reason
            && !was_out
        {
            self.effects.push(Effect::Emit(Event::SignedOut { reason }));
        }
    }

    pub(super) fn on_sign_out_requested(
        &mut self,
        moment: &Moment,
        request: RequestId,
        everywhere: bool,
    ) {
        let was_told = match &self.access {
            Access::Out(out) => out.duty == Duty::Done && out.doubt.is_none(),
            Access::Unknown | Access::Held(_) => false,
        };
        if was_told && !everywhere {
            self.answer(request, Ok(Answer::SignedOut { server_told: true }));
            return;
        }
        self.sign_outs.push(request);
        self.version = self.next_version();
        // A row of failed refreshes says nothing about this call.
        self.backoff.succeed();
        self.go_out(Some(EndReason::SignedOut), Duty::Tell { everywhere });
        self.tell_of_end(moment);
    }

    pub(super) fn on_sign_out_finished(
        &mut self,
        moment: &Moment,
        attempt: AttemptId,
        outcome: SignOutOutcome,
    ) {
        let Some(flight) = self.take_flight(attempt) else {
            return;
        };
        match outcome {
            SignOutOutcome::Told => {
                self.note("told");
                if let Access::Out(out) = &mut self.access
                    && flight.epoch == self.epoch
                {
                    out.duty = Duty::Done;
                    self.backoff.succeed();
                    self.write_mark(moment);
                }
                self.settle_sign_outs(true);
            }
            SignOutOutcome::Failed(failure) => {
                self.note(failure.cause.as_str());
                if flight.epoch == self.epoch {
                    self.backoff
                        .fail(moment.now, flight.sent, &failure, &mut self.chance);
                    self.tell_of_failure(moment);
                }
                self.settle_sign_outs(false);
            }
        }
        self.end_flight(flight);
    }

    pub(super) fn settle_sign_outs(&mut self, server_told: bool) {
        for request in std::mem::take(&mut self.sign_outs) {
            self.answer(request, Ok(Answer::SignedOut { server_told }));
        }
    }

    pub(super) fn on_adopted(
        &mut self,
        moment: &Moment,
        request: RequestId,
        sent: Timestamp,
        outcome: AdoptOutcome,
    ) {
        let answer = match outcome {
            AdoptOutcome::Granted(grant) => {
                // Whatever is on its way was asked for by the session before.
                self.epoch = self.epoch.wrapping_add(1);
                self.known_life = Some(grant.life);
                self.version = self.next_version();
                let origin = Origin {
                    source: Source::Adopted,
                    reason: None,
                    duration: moment.now.since(sent),
                };
                self.take_over(moment, grant, sent, &origin);
                self.write_mark(moment);
                self.broadcast_token(moment);
                Ok(Answer::Adopted)
            }
            AdoptOutcome::Unusable => Err(SessionError::NotAdoptable),
            AdoptOutcome::Threw => Err(SessionError::SignInThrew),
        };
        self.answer(request, answer);
    }
}

/// The fingerprint of the session that another tab has written of since this exchange was sent.
fn written_since(moment: &Moment, flight: Flight) -> Option<u32> {
    let Shelf::Marked(mark) = &moment.shelf else {
        return None;
    };
    match mark.state {
        MarkState::SignedIn { fingerprint, .. } if mark.version.is_after(flight.seen) => {
            Some(fingerprint)
        }
        MarkState::SignedIn { .. } | MarkState::SignedOut { .. } => None,
    }
}

/// Whether somebody may have signed in since this exchange was sent.
fn is_overtaken(moment: &Moment, flight: Flight) -> bool {
    written_since(moment, flight).is_some()
}

/// Whether the session of this token was another one's before it came.
fn is_replaced(moment: &Moment, flight: Flight, grant: &Grant) -> bool {
    written_since(moment, flight)
        .is_some_and(|fingerprint| fingerprint != grant.session.fingerprint())
}
