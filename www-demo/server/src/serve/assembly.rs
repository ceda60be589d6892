//! What the handlers share, made of the settings, the keys and the database.

use std::{net::SocketAddr, sync::Arc};

use axum::http::HeaderValue;

use super::{StartError, open_keys, open_security_log};
use crate::{
    config::Config,
    connections::{Connections, capacity},
    domain::{SessionService, Store},
    passwords::Passwords,
    routes::{App, Counters, DeviceKey, Limits, Settings},
    security_log::NetworkHasher,
    tokens::TokenConfig,
    verifier::Verifier,
};

pub(super) async fn assemble(
    config: &Config,
    store: Arc<dyn Store>,
    auth: SocketAddr,
    api: SocketAddr,
) -> Result<App, StartError> {
    let keys = open_keys(config, Arc::clone(&store)).await?;
    let networks = NetworkHasher::new(keys.derive(b"networks in the security log"));
    let refresh_token_key = keys.refresh_token_key().clone();
    let local = |port: u16| format!("http://localhost:{port}");
    let issuer = config.issuer.clone().unwrap_or_else(|| local(auth.port()));
    let audience = config.audience.clone().unwrap_or_else(|| local(api.port()));
    let origins = config.allowed_origins.clone().unwrap_or_else(|| {
        vec![
            local(auth.port()),
            format!("http://127.0.0.1:{}", auth.port()),
        ]
    });
    let origins: Result<Vec<_>, _> = origins.iter().map(HeaderValue::try_from).collect();
    let counters = Arc::default();
    let verifier = Verifier::new(&issuer, &audience, keys.published());
    Ok(App {
        sessions: Arc::new(SessionService::new(
            Arc::clone(&store),
            refresh_token_key.clone(),
            config.limits,
        )),
        store,
        refresh_token_key,
        tokens: Arc::new(TokenConfig {
            issuer,
            audience: audience.clone(),
            lifetime: config.token_lifetime,
        }),
        verifier: Arc::new(verifier),
        passwords: Passwords::new(config.password_memory_kib).map_err(|_| StartError::Passwords)?,
        limits: Arc::new(Limits::new(config, keys.derive(b"nolapse 1 throttles"))),
        devices: DeviceKey::from_bytes(keys.derive(b"nolapse 1 devices")),
        keys: Arc::new(keys),
        connections: connections(config, &counters),
        counters,
        timings: Arc::default(),
        security_log: open_security_log(config)?,
        security_counts: Arc::default(),
        networks,
        outages: Arc::default(),
        settings: Arc::new(Settings {
            allowed_origins: origins.map_err(|_| StartError::Origin)?,
            api_origin: audience,
            site_dir: config.site_dir.clone(),
            request_timeout: config.request_timeout,
            recent_sign_in: config.recent_sign_in,
            notes_per_user: config.notes_per_user,
            sign_up: config.sign_up,
            trusted_proxies: config.trusted_proxies,
            demo: config.demo,
            openapi: config.openapi,
        }),
    })
}

/// Makes the registry of connections. Behind a proxy all of them come from its address, which has no cap.
fn connections(config: &Config, counters: &Arc<Counters>) -> Arc<Connections> {
    let per_address = config.connections_per_address;
    let per_address = per_address.filter(|_| config.trusted_proxies == 0);
    Connections::new(capacity(config), per_address, Arc::clone(counters))
}
