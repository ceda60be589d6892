//! The storage record: what it changes of the credential, and what it shows of it.

use crate::wire::EndReason;

use super::super::context::Context;
use super::super::ids::Version;
use super::super::sign_out::SignOutSync;
use super::super::storage_record::{RecordState, StorageRecord, StoredState};
use super::super::time::Timestamp;
use super::{Credential, State};

/// What the storage record means for callers and other tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::core) enum RecordChange {
    /// Nothing.
    None,
    /// The session has ended.
    Ended(EndReason, SignOutSync),
    /// The sign-out needs no notification any more.
    SignOutSettled,
    /// The sign-out was of an earlier session: this tab's session is to be published again.
    Superseded,
}

impl Credential {
    /// Reads the version of the storage record. Returns whether no tab can have written it: then all tabs continue from it and
    /// ignore the rest of the record.
    pub(in crate::core) fn on_version(&mut self, version: Version) -> bool {
        if !version.is_serial() {
            return false;
        }
        let known = self.settled_version().newest(self.seen);
        if version.is_after(known) {
            self.seen = version;
            if !version.is_after(self.version) {
                // This tab's version is too far behind to be compared (RFC 1982).
                self.version = version.previous();
            }
            return false;
        }
        let is_of_other_numbering = !version.is_behind_by_little(known);
        if is_of_other_numbering {
            (self.version, self.seen) = (version, version);
        }
        is_of_other_numbering
    }

    /// Applies a changed storage record.
    pub(in crate::core) fn on_record(
        &mut self,
        now: Timestamp,
        record: &StorageRecord,
    ) -> RecordChange {
        if !record.version.is_serial() {
            return RecordChange::None;
        }
        if let State::SignedOut(signed_out) = &mut self.state
            && let Some(version) = signed_out.on_record(record)
        {
            self.version = version;
        }
        match record.state {
            RecordState::SignedOut {
                reason,
                fingerprint,
                told,
                everywhere,
            } => {
                if self.supersede(record.version, fingerprint) {
                    return RecordChange::Superseded;
                }
                if self.version.is_after(record.version) {
                    return RecordChange::None;
                }
                self.version = record.version;
                let sync = if told {
                    SignOutSync::Done
                } else {
                    SignOutSync::Pending { everywhere }
                };
                let State::SignedOut(signed_out) = &mut self.state else {
                    return RecordChange::Ended(reason, sync);
                };
                if signed_out.on_recorded(fingerprint, sync) {
                    // A notification in flight is of the earlier session.
                    self.begin_epoch();
                }
                if told {
                    RecordChange::SignOutSettled
                } else {
                    RecordChange::None
                }
            }
            RecordState::SignedIn { fingerprint, .. } if record.version.is_after(self.version) => {
                self.on_recorded_session(now, fingerprint)
            }
            RecordState::SignedIn { .. } => RecordChange::None,
        }
    }

    fn on_recorded_session(&mut self, now: Timestamp, fingerprint: u32) -> RecordChange {
        match &mut self.state {
            State::Active(active) if active.session().fingerprint() != fingerprint => {
                // The browser has another session now: this tab's token must not be sent.
                active.invalidate(now);
                self.begin_epoch();
                RecordChange::None
            }
            State::SignedOut(_) => {
                // Another tab has signed in; its message may have been lost.
                self.state = State::Unknown;
                self.begin_epoch();
                RecordChange::SignOutSettled
            }
            State::Active(_) | State::Unknown => RecordChange::None,
        }
    }

    /// Returns what the storage record shows of it. After `pagehide`, this page cannot send its token to other tabs.
    pub(in crate::core) fn record_state(
        &self,
        context: &Context,
        is_pagehidden: bool,
    ) -> Option<RecordState> {
        match &self.state {
            State::Active(active) => Some(RecordState::SignedIn {
                expires: if is_pagehidden {
                    context.wall
                } else {
                    context.wall + active.left(context.now)
                },
                fingerprint: active.session().fingerprint(),
            }),
            State::SignedOut(signed_out) => signed_out.record_state(),
            State::Unknown => None,
        }
    }

    /// Whether other tabs may have a valid token that this one has not received: the storage record has a higher version,
    /// or a version that no tab writes.
    pub(in crate::core) fn is_behind(&self, context: &Context) -> bool {
        let StoredState::Record(record) = &context.stored else {
            return false;
        };
        match record.state {
            _ if !record.version.is_serial() => true,
            RecordState::SignedIn { expires, .. } => {
                record.version.is_after(self.version) && expires > context.wall
            }
            RecordState::SignedOut { .. } => false,
        }
    }
}
