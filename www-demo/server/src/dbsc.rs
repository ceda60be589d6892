//! Device Bound Session Credentials (W3C): the proofs of browsers, the challenges that they sign, and the bound cookies.
//!
//! A challenge and a bound cookie are a session, a time and their HMAC, so that every server of a database accepts those
//! of the others without a row. What makes a challenge good for one proof alone is the time in the session's row.

mod proof;

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{
    clock::SERVER_SKEW,
    domain::{self, BoundCookie, SessionId, Timestamp},
};

pub(crate) use proof::DbscProof;

/// How long a challenge is accepted, and so for how long after a sign-in a key can be registered.
pub(crate) const CHALLENGE_LIFE: Duration = Duration::from_mins(2);
/// How much longer a bound cookie is accepted than browsers keep it: for requests that are under way.
const IN_FLIGHT: Duration = Duration::from_secs(5);

const ID_BYTES: usize = 16;
const TIME_BYTES: usize = 8;
const MAC_BYTES: usize = 16;

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To register a key for the session that a sign-in began, with its cookie.
    Registration,
    /// The same without the cookie: browsers send none that is `SameSite=Strict` after a navigation from another site, a
    /// provider's. The response to such a navigation, which has the challenge, is one that no script reads.
    RegistrationAfterNavigation,
    /// To prove the key, for a bound cookie.
    Refresh,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Registration => b"nolapse 1 dbsc registration",
            Self::RegistrationAfterNavigation => b"nolapse 1 dbsc registration after navigation",
            Self::Refresh => b"nolapse 1 dbsc refresh",
        }
    }
}

/// The key of challenges and bound cookies, kept outside of the database.
#[derive(Clone)]
pub(crate) struct DbscKey([u8; 32]);

impl DbscKey {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Makes a challenge at a time. It is base64url, which a string of structured fields can have.
    pub(crate) fn challenge(
        &self,
        made_at: Timestamp,
        purpose: Purpose,
        session: SessionId,
    ) -> String {
        self.seal(purpose.label(), session, made_at)
    }

    /// Returns the session of a challenge, and when it was made; `None` if it has expired, or was not made for this.
    pub(crate) fn read_challenge(
        &self,
        now: Timestamp,
        purpose: Purpose,
        challenge: &str,
    ) -> Option<(SessionId, Timestamp)> {
        let (session, made_at) = self.open(purpose.label(), challenge)?;
        let is_valid = made_at <= now + SERVER_SKEW && now <= made_at + CHALLENGE_LIFE;
        is_valid.then_some((session, made_at))
    }

    /// Makes the value of a bound cookie that a browser keeps for `lifetime`.
    pub(crate) fn bound_cookie(
        &self,
        now: Timestamp,
        session: SessionId,
        lifetime: Duration,
    ) -> String {
        self.seal(COOKIE, session, now + lifetime + IN_FLIGHT)
    }

    /// Reads the value of a bound cookie. Whether it has expired is for the session to decide.
    pub(crate) fn read_bound_cookie(&self, value: &str) -> BoundCookie {
        let opened = self.open(COOKIE, value);
        opened.map_or(BoundCookie::Malformed, |(session, until)| {
            BoundCookie::Made { session, until }
        })
    }

    fn seal(&self, label: &[u8], session: SessionId, time: Timestamp) -> String {
        let time = time.as_millis().to_be_bytes();
        let whole: [u8; 32] = self
            .mac(label, session, time)
            .finalize()
            .into_bytes()
            .into();
        let bytes = [&session.as_bytes()[..], &time, &whole[..MAC_BYTES]].concat();
        Base64UrlUnpadded::encode_string(&bytes)
    }

    fn open(&self, label: &[u8], text: &str) -> Option<(SessionId, Timestamp)> {
        let mut bytes = [0; ID_BYTES + TIME_BYTES + MAC_BYTES];
        let read = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        let (id, rest) = read.split_first_chunk::<ID_BYTES>()?;
        let (time, mac) = rest.split_first_chunk::<TIME_BYTES>()?;
        let mac: &[u8; MAC_BYTES] = mac.try_into().ok()?;
        let session = SessionId::from_bytes(*id);
        let expected = self.mac(label, session, *time);
        expected.verify_truncated_left(mac).ok()?;
        Some((session, Timestamp::from_millis(u64::from_be_bytes(*time))))
    }

    fn mac(&self, label: &[u8], session: SessionId, time: [u8; TIME_BYTES]) -> Hmac<Sha256> {
        let mut mac = domain::hmac_sha256(&self.0);
        mac.update(label);
        mac.update(session.as_bytes());
        mac.update(&time);
        mac
    }
}

const COOKIE: &[u8] = b"nolapse 1 dbsc cookie";

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const ID: SessionId = SessionId::from_bytes([3; 16]);
    const OTHER: SessionId = SessionId::from_bytes([4; 16]);
    const LIFETIME: Duration = Duration::from_mins(10);

    fn key() -> DbscKey {
        DbscKey::from_bytes([7; 32])
    }

    #[test]
    fn p54_a_challenge_is_of_one_session_one_purpose_and_two_minutes() {
        let challenge = key().challenge(NOW, Purpose::Refresh, ID);
        let read = |at, purpose, session, text: &str| {
            let read = key().read_challenge(at, purpose, text);
            read.is_some_and(|(read, _)| read == session)
        };

        assert!(read(NOW + CHALLENGE_LIFE, Purpose::Refresh, ID, &challenge));
        let late = NOW + CHALLENGE_LIFE + Duration::from_millis(1);
        assert!(!read(late, Purpose::Refresh, ID, &challenge));
        let early = NOW.before(SERVER_SKEW + Duration::from_millis(1));
        assert!(!read(early, Purpose::Refresh, ID, &challenge));
        assert!(!read(NOW, Purpose::Registration, ID, &challenge));
        assert!(!read(NOW, Purpose::Refresh, OTHER, &challenge));
        let other = DbscKey::from_bytes([8; 32]);
        let foreign = other.read_challenge(NOW, Purpose::Refresh, &challenge);
        assert_eq!(foreign, None);
        for place in 0..challenge.len() {
            let cut = challenge.get(..place).unwrap();
            assert!(!read(NOW, Purpose::Refresh, ID, cut), "{place}");
        }
        for odd in ["", "A", "é", &format!("{challenge}A"), &"A".repeat(5_000)] {
            assert!(!read(NOW, Purpose::Refresh, ID, odd), "{odd}");
        }
    }

    #[test]
    fn p54_a_bound_cookie_names_its_session_and_cannot_be_changed() {
        let value = key().bound_cookie(NOW, ID, LIFETIME);
        let until = NOW + LIFETIME + IN_FLIGHT;
        let made = BoundCookie::Made { session: ID, until };

        assert_eq!(key().read_bound_cookie(&value), made);
        for place in 0..value.len() {
            let mut forged = value.as_bytes().to_vec();
            forged[place] = if forged[place] == b'B' { b'C' } else { b'B' };
            let forged = String::from_utf8(forged).unwrap();
            assert_ne!(key().read_bound_cookie(&forged), made, "{place}");
            let cut = value.get(..place).unwrap();
            assert_eq!(
                key().read_bound_cookie(cut),
                BoundCookie::Malformed,
                "{place}"
            );
        }
        let other = DbscKey::from_bytes([8; 32]);
        assert_eq!(other.read_bound_cookie(&value), BoundCookie::Malformed);
    }
}
