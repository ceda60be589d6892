//! Challenges, which no server has to keep: random bytes, an expiry and a MAC. What was used is kept until it expires.

use std::{fmt, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::Mac;

use super::Expected;
use crate::{
    clock,
    domain::{self, Email, SessionId, Timestamp, User, UserId},
};

/// How long a challenge may be answered, the `timeout` of the options.
pub(crate) const CHALLENGE_LIFETIME: Duration = Duration::from_mins(5);

const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 16;
const CHALLENGE_BYTES: usize = NONCE_BYTES + 8 + MAC_BYTES;

/// What a challenge is issued for. One of another purpose is refused.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// To sign in.
    SignIn,
    /// To make an account with this address.
    SignUp(&'a Email),
    /// To add a passkey, within this session.
    Register(SessionId),
    /// To authenticate this session's user again.
    StepUp(SessionId),
    /// To sign in with a second factor, after this user's current password.
    SecondFactor(&'a User),
}

impl Purpose<'_> {
    /// Returns a name of the purpose, whom it is for, and what must not change meanwhile.
    fn parts(&self) -> [&[u8]; 3] {
        match self {
            Self::SignIn => [b"sign in", &[], &[]],
            Self::SignUp(email) => [b"sign up", email.expose().as_bytes(), &[]],
            Self::Register(session) => [b"register", session.as_bytes(), &[]],
            Self::StepUp(session) => [b"step up", session.as_bytes(), &[]],
            Self::SecondFactor(user) => {
                let password = user.password.expose().as_bytes();
                [b"second factor", user.id.as_bytes(), password]
            }
        }
    }
}

/// A challenge that this server has issued.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Challenge {
    nonce: [u8; NONCE_BYTES],
    expires_at: Timestamp,
}

impl fmt::Debug for Challenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Challenge(…)")
    }
}

impl Challenge {
    /// Returns what the challenge is recorded by once it was used.
    pub(crate) const fn id(&self) -> [u8; NONCE_BYTES] {
        self.nonce
    }

    /// Returns when it expires.
    pub(crate) const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// The key that challenges are made and recognised with, kept outside of the database.
#[derive(Clone)]
pub(crate) struct ChallengeKey([u8; 32]);

impl ChallengeKey {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Makes a challenge for a purpose, in base64url.
    pub(crate) fn issue(&self, now: Timestamp, purpose: Purpose<'_>) -> (Challenge, String) {
        let challenge = Challenge {
            nonce: clock::random(),
            expires_at: now + CHALLENGE_LIFETIME,
        };
        let tag = self.mac(challenge, purpose).finalize().into_bytes();
        let expiry = challenge.expires_at.as_millis().to_be_bytes();
        let mut text = [challenge.nonce.as_slice(), &expiry].concat();
        text.extend(tag.into_iter().take(MAC_BYTES));
        (challenge, Base64UrlUnpadded::encode_string(&text))
    }

    /// Reads a challenge; `None` if it is forged, expired, or of another purpose.
    pub(crate) fn open(&self, text: &str, expected: Expected<'_>) -> Option<Challenge> {
        let mut bytes = [0; CHALLENGE_BYTES];
        let read = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        let (nonce, rest) = read.split_first_chunk::<NONCE_BYTES>()?;
        let (expiry, tag) = rest.split_first_chunk::<8>()?;
        let challenge = Challenge {
            nonce: *nonce,
            expires_at: Timestamp::from_millis(u64::from_be_bytes(*expiry)),
        };
        let tag: &[u8; MAC_BYTES] = tag.try_into().ok()?;
        let mac = self.mac(challenge, expected.purpose);
        mac.verify_truncated_left(tag).ok()?;
        (expected.now < challenge.expires_at).then_some(challenge)
    }

    /// Returns the user that a sign-up with this challenge makes: the options name the user's id before there is one.
    pub(crate) fn user_of(&self, challenge: Challenge, email: &Email) -> UserId {
        let mut mac = self.mac(challenge, Purpose::SignUp(email));
        mac.update(b"user");
        let tag = mac.finalize().into_bytes();
        let mut id = [0; 16];
        for (place, byte) in id.iter_mut().zip(tag) {
            *place = byte;
        }
        UserId::from_bytes(id)
    }

    fn mac(&self, challenge: Challenge, purpose: Purpose<'_>) -> hmac::Hmac<sha2::Sha256> {
        let mut mac = domain::hmac_sha256(&self.0);
        mac.update(b"nolapse 1 challenge");
        mac.update(&challenge.nonce);
        mac.update(&challenge.expires_at.as_millis().to_be_bytes());
        for part in purpose.parts() {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}
