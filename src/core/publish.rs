//! What a tab publishes to its peers: messages at once, and the storage record for tabs that open later.

use crate::wire::EndReason;

use super::backoff::BackoffSnapshot;
use super::context::Context;
use super::credential::{Credential, SignOutSync};
use super::effect::Effect;
use super::ids::Version;
use super::session::Session;
use super::storage_record::{RecordState, StorageRecord, StoredState};
use super::tab_message::TabMessage;

impl Session {
    /// Returns a version above every one that this browser is known to have used.
    pub(super) fn next_version(&self) -> Version {
        self.highest_version().next()
    }

    /// Returns the highest version that more than a message confirms.
    pub(super) fn settled_version(&self) -> Version {
        match &self.credential {
            Credential::SignedOut(signed_out) => signed_out
                .unconfirmed
                .map_or(self.version, |unconfirmed| unconfirmed.before),
            Credential::Unknown | Credential::Active(_) => self.version,
        }
    }

    /// Returns the highest version that this browser is known to have used.
    pub(super) fn highest_version(&self) -> Version {
        self.version.newest(self.seen)
    }

    /// Reads the version of the storage record. If no tab can have written it, all tabs continue from it and ignore the
    /// rest of the record.
    pub(super) fn read_version(&mut self, context: &Context) {
        let StoredState::Record(record) = &context.stored else {
            return;
        };
        let version = record.version;
        if !version.is_serial() {
            return;
        }
        let known = self.settled_version().newest(self.seen);
        if version.is_after(known) {
            self.seen = version;
            if !version.is_after(self.version) {
                // This tab's version is too far behind to be compared (RFC 1982).
                self.version = version.previous();
            }
        } else if !version.is_behind_by_little(known) {
            (self.version, self.seen) = (version, version);
            self.last_record = Some(*record);
        }
    }

    pub(super) fn publish_sign_out(&mut self, context: &Context) {
        self.write_record(context);
        self.broadcast_sign_out();
    }

    pub(super) fn broadcast_sign_out(&mut self) {
        let Credential::SignedOut(signed_out) = &self.credential else {
            return;
        };
        if let Some(reason) = signed_out.reason {
            let message = TabMessage::SignedOut {
                version: self.version,
                reason,
                fingerprint: signed_out.fingerprint,
            };
            self.effects.broadcast(message);
        }
    }

    pub(super) fn publish_backoff(&mut self, context: &Context) {
        self.write_record(context);
        if let Some(snapshot) = self.backoff.snapshot(context.now) {
            let BackoffSnapshot {
                cause,
                failures,
                retry_in,
                resets_in,
                ..
            } = snapshot;
            self.effects.broadcast(TabMessage::BackoffStarted {
                cause,
                failures,
                retry_in,
                resets_in,
            });
        }
    }

    pub(super) fn broadcast_token(&mut self, context: &Context) {
        if let Credential::Active(active) = &self.credential
            && active.is_usable(context.now)
        {
            self.effects.broadcast(TabMessage::Token {
                version: self.version,
                grant: active.grant.clone(),
                age: context.now.since(active.issued),
                posted: context.wall,
            });
        }
    }

    /// Writes the storage record, unless another tab has written a newer one.
    pub(super) fn write_record(&mut self, context: &Context) {
        let recorded = match &context.stored {
            StoredState::Record(record) => Some(record),
            StoredState::Unavailable | StoredState::Empty => None,
        };
        let own = match &self.credential {
            Credential::Active(active) => Some(RecordState::SignedIn {
                // After `pagehide`, this page cannot send its token to other tabs.
                expires: if self.page.is_pagehidden {
                    context.wall
                } else {
                    context.wall + active.left(context.now)
                },
                fingerprint: active.grant.session.fingerprint(),
            }),
            // An unconfirmed sign-out is not written.
            Credential::SignedOut(signed_out) if signed_out.unconfirmed.is_some() => None,
            Credential::SignedOut(signed_out) => Some(RecordState::SignedOut {
                reason: signed_out.reason.unwrap_or(EndReason::SignedOut),
                fingerprint: signed_out.fingerprint,
                told: signed_out.sync == SignOutSync::Done,
                everywhere: matches!(signed_out.sync, SignOutSync::Pending { everywhere: true }),
            }),
            Credential::Unknown => None,
        };
        let (version, state) = match (recorded, own) {
            (Some(record), _) if record.version.is_after(self.version) => {
                (record.version, record.state)
            }
            (_, Some(own)) => (self.version, own),
            (Some(record), None) => (record.version, record.state),
            (None, None) => return,
        };
        let record = StorageRecord {
            version,
            state,
            backoff: self.backoff.persisted(context),
        };
        self.last_record = Some(record);
        self.effects.push(Effect::WriteRecord(record));
    }
}
