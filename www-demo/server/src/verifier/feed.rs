//! Follows the revocations of an auth server.

use std::{
    convert::Infallible,
    fmt, io,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use http_body_util::BodyExt;
use hyper::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use tokio::{
    sync::broadcast,
    task::AbortHandle,
    time::{Instant, timeout},
};

use super::{
    BadKeyUrl, FetchOptions, Verified,
    event_stream::{Event, Parser},
    fetch::Fetcher,
    revoked::{Notice, Revoked, RevokedTokens},
};
use crate::{
    clock,
    domain::{self, Timestamp},
    revocations::{Revocations, Update},
};

/// A stream that is silent for longer is dead: the server sends a comment every five seconds.
const SILENCE: Duration = Duration::from_secs(15);
/// The pauses between attempts: the first, and the longest. Each is doubled, and takes between half and all of its time.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// The longest pause that a server's `Retry-After` can make.
const MAX_RETRY_AFTER: u64 = 60;
/// How many revocations wait for a subscriber before it misses some.
const SUBSCRIBED: usize = 1_024;
/// The least length of a secret, as `SERVER_SECRETS` has them.
const MIN_SECRET_CHARS: usize = 32;

/// Why a feed cannot be followed.
#[derive(Debug)]
#[non_exhaustive]
pub enum BadFeed {
    /// The URL is none that a secret may be sent to.
    Url(BadKeyUrl),
    /// The secret is shorter than one of `SERVER_SECRETS`, or no header can have it.
    Secret,
}

impl fmt::Display for BadFeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => write!(formatter, "the feed of revocations: {error}"),
            Self::Secret => formatter.write_str("the secret must be one of SERVER_SECRETS"),
        }
    }
}

impl std::error::Error for BadFeed {}

/// Whether revocations arrive, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// Whether they do: within a second then, and all of them.
    pub is_live: bool,
    /// Since when, by this machine's clock.
    pub since: Timestamp,
}

/// Follows what an auth server revokes, until the last clone is dropped. While the stream is lost, what is known stays
/// revoked, nothing else is refused, and a token ends by itself.
#[derive(Clone, Debug)]
pub struct RevocationFeed(Arc<Follower>);

#[derive(Debug)]
struct Follower {
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug)]
struct Shared {
    revoked: RwLock<Revoked>,
    liveness: Mutex<Liveness>,
    told: broadcast::Sender<RevokedTokens>,
}

impl RevocationFeed {
    /// Follows `GET /auth/revocations` of an auth server: https, or http of this machine. Redirects are not followed.
    ///
    /// # Errors
    /// Fails if URL or secret cannot be used.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub fn follow(url: &str, secret: &str, options: &FetchOptions) -> Result<Self, BadFeed> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if secret.len() < MIN_SECRET_CHARS || !secret.bytes().all(is_plain) {
            return Err(BadFeed::Secret);
        }
        let fetcher = Fetcher::new(url, options).map_err(BadFeed::Url)?;
        let secret = format!("Bearer {secret}");
        Ok(Self::spawn(|shared| async move {
            let stream = Stream {
                fetcher,
                secret,
                shared,
                last_id: None,
            };
            stream.run().await;
        }))
    }

    /// Follows the auth server of this process, without a request.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    #[must_use]
    pub fn of(revocations: &Arc<Revocations>) -> Self {
        let mut reader = revocations.reader(None);
        Self::spawn(|shared| async move {
            while let Some(update) = reader.next().await {
                match update {
                    Update::CaughtUp { is_live, .. } => shared.set_live(is_live),
                    Update::Revoked(batch) => {
                        let now = Instant::now();
                        for entry in &batch.entries {
                            let tokens = match entry.revoked {
                                domain::Revoked::Session(id, _) => {
                                    RevokedTokens::OfSession(id.to_string())
                                }
                                domain::Revoked::User(id) => {
                                    RevokedTokens::OfUser(id.to_string(), entry.at)
                                }
                            };
                            shared.add(tokens, entry.until.saturating_duration_since(now));
                        }
                    }
                }
            }
            shared.set_live(false);
        })
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(Arc<Shared>) -> F) -> Self {
        let shared = Arc::new(Shared {
            revoked: RwLock::new(Revoked::new(Instant::now())),
            liveness: Mutex::new(Liveness {
                is_live: false,
                since: clock::now(),
            }),
            told: broadcast::Sender::new(SUBSCRIBED),
        });
        let task = tokio::spawn(run(Arc::clone(&shared))).abort_handle();
        Self(Arc::new(Follower { shared, task }))
    }

    /// Returns whether revocations arrive.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        *self.0.shared.liveness()
    }

    /// Returns whether a token is revoked. Makes no request.
    #[must_use]
    pub fn is_revoked(&self, token: &Verified) -> bool {
        let revoked = self.0.shared.revoked.read();
        let revoked = revoked.unwrap_or_else(PoisonError::into_inner);
        revoked.has(Instant::now(), token)
    }

    /// Receives each revocation from now on once, for servers with long-lived sockets. A subscriber that is more than 1,024
    /// behind misses some, and is told.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<RevokedTokens> {
        self.0.shared.told.subscribe()
    }
}

