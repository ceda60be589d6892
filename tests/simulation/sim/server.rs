//! The simulated auth server: the reference server's domain rules, without database and HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::DeviceKey;
use nolapse::core::{AttemptId, Grant, Millis, Secret, SessionInfo};
use nolapse::wire::EndReason;
use nolapse_domain::{
    Authentication, Limits, NewSession, Proof, RefreshToken, RefreshTokenKey, Session, SessionId,
    Timestamp, Unproven, UserId, Verdict,
};

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
    /// The proof of the browser's key, and what the tab knows of that key.
    pub proof: Option<Proof>,
    pub key: DeviceKey,
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
    /// The session is bound to a key, and the request has no proof of it.
    Unproven(Unproven),
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
    /// `DEVICE_BINDING`.
    pub binds: bool,
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
            binds: true,
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
    pub fn add_contexts(&mut self, grant: &mut Grant, names: &str) {
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
        proof: Option<&Proof>,
    ) -> (RefreshToken, Grant) {
        let at = Timestamp::from_millis(now);
        let before = cookie.and_then(|ticket| self.sessions.get_mut(ticket.session.as_bytes()));
        // Whoever has a copy of the cookie alone ends nothing.
        let key = proof.map(|proof| proof.jkt);
        if let Some(row) = before.filter(|row| row.jkt.is_none() || row.jkt == key) {
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
            NewSession {
                jkt: proof.filter(|_| self.binds).map(|proof| proof.jkt),
                ..NewSession::new("sim".to_owned(), Authentication::by_password(at))
            },
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

    pub fn refresh(
        &mut self,
        now: u64,
        cookie: Option<&RefreshToken>,
        proof: Option<&Proof>,
    ) -> (Reply, bool) {
        let at = Timestamp::from_millis(now);
        let Some(ticket) = cookie else {
            return (Reply::Ended(EndReason::NoCookie), false);
        };
        if let Err(why) = self.prove(now, ticket, proof) {
            return (Reply::Unproven(why), false);
        }
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

    pub fn sign_out(
        &mut self,
        now: u64,
        cookie: Option<&RefreshToken>,
        proof: Option<&Proof>,
        everywhere: bool,
    ) -> Reply {
        let at = Timestamp::from_millis(now);
        if let Some(ticket) = cookie
            && self.prove(now, ticket, proof).is_ok()
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
