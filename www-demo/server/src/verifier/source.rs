//! The issuer's public keys: given, or fetched and cached.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nolapse::verify::{KeySet, PublicKey, Refusal};

use super::fetch::{BadKeyUrl, FetchOptions, Fetched, Fetcher};
use crate::domain::Timestamp;

/// The minimum time between two requests, whatever the number of unknown `kid`s.
const FETCH_AT_MOST_EVERY: Duration = Duration::from_secs(10);
/// How long stale keys are used while the auth server is unreachable, and thus the bound of a revocation.
const STALE_FOR: Duration = Duration::from_hours(24);

/// A source of a verifier's keys. Clones share their cache.
#[derive(Clone, Debug)]
pub struct KeySource(Arc<Source>);

#[derive(Debug)]
enum Source {
    Given(Mutex<Arc<KeySet>>),
    Fetched {
        fetcher: Box<Fetcher>,
        cached: Mutex<Arc<Cached>>,
        fetching: tokio::sync::Mutex<()>,
    },
}

/// The last key set, and the state of fetching the next one.
#[derive(Debug, Default)]
struct Cached {
    set: Option<(Fetched, Timestamp)>,
    tried_at: Option<Timestamp>,
    has_failed: bool,
}

/// What to do with a request for a key.
enum Lookup {
    /// Answer from memory.
    Answer(Result<PublicKey, Refusal>),
    /// Answer from memory, and fetch meanwhile.
    AnswerAndFetch(PublicKey),
    /// Fetch first.
    Fetch,
}

impl KeySource {
    /// Uses these keys, until they are [replaced](Self::replace).
    #[must_use]
    pub fn given(keys: KeySet) -> Self {
        Self(Arc::new(Source::Given(Mutex::new(Arc::new(keys)))))
    }

    /// Replaces the keys in all clones. No effect on a source that fetches its keys.
    pub fn replace(&self, keys: KeySet) {
        if let Source::Given(given) = &*self.0 {
            *given.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
    }

    /// Fetches the keys from the auth server's `/.well-known/jwks.json`, and caches them: over https with the system's
    /// root certificates, or over http from this machine.
    ///
    /// They are fetched again after five minutes or a shorter `max-age`, and for an unknown `kid`, but at most every ten
    /// seconds. While the auth server is unreachable the last keys are used, for a day. Redirects are not followed, and at
    /// most 64 KiB are read.
    ///
    /// # Errors
    /// Fails if the URL is not absolute, has credentials, or is neither https nor this machine's.
    pub fn fetched(url: &str) -> Result<Self, BadKeyUrl> {
        Self::fetched_with(url, &FetchOptions::default())
    }

    /// Does the same with other root certificates, or over http from elsewhere.
    ///
    /// # Errors
    /// Fails as [`fetched`](Self::fetched) does, and if certificates cannot be read.
    pub fn fetched_with(url: &str, options: &FetchOptions) -> Result<Self, BadKeyUrl> {
        Ok(Self(Arc::new(Source::Fetched {
            fetcher: Box::new(Fetcher::new(url, options)?),
            cached: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        })))
    }

    /// Finds the key of that name.
    pub(super) async fn find(&self, now: Timestamp, id: &str) -> Result<PublicKey, Refusal> {
        let (cached, fetching) = match &*self.0 {
            Source::Given(given) => {
                let keys = Arc::clone(&given.lock().unwrap_or_else(PoisonError::into_inner));
                return keys.find(id).cloned().ok_or(Refusal::UnknownKey);
            }
            Source::Fetched {
                cached, fetching, ..
            } => (cached, fetching),
        };
        match read(cached).lookup(now, id) {
            Lookup::Answer(answer) => return answer,
            Lookup::AnswerAndFetch(key) => {
                let source = Arc::clone(&self.0);
                tokio::spawn(async move { source.fetch_unless_fetching(now).await });
                return Ok(key);
            }
            Lookup::Fetch => {}
        }
        let _turn = fetching.lock().await;
        // Another call may have fetched while this one waited for the lock.
        match read(cached).lookup(now, id) {
            Lookup::Answer(answer) => answer,
            Lookup::AnswerAndFetch(key) => Ok(key),
            Lookup::Fetch => {
                self.0.fetch(now).await;
                read(cached).answer(now, id)
            }
        }
    }
}

impl Source {
    async fn fetch_unless_fetching(&self, now: Timestamp) {
        if let Self::Fetched {
            fetching, cached, ..
        } = self
            && let Ok(_turn) = fetching.try_lock()
            && !read(cached).is_tried_lately(now)
        {
            self.fetch(now).await;
        }
    }

    async fn fetch(&self, now: Timestamp) {
        let Self::Fetched {
            fetcher, cached, ..
        } = self
        else {
            return;
        };
        let fetched = fetcher.fetch().await;
        let mut cached = cached.lock().unwrap_or_else(PoisonError::into_inner);
        let (set, has_failed) = match fetched {
            Ok(fetched) => (Some((fetched, now)), false),
            Err(error) => {
                tracing::warn!(%error, "the key set could not be fetched");
                (cached.set.clone(), true)
            }
        };
        *cached = Arc::new(Cached {
            set,
            tried_at: Some(now),
            has_failed,
        });
    }
}

impl Cached {
    fn lookup(&self, now: Timestamp, id: &str) -> Lookup {
        let is_fresh = self
            .set
            .as_ref()
            .is_some_and(|(set, at)| now.since(*at) < set.fresh_for);
        let answer = self.answer(now, id);
        match answer {
            answer if self.is_tried_lately(now) => Lookup::Answer(answer),
            Ok(key) if is_fresh => Lookup::Answer(Ok(key)),
            // The auth server is unreachable: later calls do not wait for it.
            Ok(key) if self.has_failed => Lookup::AnswerAndFetch(key),
            Ok(_) | Err(_) => Lookup::Fetch,
        }
    }

    fn is_tried_lately(&self, now: Timestamp) -> bool {
        self.tried_at
            .is_some_and(|at| now.since(at) < FETCH_AT_MOST_EVERY)
    }

    fn answer(&self, now: Timestamp, id: &str) -> Result<PublicKey, Refusal> {
        match &self.set {
            Some((set, at)) if now.since(*at) < STALE_FOR => {
                set.keys.find(id).cloned().ok_or(Refusal::UnknownKey)
            }
            Some(_) | None => Err(Refusal::NoKeys),
        }
    }
}

fn read(cached: &Mutex<Arc<Cached>>) -> Arc<Cached> {
    Arc::clone(&cached.lock().unwrap_or_else(PoisonError::into_inner))
}
