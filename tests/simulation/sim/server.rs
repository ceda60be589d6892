//! The simulated auth server: the reference server's domain rules, without database and HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nolapse::core::{
    AttemptId, Failure, FailureCause, Grant, Input, Millis, RefreshOutcome, Secret, SessionInfo,
    SignOutOutcome, UnexpectedAnswer,
};
use nolapse::wire::EndReason;
use nolapse_domain::{
    Limits, RefreshToken, RefreshTokenKey, Session, SessionId, Timestamp, UserId, Verdict,
};

use super::{Happening, Network, World};

/// How the auth server responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As specified.
    Fine,
    /// 503, with `Retry-After` if a number of seconds is given.
    Unavailable(Option<u64>),
    /// 429, likewise.
    Busy(Option<u64>),
    /// 500.
    Broken,
    /// An HTML page, with 200.
    Html,
    /// JSON without a token.
    NoToken,
    /// Accepts the request and never responds.
    Silent,
    /// 404: the URL is wrong.
    Missing,
}

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Refresh,
    SignOut {
        everywhere: bool,
    },
    /// The app's own password change: sent with the cookie, without lock and token.
    Password,
}

/// A request in flight.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub browser: usize,
    pub tab: usize,
    pub attempt: AttemptId,
    pub question: Question,
    pub cookie: Option<RefreshToken>,
    /// The names of the contexts that a refresh requests, as the core has them.
    pub contexts: String,
}

/// A response in flight.
#[derive(Clone, Debug)]
pub enum Reply {
    Granted {
        grant: Grant,
        ticket: RefreshToken,
    },
    Ended(EndReason),
    Notified,
    /// The password was changed; has the new cookie.
    Changed(RefreshToken),
    Status(u16, Option<u64>),
    Html,
    NoToken,
    NoNetwork,
}

/// The auth server.
pub struct Server {
    pub mode: Mode,
    pub limits: Limits,
    pub lifetime: Millis,
    pub sessions: BTreeMap<[u8; 16], Session>,
    pub users: BTreeMap<[u8; 16], u32>,
    /// The expiry and session of each token.
    pub tokens: BTreeMap<String, (u64, SessionId)>,
    /// The role of each user, changed by administrators.
    pub roles: BTreeMap<u32, u32>,
    pub key: RefreshTokenKey,
    pub made: u64,
}

impl Server {
    pub fn new() -> Self {
        Self {
            mode: Mode::Fine,
            limits: Limits::default(),
            lifetime: Millis::from_secs(60),
            sessions: BTreeMap::new(),
            users: BTreeMap::new(),
            tokens: BTreeMap::new(),
            roles: BTreeMap::new(),
            key: RefreshTokenKey::from_bytes([7; 32]),
            made: 0,
        }
    }

    fn grant(&mut self, now: u64, session: SessionId) -> Grant {
        self.made += 1;
        let user = self
            .users
            .get(session.as_bytes())
            .copied()
            .unwrap_or_default();
        let role = self.roles.get(&user).copied().unwrap_or_default();
        let text = format!("t.{user}.{role}.{}", self.made);
        // Like the reference server: `iat` and `exp` are whole seconds, `expires_in` is the full lifetime.
        let expires = now / 1_000 * 1_000 + self.lifetime.as_millis();
        self.tokens.insert(text.clone(), (expires, session));
        Grant {
            token: Secret::new(&text).expect("a token"),
            lifetime: self.lifetime,
            refresh_in: None,
            session: SessionInfo::new(
                &format!("{:?}", session.as_bytes()),
                &user.to_string(),
                &format!("{{\"id\":{user},\"role\":{role}}}"),
            ),
        }
    }

    /// Adds the tokens of these contexts to a grant: `t.1.0.9-org_1` is that of `org_1`.
    fn add_contexts(&mut self, grant: &mut Grant, names: &str) {
        let plain = grant.token.expose().to_owned();
        let mut text = plain.clone();
        for name in names.split_whitespace().collect::<BTreeSet<_>>() {
            let token = format!("{plain}-{name}");
            text = format!("{text} {name} {token}");
            let known = self.tokens[&plain];
            self.tokens.insert(token, known);
        }
        grant.token = Secret::new(&text).expect("tokens");
    }

