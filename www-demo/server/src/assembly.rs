//! The parts of an app, made of the settings.

use std::sync::Arc;

use nolapse::wire::COOKIE;
use tokio::sync::Semaphore;

use crate::{
    config::{Config, check_account_paths, check_providers, host_of},
    connections::{Connections, capacity},
    contexts::ContextPolicy,
    dbsc::DbscKey,
    domain::{SessionService, Store, UserDirectory},
    notices,
    origins::AllowedOrigins,
    password_directory::{PasswordDirectory, UserRepository},
    passwords::Passwords,
    proof::ProofKey,
    providers::Providers,
    push_streams::PushStreams,
    revocations::Revocations,
    routes::{App, CookieRules, Counters, DeviceKey, Limits, MAX_STREAMS, Settings},
    security_log::NetworkHasher,
    startup::{StartError, open_keys, open_security_log},
    tokens::TokenConfig,
    verifier::{RevocationFeed, Verifier},
    webauthn::{ChallengeKey, RelyingParty},
};

/// Where the users are.
pub(crate) enum Users {
    /// In the store.
    Store,
    /// In a repository of the app, with hashes of their passwords.
    Repository(Arc<dyn UserRepository>),
    /// In a directory of the app, which verifies credentials itself.
    Directory(Arc<dyn UserDirectory>),
}

/// Opens what the settings name, and makes the app of it.
pub(crate) async fn assemble(
    config: &Config,
    store: Arc<dyn Store>,
    users: Users,
    contexts: Arc<dyn ContextPolicy>,
) -> Result<App, StartError> {
    let required = |name, value: &Option<String>| value.clone().ok_or(StartError::Missing(name));
    let issuer = required("ISSUER", &config.issuer)?;
    let audience = required("AUDIENCE", &config.audience)?;
    let origins = config.allowed_origins.iter().flatten();
    let allowed_origins = AllowedOrigins::parse(origins.map(String::as_str));
    let allowed_origins = allowed_origins.map_err(StartError::Origin)?;
    check_account_paths(&config.account_paths).map_err(StartError::Setting)?;
    check_providers(config).map_err(StartError::Setting)?;
    let keys = open_keys(config, Arc::clone(&store)).await?;
    let refresh_token_key = keys.refresh_token_key().clone();
    let service = SessionService::new(Arc::clone(&store), refresh_token_key.clone(), config.limits);
    let (users, passwords) = directory(config, &store, users)?;
    let sessions = if passwords.is_some() {
        service
    } else {
        service.with_directory(Arc::clone(&users))
    };
    let counters = Arc::default();
    let revocations = Revocations::new(config.token_lifetime);
    let mut verifier = Verifier::new(&issuer, &audience, keys.published());
    if !config.server_secrets.is_empty() {
        verifier = verifier.with_revocations(RevocationFeed::of(&revocations));
    }
    let relying_party = RelyingParty {
        id: rp_id(config, &issuer),
        origins: allowed_origins.clone(),
        challenges: ChallengeKey::from_bytes(keys.derive(b"nolapse 1 challenges")),
    };
    let providers = Providers::new(&config.providers, keys.derive(b"nolapse 1 providers"));
    let providers =
        providers.map_err(|(provider, cause)| StartError::Provider { provider, cause })?;
    let connections = connections(config, &counters);
    Ok(App {
        notifier: notices::notifier(config).map_err(StartError::Setting)?,
        sessions: Arc::new(sessions),
        users,
        contexts,
        providers: Arc::new(providers),
        passwords,
        store,
        refresh_token_key,
        verifier: Arc::new(verifier),
        tokens: Arc::new(TokenConfig {
            issuer,
            audience: audience.clone(),
            lifetime: config.token_lifetime,
        }),
        relying_party: Arc::new(relying_party),
        limits: Arc::new(Limits::new(config, keys.derive(b"nolapse 1 throttles"))),
        devices: DeviceKey::from_bytes(keys.derive(b"nolapse 1 devices")),
        proofs: ProofKey::from_bytes(keys.derive(b"nolapse 1 proofs")),
        dbsc: DbscKey::from_bytes(keys.derive(b"nolapse 1 dbsc")),
        networks: NetworkHasher::new(keys.derive(b"networks in the security log")),
        keys: Arc::new(keys),
        // The other half is for requests.
        push_streams: PushStreams::new(connections.capacity() / 2),
        connections,
        counters,
        timings: Arc::default(),
        security_log: open_security_log(config)?,
        security_counts: Arc::default(),
        outages: Arc::default(),
        revocations,
        feed_streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        settings: Arc::new(settings(config, allowed_origins, audience)),
    })
}

/// Returns the domain that passkeys are bound to.
fn rp_id(config: &Config, issuer: &str) -> String {
    let given = config.webauthn_rp_id.clone();
    given.unwrap_or_else(|| host_of(issuer).to_owned())
}

fn settings(config: &Config, allowed_origins: AllowedOrigins, audience: String) -> Settings {
    Settings {
        allowed_origins,
        mount: String::new(),
        accounts: config.account_paths.clone(),
        device_binding: config.device_binding,
        dbsc: config.dbsc,
        bound_cookie_lifetime: config.bound_cookie_lifetime,
        cookies: CookieRules {
            name: COOKIE.to_owned(),
            same_site: config.cookie_same_site,
            page_cookie: config.page_cookie,
            hint_domain: config.hint_cookie_domain.clone(),
        },
        server_secrets: config.server_secrets.clone(),
        api_origin: audience,
        site_dir: config.site_dir.clone(),
        request_timeout: config.request_timeout,
        recent_sign_in: config.recent_sign_in,
        notes_per_user: config.notes_per_user,
        sign_up: config.sign_up,
        trusted_proxies: config.trusted_proxies,
        demo: config.demo,
        openapi: config.openapi,
    }
}

/// Creates the directory of users, and the hasher if their passwords are in the store.
fn directory(
    config: &Config,
    store: &Arc<dyn Store>,
    users: Users,
) -> Result<(Arc<dyn UserDirectory>, Option<Passwords>), StartError> {
    let hasher = || Passwords::new(config.password_memory_kib).map_err(|_| StartError::Passwords);
    Ok(match users {
        Users::Store => {
            let hasher = hasher()?;
            let rows = Arc::new(Arc::clone(store));
            let directory = PasswordDirectory::new(rows, hasher.clone());
            (Arc::new(directory), Some(hasher))
        }
        Users::Repository(users) => (Arc::new(PasswordDirectory::new(users, hasher()?)), None),
        Users::Directory(directory) => (directory, None),
    })
}

/// Creates the registry of connections. Behind a proxy all of them come from its address, which then has no limit.
fn connections(config: &Config, counters: &Arc<Counters>) -> Arc<Connections> {
    let per_address = config.connections_per_address;
    let per_address = per_address.filter(|_| config.trusted_proxies == 0);
    Connections::new(capacity(config), per_address, Arc::clone(counters))
}
