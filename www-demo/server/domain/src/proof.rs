//! Sessions that are bound to a key (RFC 9449): which proof of possession serves them, once.

use std::fmt;

use async_trait::async_trait;

use crate::{Applied, KeyThumbprint, Possession, Session, StoreResult, Timestamp};

/// The most proofs that a session remembers at once: more than the default rate limit of refreshes allows within the life of one.
pub const MAX_USED_PROOFS: usize = 512;

const ID_BYTES: usize = 12;
const ENTRY_BYTES: usize = 8 + ID_BYTES;

/// What tells a proof from others: the start of a SHA-256 hash of its `jti`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ProofId([u8; ID_BYTES]);

impl ProofId {
    /// Creates an id from a hash of `jti`.
    #[must_use]
    pub fn of_hash(hash: &[u8; 32]) -> Self {
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&hash[..ID_BYTES]);
        Self(id)
    }
}

impl fmt::Debug for ProofId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProofId(…)")
    }
}

/// A proof of possession whose signature and claims were verified (RFC 9449 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key that signed it.
    pub jkt: KeyThumbprint,
    /// Its id.
    pub id: ProofId,
    /// When it is refused for its age: until then its id is remembered.
    pub until: Timestamp,
}

/// Why a session that is bound to a key is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// The request has no proof.
    Missing,
    /// The proof is of another key.
    OtherKey,
    /// The proof was used before.
    Replayed,
    /// More proofs were used than are remembered.
    TooMany,
    /// The request has no bound cookie, and the browser does not say why: it has no key for the session any more.
    NoCookie,
    /// The request has no bound cookie: the browser could not refresh it, or says so.
    SkippedCookie,
    /// The bound cookie has expired, or is another session's.
    UnusableCookie,
}

/// The proofs that a session was served with, until they are refused for their age.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsedProofs(Vec<(Timestamp, ProofId)>);