    /// Signs a user in; ends the session of the cookie sent with the request.
    pub fn sign_in(
        &mut self,
        now: u64,
        user: u32,
        cookie: Option<&RefreshToken>,
    ) -> (RefreshToken, Grant) {
        let at = Timestamp::from_millis(now);
        if let Some(row) =
            cookie.and_then(|ticket| self.sessions.get_mut(ticket.session.as_bytes()))
        {
            row.end(at, EndReason::SignedOut);
        }
        self.made += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.made.to_be_bytes());
        let mut user_id = [0; 16];
        user_id[..4].copy_from_slice(&user.to_be_bytes());
        let ticket = RefreshToken::first(SessionId::from_bytes(id), [9; 32]);
        let session = Session::begin(
            at,
            &ticket,
            UserId::from_bytes(user_id),
            "sim".to_owned(),
            &self.limits,
        );
        self.sessions.insert(id, session);
        self.users.insert(id, user);
        let grant = self.grant(now, ticket.session);
        (ticket, grant)
    }

    /// Revokes a session.
    pub fn revoke(&mut self, now: u64, session: SessionId, reason: EndReason) {
        if let Some(row) = self.sessions.get_mut(session.as_bytes()) {
            row.end(Timestamp::from_millis(now), reason);
        }
    }

    /// Whether a session is active.
    pub fn is_alive(&self, session: SessionId) -> bool {
        self.sessions
            .get(session.as_bytes())
            .is_some_and(|row| row.ended.is_none())
    }

    fn granted(&mut self, now: u64, ticket: RefreshToken) -> (Reply, bool) {
        let grant = self.grant(now, ticket.session);
        (Reply::Granted { grant, ticket }, false)
    }

    pub fn refresh(&mut self, now: u64, cookie: Option<&RefreshToken>) -> (Reply, bool) {
        let at = Timestamp::from_millis(now);
        let Some(ticket) = cookie else {
            return (Reply::Ended(EndReason::NoCookie), false);
        };
        let Some(row) = self.sessions.get_mut(ticket.session.as_bytes()) else {
            return (Reply::Ended(EndReason::NoCookie), false);
        };
        match row.present(at, ticket, None, &self.limits, &self.key) {
            Verdict::Rotate(successor) => {
                row.rotate(at, &successor, Some(Duration::ZERO), &self.limits);
                self.granted(now, successor)
            }
            Verdict::Fork(sibling) => {
                row.fork(at, &sibling, Some(Duration::ZERO), &self.limits);
                self.granted(now, sibling)
            }
            Verdict::Repeat(newest) => self.granted(now, newest),
            Verdict::Theft => {
                row.end(at, EndReason::ReuseDetected);
                (Reply::Ended(EndReason::ReuseDetected), true)
            }
            Verdict::LimitReached(reason) => {
                row.end(at, reason);
                (Reply::Ended(reason), false)
            }
            Verdict::Superseded => (Reply::Status(503, Some(1)), false),
            Verdict::Void => (Reply::Ended(EndReason::Revoked), false),
            Verdict::Refuse(reason) => (Reply::Ended(reason), false),
            Verdict::Unknown => (Reply::Ended(EndReason::NoCookie), false),
        }
    }

    fn sign_out(&mut self, now: u64, cookie: Option<&RefreshToken>, everywhere: bool) -> Reply {
        let at = Timestamp::from_millis(now);
        if let Some(ticket) = cookie
            && let Some(row) = self.sessions.get_mut(ticket.session.as_bytes())
        {
            row.end(at, EndReason::SignedOut);
            let user = row.user;
            for row in self
                .sessions
                .values_mut()
                .filter(|row| everywhere && row.user == user)
            {
                row.end(at, EndReason::SignedOut);
            }
        }
        Reply::Notified
    }
}

impl World {
    /// A request reaches the auth server.
    pub fn arrive(&mut self, exchange: Exchange) {
        let reply = match self.server.mode {
            Mode::Fine => match exchange.question {
                Question::Refresh => self.present(&exchange),
                Question::Password => {
                    let cookie = exchange.cookie.as_ref();
                    self.server.change_password(self.now, cookie)
                }
                Question::SignOut { everywhere } => {
                    self.server
                        .sign_out(self.now, exchange.cookie.as_ref(), everywhere)
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
        let (reply, is_theft) = self.server.refresh(self.now, exchange.cookie.as_ref());
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
                outcome: outcome(reply),
            },
            Question::SignOut { .. } => Input::SignOutFinished {
                attempt,
                outcome: match outcome(reply) {
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

fn outcome(reply: Reply) -> RefreshOutcome {
    match reply {
        Reply::Granted { grant, .. } => RefreshOutcome::Granted(grant),
        Reply::Ended(reason) => RefreshOutcome::Ended(reason),
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
