//! Requests on their way: to the auth server, and its responses to the browser.

use nolapse::core::{
    Failure, FailureCause, Input, Millis, RefreshOutcome, SignOutOutcome, UnexpectedAnswer,
};
use nolapse::wire::EndReason;

use super::{DeviceKey, Happening, Network, World, keys};

use super::server::{Exchange, Mode, Question, Reply};

impl World {
    /// A request reaches the auth server.
    pub fn arrive(&mut self, exchange: Exchange) {
        let reply = match self.server.mode {
            Mode::Fine => match exchange.question {
                Question::Refresh => self.present(&exchange),
                Question::Password => {
                    let (cookie, proof) = (exchange.cookie.as_ref(), exchange.proof.as_ref());
                    self.server.change_password(self.now, cookie, proof)
                }
                Question::SignOut { everywhere } => {
                    let (cookie, proof) = (exchange.cookie.as_ref(), exchange.proof.as_ref());
                    self.server.sign_out(self.now, cookie, proof, everywhere)
                }
            },
            Mode::Unavailable(after) => Reply::Status(503, after),
            Mode::Busy(after) => Reply::Status(429, after),
            Mode::Broken => Reply::Status(500, None),
            Mode::Html => Reply::Html,
            Mode::NoToken => Reply::NoToken,
            Mode::Missing => Reply::Status(404, None),
            Mode::Silent => return,
        };
        if self.network == Network::Unanswered {
            return;
        }
        let delay = self.answer_delay();
        let reply = if self.network == Network::LosingAnswers {
            Reply::NoNetwork
        } else {
            reply
        };
        self.plan(delay, Happening::Answered(Box::new(exchange), reply));
    }

    fn present(&mut self, exchange: &Exchange) -> Reply {
        let (cookie, proof) = (exchange.cookie.as_ref(), exchange.proof.as_ref());
        let (reply, is_theft) = self.server.refresh(self.now, cookie, proof);
        if is_theft {
            // Unavoidable for any server: the cookie was delivered twice, and used in between.
            let browser = &self.browsers[exchange.browser];
            if exchange.cookie.is_some() && exchange.cookie == browser.overtaken {
                self.counts.excused_alarms += 1;
            } else {
                self.counts.false_alarms += 1;
            }
        }
        let mut reply = reply;
        if let Reply::Granted { ticket, .. } = &reply {
            self.check_grant(ticket, proof);
        }
        if let Reply::Granted { grant, .. } = &mut reply {
            self.counts.granted += 1;
            self.server.add_contexts(grant, &exchange.contexts);
        }
        reply
    }

    /// A response reaches the browser, which stores the cookie; the tab receives the rest.
    pub fn answer(&mut self, exchange: Exchange, reply: Reply) {
        let browser = &mut self.browsers[exchange.browser];
        if exchange.question != Question::Password {
            browser.in_flight = browser.in_flight.saturating_sub(1);
        }
        let is_aborted = self.aborted.contains(&(exchange.tab, exchange.attempt));
        if self.discards_aborted && is_aborted {
            return;
        }
        if let Reply::Granted { ticket, .. } | Reply::Changed(ticket) = &reply
            && browser.cookie.as_ref() != Some(ticket)
        {
            browser.cookie_before = browser.cookie.replace(ticket.clone());
            let row = self.server.sessions.get(ticket.session.as_bytes());
            if row.is_some_and(|row| row.generation > ticket.generation + 1) {
                browser.overtaken = Some(ticket.clone());
            }
        }
        if let (Reply::Notified, Question::SignOut { .. }) = (&reply, exchange.question) {
            browser.cookie = None;
        }
        let attempt = exchange.attempt;
        let input = match exchange.question {
            Question::Password => {
                match reply {
                    Reply::Changed(_) => self.counts.passwords_changed += 1,
                    // The app retries, as `Retry-After` asks.
                    _ => self.change_password_in(exchange.tab, 1_000),
                }
                return;
            }
            Question::Refresh => Input::RefreshFinished {
                attempt,
                outcome: outcome(reply, exchange.key),
            },
            Question::SignOut { .. } => Input::SignOutFinished {
                attempt,
                outcome: match outcome(reply, exchange.key) {
                    RefreshOutcome::Failed(failure) => SignOutOutcome::Failed(failure),
                    RefreshOutcome::Granted(_) | RefreshOutcome::Ended(_) => {
                        SignOutOutcome::Notified
                    }
                },
            },
        };
        self.deliver(exchange.tab, input);
    }
}

fn outcome(reply: Reply, key: DeviceKey) -> RefreshOutcome {
    match reply {
        Reply::Granted { grant, .. } => RefreshOutcome::Granted(grant),
        Reply::Ended(reason) => RefreshOutcome::Ended(reason),
        Reply::Unproven(why) => keys::outcome(why, key),
        Reply::Notified | Reply::Changed(_) => RefreshOutcome::Ended(EndReason::SignedOut),
        Reply::Status(status, after) => {
            RefreshOutcome::Failed(Failure::from_status(status, after.map(Millis::from_secs)))
        }
        Reply::Html => RefreshOutcome::Failed(Failure::unexpected(200, UnexpectedAnswer::NotJson)),
        Reply::NoToken => {
            RefreshOutcome::Failed(Failure::unexpected(200, UnexpectedAnswer::NoToken))
        }
        Reply::NoNetwork => RefreshOutcome::Failed(Failure::new(FailureCause::Network)),
    }
}
