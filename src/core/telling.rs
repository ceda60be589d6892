//! What a tab tells the others: by message at once, and on the shelf for whoever comes later.

use crate::wire::EndReason;

use super::access::{Access, Duty};
use super::backoff::Rest;
use super::effect::Effect;
use super::ids::Version;
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
        self.version.newest(self.seen)
    }

    /// Notes the order of what is on the shelf. One that no tab has left there is where all tabs count on from; what
    /// stands beside it is not believed.
    pub(super) fn read_order(&mut self, moment: &Moment) {
        let Shelf::Marked(mark) = &moment.shelf else {
            return;
        };
        let version = mark.version;
        if !version.is_serial() {
            return;
        }
        let known = self.settled_version().newest(self.seen);
        if version.is_after(known) {
            self.seen = version;
            if !version.is_after(self.version) {
                // What this tab knows is older by more numbers than there are to tell it.
                self.version = version.previous();
            }
        } else if !version.is_behind_by_little(known) {
            (self.version, self.seen) = (version, version);
            self.last_mark = Some(*mark);
        }
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
            Shelf::Unavailable | Shelf::Empty => None,
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
            (Some(mark), _) if mark.version.is_after(self.version) => (mark.version, mark.state),
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
        self.effects.push(Effect::WriteMark(mark));
    }
}
