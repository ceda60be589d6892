//! The state of the handlers.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{
    extract::{FromRef, MatchedPath, Request},
    http::HeaderMap,
};
use tokio::sync::Semaphore;

use super::{CookieRules, Counters, DeviceKey, Limits, Outages, SecurityCounts, cookie};
use crate::{
    config::ServerSecrets,
    connections::Connections,
    contexts::ContextPolicy,
    dbsc::DbscKey,
    domain::{RefreshToken, RefreshTokenKey, SessionService, Store, UserDirectory},
    keys::KeyRing,
    metrics::Timings,
    notices::Notifier,
    origins::AllowedOrigins,
    passwords::Passwords,
    proof::ProofKey,
    providers::Providers,
    push_streams::PushStreams,
    revocations::Revocations,
    security_log::{NetworkHasher, SecurityLog},
    tokens::TokenConfig,
    verifier::{Sessions, Verifier},
    webauthn::RelyingParty,
};

/// The parts of a running server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sessions: Arc<SessionService>,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) refresh_token_key: RefreshTokenKey,
    pub(crate) tokens: Arc<TokenConfig>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) users: Arc<dyn UserDirectory>,
    pub(crate) contexts: Arc<dyn ContextPolicy>,
    pub(crate) providers: Arc<Providers>,
    /// The hasher of the reference directory; `None` with a directory of the embedding app.
    pub(crate) passwords: Option<Passwords>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) relying_party: Arc<RelyingParty>,
    pub(crate) devices: DeviceKey,
    pub(crate) proofs: ProofKey,
    pub(crate) dbsc: DbscKey,
    pub(crate) connections: Arc<Connections>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) timings: Arc<Timings>,
    pub(crate) security_log: SecurityLog,
    pub(crate) security_counts: Arc<SecurityCounts>,
    pub(crate) networks: NetworkHasher,
    pub(crate) outages: Arc<Outages>,
    pub(crate) push_streams: Arc<PushStreams>,
    pub(crate) revocations: Arc<Revocations>,
    /// Who tells users of changes of their accounts.
    pub(crate) notifier: Option<Arc<dyn Notifier>>,
    /// One permit for each stream of revocations that there may be.
    pub(crate) feed_streams: Arc<Semaphore>,
    pub(crate) settings: Arc<Settings>,
}

impl App {
    /// Reads the refresh token of a request's cookie; `None` if there is none, more than one, or a forged one.
    pub(super) fn refresh_token(&self, headers: &HeaderMap) -> Option<RefreshToken> {
        cookie::refresh_token(
            headers,
            &self.settings.cookies.name,
            &self.refresh_token_key,
        )
    }

    /// Returns the server of a further account of one browser, with a path and a cookie of its own.
    pub(super) fn of_account(&self, account: &str) -> Self {
        let mut settings = Settings::clone(&self.settings);
        settings.mount = format!("/{account}");
        settings.cookies.name = cookie::name_of(account);
        Self {
            settings: Arc::new(settings),
            ..self.clone()
        }
    }

    /// Returns the pattern of a request's path, which has no ids, below the mount.
    pub(super) fn endpoint<'r>(&self, request: &'r Request) -> Option<&'r str> {
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        path.strip_prefix(&self.settings.mount)
    }
}

/// The settings of the routes.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a variable that is 0 or 1"
)]
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) allowed_origins: AllowedOrigins,
    pub(crate) cookies: CookieRules,
    /// The path that the endpoints are below; empty, but for a further account.
    pub(crate) mount: String,
    pub(crate) accounts: Vec<String>,
    /// Whether sign-ins bind their session to the key of a proof.
    pub(crate) device_binding: bool,
    /// Whether sign-ins ask the browser to register a key.
    pub(crate) dbsc: bool,
    pub(crate) bound_cookie_lifetime: Duration,
    pub(crate) server_secrets: ServerSecrets,
    pub(crate) api_origin: String,
    pub(crate) site_dir: Option<PathBuf>,
    pub(crate) request_timeout: Duration,
    pub(crate) recent_sign_in: Duration,
    pub(crate) notes_per_user: u32,
    pub(crate) sign_up: bool,
    pub(crate) trusted_proxies: usize,
    pub(crate) demo: bool,
    pub(crate) openapi: bool,
}

impl FromRef<App> for Arc<dyn Sessions> {
    fn from_ref(app: &App) -> Self {
        Arc::<SessionService>::clone(&app.sessions)
    }
}

impl FromRef<App> for Arc<Verifier> {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.verifier)
    }
}
