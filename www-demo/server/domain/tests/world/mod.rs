//! One session in virtual time.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "each test uses a part of it"
)]

use std::time::Duration;

use nolapse::wire::EndReason;
use nolapse_domain::{
    Authentication, Limits, NewSession, RefreshToken, RefreshTokenKey, Session, SessionId,
    Timestamp, UserId, Verdict,
};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A session, its tokens and a clock.
pub struct World {
    pub now: Timestamp,
    pub session: Session,
    pub issued: Vec<RefreshToken>,
    pub limits: Limits,
    pub key: RefreshTokenKey,
}

impl World {
    pub fn new(limits: Limits) -> Self {
        let first = RefreshToken::first(SessionId::from_bytes([7; 16]), [9; 32]);
        let user = UserId::from_bytes([1; 16]);
        let new = NewSession::new("a device".to_owned(), Authentication::by_password(START));
        Self {
            now: START,
            session: Session::begin(START, &first, user, new, &limits),
            issued: vec![first],
            limits,
            key: RefreshTokenKey::from_bytes([4; 32]),
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    pub fn judge(&self, token: &RefreshToken, active_ago: Option<Duration>) -> Verdict {
        let (now, limits, key) = (self.now, &self.limits, &self.key);
        self.session.present(now, token, active_ago, limits, key)
    }

    pub fn refresh(&mut self, token: &RefreshToken, active_ago: Option<Duration>) -> Verdict {
        let verdict = self.judge(token, active_ago);
        match &verdict {
            Verdict::Rotate(next) => {
                self.session
                    .rotate(self.now, next, active_ago, &self.limits);
                self.issued.push(next.clone());
            }
            Verdict::Fork(sibling) => {
                self.session
                    .fork(self.now, sibling, active_ago, &self.limits);
                self.issued.push(sibling.clone());
            }
            Verdict::Repeat(_) => self.session.touch(self.now, active_ago),
            Verdict::Theft => self.session.end(self.now, EndReason::ReuseDetected),
            Verdict::LimitReached(reason) => self.session.end(self.now, *reason),
            Verdict::Refuse(_) | Verdict::Superseded | Verdict::Void | Verdict::Unknown => {}
        }
        verdict
    }

    pub fn newest(&self) -> RefreshToken {
        self.issued.last().expect("one was issued").clone()
    }
}

pub const NOW: Option<Duration> = Some(Duration::ZERO);

/// Limits under which only the grace matters.
pub fn long_lived() -> Limits {
    Limits {
        idle: Duration::from_hours(24 * 3_650),
        absolute: Duration::from_hours(24 * 3_650),
        ..Limits::default()
    }
}

/// The token that a response has; `None` if there is none.
pub fn granted(verdict: Verdict) -> Option<RefreshToken> {
    match verdict {
        Verdict::Rotate(token) | Verdict::Repeat(token) | Verdict::Fork(token) => Some(token),
        Verdict::Theft
        | Verdict::Superseded
        | Verdict::Void
        | Verdict::LimitReached(_)
        | Verdict::Refuse(_)
        | Verdict::Unknown => None,
    }
}
