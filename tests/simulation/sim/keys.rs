//! Keys of browsers: whether a request has a proof of one, as the hosts decide it, with the domain's rules for who is served.

use nolapse::core::{Failure, RefreshOutcome};
use nolapse::wire::EndReason;
use nolapse_domain::{
    KeyThumbprint, Possession, Proof, ProofId, RefreshToken, SessionId, Timestamp, Unproven,
};

use super::{Server, Tab, World};

/// How long the reference server accepts a proof.
const PROOF_LIFETIME: u64 = 240_000;

/// What a tab finds of the key that all tabs of its browser share in `IndexedDB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKey {
    /// The option `deviceBinding` is off: no key is made, and none is there.
    Unwanted,
    /// There is none: it was never made, or `IndexedDB` was cleared.
    Missing,
    /// The key with this number.
    Own(u8),
    /// `IndexedDB` fails.
    Blocked,
}

/// A served request that should not have been: a session that is bound to a key, without a proof by that key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downgrade {
    pub session: SessionId,
    pub at: u64,
}

/// The thumbprint of a key.
pub fn thumbprint(number: u8) -> KeyThumbprint {
    KeyThumbprint::from_bytes([number; 32])
}

impl World {
    /// What a tab finds of the key.
    pub fn key(&self, tab: usize) -> DeviceKey {
        let Tab {
            browser,
            is_key_blocked,
            ..
        } = self.tabs[tab];
        if is_key_blocked {
            DeviceKey::Blocked
        } else {
            self.browsers[browser].key
        }
    }

    /// Signs a proof with the key of a tab's browser, if the tab finds it.
    pub fn proof(&mut self, tab: usize) -> Option<Proof> {
        match self.key(tab) {
            DeviceKey::Own(number) => Some(self.proof_by(number)),
            DeviceKey::Unwanted | DeviceKey::Missing | DeviceKey::Blocked => None,
        }
    }

    /// Signs a proof with a key.
    pub fn proof_by(&mut self, number: u8) -> Proof {
        self.proofs_made += 1;
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&self.proofs_made.to_be_bytes());
        Proof {
            jkt: thumbprint(number),
            id: ProofId::of_hash(&hash),
            until: Timestamp::from_millis(self.now + PROOF_LIFETIME),
        }
    }

    /// The proof of a sign-in, which makes a key where there is none.
    pub fn proof_of_sign_in(&mut self, tab: usize) -> Option<Proof> {
        if self.key(tab) == DeviceKey::Missing {
            self.keys_made += 1;
            let browser = self.tabs[tab].browser;
            self.browsers[browser].key = DeviceKey::Own(self.keys_made);
        }
        self.proof(tab)
    }

    /// Notes a grant for a session whose key has not signed the request's proof.
    pub fn check_grant(&mut self, ticket: &RefreshToken, proof: Option<&Proof>) {
        let row = &self.server.sessions[ticket.session.as_bytes()];
        if row.jkt.is_some() && row.jkt != proof.map(|proof| proof.jkt) {
            self.counts.downgrades.push(Downgrade {
                session: ticket.session,
                at: self.now,
            });
        }
    }
}

impl Server {
    /// The rule of the reference server, before the cookie is judged.
    pub fn prove(
        &mut self,
        now: u64,
        ticket: &RefreshToken,
        proof: Option<&Proof>,
    ) -> Result<(), Unproven> {
        let row = self.sessions.get_mut(ticket.session.as_bytes());
        let row = row.filter(|row| row.ended.is_none());
        let shown = Possession {
            proof: proof.copied(),
            ..Possession::NONE
        };
        row.map_or(Ok(()), |row| row.prove(Timestamp::from_millis(now), &shown))
    }
}

/// What a tab makes of the refusal: its host knows whether it had a key.
pub fn outcome(why: Unproven, key: DeviceKey) -> RefreshOutcome {
    match (why, key) {
        (Unproven::OtherKey, _) | (Unproven::Missing, DeviceKey::Missing) => {
            RefreshOutcome::Ended(EndReason::KeyLost)
        }
        (Unproven::Missing | Unproven::Replayed | Unproven::TooMany, _) => {
            RefreshOutcome::Failed(Failure::from_status(401, None))
        }
        // No session of the simulation has a key that the browser itself has registered.
        (Unproven::NoCookie | Unproven::SkippedCookie | Unproven::UnusableCookie, _) => {
            RefreshOutcome::Failed(Failure::from_status(503, None))
        }
    }
}
