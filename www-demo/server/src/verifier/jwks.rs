//! The issuer's public keys: given, or fetched and kept.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, Uri, body::Bytes, header};
use hyper_util::rt::TokioIo;
use jwt_compact::{Algorithm, alg::Ed25519};
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::domain::Timestamp;

/// A public Ed25519 key.
pub type PublicKey = <Ed25519 as Algorithm>::VerifyingKey;

/// How long fetched keys are used without asking again.
const FRESH_FOR: Duration = Duration::from_mins(5);
/// How long must pass between two fetches, however many unknown key names arrive.
const FETCH_AT_MOST_EVERY: Duration = Duration::from_secs(10);
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_SET_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 16;

/// Public keys by name, in the order in which they are published.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<(String, PublicKey)>);

#[derive(Serialize, Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Serialize, Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517 §5): the named Ed25519 keys for signatures, at most 16 of them.
    ///
    /// Keys of other kinds are passed over, as the RFC asks. `None` where it is not a JWK Set.
    #[must_use]
    pub fn from_json(json: &[u8]) -> Option<Self> {
        let set: JwkSet = serde_json::from_slice(json).ok()?;
        let usable = set.keys.into_iter().filter_map(|jwk| {
            let fits = jwk.kty == "OKP"
                && jwk.crv.as_deref() == Some("Ed25519")
                && jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
                && jwk.alg.as_deref().is_none_or(|alg| alg == "Ed25519");
            let mut bytes = [0; 32];
            let read = Base64UrlUnpadded::decode(&jwk.x?, &mut bytes).ok()?;
            let whole = read.len() == 32;
            let key = PublicKey::from_bytes(&bytes).ok()?;
            (fits && whole).then_some((jwk.kid?, key))
        });
        Some(Self(usable.take(MAX_KEYS).collect()))
    }

    /// Writes the JWK Set.
    #[must_use]
    pub fn to_json(&self) -> String {
        let keys = self.0.iter().map(|(id, key)| Jwk {
            kty: "OKP".to_owned(),
            crv: Some("Ed25519".to_owned()),
            x: Some(Base64UrlUnpadded::encode_string(key.as_bytes())),
            kid: Some(id.clone()),
            usage: Some("sig".to_owned()),
            alg: Some("Ed25519".to_owned()),
        });
        let set = JwkSet {
            keys: keys.collect(),
        };
        serde_json::to_string(&set).unwrap_or_default()
    }

    fn find(&self, id: &str) -> Option<&PublicKey> {
        let found = self.0.iter().find(|(name, _)| name == id);
        found.map(|(_, key)| key)
    }
}

impl FromIterator<(String, PublicKey)> for KeySet {
    fn from_iter<I: IntoIterator<Item = (String, PublicKey)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// A URL that keys cannot be fetched from: only `http` is spoken, inside one's own network.
#[derive(Debug)]
pub struct BadKeyUrl;

impl fmt::Display for BadKeyUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the key set's URL must be absolute and begin with http://")
    }
}

impl std::error::Error for BadKeyUrl {}

/// Where a verifier has its keys from. Clones share what they know.
#[derive(Clone, Debug)]
pub struct KeySource(Arc<Source>);

#[derive(Debug)]
enum Source {
    Given(Mutex<Arc<KeySet>>),
    Fetched {
        url: Uri,
        host: String,
        kept: Mutex<Arc<Kept>>,
        fetching: tokio::sync::Mutex<()>,
    },
}

#[derive(Debug, Default)]
struct Kept {
    keys: BTreeMap<String, PublicKey>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

impl KeySource {
    /// Uses these keys, until they are [replaced](Self::replace).
    #[must_use]
    pub fn given(keys: KeySet) -> Self {
        Self(Arc::new(Source::Given(Mutex::new(Arc::new(keys)))))
    }

    /// Uses other keys from now on, in all verifiers with a clone of this source. A source that fetches its
    /// keys goes on fetching.
    pub fn replace(&self, keys: KeySet) {
        if let Source::Given(given) = &*self.0 {
            *given.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
    }

    /// Fetches the keys from the auth server's `/.well-known/jwks.json`, and keeps them.
    ///
    /// They are fetched again after five minutes, or for a key name that is not among them, but at
    /// most every ten seconds. While the auth server is away the last keys go on working.
    ///
    /// # Errors
    /// Refuses a URL that is not absolute or not `http`.
    pub fn fetched(url: &str) -> Result<Self, BadKeyUrl> {
        let url: Uri = url.parse().map_err(|_| BadKeyUrl)?;
        let host = url.host().ok_or(BadKeyUrl)?;
        if url.scheme_str() != Some("http") {
            return Err(BadKeyUrl);
        }
        let host = format!("{host}:{}", url.port_u16().unwrap_or(80));
        Ok(Self(Arc::new(Source::Fetched {
            url,
            host,
            kept: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        })))
    }

    /// Finds the key of that name.
    pub(super) async fn find(&self, now: Timestamp, id: &str) -> Result<PublicKey, Refusal> {
        let (url, host, kept, fetching) = match &*self.0 {
            Source::Given(given) => {
                let keys = Arc::clone(&given.lock().unwrap_or_else(PoisonError::into_inner));
                return keys.find(id).copied().ok_or(Refusal::UnknownKey);
            }
            Source::Fetched {
                url,
                host,
                kept,
                fetching,
            } => (url, host, kept, fetching),
        };
        if let Some(answer) = read(kept).answer(now, id) {
            return answer;
        }
        let _turn = fetching.lock().await;
        // Another call may have fetched while this one waited for its turn.
        let before = read(kept);
        if let Some(answer) = before.answer(now, id) {
            return answer;
        }
        let fetch = tokio::time::timeout(FETCH_TIMEOUT, fetch(url, host)).await;
        let after = if let Some(keys) = fetch.ok().and_then(Result::ok) {
            Kept {
                keys: keys.0.into_iter().collect(),
                fetched_at: Some(now),
                tried_at: Some(now),
            }
        } else {
            tracing::warn!("the key set could not be fetched");
            Kept {
                keys: before.keys.clone(),
                fetched_at: before.fetched_at,
                tried_at: Some(now),
            }
        };
        let after = Arc::new(after);
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
        after.lookup(id)
    }
}

impl Kept {
    /// Answers from memory, or `None` where the keys should be fetched first.
    fn answer(&self, now: Timestamp, id: &str) -> Option<Result<PublicKey, Refusal>> {
        let tried_lately = self
            .tried_at
            .is_some_and(|at| now.since(at) < FETCH_AT_MOST_EVERY);
        let fresh = self.fetched_at.is_some_and(|at| now.since(at) < FRESH_FOR);
        let known = self.keys.contains_key(id);
        (tried_lately || (fresh && known)).then(|| self.lookup(id))
    }

    fn lookup(&self, id: &str) -> Result<PublicKey, Refusal> {
        if self.fetched_at.is_none() {
            return Err(Refusal::NoKeys);
        }
        self.keys.get(id).copied().ok_or(Refusal::UnknownKey)
    }
}

fn read(kept: &Mutex<Arc<Kept>>) -> Arc<Kept> {
    Arc::clone(&kept.lock().unwrap_or_else(PoisonError::into_inner))
}

async fn fetch(url: &Uri, host: &str) -> io::Result<KeySet> {
    let stream = tokio::net::TcpStream::connect(host).await?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_SET_BYTES)
        .collect()
        .await;
    connection.abort();
    let body = body.map_err(io::Error::other)?.to_bytes();
    let keys = status.is_success().then(|| KeySet::from_json(&body));
    keys.flatten()
        .ok_or_else(|| io::Error::other("not a key set"))
}
