//! The settings where no variable is set.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use super::{Config, LogFormat, SameSite, ServerSecrets, Transport};
use crate::{domain::Limits, security_log::Destination, store::Pooler, verifier::Algorithm};

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: IpAddr::from([127, 0, 0, 1]),
            port: 8787,
            api_port: 8788,
            metrics_port: None,
            metrics_bind: IpAddr::from([127, 0, 0, 1]),
            database_url: "sqlite://nolapse.db".to_owned(),
            database_urls: None,
            database_connections: 8,
            database_pooler: Pooler::None,
            key_file: PathBuf::from("nolapse.keys"),
            key_wait: Duration::from_mins(10),
            key_rotation: Some(Duration::from_hours(720)),
            signing_algorithm: Algorithm::Es256,
            issuer: None,
            audience: None,
            allowed_origins: None,
            cookie_same_site: SameSite::Strict,
            hint_cookie_domain: None,
            page_cookie: false,
            device_binding: true,
            dbsc: false,
            bound_cookie_lifetime: Duration::from_mins(10),
            account_paths: Vec::new(),
            server_secrets: ServerSecrets::default(),
            notices: None,
            providers: Vec::new(),
            site_dir: None,
            token_lifetime: Duration::from_mins(1),
            limits: Limits::default(),
            sign_up: true,
            webauthn_rp_id: None,
            passwords_per_account: 10,
            refreshes_per_minute: 120,
            notes_per_minute: 120,
            notes_per_user: 1_000,
            audit_kept: Duration::from_hours(90 * 24),
            connections: 10_000,
            connections_per_address: Some(500),
            request_timeout: Duration::from_secs(30),
            recent_sign_in: Duration::from_mins(5),
            trusted_proxies: 0,
            password_memory_kib: 19_456,
            log: Some(tracing::Level::INFO),
            log_format: LogFormat::Json,
            security_log: Destination::Off,
            openapi: true,
            transport: Transport::Http,
            demo: false,
        }
    }
}
