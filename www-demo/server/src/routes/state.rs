//! The state of the handlers.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::extract::FromRef;

use super::{CookieRules, Counters, DeviceKey, Limits, Outages, SecurityCounts};
use crate::{
    connections::Connections,
    contexts::ContextPolicy,
    domain::{RefreshTokenKey, SessionService, Store, UserDirectory},
    keys::KeyRing,
    metrics::Timings,
    origins::AllowedOrigins,
    passwords::Passwords,
    security_log::{NetworkHasher, SecurityLog},
    tokens::TokenConfig,
    verifier::{Sessions, Verifier},
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
    /// The hasher of the reference directory; `None` with a directory of the embedding app.
    pub(crate) passwords: Option<Passwords>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) devices: DeviceKey,
    pub(crate) connections: Arc<Connections>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) timings: Arc<Timings>,
    pub(crate) security_log: SecurityLog,
    pub(crate) security_counts: Arc<SecurityCounts>,
    pub(crate) networks: NetworkHasher,
    pub(crate) outages: Arc<Outages>,
    pub(crate) settings: Arc<Settings>,
}

/// The settings of the routes.
pub(crate) struct Settings {
    pub(crate) allowed_origins: AllowedOrigins,
    pub(crate) cookies: CookieRules,
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
