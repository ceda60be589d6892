//! Handles the messages of other tabs and the storage record that they write.

use crate::wire::EndReason;

use super::backoff::BackoffSnapshot;
use super::context::Context;
use super::credential::{Credential, SignOutSync, UnconfirmedSignOut};
use super::effect::Source;
use super::grant::Grant;
use super::ids::Version;
use super::millis::Millis;
use super::outcome::Origin;
use super::session::Session;
use super::storage_record::{RecordState, StorageRecord, StoredState};
use super::tab_message::TabMessage;
use super::time::{Timestamp, WallTime};

/// The maximum lifetime of another tab's token until this tab has received one from the auth server.
const MAX_UNVERIFIED_LIFETIME: Millis = Millis::from_secs(300);
/// How long sign-out messages are ignored after one that the storage record did not confirm.
const IGNORE_PERIOD: Millis = Millis::from_secs(600);
/// The minimum time that a tab counts as open after its last message.
const PEER_TTL: Millis = Millis::from_secs(120);
/// The maximum difference of two tabs' readings of the wall clock.
const MAX_CLOCK_SKEW: Millis = Millis::from_secs(1);
/// How long the storage record may take to confirm a sign-out message.
const CONFIRMATION_TIMEOUT: Millis = Millis::from_secs(2);

impl Session {
    pub(super) fn on_tab_message(&mut self, context: &Context, message: TabMessage) {
        self.last_peer_message_at = Some(context.now);
        if message.is_outcome() {
            self.peer_refresh_started_at = None;
        }
        match message {
            TabMessage::Token {
                version,
                grant,
                age,
                posted,
            } => self.on_peer_token(context, version, grant, age, posted),
            TabMessage::SignedOut {
                version,
                reason,
                fingerprint,
            } => self.on_peer_sign_out(context, version, reason, fingerprint),
            // After a sign-out, the sign-out notification is sent regardless of the other tabs' back-off.
            TabMessage::BackoffStarted { .. }
                if matches!(self.credential, Credential::SignedOut(_)) => {}
            TabMessage::BackoffStarted {
                cause,
                failures,
                retry_in,
                resets_in,
            } => {
                // A message cannot prove that the server requested the back-off; only the storage record can.
                let snapshot = BackoffSnapshot {
                    cause,
                    failures,
                    retry_in,
                    server_requested: false,
                    resets_in,
                };
                self.backoff.merge(context.now, snapshot, &mut self.rng);
            }
            TabMessage::RefreshStarted => self.on_peer_refresh_started(context.now),
            TabMessage::StateRequest { version } => self.on_state_request(context, version),
        }
    }

    /// Whether another tab is probably open: it would have sent a message within the last two token lifetimes.
    pub(super) fn has_peers(&self, now: Timestamp) -> bool {
        let lives = self.known_lifetime.unwrap_or(MAX_UNVERIFIED_LIFETIME) * 2;
        self.last_peer_message_at
            .is_some_and(|heard| now.since(heard) <= lives.max(PEER_TTL))
    }

    fn on_peer_token(
        &mut self,
        context: &Context,
        version: Version,
        grant: Grant,
        age: Millis,
        posted: WallTime,
    ) {
        let age = age + context.wall.since(posted);
        // A token with the version of this session's sign-out, or of the active token, is not newer.
        let is_newer = version.is_after(self.version) && !self.has_pending_sign_out(context);
        // Posted in the future: the wall clock was set back since, so the token's age is unknown.
        let is_ageless = posted.since(context.wall) > MAX_CLOCK_SKEW;
        if !is_newer || is_ageless || age >= grant.lifetime {
            self.effects.note("older tab message");
            return;
        }
        self.effects.note("token from another tab");
        let believed = grant
            .lifetime
            .min(self.known_lifetime.unwrap_or(MAX_UNVERIFIED_LIFETIME));
        let grant = Grant {
            refresh_in: grant.refresh_in.filter(|refresh_in| *refresh_in < believed),
            lifetime: believed,
            ..grant
        };
        self.version = version;
        let origin = Origin {
            source: Source::OtherTab,
            reason: None,
            duration: Millis::ZERO,
        };
        self.install_token(context, grant, context.now.before(age), &origin);
    }

    fn on_peer_sign_out(
        &mut self,
        context: &Context,
        version: Version,
        reason: EndReason,
        fingerprint: u32,
    ) {
        let is_new = version.is_serial() && !self.version.is_after(version);
        if !is_new || matches!(self.credential, Credential::SignedOut(_)) {
            self.effects.note("older tab message");
            return;
        }
        if self.ignore_sign_outs_until > context.now {
            // A recent sign-out message was forged. Ignore further ones; a real sign-out is also written to storage.
            self.effects.note("unconfirmed sign-out");
            return;
        }
        if version == self.version && self.owns_different_session(fingerprint) {
            self.supersede(context, version);
            return;
        }
        self.effects.note(reason.as_str());
        let before = self.version;
        self.end_session(Some(reason), SignOutSync::Done);
        self.version = version;
        // The storage record would have been read before, had it reported the sign-out.
        if let (Credential::SignedOut(signed_out), StoredState::Record(_)) =
            (&mut self.credential, &context.stored)
        {
            let until = context.now + CONFIRMATION_TIMEOUT;
            signed_out.unconfirmed = Some(UnconfirmedSignOut { until, before });
        }
    }

