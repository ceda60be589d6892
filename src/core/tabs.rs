//! What a tab learns from the others: by message, and from the shelf.

use crate::wire::EndReason;

use super::access::{Access, Doubt, Duty};
use super::backoff::Rest;
use super::effect::Source;
use super::facts::Origin;
use super::grant::Grant;
use super::ids::Version;
use super::mark::{Mark, MarkState, Shelf};
use super::news::TabMessage;
use super::session::Session;
use super::span::Span;
use super::time::{Moment, Timestamp, WallTime};

/// The life that is believed of another tab's token until the auth server has told this tab one itself.
const STRANGERS_LIFE: Span = Span::from_secs(300);
/// How long such messages count for nothing after one that the shelf did not confirm.
const DEAF: Span = Span::from_secs(600);
/// How long a tab that was heard of is taken to be there, at the least.
const COMPANY: Span = Span::from_secs(120);
/// How far two tabs' readings of one clock may lie apart.
const CLOCKS_PART: Span = Span::from_secs(1);
/// How long the shelf may take to confirm a sign-out that a message told of.
const DOUBT: Span = Span::from_secs(2);

impl Session {
    pub(super) fn on_tab_spoke(&mut self, moment: &Moment, message: TabMessage) {
        self.heard_at = Some(moment.now);
        if message.is_outcome() {
            self.peer_at_work = None;
        }
        match message {
            TabMessage::Token {
                version,
                grant,
                age,
                posted,
            } => self.on_news_of_token(moment, version, grant, age, posted),
            TabMessage::SignedOut {
                version,
                reason,
                fingerprint,
            } => self.on_news_of_end(moment, version, reason, fingerprint),
            // A sign-out is told all the same.
            TabMessage::Failing { .. } if matches!(self.access, Access::Out(_)) => {}
            TabMessage::Failing {
                cause,
                failures,
                retry_in,
                whole_in,
            } => {
                // That the server itself has said so is taken from the shelf alone.
                let rest = Rest {
                    cause,
                    failures,
                    retry_in,
                    mandatory: false,
                    whole_in,
                };
                self.backoff.adopt(moment.now, rest, &mut self.chance);
            }
            TabMessage::Working => self.on_tab_works(moment.now),
            TabMessage::Ask { version } => self.on_asked(moment, version),
        }
    }

    /// Whether another tab is likely to be there: each renewal of the last two lives would have been heard of.
    pub(super) fn has_company(&self, now: Timestamp) -> bool {
        let lives = self.known_life.unwrap_or(STRANGERS_LIFE) * 2;
        self.heard_at
            .is_some_and(|heard| now.since(heard) <= lives.max(COMPANY))
    }

    fn on_news_of_token(
        &mut self,
        moment: &Moment,
        version: Version,
        grant: Grant,
        age: Span,
        posted: WallTime,
    ) {
        let age = age + moment.wall.since(posted);
        // Of the same order as the end of this very session, or as the token held, it is not newer.
        let is_newer = version.is_after(self.version) && !self.has_yet_to_tell(moment);
        // Posted in the future: the clock was set back since, and nobody can tell how old the token is.
        let is_ageless = posted.since(moment.wall) > CLOCKS_PART;
        if !is_newer || is_ageless || age >= grant.life {
            self.note("old news");
            return;
        }
        self.note("token from another tab");
        let believed = grant.life.min(self.known_life.unwrap_or(STRANGERS_LIFE));
        let grant = Grant {
            refresh_in: grant.refresh_in.filter(|refresh_in| *refresh_in < believed),
            life: believed,
            ..grant
        };
        self.version = version;
        let origin = Origin {
            source: Source::OtherTab,
            reason: None,
            duration: Span::ZERO,
        };
        self.take_over(moment, grant, moment.now.before(age), &origin);
    }

    fn on_news_of_end(
        &mut self,
        moment: &Moment,
        version: Version,
        reason: EndReason,
        fingerprint: u32,
    ) {
        let is_news = version.is_serial() && !self.version.is_after(version);
        if !is_news || matches!(self.access, Access::Out(_)) {
            self.note("old news");
            return;
        }
        if self.deaf_until > moment.now {
            // A script has cried wolf: the shelf tells of a real sign-out just as soon.
            self.note("unconfirmed sign-out");
            return;
        }
        if version == self.version && self.holds_other_than(fingerprint) {
            self.rise_above(moment, version);
            return;
        }
        self.note(reason.as_str());
        let before = self.version;
        self.go_out(Some(reason), Duty::Done);
        self.version = version;
        // Had the shelf known of it, it would have been read before.
        if let (Access::Out(out), Shelf::Marked(_)) = (&mut self.access, &moment.shelf) {
            let until = moment.now + DOUBT;
            out.doubt = Some(Doubt { until, before });
        }
    }

