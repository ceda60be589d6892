//! Password changes, which the app sends itself: with the cookie, without the lock.

use nolapse::core::AttemptId;
use nolapse_domain::{Proof, RefreshSecret, RefreshToken, Timestamp, Verdict};

use super::server::{Exchange, Question, Reply};
use super::{Happening, Server, World};

impl Server {
    /// Changes the user's password and rotates the session's secret. Responds 503 if the cookie is not the newest, like the
    /// reference server.
    pub fn change_password(
        &mut self,
        now: u64,
        cookie: Option<&RefreshToken>,
        proof: Option<&Proof>,
    ) -> Reply {
        let at = Timestamp::from_millis(now);
        self.made += 1;
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&self.made.to_be_bytes());
        let cookie = cookie.filter(|ticket| self.prove(now, ticket, proof).is_ok());
        let row = cookie.and_then(|ticket| {
            let row = self.sessions.get_mut(ticket.session.as_bytes())?;
            let verdict = row.present(at, ticket, None, &self.limits, &self.key);
            let is_newest = row.secret_hash == ticket.secret.hash();
            (is_newest && matches!(verdict, Verdict::Rotate(_))).then_some(row)
        });
        row.map_or(Reply::Status(503, Some(1)), |row| {
            Reply::Changed(row.renew(at, RefreshSecret::from_bytes(secret)))
        })
    }

    /// The response to a stolen copy of a cookie.
    pub fn present_copy(&mut self, now: u64, copy: &RefreshToken) -> Reply {
        self.refresh(now, Some(copy), None).0
    }
}

impl World {
    /// Schedules a password change by the app on a tab, in `millis` milliseconds.
    pub fn change_password_in(&mut self, tab: usize, millis: u64) {
        self.plan(millis, Happening::PasswordAsked { tab });
    }

    /// Sends the app's request with the browser's current cookie.
    pub fn ask_for_password(&mut self, tab: usize) {
        let browser = self.tabs[tab].browser;
        let exchange = Box::new(Exchange {
            browser,
            tab,
            attempt: AttemptId(u64::MAX),
            question: Question::Password,
            cookie: self.browsers[browser].cookie.clone(),
            proof: self.proof(tab),
            key: self.key(tab),
            contexts: String::new(),
        });
        let delay = self.random.between(2, 60);
        self.plan(delay, Happening::Arrived(exchange));
    }
}
