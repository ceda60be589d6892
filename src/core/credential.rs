//! The credential of a tab: unknown, an active token, or signed out. Versions and epochs order what changes it.

use crate::wire::{EndReason, PageVisibility, RefreshReason};

use super::context::Context;
use super::error::FailureCause;
use super::grant::{Grant, SessionInfo};
use super::ids::Version;
use super::millis::Millis;
use super::sign_out::{SignOutSync, SignedOut};
use super::status::Status;
use super::storage_record::StoredState;
use super::tab_message::TabMessage;
use super::time::Timestamp;
use super::token::{ActiveToken, Jitter, Offer};

mod record;

pub(super) use record::RecordChange;

/// The credential of a tab.
#[derive(Debug)]
pub(super) struct Credential {
    state: State,
    /// The version of the credential.
    version: Version,
    /// The highest version that this tab has read from the storage record.
    seen: Version,
    /// Incremented when a session begins or ends; responses from an earlier epoch are ignored.
    epoch: u32,
    /// This tab's jitter in thousandths; spreads the refreshes of concurrent tabs.
    jitter: u64,
}

#[derive(Debug)]
enum State {
    /// No token yet; there may be a session.
    Unknown,
    /// A token, possibly expired.
    Active(ActiveToken),
    /// No session.
    SignedOut(SignedOut),
}

impl Credential {
    /// How long the storage record may take to confirm a sign-out message.
    const CONFIRMATION_TIMEOUT: Millis = Millis::from_secs(2);

    #[inline(never)]
    pub(super) fn new(jitter: u64) -> Self {
        Self {
            state: State::Unknown,
            version: Version::default(),
            seen: Version::default(),
            epoch: 0,
            jitter,
        }
    }

    /// No session is recorded, so no request is sent (P29).
    pub(super) fn on_empty_storage(&mut self) {
        self.state = State::SignedOut(SignedOut::new(None, 0, SignOutSync::Done));
    }

    /// Reverts a sign-out that the storage record did not confirm, as no tab sent it. Returns whether there was one.
    pub(super) fn on_deadline(&mut self, now: Timestamp) -> bool {
        let is_due = self.deadline().is_some_and(|(until, _)| now >= until);
        if is_due {
            self.version = self.settled_version();
            self.state = State::Unknown;
        }
        is_due
    }

    /// Makes a token the current one. Returns the previous session, if there was one.
    pub(super) fn on_granted(
        &mut self,
        version: Version,
        grant: Grant,
        issued: Timestamp,
        own: bool,
        page: PageVisibility,
    ) -> Option<SessionInfo> {
        let is_same_session = self
            .active()
            .is_some_and(|active| active.session().id == grant.session.id);
        if !is_same_session {
            self.begin_epoch();
        }
        self.version = version;
        let jitter = Jitter {
            shared: version.number() ^ u64::from(grant.session.fingerprint()),
            own: self.jitter,
            is_hidden: page == PageVisibility::Hidden,
        };
        let active = ActiveToken::new(grant, version, issued, own, jitter);
        match std::mem::replace(&mut self.state, State::Active(active)) {
            State::Active(previous) => Some(previous.into_session()),
            State::Unknown | State::SignedOut(_) => None,
        }
    }

    /// Ends the session. Returns whether this tab was not signed out before. A request without a cookie ends no session that this
    /// browser knows of: a visitor remains one, without a reason.
    pub(super) fn on_ended(
        &mut self,
        reason: EndReason,
        sync: SignOutSync,
        recorded_fingerprint: u32,
    ) -> bool {
        let (fingerprint, is_new, reason_before) = match &self.state {
            State::Active(active) => (active.session().fingerprint(), true, Some(reason)),
            State::SignedOut(signed_out) => (signed_out.fingerprint(), false, signed_out.reason()),
            State::Unknown if recorded_fingerprint == 0 => (0, true, None),
            State::Unknown => (recorded_fingerprint, true, Some(reason)),
        };
        let reason = if reason == EndReason::NoCookie {
            reason_before
        } else {
            Some(reason)
        };
        self.begin_epoch();
        self.state = State::SignedOut(SignedOut::new(reason, fingerprint, sync));
        is_new
    }

    /// The sign-out was reported by a message with this version. If there is a storage record, it has to confirm it: the
    /// record would have been read before, had it reported the sign-out.
    pub(super) fn on_sign_out_reported(&mut self, context: &Context, version: Version) {
        if let (State::SignedOut(signed_out), StoredState::Record(_)) =
            (&mut self.state, &context.stored)
        {
            signed_out.on_reported(context.now + Self::CONFIRMATION_TIMEOUT, self.version);
        }
        self.version = version;
    }

    /// The auth server is notified of a sign-out in this epoch. Returns whether it was the current one.
    pub(super) fn on_notified(&mut self, epoch: u32) -> bool {
        match &mut self.state {
            State::SignedOut(signed_out) if epoch == self.epoch => {
                signed_out.on_sync(SignOutSync::Done);
                true
            }
            State::SignedOut(_) | State::Active(_) | State::Unknown => false,
        }
    }

    /// Postpones the background refresh.
    pub(super) fn on_refresh_postponed(&mut self, now: Timestamp) {
        if let State::Active(active) = &mut self.state {
            active.postpone_refresh(now);
        }
    }