impl UsedProofs {
    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` if it is nothing that was written.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        let entries = entries.iter().map(|entry| {
            let (until, id) = entry.split_first_chunk::<8>()?;
            let until = Timestamp::from_millis(u64::from_be_bytes(*until));
            Some((until, ProofId(id.try_into().ok()?)))
        });
        let entries: Option<Vec<_>> = entries.collect();
        entries.filter(|_| rest.is_empty()).map(Self)
    }

    /// Returns the bytes for a store; `None` where there are none.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let entries = self.0.iter();
        let bytes: Vec<u8> = entries
            .flat_map(|(until, id)| [&until.as_millis().to_be_bytes()[..], &id.0].concat())
            .collect();
        (!bytes.is_empty()).then_some(bytes)
    }

    fn add(&mut self, now: Timestamp, proof: &Proof) -> Result<(), Unproven> {
        if self.0.iter().any(|(_, id)| *id == proof.id) {
            return Err(Unproven::Replayed);
        }
        self.0.retain(|(until, _)| now <= *until);
        if self.0.len() >= MAX_USED_PROOFS {
            return Err(Unproven::TooMany);
        }
        self.0.push((proof.until, proof.id));
        Ok(())
    }
}

impl Session {
    /// Decides whether a request may be served: a session that is bound to a key needs a proof by that key, which no request
    /// had before, and one that the browser has registered a key for needs its bound cookie; one with both keys needs both.
    /// Remembers the proof. A session that is bound to none is served with any proof and without.
    ///
    /// # Errors
    /// Fails with the reason for which it is not served; the session is then unchanged but for proofs that were forgotten.
    pub fn prove(&mut self, now: Timestamp, shown: &Possession) -> Result<(), Unproven> {
        self.check_bound_cookie(now, shown.bound)?;
        let Some(jkt) = self.jkt else {
            return Ok(());
        };
        let proof = shown.proof.ok_or(Unproven::Missing)?;
        if proof.jkt != jkt {
            return Err(Unproven::OtherKey);
        }
        self.proofs.add(now, &proof)
    }
}

/// The proofs of sessions.
#[async_trait]
pub trait ProofStore: Send + Sync + 'static {
    /// Writes the proofs that a session remembers, and advances its times of activity and refresh, if it still remembers
    /// those of `read` and has not ended (compare-and-swap).
    async fn record_proof(&self, session: &Session, read: &Session) -> StoreResult<Applied>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authentication, Limits, NewSession, RefreshToken, SessionId, UserId};

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const OWN: KeyThumbprint = KeyThumbprint::from_bytes([7; 32]);

    fn session(jkt: Option<KeyThumbprint>) -> Session {
        let first = RefreshToken::first(SessionId::from_bytes([3; 16]), [5; 32]);
        let new = NewSession {
            jkt,
            ..NewSession::new(String::new(), Authentication::by_password(NOW))
        };
        let user = UserId::from_bytes([1; 16]);
        Session::begin(NOW, &first, user, new, &Limits::default())
    }

    fn proof(jkt: KeyThumbprint, number: u8) -> Proof {
        Proof {
            jkt,
            id: ProofId::of_hash(&[number; 32]),
            until: Timestamp::from_millis(NOW.as_millis() + 240_000),
        }
    }

    fn shown(proof: Proof) -> Possession {
        Possession {
            proof: Some(proof),
            ..Possession::NONE
        }
    }

    #[test]
    fn p54_a_bound_session_needs_a_proof_by_its_key_that_was_not_used() {
        let mut bound = session(Some(OWN));
        let other = KeyThumbprint::from_bytes([8; 32]);

        assert_eq!(bound.prove(NOW, &Possession::NONE), Err(Unproven::Missing));
        let foreign = bound.prove(NOW, &shown(proof(other, 1)));
        assert_eq!(foreign, Err(Unproven::OtherKey));
        assert_eq!(bound.prove(NOW, &shown(proof(OWN, 1))), Ok(()));
        let again = bound.prove(NOW, &shown(proof(OWN, 1)));
        assert_eq!(again, Err(Unproven::Replayed));
        assert_eq!(bound.prove(NOW, &shown(proof(OWN, 2))), Ok(()));

        let kept = bound
            .proofs
            .to_bytes()
            .and_then(|bytes| UsedProofs::from_bytes(&bytes));
        assert_eq!(kept, Some(bound.proofs));
    }

    #[test]
    fn p54_a_session_without_a_key_stays_without_one() {
        let mut unbound = session(None);
        assert_eq!(unbound.prove(NOW, &Possession::NONE), Ok(()));
        assert_eq!(unbound.prove(NOW, &shown(proof(OWN, 1))), Ok(()));
        assert_eq!(unbound.jkt, None);
        assert_eq!(unbound.proofs.to_bytes(), None);
    }

    #[test]
    fn p54_proofs_are_remembered_for_as_long_as_they_are_accepted_and_no_more_of_them_than_fit() {
        let mut bound = session(Some(OWN));
        let numbered = |number: usize| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_be_bytes());
            Proof {
                id: ProofId::of_hash(&hash),
                ..proof(OWN, 0)
            }
        };
        for number in 0..MAX_USED_PROOFS {
            assert_eq!(bound.prove(NOW, &shown(numbered(number))), Ok(()));
        }
        let more = numbered(MAX_USED_PROOFS);
        assert_eq!(bound.prove(NOW, &shown(more)), Err(Unproven::TooMany));
        let replayed = bound.prove(NOW, &shown(numbered(0)));
        assert_eq!(replayed, Err(Unproven::Replayed));

        let later = Timestamp::from_millis(NOW.as_millis() + 240_001);
        let more = Proof {
            until: later,
            ..more
        };
        assert_eq!(bound.prove(later, &shown(more)), Ok(()));
        assert_eq!(
            bound.proofs.to_bytes().map(|bytes| bytes.len()),
            Some(ENTRY_BYTES)
        );
    }

    #[test]
    fn bytes_that_were_never_written_are_no_proofs() {
        for length in [1, ENTRY_BYTES - 1, ENTRY_BYTES + 1] {
            assert_eq!(UsedProofs::from_bytes(&vec![0; length]), None);
        }
        assert_eq!(UsedProofs::from_bytes(&[]), Some(UsedProofs::default()));
    }
}
