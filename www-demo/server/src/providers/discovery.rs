//! A provider's metadata and keys (`OpenID` Connect Discovery 1.0 §4, RFC 8414), fetched when they are needed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use tokio::sync::Mutex as AsyncMutex;

use super::{ProviderError, http::Endpoint, jws::KeyList};
use crate::{clock, config::ProviderConfig, domain::Timestamp, verifier::FetchOptions};

/// How long metadata and keys are fresh.
const FRESH_FOR: Duration = Duration::from_hours(1);
/// How long they may be used while the provider cannot be reached.
const STALE_FOR: Duration = Duration::from_hours(24);
/// The shortest time between two fetches of the keys, whatever a token names.
const KEYS_AT_MOST_EVERY: Duration = Duration::from_secs(5);

/// The members that are used.
#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    pushed_authorization_request_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// A provider's metadata, checked.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(super) authorization_endpoint: String,
    pub(super) end_session_endpoint: Option<String>,
    /// Whether each response of the authorization endpoint has `iss` (RFC 9207 §3).
    pub(super) has_iss: bool,
    /// Whether the client's secret is sent in the body.
    pub(super) posts_secret: bool,
    pub(super) token: Endpoint,
    pub(super) userinfo: Option<Endpoint>,
    pub(super) revocation: Option<Endpoint>,
    pub(super) par: Option<Endpoint>,
    jwks: Endpoint,
}

/// Something fetched, and when.
type Cached<T> = Mutex<Option<(Arc<T>, Timestamp)>>;

/// Fetches and keeps metadata and keys of one provider.
pub(super) struct Discovery {
    issuer: String,
    options: FetchOptions,
    metadata: Cached<Metadata>,
    keys: Cached<KeyList>,
    /// Held by the one request that fetches.
    fetching: AsyncMutex<()>,
}

impl Discovery {
    pub(super) fn new(config: &ProviderConfig) -> Self {
        Self {
            issuer: config.issuer.clone(),
            options: FetchOptions {
                root_certificates: config.root_certificates.clone(),
                allow_http: false,
            },
            metadata: Mutex::default(),
            keys: Mutex::default(),
            fetching: AsyncMutex::default(),
        }
    }

    /// Returns the metadata.
    pub(super) async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        if let Some(metadata) = get(&self.metadata, FRESH_FOR) {
            return Ok(metadata);
        }
        let _one = self.fetching.lock().await;
        if let Some(metadata) = get(&self.metadata, FRESH_FOR) {
            return Ok(metadata);
        }
        match self.fetch_metadata().await {
            Ok(metadata) => Ok(set(&self.metadata, metadata)),
            Err(error) => get(&self.metadata, STALE_FOR).ok_or(error),
        }
    }

    /// Returns the keys that were known last.
    pub(super) async fn keys(&self, metadata: &Metadata) -> Result<Arc<KeyList>, ProviderError> {
        if let Some(keys) = get(&self.keys, FRESH_FOR) {
            return Ok(keys);
        }
        self.newer_keys(metadata, FRESH_FOR).await
    }

    /// Fetches the keys again, for a token that those known have not signed: the provider may have rotated them. Once in some
    /// seconds, so that tokens with invented key ids do not become requests.
    pub(super) async fn keys_again(
        &self,
        metadata: &Metadata,
    ) -> Result<Arc<KeyList>, ProviderError> {
        self.newer_keys(metadata, KEYS_AT_MOST_EVERY).await
    }

    async fn newer_keys(
        &self,
        metadata: &Metadata,
        than: Duration,
    ) -> Result<Arc<KeyList>, ProviderError> {
        let _one = self.fetching.lock().await;
        if let Some(keys) = get(&self.keys, than) {
            return Ok(keys);
        }
        let fetched = async {
            let reply = metadata.jwks.get(None).await;
            let reply = reply.inspect_err(|error| tracing::warn!(%error, "a provider's keys"));
            let reply = reply.ok().filter(|reply| reply.status.as_u16() == 200)?;
            KeyList::parse(&reply.body)
        };
        if let Some(keys) = fetched.await {
            return Ok(set(&self.keys, keys));
        }
        get(&self.keys, STALE_FOR).ok_or(ProviderError::Failed("keys"))
    }

    async fn fetch_metadata(&self) -> Result<Metadata, ProviderError> {
        let unread = ProviderError::Failed("discovery");
        let issuer = self.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let endpoint = Endpoint::new(&url, &self.options).ok_or(unread)?;
        let reply = endpoint.get(None).await;
        let reply = reply.inspect_err(|error| tracing::warn!(%error, "a provider's metadata"));
        let reply = reply.map_err(|_| unread)?;
        if reply.status.as_u16() != 200 {
            return Err(unread);
        }
        let document: Document = serde_json::from_slice(&reply.body).map_err(|_| unread)?;
        // RFC 8414 §3.3: character by character.
        if document.issuer != self.issuer {
            return Err(ProviderError::Refused("discovery_issuer"));
        }
        let endpoint = |url: &str| Endpoint::new(url, &self.options).ok_or(unread);
        let maybe = |url: &Option<String>| url.as_deref().map(endpoint).transpose();
        // The browser goes there: the same rule as for this server.
        endpoint(&document.authorization_endpoint)?;
        let methods = document.token_endpoint_auth_methods_supported;
        let methods = methods.unwrap_or_else(|| vec!["client_secret_basic".to_owned()]);
        let knows = |method: &str| methods.iter().any(|one| one == method);
        Ok(Metadata {
            token: endpoint(&document.token_endpoint)?,
            jwks: endpoint(&document.jwks_uri)?,
            userinfo: maybe(&document.userinfo_endpoint)?,
            revocation: maybe(&document.revocation_endpoint)?,
            par: maybe(&document.pushed_authorization_request_endpoint)?,
            posts_secret: !knows("client_secret_basic") && knows("client_secret_post"),
            has_iss: document.authorization_response_iss_parameter_supported,
            authorization_endpoint: document.authorization_endpoint,
            end_session_endpoint: document.end_session_endpoint,
        })
    }
}

fn get<T>(cached: &Cached<T>, within: Duration) -> Option<Arc<T>> {
    let cached = cached.lock().unwrap_or_else(PoisonError::into_inner);
    let (value, at) = cached.as_ref()?;
    (clock::now().since(*at) < within).then(|| Arc::clone(value))
}

fn set<T>(cached: &Cached<T>, value: T) -> Arc<T> {
    let value = Arc::new(value);
    let mut cached = cached.lock().unwrap_or_else(PoisonError::into_inner);
    *cached = Some((Arc::clone(&value), clock::now()));
    value
}
