//! What a tab learns from the others: by message, and from the shelf.

use std::time::Duration;

use crate::wire::EndReason;

use super::access::{Access, Duty};
use super::backoff::Rest;
use super::effect::{Effect, Source};
use super::exchange::Exchange;
use super::facts::Origin;
use super::grant::Grant;
use super::ids::Version;
use super::jobs::Job;
use super::mark::{Mark, MarkState, Shelf};
use super::news::TabMessage;
use super::session::Session;
use super::time::{Moment, WallTime};

/// The life that is believed of another tab's token until the auth server has told this tab one itself.
const STRANGERS_LIFE: Duration = Duration::from_secs(300);
/// How long the shelf may take to confirm a sign-out that a message told of.
const DOUBT: Duration = Duration::from_secs(2);

impl Session {
    pub(super) fn on_tab_spoke(&mut self, moment: &Moment, message: TabMessage) {
        match message {
            TabMessage::Token {
                version,
                grant,
                age,
                posted,
            } => self.on_news_of_token(moment, version, grant, age, posted),
            TabMessage::SignedOut { version, reason } => {
                self.on_news_of_end(moment, version, reason)
            }
            TabMessage::Failing {
                cause,
                failures,
                retry_in,
                mandatory,
                whole_in,
            } => {
                let rest = Rest {
                    cause,
                    failures,
                    retry_in,
                    mandatory,
                    whole_in,
                };
                self.backoff.adopt(moment.now, rest);
            }
            TabMessage::Working => self.on_tab_works(moment.now),
            TabMessage::Ask { version } => self.on_asked(moment, version),
        }
    }

    fn on_news_of_token(
        &mut self,
        moment: &Moment,
        version: Version,
        grant: Grant,
        age: Duration,
        posted: WallTime,
    ) {
        let age = age + moment.wall.since(posted);
        // Of the same order as a sign-out, or as the token held, it is not newer.
        if version <= self.version || age >= grant.life {
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
            duration: Duration::ZERO,
        };
        self.take_over(moment, grant, moment.now.before(age), &origin);
    }

    fn on_news_of_end(&mut self, moment: &Moment, version: Version, reason: EndReason) {
        let is_out = matches!(self.access, Access::Out(_));
        if version < self.version || is_out {
            self.version = self.version.max(version);
            self.note("old news");
            return;
        }
        self.note(reason.as_str());
        self.version = version;
        self.go_out(Some(reason), Duty::Done);
        let is_confirmed = match &moment.shelf {
            Shelf::Marked(mark) => mark.is_signed_out(),
            Shelf::Unavailable | Shelf::Empty => true,
        };
        if let Access::Out(out) = &mut self.access
            && !is_confirmed
        {
            out.doubt = Some(moment.now + DOUBT);
        }
    }

    /// What a message said and the shelf does not know was said by no tab: the session is looked for again.
    pub(super) fn expire_doubt(&mut self, moment: &Moment) {
        let Access::Out(out) = &mut self.access else {
            return;
        };
        if out.doubt.is_none_or(|doubt| moment.now < doubt) {
            return;
        }
        out.doubt = None;
        let Shelf::Marked(mark) = &moment.shelf else {
            return;
        };
        if !mark.is_signed_out() {
            self.note("unconfirmed sign-out");
            self.access = Access::Unknown;
        }
    }

    fn on_asked(&mut self, moment: &Moment, asked: Version) {
        if self.version <= asked {
            return;
        }
        match &self.access {
            Access::Held(_) => self.broadcast_token(moment),
            Access::Out(out) => {
                let version = self.version;
                if let Some(reason) = out.reason {
                    self.effects
                        .push_back(Effect::Broadcast(TabMessage::SignedOut { version, reason }));
                }
            }
            Access::Unknown => {}
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
        self.last_mark = Some(mark.clone());
        self.read_state(moment, mark);
        match &mark.cooling {
            Some(cooling) if mark.version >= self.version => {
                self.backoff.adopt_mark(moment, cooling)
            }
            None if mark.version > self.version => self.backoff.succeed(),
            Some(_) | None => {}
        }
    }

    fn read_state(&mut self, moment: &Moment, mark: &Mark) {
        match (&mark.state, &mut self.access) {
            (
                MarkState::SignedOut {
                    reason,
                    told,
                    everywhere,
                },
                access,
            ) => {
                let duty = if *told {
                    Duty::Done
                } else {
                    Duty::Tell {
                        everywhere: *everywhere,
                    }
                };
                if let Access::Out(out) = access {
                    if mark.version >= self.version {
                        out.duty = duty;
                        out.doubt = None;
                    }
                } else if mark.version >= self.version {
                    self.note(reason.as_str());
                    self.go_out(Some(*reason), duty);
                }
                self.version = self.version.max(mark.version);
            }
            (MarkState::SignedIn { fingerprint, .. }, Access::Held(held)) => {
                if mark.version > self.version && held.grant.session.fingerprint() != *fingerprint {
                    // Another session is this browser's now: what this tab holds is not to be sent any more.
                    held.distrust(moment.now);
                    self.epoch = self.epoch.wrapping_add(1);
                }
            }
            (MarkState::SignedIn { .. }, access @ Access::Out(_)) => {
                if mark.version > self.version {
                    // Somebody has signed in on another tab; its message may have been lost.
                    *access = Access::Unknown;
                    self.epoch = self.epoch.wrapping_add(1);
                }
            }
            (MarkState::SignedIn { .. }, Access::Unknown) => {}
        }
    }

    /// Whether a refresh, and nothing else, waits for its turn.
    pub(super) fn is_queued_for_refresh(&self) -> bool {
        match self.exchange {
            Exchange::AwaitingLock { job, .. } | Exchange::Listening { job, .. } => {
                job == Job::Refresh
            }
            Exchange::Idle | Exchange::InFlight(_) => false,
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
