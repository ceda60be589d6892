//! Sessions that a browser has registered a key for (W3C, Device Bound Session Credentials): which bound cookie serves them.

use std::fmt;

use async_trait::async_trait;

use crate::{Applied, Proof, Session, SessionId, StoreResult, Timestamp, Unproven};

/// The most bytes of a public key: a modulus of RSA of 4,096 bits.
const MAX_KEY_BYTES: usize = 512;

/// The public key that a browser made for one session, as its store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey(Vec<u8>);

impl SessionKey {
    /// Creates a key from its bytes; `None` if there are none, or more than a key has.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (1..=MAX_KEY_BYTES)
            .contains(&bytes.len())
            .then(|| Self(bytes.to_vec()))
    }

    /// Returns the bytes for a store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKey(…)")
    }
}

/// The key that was registered for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The key. It never changes.
    pub key: SessionKey,
    /// When the challenge was made that the browser last proved the key with; `None` as long as it never did. From the first
    /// such proof on the session is served with the bound cookie alone: until then it is not certain that the browser has
    /// learnt of its registration, and will ever have the cookie.
    pub proved_at: Option<Timestamp>,
}

/// The bound cookie of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BoundCookie {
    /// There is none.
    #[default]
    Absent,
    /// There is none, and the browser says that it could not refresh it. Anybody can say so.
    Skipped,
    /// It is none that a server of this database made.
    Malformed,
    /// It was made for a session, until a time.
    Made {
        /// The session.
        session: SessionId,
        /// When it expires.
        until: Timestamp,
    },
}

/// What a request has of the keys that its session may be bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Possession {
    /// The proof of possession (RFC 9449).
    pub proof: Option<Proof>,
    /// The bound cookie.
    pub bound: BoundCookie,
}

impl Possession {
    /// Nothing.
    pub const NONE: Self = Self {
        proof: None,
        bound: BoundCookie::Absent,
    };
}

impl Session {
    /// Returns whether the session is served with the bound cookie alone.
    #[must_use]
    pub fn needs_bound_cookie(&self) -> bool {
        let registration = self.registration.as_ref();
        registration.is_some_and(|registration| registration.proved_at.is_some())
    }

    pub(super) fn check_bound_cookie(
        &self,
        now: Timestamp,
        cookie: BoundCookie,
    ) -> Result<(), Unproven> {
        if !self.needs_bound_cookie() {
            return Ok(());
        }
        match cookie {
            BoundCookie::Made { session, until } if session == self.id && now <= until => Ok(()),
            BoundCookie::Made { .. } | BoundCookie::Malformed => Err(Unproven::UnusableCookie),
            BoundCookie::Skipped => Err(Unproven::SkippedCookie),
            BoundCookie::Absent => Err(Unproven::NoCookie),
        }
    }
}

/// The keys that browsers register for sessions.
#[async_trait]
pub trait RegistrationStore: Send + Sync + 'static {
    /// Registers a key for a live session. [`Applied::No`] if another one was registered, or the session has ended.
    async fn register_key(&self, session: SessionId, key: &SessionKey) -> StoreResult<Applied>;

    /// Records that the key of a live session was proved with a challenge that was made at `challenged_at`. [`Applied::No`] if
    /// it was proved with that one or a later one, or the session has ended: each challenge is good for one proof.
    async fn record_key_proof(
        &self,
        session: SessionId,
        challenged_at: Timestamp,
    ) -> StoreResult<Applied>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authentication, Limits, NewSession, RefreshToken, UserId};

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const ID: SessionId = SessionId::from_bytes([3; 16]);

    fn session(proved_at: Option<Timestamp>) -> Session {
        let first = RefreshToken::first(ID, [5; 32]);
        let new = NewSession::new(String::new(), Authentication::by_password(NOW));
        let user = UserId::from_bytes([1; 16]);
        let mut session = Session::begin(NOW, &first, user, new, &Limits::default());
        session.registration = Some(Registration {
            key: SessionKey(vec![4; 65]),
            proved_at,
        });
        session
    }

    fn shown(bound: BoundCookie) -> Possession {
        Possession { proof: None, bound }
    }

    #[test]
    fn p54_a_registered_session_needs_its_own_bound_cookie_while_that_is_fresh() {
        let mut registered = session(Some(NOW));
        let until = Timestamp::from_millis(NOW.as_millis() + 1);
        let late = Timestamp::from_millis(NOW.as_millis() + 2);
        let own = BoundCookie::Made { session: ID, until };
        let foreign = BoundCookie::Made {
            session: SessionId::from_bytes([4; 16]),
            until,
        };

        assert_eq!(registered.prove(until, &shown(own)), Ok(()));
        for (at, cookie, why) in [
            (late, own, Unproven::UnusableCookie),
            (NOW, foreign, Unproven::UnusableCookie),
            (NOW, BoundCookie::Malformed, Unproven::UnusableCookie),
            (NOW, BoundCookie::Skipped, Unproven::SkippedCookie),
            (NOW, BoundCookie::Absent, Unproven::NoCookie),
        ] {
            assert_eq!(registered.prove(at, &shown(cookie)), Err(why));
        }
    }

    #[test]
    fn p53_a_session_whose_key_was_never_proved_is_served_without_the_cookie() {
        let mut registered = session(None);
        for cookie in [
            BoundCookie::Absent,
            BoundCookie::Skipped,
            BoundCookie::Malformed,
        ] {
            assert_eq!(registered.prove(NOW, &shown(cookie)), Ok(()));
        }
    }

    #[test]
    fn p54_with_both_keys_both_are_needed() {
        let mut both = session(Some(NOW));
        both.jkt = Some(crate::KeyThumbprint::from_bytes([7; 32]));
        let own = BoundCookie::Made {
            session: ID,
            until: NOW,
        };
        let proof = Some(Proof {
            jkt: crate::KeyThumbprint::from_bytes([7; 32]),
            id: crate::ProofId::of_hash(&[1; 32]),
            until: NOW,
        });

        assert_eq!(both.prove(NOW, &shown(own)), Err(Unproven::Missing));
        let bound = BoundCookie::Absent;
        let alone = Possession { proof, bound };
        assert_eq!(both.prove(NOW, &alone), Err(Unproven::NoCookie));
        let bound = own;
        assert_eq!(both.prove(NOW, &Possession { proof, bound }), Ok(()));
    }

    #[test]
    fn a_key_has_some_bytes_and_not_too_many() {
        assert_eq!(SessionKey::from_bytes(&[]), None);
        assert_eq!(SessionKey::from_bytes(&[0; MAX_KEY_BYTES + 1]), None);
        let key = SessionKey::from_bytes(&[0; MAX_KEY_BYTES]);
        assert_eq!(format!("{key:?}"), "Some(SessionKey(…))");
    }
}