impl Shared {
    fn liveness(&self) -> std::sync::MutexGuard<'_, Liveness> {
        self.liveness.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_live(&self, is_live: bool) {
        let mut liveness = self.liveness();
        if liveness.is_live != is_live {
            *liveness = Liveness {
                is_live,
                since: clock::now(),
            };
        }
    }

    fn add(&self, tokens: RevokedTokens, kept: Duration) {
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = revoked.add(Instant::now(), &tokens, kept);
        drop(revoked);
        if is_new {
            // Without a subscriber nobody is told.
            drop(self.told.send(tokens));
        }
    }
}

/// The data of the event `live`.
#[derive(Deserialize)]
struct Live {
    live: bool,
}

/// A stream that is opened again whenever it ends, from where it ended.
struct Stream {
    fetcher: Fetcher,
    secret: String,
    shared: Arc<Shared>,
    last_id: Option<String>,
}

impl Stream {
    async fn run(mut self) {
        let mut pause = PAUSES.0;
        loop {
            let mut retry_after = Duration::ZERO;
            let Err(error) = self.read(&mut retry_after).await;
            if self.shared.liveness().is_live {
                pause = PAUSES.0;
                tracing::warn!(%error, "the feed of revocations was lost");
            }
            self.shared.set_live(false);
            let [jitter] = clock::random::<1>();
            let jittered = pause / 2 + pause / 2 * u32::from(jitter) / 255;
            tokio::time::sleep(jittered.max(retry_after)).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Reads one stream to its end.
    async fn read(&mut self, retry_after: &mut Duration) -> io::Result<Infallible> {
        let mut headers = HeaderMap::new();
        let mut set = |name, value: &str| {
            let value = value.parse().map_err(io::Error::other)?;
            headers.insert(name, value);
            io::Result::Ok(())
        };
        set(header::ACCEPT, "text/event-stream")?;
        set(header::AUTHORIZATION, &self.secret)?;
        if let Some(id) = &self.last_id {
            set(header::HeaderName::from_static("last-event-id"), id)?;
        }
        let asked = timeout(SILENCE, self.fetcher.ask(headers)).await;
        let mut answer = asked.map_err(io::Error::other)??;
        let (status, headers) = (answer.response.status(), answer.response.headers());
        if status != StatusCode::OK || !is_event_stream(headers) {
            *retry_after = retry_after_of(headers);
            return Err(io::Error::other(format!("status {status}")));
        }
        let mut parser = Parser::after(self.last_id.clone());
        let bad = || io::Error::from(io::ErrorKind::InvalidData);
        loop {
            let frame = timeout(SILENCE, answer.response.frame()).await;
            let frame = frame.map_err(io::Error::other)?;
            let frame = frame.ok_or(io::ErrorKind::UnexpectedEof)?;
            let frame = frame.map_err(io::Error::other)?;
            let bytes = frame.into_data().unwrap_or_default();
            for event in parser.push(&bytes).map_err(|_| bad())? {
                self.take(event).ok_or_else(bad)?;
            }
        }
    }

    /// Believes an event; `None` if it is none that can be believed.
    fn take(&mut self, event: Event) -> Option<()> {
        match event.kind.as_str() {
            "revoked" => {
                let (tokens, kept) = Notice::parse(&event.data)?;
                self.shared.add(tokens, kept);
            }
            "live" => {
                let Live { live } = serde_json::from_str(&event.data).ok()?;
                self.shared.set_live(live);
            }
            _ => {}
        }
        // Only what was read is not asked for again.
        self.last_id = event.id;
        Some(())
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (kind, _) = kind.split_once(';').unwrap_or((kind, ""));
    kind.trim().eq_ignore_ascii_case("text/event-stream")
}

/// Reads `Retry-After` in seconds (RFC 9110 §10.2.3), within bounds.
fn retry_after_of(headers: &HeaderMap) -> Duration {
    let value = headers.get(header::RETRY_AFTER);
    let seconds: Option<u64> = value.and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default().min(MAX_RETRY_AFTER))
}
