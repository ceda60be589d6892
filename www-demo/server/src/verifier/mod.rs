//! Verifies access tokens without a database, for any API server.
//!
//! ```no_run
//! use std::sync::Arc;
//! use axum::{Router, extract::FromRef, routing::get};
//! use nolapse_server::verifier::{Verified, Verifier, KeySource};
//!
//! #[derive(Clone)]
//! struct App { verifier: Arc<Verifier> }
//!
//! impl FromRef<App> for Arc<Verifier> {
//!     fn from_ref(app: &App) -> Self { Self::clone(&app.verifier) }
//! }
//!
//! let keys = KeySource::fetched("https://auth.example.com/.well-known/jwks.json").expect("a URL");
//! let verifier = Arc::new(Verifier::new("https://auth.example.com", "https://api.example.com", keys));
//! let app: Router = Router::new()
//!     .route("/me", get(|token: Verified| async move { token.subject }))
//!     .with_state(App { verifier });
//! ```

mod bearer;
mod event_stream;
mod feed;
mod fetch;
mod freshness;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod revoked;
mod source;

pub use bearer::Refused;
pub(crate) use bearer::bearer_of;
pub use feed::{BadFeed, Liveness, RevocationFeed};
pub(crate) use fetch::Fetcher;
pub use fetch::{BadKeyUrl, FetchOptions};
pub use freshness::{Insufficient, Live, MaxAge, Sessions, StepUp};
pub use nolapse::verify::{Algorithm, KeySet, MAX_TOKEN_BYTES, PublicKey, Refusal};
pub use revoked::RevokedTokens;
pub use source::KeySource;

use std::time::Duration;

use nolapse::verify::{Claims, Expected, UnverifiedToken};

use crate::domain::Timestamp;

/// The `max-age` of this server's key set.
pub const KEYS_CACHED_FOR: Duration = Duration::from_mins(1);

/// The claims of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The user, `sub`.
    pub subject: String,
    /// The session, `sid`.
    pub session: String,
    /// The user's role, `role`.
    pub role: String,
    /// The context that the token is restricted to, `context`, if it has one.
    pub context: Option<String>,
    /// When the user signed in, `auth_time`, if the token has it.
    pub authenticated_at: Option<Timestamp>,
    /// How strongly the user was authenticated, `acr`, if the token says so.
    pub authentication_context: Option<String>,
    /// How the user was authenticated, `amr` (RFC 8176); empty if the token does not say so.
    pub authentication_methods: Vec<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The first moment at which it is no longer valid.
    pub expires_at: Timestamp,
}

/// Checks access tokens of one issuer for one audience, by the rules of [`nolapse::verify`].
#[derive(Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    keys: KeySource,
    feed: Option<RevocationFeed>,
}

impl Verifier {
    /// Creates a verifier of tokens by `issuer` for `audience`.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: KeySource) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            keys,
            feed: None,
        }
    }

    /// Refuses what a feed says is revoked, with [`Refusal::Revoked`]. Without a feed a token is accepted until it expires.
    #[must_use]
    pub fn with_revocations(mut self, feed: RevocationFeed) -> Self {
        self.feed = Some(feed);
        self
    }

    /// Returns whether revocations arrive; `None` without a feed.
    #[must_use]
    pub fn liveness(&self) -> Option<Liveness> {
        self.feed.as_ref().map(RevocationFeed::liveness)
    }

    /// Checks a token at `now`: size, form, header, key, signature, claims, issuer, audience and times.
    ///
    /// The leeway is zero on `exp` and five seconds on `nbf` and `iat`. Makes no query; keys come from memory.
    ///
    /// # Errors
    /// Fails with the reason of the refusal.
    pub async fn verify(&self, now: Timestamp, token: &str) -> Result<Verified, Refusal> {
        let token = UnverifiedToken::parse(token)?;
        let key = self.keys.find(now, token.key_id()).await?;
        let expected = Expected {
            issuer: &self.issuer,
            audience: &self.audience,
        };
        let claims = token.verify(&key, expected)?;
        claims.check_times(now.as_millis())?;
        let verified = Verified::from(claims);
        match &self.feed {
            Some(feed) if feed.is_revoked(&verified) => Err(Refusal::Revoked),
            Some(_) | None => Ok(verified),
        }
    }
}

impl From<Claims> for Verified {
    fn from(claims: Claims) -> Self {
        let moment = |seconds: u64| Timestamp::from_millis(seconds.saturating_mul(1_000));
        Self {
            subject: claims.subject,
            session: claims.session,
            role: claims.role,
            context: claims.context,
            authenticated_at: claims.authenticated_at.map(moment),
            authentication_context: claims.authentication_context,
            authentication_methods: claims.authentication_methods,
            issued_at: moment(claims.issued_at),
            expires_at: moment(claims.expires_at),
        }
    }
}