    /// Whether the auth server has yet to be told of a sign-out that only a message undoes: the shelf must know of the
    /// session, where there is one.
    fn has_yet_to_tell(&self, moment: &Moment) -> bool {
        match (&self.access, &moment.shelf) {
            (Access::Out(out), Shelf::Marked(_)) => out.duty != Duty::Done,
            _ => false,
        }
    }

    /// Whether this tab itself was given a token of another session than the one that is over.
    fn holds_other_than(&self, fingerprint: u32) -> bool {
        match &self.access {
            Access::Held(held) => {
                held.own && fingerprint != 0 && held.grant.session.fingerprint() != fingerprint
            }
            Access::Unknown | Access::Out(_) => false,
        }
    }

    /// One tab saw a session end while this one saw another begin, without knowing of each other: the new one counts.
    fn rise_above(&mut self, moment: &Moment, version: Version) {
        self.note("end of an earlier session");
        self.version = version.next();
        if let Access::Held(held) = &mut self.access {
            held.version = self.version;
        }
        self.write_mark(moment);
        self.broadcast_token(moment);
    }

    /// What a message said and the shelf does not know was said by no tab: the session is looked for again.
    pub(super) fn expire_doubt(&mut self, moment: &Moment) {
        if let Access::Out(out) = &self.access
            && let Some(doubt) = out.doubt
            && moment.now >= doubt.until
        {
            self.note("unconfirmed sign-out");
            self.deaf_until = moment.now + DEAF;
            self.version = doubt.before;
            self.access = Access::Unknown;
        }
    }

    /// Lets the shelf decide what only a message has said.
    fn resolve_doubt(&mut self, mark: &Mark) {
        let Access::Out(out) = &mut self.access else {
            return;
        };
        let Some(doubt) = out.doubt else {
            return;
        };
        if mark.is_signed_out() && !doubt.before.is_after(mark.version) {
            out.doubt = None;
            self.version = mark.version;
        } else if mark.version.is_after(doubt.before) {
            out.doubt = None;
            self.version = doubt.before;
        }
    }

    fn on_asked(&mut self, moment: &Moment, asked: Version) {
        if !self.version.is_after(asked) {
            return;
        }
        match &self.access {
            Access::Held(_) => self.broadcast_token(moment),
            // What only a message has said is not passed on.
            Access::Out(out) if out.doubt.is_none() => self.broadcast_end(),
            Access::Out(_) | Access::Unknown => {}
        }
    }

    /// Learns what other tabs have written since this tab last looked.
    pub(super) fn read_shelf(&mut self, moment: &Moment) {
        let Shelf::Marked(mark) = &moment.shelf else {
            return;
        };
        if self.last_mark.as_ref() == Some(mark) {
            return;
        }
        self.last_mark = Some(*mark);
        if mark.version.is_serial() {
            self.resolve_doubt(mark);
            self.read_state(moment, mark);
        }
        match &mark.cooling {
            Some(cooling) if !self.version.is_after(mark.version) => {
                self.backoff.adopt_mark(moment, cooling, &mut self.chance);
            }
            None if mark.version.is_after(self.version) => self.backoff.succeed(),
            Some(_) | None => {}
        }
    }

    fn read_state(&mut self, moment: &Moment, mark: &Mark) {
        match mark.state {
            MarkState::SignedOut {
                reason,
                fingerprint,
                told,
                everywhere,
            } => {
                if mark.version == self.version && self.holds_other_than(fingerprint) {
                    self.rise_above(moment, mark.version);
                } else if !self.version.is_after(mark.version) {
                    self.version = mark.version;
                    let duty = if told {
                        Duty::Done
                    } else {
                        Duty::Tell { everywhere }
                    };
                    self.read_end(reason, duty);
                }
            }
            MarkState::SignedIn { fingerprint, .. } if mark.version.is_after(self.version) => {
                self.read_session(moment, fingerprint);
            }
            MarkState::SignedIn { .. } => {}
        }
    }

    fn read_end(&mut self, reason: EndReason, duty: Duty) {
        if let Access::Out(out) = &mut self.access {
            out.duty = duty;
            if duty == Duty::Done {
                self.settle_sign_outs(true);
            }
        } else {
            self.note(reason.as_str());
            self.go_out(Some(reason), duty);
        }
    }

    fn read_session(&mut self, moment: &Moment, fingerprint: u32) {
        match &mut self.access {
            Access::Held(held) if held.grant.session.fingerprint() != fingerprint => {
                // Another session is this browser's now: what this tab holds is not to be sent any more.
                held.distrust(moment.now);
                self.epoch = self.epoch.wrapping_add(1);
            }
            Access::Out(_) => {
                // Somebody has signed in on another tab; its message may have been lost.
                self.access = Access::Unknown;
                self.epoch = self.epoch.wrapping_add(1);
                self.settle_sign_outs(true);
            }
            Access::Held(_) | Access::Unknown => {}
        }
    }
}

impl Mark {
    fn is_signed_out(&self) -> bool {
        match self.state {
            MarkState::SignedOut { .. } => true,
            MarkState::SignedIn { .. } => false,
        }
    }
}
