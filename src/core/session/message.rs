//! What follows from the messages of other tabs and the storage record.

use crate::wire::EndReason;

use super::super::context::Context;
use super::super::credential::RecordChange;
use super::super::ids::Version;
use super::super::sign_out::SignOutSync;
use super::super::storage_record::StoredState;
use super::super::tab_message::TabMessage;
use super::Session;
use super::outcome::Origin;

impl Session {
    pub(super) fn on_tab_message(&mut self, context: &Context, message: TabMessage) {
        self.peers.on_message(context.now, &message);
        match message {
            TabMessage::Token {
                version,
                grant,
                age,
                posted,
            } => {
                let is_newer = self.credential.is_replaced_by(context, version);
                let checked = self.peers.check_token(context, grant, age, posted);
                if let Some((grant, issued)) = checked.filter(|_| is_newer) {
                    self.effects.note("other_tab");
                    self.install_token(context.now, version, grant, issued, &Origin::PEER);
                } else {
                    self.effects.note("older");
                }
            }
            TabMessage::SignedOut {
                version,
                reason,
                fingerprint,
            } => self.on_peer_sign_out(context, version, reason, fingerprint),
            TabMessage::BackoffStarted { .. } => {
                // After a sign-out, the sign-out notification is sent regardless of the other tabs' back-off.
                if self.credential.signed_out().is_none() {
                    self.backoff.on_message(context.now, &message);
                }
            }
            TabMessage::RefreshStarted => self.refresher.on_peer_started(context.now),
            TabMessage::Active { at } => {
                // Delivered late to a page that was frozen.
                let ago = context.wall.since(at);
                self.lifecycle.on_peer_activity(context.now.before(ago));
            }
            TabMessage::StateRequest { version } => {
                if self.credential.version().is_after(version) {
                    self.broadcast_credential(context);
                }
            }
        }
    }

    fn on_peer_sign_out(
        &mut self,
        context: &Context,
        version: Version,
        reason: EndReason,
        fingerprint: u32,
    ) {
        if !self.credential.is_ended_by(version) {
            self.effects.note("older");
        } else if self.peers.ignores_sign_outs(context.now) {
            self.effects.note("unconfirmed");
        } else if self.credential.supersede(version, fingerprint) {
            self.effects.note("earlier_session");
            self.publish(context);
        } else {
            self.effects.note(reason.as_str());
            self.end_session(reason, SignOutSync::Done);
            self.credential.on_sign_out_reported(context, version);
        }
    }

    /// Reads the version of the storage record, before anything else.
    pub(super) fn read_version(&mut self, context: &Context) {
        if let StoredState::Record(record) = &context.stored
            && self.credential.on_version(record.version)
        {
            self.peers.on_record(record);
        }
    }

    /// Applies the storage record if it has changed since the last input.
    pub(super) fn read_record(&mut self, context: &Context) {
        let StoredState::Record(record) = &context.stored else {
            return;
        };
        if !self.peers.on_record(record) {
            return;
        }
        match self.credential.on_record(context.now, record) {
            RecordChange::None => {}
            RecordChange::Ended(reason, sync) => {
                self.effects.note(reason.as_str());
                self.end_session(reason, sync);
            }
            RecordChange::SignOutSettled => {
                self.callers.on_sign_out_settled(true, &mut self.effects);
            }
            RecordChange::Superseded => {
                self.effects.note("earlier_session");
                self.publish(context);
            }
        }
        let version = self.credential.version();
        match &record.backoff {
            Some(backoff) if !version.is_after(record.version) => {
                self.backoff.merge_persisted(context, backoff);
            }
            None if record.version.is_after(version) => self.backoff.succeed(),
            Some(_) | None => {}
        }
    }
}
