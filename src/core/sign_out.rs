//! A sign-out, whether the auth server is notified of it, and whether the storage record confirms it.

use crate::wire::EndReason;

use super::ids::Version;
use super::storage_record::{RecordState, StorageRecord};
use super::tab_message::TabMessage;
use super::time::Timestamp;

/// A sign-out and the state of its sign-out sync.
#[derive(Debug)]
pub(super) struct SignedOut {
    reason: Option<EndReason>,
    /// The fingerprint of the ended session; 0 if unknown.
    fingerprint: u32,
    sync: SignOutSync,
    /// Set while only a tab message reports the sign-out: any script of the origin can post one.
    unconfirmed: Option<Unconfirmed>,
}

#[derive(Clone, Copy, Debug)]
struct Unconfirmed {
    /// When the sign-out is treated as forged.
    until: Timestamp,
    /// The version of this tab's credential before the message.
    before: Version,
}

/// Whether the auth server still has to be notified of a sign-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignOutSync {
    /// The auth server is notified, or another tab notifies it.
    Done,
    /// The notification has not been sent, or failed.
    Pending {
        /// Whether to end the user's sessions on all devices.
        everywhere: bool,
    },
}

impl SignedOut {
    pub(super) const fn new(
        reason: Option<EndReason>,
        fingerprint: u32,
        sync: SignOutSync,
    ) -> Self {
        Self {
            reason,
            fingerprint,
            sync,
            unconfirmed: None,
        }
    }

    /// Sets whether the auth server still has to be notified.
    pub(super) fn on_sync(&mut self, sync: SignOutSync) {
        self.sync = sync;
    }

    /// Applies what the storage record shows. Returns whether another session than this one was signed out since.
    pub(super) fn on_recorded(&mut self, fingerprint: u32, sync: SignOutSync) -> bool {
        let is_other = self.fingerprint != fingerprint;
        self.fingerprint = fingerprint;
        self.sync = sync;
        is_other
    }

    /// Only a message reports the sign-out: the record has to confirm it.
    pub(super) fn on_reported(&mut self, until: Timestamp, before: Version) {
        self.unconfirmed = Some(Unconfirmed { until, before });
    }

    /// Confirms or drops an unconfirmed sign-out according to the storage record. Returns the version of the credential then.
    pub(super) fn on_record(&mut self, record: &StorageRecord) -> Option<Version> {
        let Unconfirmed { before, .. } = self.unconfirmed?;
        let is_signed_out = matches!(record.state, RecordState::SignedOut { .. });
        let version = if is_signed_out && !before.is_after(record.version) {
            record.version
        } else if record.version.is_after(before) {
            before
        } else {
            return None;
        };
        self.unconfirmed = None;
        Some(version)
    }

    pub(super) fn reason(&self) -> Option<EndReason> {
        self.reason
    }

    pub(super) fn fingerprint(&self) -> u32 {
        self.fingerprint
    }

    /// Whether the auth server is notified.
    pub(super) fn is_notified(&self) -> bool {
        self.sync == SignOutSync::Done
    }

    pub(super) fn is_confirmed(&self) -> bool {
        self.unconfirmed.is_none()
    }

    /// Returns whether a notification that has to be sent ends the sessions on all devices; `None` without one.
    pub(super) fn notification(&self) -> Option<bool> {
        match self.sync {
            SignOutSync::Pending { everywhere } => Some(everywhere),
            SignOutSync::Done => None,
        }
    }

    /// Returns the version of the credential before an unconfirmed sign-out.
    pub(super) fn version_before(&self) -> Option<Version> {
        self.unconfirmed.map(|unconfirmed| unconfirmed.before)
    }

    /// Returns when an unconfirmed sign-out is treated as forged.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.unconfirmed.map(|unconfirmed| unconfirmed.until)
    }

    /// Returns what the storage record shows of it; nothing of an unconfirmed sign-out.
    pub(super) fn record_state(&self) -> Option<RecordState> {
        self.is_confirmed().then(|| RecordState::SignedOut {
            // With a fingerprint of 0, a visitor.
            reason: self.reason.unwrap_or(EndReason::NoCookie),
            fingerprint: self.fingerprint,
            told: self.is_notified(),
            everywhere: self.notification() == Some(true),
        })
    }

    /// Returns the message for other tabs; an unconfirmed sign-out is not passed on.
    pub(super) fn message(&self, version: Version) -> Option<TabMessage> {
        let reason = self.reason.filter(|_| self.is_confirmed())?;
        Some(TabMessage::SignedOut {
            version,
            reason,
            fingerprint: self.fingerprint,
        })
    }
}
