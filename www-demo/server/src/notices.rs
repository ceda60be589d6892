//! What a user is told of changes of how they sign in (OWASP ASVS 6.3.7): this server sends no mail, and tells whoever does.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use hyper::body::Bytes;
use serde::Serialize;

use crate::{
    clock,
    config::{Config, ConfigError, Notices},
    domain::{Timestamp, UserDirectory, UserId},
    verifier::{FetchOptions, Fetcher},
};

/// How long one request of [`HttpNotifier`] may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long it waits before each further attempt.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// The account has another password, or its first one.
    PasswordChanged,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// One-time passwords were set up.
    TotpAdded,
    /// One-time passwords were removed.
    TotpRemoved,
    /// The recovery codes were replaced.
    RecoveryCodesReplaced,
    /// A user of an identity provider signs in to the account from now on.
    ProviderLinked,
}

/// A change of an account.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Notice {
    /// What was changed.
    pub change: Change,
    /// The user's id.
    pub user: String,
    /// The user's e-mail address, if there is one.
    pub email: Option<String>,
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
}

/// Passes notices on to their users. It is called apart from the request that made the change, which does not wait for it.
#[async_trait]
pub trait Notifier: Send + Sync + 'static {
    /// Passes a notice on.
    ///
    /// # Errors
    /// Fails if the notice is lost; the server logs that.
    async fn notify(&self, notice: &Notice) -> io::Result<()>;
}

/// Posts each notice as JSON to `NOTICES_URL`, at most three times.
struct HttpNotifier {
    fetcher: Fetcher,
    headers: HeaderMap,
}

impl HttpNotifier {
    /// Accepts https, and http of this machine; `None` for any other URL.
    fn new(notices: &Notices) -> Option<Self> {
        let fetcher = Fetcher::new(&notices.url, &FetchOptions::default());
        let fetcher = fetcher.inspect_err(|error| tracing::warn!(%error, "NOTICES_URL"));
        let mut authorization: HeaderValue =
            format!("Bearer {}", notices.secret.expose()).parse().ok()?;
        authorization.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        Some(Self {
            fetcher: fetcher.ok()?,
            headers: HeaderMap::from_iter([
                (header::AUTHORIZATION, authorization),
                (header::CONTENT_TYPE, json),
            ]),
        })
    }

    async fn post(&self, body: Bytes) -> io::Result<()> {
        let sent = self.fetcher.send(Method::POST, self.headers.clone(), body);
        let sent = tokio::time::timeout(TIMEOUT, sent).await;
        let answer = sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        let status = answer.response.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("the response was {status}")))
        }
    }
}

#[async_trait]
impl Notifier for HttpNotifier {
    async fn notify(&self, notice: &Notice) -> io::Result<()> {
        let body = Bytes::from(serde_json::to_vec(notice)?);
        for pause in PAUSES {
            if self.post(body.clone()).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
        }
        self.post(body).await
    }
}

/// Creates the notifier of the settings, if there is one.
pub(crate) fn notifier(config: &Config) -> Result<Option<Arc<dyn Notifier>>, ConfigError> {
    let Some(notices) = &config.notices else {
        return Ok(None);
    };
    let notifier = HttpNotifier::new(notices).ok_or(ConfigError {
        variable: "NOTICES_URL".into(),
        expected: "a URL of https, or of http on this machine",
    })?;
    Ok(Some(Arc::new(notifier)))
}

/// Tells a user, beside the request under way.
pub(crate) fn tell(
    notifier: &Arc<dyn Notifier>,
    users: &Arc<dyn UserDirectory>,
    change: Change,
    user: UserId,
) {
    let (notifier, users, at) = (Arc::clone(notifier), Arc::clone(users), clock::now());
    tokio::spawn(async move {
        if let Err(error) = find_and_tell(&*notifier, &*users, change, user, at).await {
            tracing::warn!(%error, %user, ?change, "a notice was lost");
        }
    });
}

async fn find_and_tell(
    notifier: &dyn Notifier,
    users: &dyn UserDirectory,
    change: Change,
    user: UserId,
    at: Timestamp,
) -> io::Result<()> {
    let found = users.find(user).await.map_err(io::Error::other)?;
    let email = found.and_then(|user| user.email.address().map(str::to_owned));
    let notice = Notice {
        change,
        user: user.to_string(),
        email,
        at: at.as_millis(),
    };
    notifier.notify(&notice).await
}
