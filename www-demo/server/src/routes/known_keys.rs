//! What this server remembers of the keys that sessions are bound to, so that a request can be judged by its key without a look-up.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    domain::{KeyThumbprint, SessionId, SessionKey, Store, StoreResult, Timestamp},
    problem::Problem,
};

/// Upper bound on the sessions in memory.
const MAX_SESSIONS: usize = 10_000;

/// The keys of a session, as its row had them.
#[derive(Clone, Debug)]
pub(super) struct SessionKeys {
    /// The key of its sign-in's proof, for good.
    pub(super) jkt: Option<KeyThumbprint>,
    /// The key that its browser has registered; one that has none may register one later.
    pub(super) registered: Option<SessionKey>,
    /// When they were looked up.
    pub(super) read_at: Timestamp,
}

/// The keys of sessions. Holds those alone whose requests were too many: others need no look-up besides their own.
#[derive(Debug, Default)]
pub(super) struct KnownKeys(Mutex<BTreeMap<SessionId, SessionKeys>>);

impl KnownKeys {
    /// Returns the keys of a session; `None` if they are not known.
    pub(super) fn get(&self, session: SessionId) -> Option<SessionKeys> {
        self.known().get(&session).cloned()
    }

    /// Looks up the keys of a session, and remembers them. The one that was looked up longest ago makes room.
    pub(super) async fn look_up(
        &self,
        store: &dyn Store,
        now: Timestamp,
        session: SessionId,
    ) -> Result<SessionKeys, Problem> {
        let row: StoreResult<_> = store.session(session).await;
        let (jkt, registration) = row?.map_or((None, None), |(row, _)| (row.jkt, row.registration));
        let keys = SessionKeys {
            jkt,
            registered: registration.map(|registration| registration.key),
            read_at: now,
        };
        self.remember(session, keys.clone());
        Ok(keys)
    }

    fn remember(&self, session: SessionId, keys: SessionKeys) {
        let mut known = self.known();
        known.insert(session, keys);
        if known.len() > MAX_SESSIONS {
            let oldest = known.iter().min_by_key(|(_, keys)| keys.read_at);
            if let Some(oldest) = oldest.map(|(session, _)| *session) {
                known.remove(&oldest);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<SessionId, SessionKeys>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_bounded_and_the_session_looked_up_longest_ago_makes_room() {
        let known = KnownKeys::default();
        let session = |number: usize| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            SessionId::from_bytes(bytes)
        };
        for number in 0..=MAX_SESSIONS {
            let keys = SessionKeys {
                jkt: None,
                registered: None,
                // The last one was looked up first.
                read_at: Timestamp::from_millis(u64::try_from(2 * MAX_SESSIONS - number).unwrap()),
            };
            known.remember(session(number), keys);
        }

        assert_eq!(known.known().len(), MAX_SESSIONS);
        assert!(known.get(session(0)).is_some());
        assert!(known.get(session(MAX_SESSIONS)).is_none());
    }
}
