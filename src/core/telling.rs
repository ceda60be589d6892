//! What a tab tells the others: by message at once, and on the shelf for whoever comes later.

use crate::wire::EndReason;

use super::access::{Access, Duty};
use super::backoff::Rest;
use super::effect::Effect;
use super::ids::{Recorded, Version};
use super::mark::{Mark, MarkState, Shelf};
use super::news::TabMessage;
use super::session::Session;
use super::time::Moment;

impl Session {
    /// Returns an order above everything that this browser is known to have seen.
    pub(super) fn next_version(&self) -> Version {
        self.highest_version().next()
    }

    /// Returns the highest order among the facts that this tab knows by more than a message's word.
    pub(super) fn settled_version(&self) -> Version {
        match &self.access {
            Access::Out(out) => out.doubt.map_or(self.version, |doubt| doubt.before),
            Access::Unknown | Access::Held(_) => self.version,
        }
    }

    /// Returns the highest order that this browser is known to have given out.
    pub(super) fn highest_version(&self) -> Version {
        self.version.max(self.seen)
    }

    /// Places the serial number on the shelf among those that this tab knows.
    pub(super) fn place_mark(&mut self, moment: &Moment) -> Moment {
        let mut moment = *moment;
        let Shelf::Marked(mark) = &mut moment.shelf else {
            return moment;
        };
        let known = self.settled_version().max(self.seen);
        match mark.version.of_record(known) {
            // 0 says nothing, not even of a state: the next tab to write one writes over it.
            Recorded::Beside(version) => mark.version = version,
            Recorded::Elsewhere(version) => {
                self.note("implausible");
                mark.version = version;
                self.last_mark = Some(*mark);
                if !self.version.is_none() {
                    self.version = version;
                }
            }
        }
        self.seen = self.seen.max(mark.version);
        moment
    }

    pub(super) fn tell_of_end(&mut self, moment: &Moment) {
        self.write_mark(moment);
        self.broadcast_end();
    }

    pub(super) fn broadcast_end(&mut self) {
        let Access::Out(out) = &self.access else {
            return;
        };
        if let Some(reason) = out.reason {
            let message = TabMessage::SignedOut {
                version: self.version,
                reason,
                fingerprint: out.fingerprint,
            };
            self.effects.push(Effect::Broadcast(message));
        }
    }

    pub(super) fn tell_of_failure(&mut self, moment: &Moment) {
        self.write_mark(moment);
        if let Some(rest) = self.backoff.rest(moment.now) {
            let Rest {
                cause,
                failures,
                retry_in,
                whole_in,
                ..
            } = rest;
            self.effects.push(Effect::Broadcast(TabMessage::Failing {
                cause,
                failures,
                retry_in,
                whole_in,
            }));
        }
    }

    pub(super) fn broadcast_token(&mut self, moment: &Moment) {
        if let Access::Held(held) = &self.access
            && held.is_usable(moment.now)
        {
            self.effects.push(Effect::Broadcast(TabMessage::Token {
                version: self.version,
                grant: held.grant.clone(),
                age: moment.now.since(held.issued),
                posted: moment.wall,
            }));
        }
    }

    /// Writes how far things are, without hiding what another tab has written since.
    pub(super) fn write_mark(&mut self, moment: &Moment) {
        let marked = match &moment.shelf {
            Shelf::Marked(mark) => Some(mark),
            Shelf::Unavailable | Shelf::Empty | Shelf::Unreadable => None,
        };
        let own = match &self.access {
            Access::Held(held) => Some(MarkState::SignedIn {
                // A page that has left cannot hand its token over.
                expires: if self.page.has_left {
                    moment.wall
                } else {
                    moment.wall + held.left(moment.now)
                },
                fingerprint: held.grant.session.fingerprint(),
            }),
            // What only a message has said is no knowledge of this tab's.
            Access::Out(out) if out.doubt.is_some() => None,
            Access::Out(out) => Some(MarkState::SignedOut {
                reason: out.reason.unwrap_or(EndReason::SignedOut),
                fingerprint: out.fingerprint,
                told: out.duty == Duty::Done,
                everywhere: matches!(out.duty, Duty::Tell { everywhere: true }),
            }),
            Access::Unknown => None,
        };
        let (version, state) = match (marked, own) {
            (Some(mark), _) if mark.version > self.version => (mark.version, mark.state),
            (_, Some(own)) => (self.version, own),
            (Some(mark), None) => (mark.version, mark.state),
            (None, None) => return,
        };
        let mark = Mark {
            version,
            state,
            cooling: self.backoff.cooling(moment),
        };
        self.last_mark = Some(mark);
        let version = version.serial();
        self.effects
            .push(Effect::WriteMark(Mark { version, ..mark }));
    }
}