    /// Whether the auth server has still to be notified of a sign-out, although a message has a newer token. With a storage
    /// record, the record must show the new session first.
    fn has_pending_sign_out(&self, context: &Context) -> bool {
        match (&self.credential, &context.stored) {
            (Credential::SignedOut(signed_out), StoredState::Record(_)) => {
                signed_out.sync != SignOutSync::Done
            }
            _ => false,
        }
    }

    /// Whether the active token is this tab's own and of another session than the ended one.
    fn owns_different_session(&self, fingerprint: u32) -> bool {
        match &self.credential {
            Credential::Active(active) => {
                active.own && fingerprint != 0 && active.grant.session.fingerprint() != fingerprint
            }
            Credential::Unknown | Credential::SignedOut(_) => false,
        }
    }

    /// Resolves a concurrent sign-out of an earlier session and sign-in on this tab: the new session wins.
    fn supersede(&mut self, context: &Context, version: Version) {
        self.effects.note("end of an earlier session");
        self.version = version.next();
        if let Credential::Active(active) = &mut self.credential {
            active.version = self.version;
        }
        self.write_record(context);
        self.broadcast_token(context);
    }

    /// Reverts a sign-out that the storage record did not confirm, as no tab sent it, and checks for the session again.
    pub(super) fn revert_unconfirmed(&mut self, context: &Context) {
        if let Credential::SignedOut(signed_out) = &self.credential
            && let Some(unconfirmed) = signed_out.unconfirmed
            && context.now >= unconfirmed.until
        {
            self.effects.note("unconfirmed sign-out");
            self.ignore_sign_outs_until = context.now + IGNORE_PERIOD;
            self.version = unconfirmed.before;
            self.credential = Credential::Unknown;
        }
    }

    /// Confirms or drops an unconfirmed sign-out according to the storage record.
    fn confirm_sign_out(&mut self, record: &StorageRecord) {
        let Credential::SignedOut(signed_out) = &mut self.credential else {
            return;
        };
        let Some(unconfirmed) = signed_out.unconfirmed else {
            return;
        };
        if record.is_signed_out() && !unconfirmed.before.is_after(record.version) {
            signed_out.unconfirmed = None;
            self.version = record.version;
        } else if record.version.is_after(unconfirmed.before) {
            signed_out.unconfirmed = None;
            self.version = unconfirmed.before;
        }
    }

    fn on_state_request(&mut self, context: &Context, asked: Version) {
        if !self.version.is_after(asked) {
            return;
        }
        match &self.credential {
            Credential::Active(_) => self.broadcast_token(context),
            // An unconfirmed sign-out is not passed on.
            Credential::SignedOut(signed_out) if signed_out.unconfirmed.is_none() => {
                self.broadcast_sign_out();
            }
            Credential::SignedOut(_) | Credential::Unknown => {}
        }
    }

    /// Applies the storage record if it has changed since the last input.
    pub(super) fn read_storage(&mut self, context: &Context) {
        let StoredState::Record(record) = &context.stored else {
            return;
        };
        if self.last_record.as_ref() == Some(record) {
            return;
        }
        self.last_record = Some(*record);
        if record.version.is_serial() {
            self.confirm_sign_out(record);
            self.read_state(context, record);
        }
        match &record.backoff {
            Some(backoff) if !self.version.is_after(record.version) => {
                self.backoff
                    .merge_persisted(context, backoff, &mut self.rng);
            }
            None if record.version.is_after(self.version) => self.backoff.succeed(),
            Some(_) | None => {}
        }
    }

    fn read_state(&mut self, context: &Context, record: &StorageRecord) {
        match record.state {
            RecordState::SignedOut {
                reason,
                fingerprint,
                told,
                everywhere,
            } => {
                if record.version == self.version && self.owns_different_session(fingerprint) {
                    self.supersede(context, record.version);
                } else if !self.version.is_after(record.version) {
                    self.version = record.version;
                    let sync = if told {
                        SignOutSync::Done
                    } else {
                        SignOutSync::Pending { everywhere }
                    };
                    self.read_end(reason, sync);
                }
            }
            RecordState::SignedIn { fingerprint, .. } if record.version.is_after(self.version) => {
                self.read_session(context, fingerprint);
            }
            RecordState::SignedIn { .. } => {}
        }
    }

    fn read_end(&mut self, reason: EndReason, sync: SignOutSync) {
        if let Credential::SignedOut(signed_out) = &mut self.credential {
            signed_out.sync = sync;
            if sync == SignOutSync::Done {
                self.settle_sign_outs(true);
            }
        } else {
            self.effects.note(reason.as_str());
            self.end_session(Some(reason), sync);
        }
    }

    fn read_session(&mut self, context: &Context, fingerprint: u32) {
        match &mut self.credential {
            Credential::Active(active) if active.grant.session.fingerprint() != fingerprint => {
                // The browser has another session now: this tab's token must not be sent.
                active.invalidate(context.now);
                self.epoch = self.epoch.wrapping_add(1);
            }
            Credential::SignedOut(_) => {
                // Another tab has signed in; its message may have been lost.
                self.credential = Credential::Unknown;
                self.epoch = self.epoch.wrapping_add(1);
                self.settle_sign_outs(true);
            }
            Credential::Active(_) | Credential::Unknown => {}
        }
    }
}

impl StorageRecord {
    fn is_signed_out(&self) -> bool {
        match self.state {
            RecordState::SignedOut { .. } => true,
            RecordState::SignedIn { .. } => false,
        }
    }
}