    /// Resolves a concurrent sign-out of an earlier session and sign-in on this tab: the new session gets a newer version.
    /// Returns whether the sign-out with this version was one.
    pub(super) fn supersede(&mut self, version: Version, fingerprint: u32) -> bool {
        match &mut self.state {
            State::Active(active)
                if version == self.version && active.is_own_of_other_session(fingerprint) =>
            {
                self.version = version.next();
                active.renumber(self.version);
                true
            }
            State::Active(_) | State::Unknown | State::SignedOut(_) => false,
        }
    }

    /// Voids the responses to requests in flight: they belong to the previous session.
    pub(super) fn begin_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// Gives the credential a version above every one that this browser is known to have used.
    pub(super) fn raise_version(&mut self) {
        self.version = self.highest_version().next();
    }

    /// Whether a message with this version has a newer token. It does not have the version of this session's sign-out, or of
    /// the active token. While the auth server has still to be notified of a sign-out, the storage record, if there is one,
    /// must show the new session first.
    pub(super) fn is_replaced_by(&self, context: &Context, version: Version) -> bool {
        let must_be_recorded = matches!(context.stored, StoredState::Record(_));
        version.is_after(self.version) && !(must_be_recorded && self.notification().is_some())
    }

    /// Whether a sign-out with this version would end this tab's session.
    pub(super) fn is_ended_by(&self, version: Version) -> bool {
        version.is_serial() && !self.version.is_after(version) && self.signed_out().is_none()
    }

    /// Whether a refresh that was sent at this time was overtaken by another tab's later one of the same session.
    pub(super) fn is_newer_than(&self, sent: Timestamp, grant: &Grant) -> bool {
        self.active().is_some_and(|active| {
            active.is_issued_after(sent) && active.session().id == grant.session.id
        })
    }

    pub(super) fn active(&self) -> Option<&ActiveToken> {
        match &self.state {
            State::Active(active) => Some(active),
            State::Unknown | State::SignedOut(_) => None,
        }
    }

    pub(super) fn signed_out(&self) -> Option<&SignedOut> {
        match &self.state {
            State::SignedOut(signed_out) => Some(signed_out),
            State::Unknown | State::Active(_) => None,
        }
    }

    /// Whether this browser is signed out and the sign-out is confirmed.
    pub(super) fn is_confirmed_signed_out(&self) -> bool {
        self.signed_out().is_some_and(SignedOut::is_confirmed)
    }

    /// Whether this browser is signed out and the auth server is notified.
    pub(super) fn is_notified(&self) -> bool {
        self.is_confirmed_signed_out() && self.notification().is_none()
    }

    /// Returns the sign-out of which the auth server has to be notified: whether it ends the sessions on all devices.
    pub(super) fn notification(&self) -> Option<bool> {
        self.signed_out().and_then(SignedOut::notification)
    }

    /// Returns what callers can be given.
    pub(super) fn offer(&self, now: Timestamp, is_suspended: bool) -> Offer<'_> {
        match &self.state {
            State::Active(active) if active.is_usable(now) && !is_suspended => Offer::Token(active),
            State::Active(_) | State::Unknown => Offer::Nothing,
            State::SignedOut(signed_out) => Offer::SignedOut {
                reason: signed_out.reason(),
                is_notified: signed_out.is_notified(),
            },
        }
    }

    /// Returns when and why the token is refreshed without callers: when it is due, or asked for at `pushed`, and not before
    /// `retry_at`; `None` if it is not.
    pub(super) fn background(
        &self,
        pushed: Timestamp,
        retry_at: Timestamp,
    ) -> Option<(Timestamp, RefreshReason)> {
        match &self.state {
            State::Unknown => Some((Timestamp::default(), RefreshReason::Load)),
            State::Active(active) => {
                let due = active.refresh_at().min(pushed).max(retry_at);
                Some((due, RefreshReason::Timer))
            }
            State::SignedOut(_) => None,
        }
    }

    /// Returns until when a sign-out has to be confirmed.
    pub(super) fn deadline(&self) -> Option<(Timestamp, &'static str)> {
        let until = self.signed_out().and_then(SignedOut::deadline)?;
        Some((until, "sign_out"))
    }

    pub(super) fn status(&self, failure: Option<FailureCause>) -> Status {
        match &self.state {
            State::Unknown => Status::Unknown { failure },
            State::Active(active) => Status::SignedIn {
                session: active.session().clone(),
                failure,
            },
            State::SignedOut(signed_out) => Status::SignedOut {
                reason: signed_out.reason(),
                server_notified: signed_out.is_notified(),
            },
        }
    }

    /// Returns the message for other tabs: a usable token, or a confirmed sign-out.
    pub(super) fn message(&self, context: &Context) -> Option<TabMessage> {
        match &self.state {
            State::Active(active) if active.is_usable(context.now) => {
                Some(active.message(self.version, context))
            }
            State::SignedOut(signed_out) => signed_out.message(self.version),
            State::Active(_) | State::Unknown => None,
        }
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Returns the highest version that more than a message confirms.
    fn settled_version(&self) -> Version {
        let before = self.signed_out().and_then(SignedOut::version_before);
        before.unwrap_or(self.version)
    }

    /// Returns the version that a new token must differ from.
    pub(super) fn token_version(&self) -> Version {
        self.active()
            .map_or_else(|| self.settled_version(), ActiveToken::version)
    }

    /// Returns the highest version that this browser is known to have used.
    pub(super) fn highest_version(&self) -> Version {
        self.version.newest(self.seen)
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }
}

#[cfg(test)]
mod tests;
