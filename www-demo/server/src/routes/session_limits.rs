//! Rate limits of a session: what proves a key of the session is counted apart from what does not, so that who has a copy of the
//! cookie, and not the key, uses up nothing of its owner's.

use std::time::Duration;

use super::{
    known_keys::{KnownKeys, SessionKeys},
    limits::Throttled,
};
use crate::{
    clock::SERVER_SKEW,
    dbsc::DbscProof,
    domain::{BoundCookie, Possession, Proof, SessionId, Store, Timestamp},
    problem::Problem,
    proof::NONCE_LIFE,
    throttle::Throttle,
};

const SPAN: Duration = Duration::from_mins(1);
/// How soon a session that has registered no key is looked up again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long a proof that was used is remembered: longer than any is accepted.
const PROOF_LIFE: Duration = NONCE_LIFE.saturating_add(SERVER_SKEW);

/// What a request is counted with. Each kind has the whole limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Refreshes with a proof of the session's key.
    ProvenRefresh,
    /// Refreshes with the session's bound cookie.
    RefreshWithBoundCookie,
    /// All other refreshes: of sessions without a key, without a proof, by other keys, or with a proof that was used.
    OtherRefresh,
    /// Registrations of a key.
    Registration,
    /// Proofs by the key that was registered.
    KeyProof,
    /// All other proofs of a key.
    OtherKeyProof,
    /// Look-ups of the session's keys. One is enough, but more may be under way at once.
    LookUp,
}

/// The rate limits of sessions.
#[derive(Debug)]
pub(super) struct SessionLimits {
    turns: Throttle,
    keys: KnownKeys,
    used: Throttle,
}

impl SessionLimits {
    /// Allows `count` requests of each kind a minute; 0 is no limit.
    pub(super) fn new(count: u32) -> Self {
        Self {
            turns: Throttle::new(count, SPAN),
            keys: KnownKeys::default(),
            used: Throttle::new(1, PROOF_LIFE),
        }
    }

    /// Counts a refresh, before the session is looked up.
    ///
    /// Only the row says which key is the session's. As long as the turns of all suffice, nobody needs to know. Once they do
    /// not, one look-up tells the owner's requests from others, whichever of them came first.
    pub(super) async fn refresh(
        &self,
        store: &dyn Store,
        now: Timestamp,
        session: SessionId,
        shown: &Possession,
    ) -> Result<(), Problem> {
        let shared = match shown.bound {
            BoundCookie::Made { session: of, until } if of == session && now <= until => {
                Kind::RefreshWithBoundCookie
            }
            BoundCookie::Made { .. }
            | BoundCookie::Absent
            | BoundCookie::Skipped
            | BoundCookie::Malformed => Kind::OtherRefresh,
        };
        let proof = shown.proof.filter(|proof| {
            let name = used_proof(session, proof);
            self.used.has_turn(now, name)
        });
        let Some(proof) = proof else {
            return self.take(now, session, shared);
        };
        let known = self.keys.get(session);
        let Some(keys) = self.keys(store, now, session, known, shared).await? else {
            return Ok(());
        };
        let is_own = keys.jkt == Some(proof.jkt);
        let kind = if is_own { Kind::ProvenRefresh } else { shared };
        self.take(now, session, kind)
    }

    /// Remembers that a proof was refused because it was used: whoever sends it again may have copied it.
    pub(super) fn proof_was_used(&self, now: Timestamp, session: SessionId, proof: &Proof) {
        // The first of them takes the turn.
        let _ = self.used.take(now, used_proof(session, proof));
    }

    /// Counts a registration of a key.
    pub(super) fn registration(&self, now: Timestamp, session: SessionId) -> Result<(), Problem> {
        self.take(now, session, Kind::Registration)
    }

    /// Counts a proof of a registered key, before the session is looked up.
    pub(super) async fn key_proof(
        &self,
        store: &dyn Store,
        now: Timestamp,
        session: SessionId,
        proof: &DbscProof<'_>,
    ) -> Result<(), Problem> {
        let shared = Kind::OtherKeyProof;
        if !self.used.has_turn(now, used_challenge(session, proof)) {
            return self.take(now, session, shared);
        }
        let known = self
            .keys
            .get(session)
            .filter(|keys| keys.registered.is_some() || now.since(keys.read_at) < LOOK_AGAIN);
        let Some(keys) = self.keys(store, now, session, known, shared).await? else {
            return Ok(());
        };
        let is_own = keys.registered.is_some_and(|key| proof.is_signed_by(&key));
        let kind = if is_own { Kind::KeyProof } else { shared };
        self.take(now, session, kind)
    }

    /// Remembers that a proof was refused because its challenge was used.
    pub(super) fn challenge_was_used(
        &self,
        now: Timestamp,
        session: SessionId,
        proof: &DbscProof<'_>,
    ) {
        // The first of them takes the turn.
        let _ = self.used.take(now, used_challenge(session, proof));
    }

    /// Returns the keys of a session; `None` if they are not known, and need not be: a turn of the kind that all share was left.
    async fn keys(
        &self,
        store: &dyn Store,
        now: Timestamp,
        session: SessionId,
        known: Option<SessionKeys>,
        shared: Kind,
    ) -> Result<Option<SessionKeys>, Problem> {
        if known.is_some() {
            return Ok(known);
        }
        if self.take(now, session, shared).is_ok() {
            return Ok(None);
        }
        self.take(now, session, Kind::LookUp)?;
        self.keys.look_up(store, now, session).await.map(Some)
    }

    fn take(&self, now: Timestamp, session: SessionId, kind: Kind) -> Result<(), Problem> {
        let turn = self.turns.take(now, (session, kind));
        Ok(turn.map_err(Throttled::refreshes)?)
    }
}

/// Returns what a proof is remembered by. Those of a session that are accepted until the same moment are one.
const fn used_proof(session: SessionId, proof: &Proof) -> (SessionId, Kind, Timestamp) {
    (session, Kind::ProvenRefresh, proof.until)
}

/// Returns what a proof of a registered key is remembered by.
fn used_challenge<'t>(session: SessionId, proof: &'t DbscProof<'_>) -> (SessionId, Kind, &'t str) {
    (session, Kind::KeyProof, proof.challenge())
}
