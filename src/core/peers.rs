//! The other tabs of the browser: what they have posted and recorded.

use super::context::Context;
use super::effect::Effect;
use super::effects::Effects;
use super::grant::Grant;
use super::ids::Version;
use super::millis::Millis;
use super::storage_record::{PersistedBackoff, RecordState, StorageRecord, StoredState};
use super::tab_message::TabMessage;
use super::time::{Timestamp, WallTime};

/// What this tab knows of its peers.
#[derive(Debug)]
pub(super) struct Peers {
    last_message_at: Option<Timestamp>,
    /// When another tab started an exchange whose outcome has not been received.
    refresh_started_at: Option<Timestamp>,
    /// Until when sign-out messages are ignored unless the storage record confirms them.
    ignore_sign_outs_until: Timestamp,
    /// The lifetime of the last token that this tab received from the auth server; other tabs' tokens have no longer one.
    known_lifetime: Millis,
    /// The storage record as last read or written.
    record: Option<StorageRecord>,
}

impl Peers {
    /// How long sign-out messages are ignored after one that the storage record did not confirm.
    const IGNORE_PERIOD: Millis = Millis::from_secs(600);
    /// The maximum lifetime of another tab's token until this tab has received one from the auth server.
    const MAX_UNVERIFIED_LIFETIME: Millis = Millis::from_secs(300);
    /// The maximum difference of two tabs' readings of the wall clock.
    const MAX_CLOCK_SKEW: Millis = Millis::from_secs(1);
    /// The minimum time that a tab counts as open after its last message.
    const TTL: Millis = Millis::from_secs(120);

    pub(super) const fn new() -> Self {
        Self {
            last_message_at: None,
            refresh_started_at: None,
            ignore_sign_outs_until: Timestamp::from_millis(0),
            known_lifetime: Self::MAX_UNVERIFIED_LIFETIME,
            record: None,
        }
    }

    pub(super) fn on_message(&mut self, now: Timestamp, message: &TabMessage) {
        self.last_message_at = Some(now);
        if message.is_outcome() {
            self.refresh_started_at = None;
        } else if *message == TabMessage::RefreshStarted {
            self.refresh_started_at = Some(now);
        }
    }

    /// This tab has received a token with this lifetime from the auth server.
    pub(super) fn on_own_token(&mut self, lifetime: Millis) {
        self.known_lifetime = lifetime;
    }

    /// Returns whether the storage record has changed since it was last read or written.
    pub(super) fn on_record(&mut self, record: &StorageRecord) -> bool {
        let is_changed = self.record.as_ref() != Some(record);
        self.record = Some(*record);
        is_changed
    }

    /// A sign-out message was forged: further ones are ignored for a while. A real sign-out is also written to storage.
    pub(super) fn on_forged_sign_out(&mut self, now: Timestamp) {
        self.ignore_sign_outs_until = now + Self::IGNORE_PERIOD;
    }

    pub(super) fn ignores_sign_outs(&self, now: Timestamp) -> bool {
        self.ignore_sign_outs_until > now
    }

    /// Whether another tab is probably open: it would have sent a message within the last two token lifetimes.
    pub(super) fn is_any_open(&self, now: Timestamp) -> bool {
        let ttl = (self.known_lifetime * 2).max(Self::TTL);
        self.last_message_at.is_some_and(|at| now.since(at) <= ttl)
    }

    /// Validates another tab's token. Returns it with a limited lifetime, and when it was issued.
    pub(super) fn check_token(
        &self,
        context: &Context,
        grant: Grant,
        age: Millis,
        posted: WallTime,
    ) -> Option<(Grant, Timestamp)> {
        let age = age + context.wall.since(posted);
        // Posted in the future: the wall clock was set back since, so the token's age is unknown.
        let is_ageless = posted.since(context.wall) > Self::MAX_CLOCK_SKEW;
        if is_ageless || age >= grant.lifetime {
            return None;
        }
        let lifetime = grant.lifetime.min(self.known_lifetime);
        let refresh_in = grant.refresh_in.filter(|refresh_in| *refresh_in < lifetime);
        let grant = Grant {
            lifetime,
            refresh_in,
            ..grant
        };
        Some((grant, context.now.before(age)))
    }

    pub(super) fn refresh_started_at(&self) -> Option<Timestamp> {
        self.refresh_started_at
    }

    /// Returns the fingerprint of the recorded session, or of the one that has ended; 0 without one.
    pub(super) fn recorded_fingerprint(&self) -> u32 {
        match self.record.as_ref().map(|record| &record.state) {
            Some(
                RecordState::SignedIn { fingerprint, .. }
                | RecordState::SignedOut { fingerprint, .. },
            ) => *fingerprint,
            None => 0,
        }
    }

    /// Writes the storage record. The state of a newer record, or of any if this tab has none, is kept.
    pub(super) fn write_record(
        &mut self,
        context: &Context,
        version: Version,
        own: Option<RecordState>,
        backoff: Option<PersistedBackoff>,
        effects: &mut Effects,
    ) {
        let recorded = match &context.stored {
            StoredState::Record(record) => Some(record),
            StoredState::Unavailable | StoredState::Empty => None,
        };
        let (version, state) = match (recorded, own) {
            (Some(record), _) if record.version.is_after(version) => (record.version, record.state),
            (_, Some(own)) => (version, own),
            (Some(record), None) => (record.version, record.state),
            (None, None) => return,
        };
        let record = StorageRecord {
            version,
            state,
            backoff,
        };
        self.record = Some(record);
        effects.push(Effect::WriteRecord(record));
    }
}

#[cfg(test)]
mod tests;
