//! Starts a server on two ports and stops it again.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::http::HeaderValue;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    clock,
    config::Config,
    connections::{Connections, answer, capacity},
    domain::{Desk, Store},
    keys::{KeyError, KeyRing, RingError},
    passwords::Passwords,
    routes::{self, App, Counters, DeviceKey, Limits, Outages, Terms},
    security_log::{NetworkHasher, SecurityLog},
    store::{self, OpenError, is_postgres},
    tokens::TokenTerms,
    upkeep,
    verifier::Verifier,
};

/// How long requests may take to end once the server stops.
const STOPPING_TIME: Duration = Duration::from_secs(10);

/// Why a server did not start, and what to do about it.
#[derive(Debug)]
pub enum StartError {
    /// A port is taken or may not be bound.
    Port {
        /// `PORT` or `API_PORT`.
        variable: &'static str,
        /// Its value.
        port: u16,
        /// What the system says.
        cause: io::Error,
    },
    /// The database cannot be opened.
    Database {
        /// The value of `DATABASE_URL`, without what signs in to it.
        url: String,
        /// What the database says.
        cause: OpenError,
    },
    /// The key file cannot be used.
    Keys {
        /// The value of `KEY_FILE`.
        file: String,
        /// Why.
        cause: KeyError,
    },
    /// The signing keys cannot be read from the database.
    SigningKeys(RingError),
    /// Password hashes need more memory than there is.
    Passwords,
    /// An origin cannot be sent in a header.
    Origin,
    /// The security log cannot be written.
    SecurityLog(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port {
                variable,
                port,
                cause,
            } => write!(
                formatter,
                "port {port} cannot be used ({cause}); stop what uses it, or set {variable} to \
                 another one, or to 0 for any free one"
            ),
            Self::Database { url, cause } if is_postgres(url) => write!(
                formatter,
                "the database {url} cannot be used ({cause}); {}",
                cause.tls_remedy().unwrap_or(
                    "start it, and look at the user, password, host and name in DATABASE_URL"
                )
            ),
            Self::Database { url, cause } => write!(
                formatter,
                "the database {url} cannot be opened ({cause}); make its file and folder \
                 writable, or set DATABASE_URL to another file"
            ),
            Self::Keys {
                file,
                cause: cause @ KeyError::File(_),
            } => write!(
                formatter,
                "the key file {file} cannot be used ({cause}); set KEY_FILE to a path that this \
                 user may read and write"
            ),
            Self::Keys { file, cause } => {
                write!(formatter, "the key file {file} cannot be used: {cause}")
            }
            Self::SigningKeys(cause) => cause.fmt(formatter),
            Self::Passwords => formatter
                .write_str("there is no memory for password hashes; lower PASSWORD_MEMORY_KIB"),
            Self::SecurityLog(cause) => write!(
                formatter,
                "the security log cannot be written ({cause}); set SECURITY_LOG to a file that \
                 this user may append to, or to stderr"
            ),
            Self::Origin => formatter.write_str("ALLOWED_ORIGINS holds something unprintable"),
        }
    }
}

impl std::error::Error for StartError {}

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A server that answers. Dropping it stops it at once.
pub struct RunningServer {
    /// Where the auth server answers.
    pub auth_addr: SocketAddr,
    /// Where the API answers.
    pub api_addr: SocketAddr,
    /// Where the metrics are, if they are asked for.
    pub metrics_addr: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    store: Arc<dyn Store>,
    counters: Arc<Counters>,
    outages: Arc<Outages>,
    security_log: SecurityLog,
}

impl Server {
    /// Binds both ports, opens the database and the keys, and begins to answer.
    ///
    /// # Errors
    /// Says what is in the way and what to do.
    pub async fn start(config: Config) -> Result<RunningServer, StartError> {
        let auth = bind("PORT", config.bind, config.port).await?;
        let api = bind("API_PORT", config.bind, config.api_port).await?;
        let metrics = match config.metrics_port {
            Some(port) => Some(bind("METRICS_PORT", config.metrics_bind, port).await?),
            None => None,
        };
        let (auth_addr, api_addr) = (address(&auth)?, address(&api)?);
        let store = open_store(&config).await?;
        let app = assemble(&config, Arc::clone(&store), auth_addr, api_addr).await?;
        if config.demo {
            tracing::warn!("DEMO=1: anybody can revoke sessions and break this server");
        }
        let (stop, stopped) = watch::channel(false);
        let counters = Arc::clone(&app.counters);
        let outages = Arc::clone(&app.outages);
        let security_log = app.security_log.clone();
        let connections = &app.connections;
        let listen = |listener, router| {
            let (connections, stopped) = (Arc::clone(connections), stopped.clone());
            answer(
                listener,
                router,
                config.request_timeout,
                connections,
                stopped,
            )
        };
        let mut tasks = vec![
            listen(auth, routes::auth(&app)),
            listen(api, routes::api(&app)),
            upkeep::tend_keys(Arc::clone(&app.keys), stopped.clone()),
            upkeep::prune(Arc::clone(&app.store), config.audit_kept, stopped.clone()),
            upkeep::prune_throttles(Arc::clone(&app.store), stopped.clone()),
        ];
        let metrics_addr = metrics.as_ref().map(address).transpose()?;
        if let Some(metrics) = metrics {
            tasks.push(listen(metrics, routes::metrics(&app)));
        }
        tracing::info!(%auth_addr, %api_addr, "listening");
        Ok(RunningServer {
            auth_addr,
            api_addr,
            metrics_addr,
            stop,
            tasks,
            store,
            counters,
            outages,
            security_log,
        })
    }
}

impl RunningServer {
    /// Counts what happened.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes no new connections, lets the requests under way end for up to ten seconds, and closes the
    /// database.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        self.outages.stop();
        let ending = async {
            for task in &mut self.tasks {
                if task.await.is_err() {
                    tracing::error!("a listener failed");
                }
            }
        };
        if tokio::time::timeout(STOPPING_TIME, ending).await.is_err() {
            tracing::warn!("requests were cut off");
        }
        self.store.close().await;
        let log = self.security_log.clone();
        if tokio::task::spawn_blocking(move || log.flush())
            .await
            .is_err()
        {
            tracing::error!("the security log was not flushed");
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Opens the database of the settings and brings its tables up to date.
///
/// # Errors
/// Says what is in the way and what to do.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    let opened = store::open(&config.database_url, config.database_connections).await;
    opened.map_err(|cause| StartError::Database {
        url: without_credentials(&config.database_url),
        cause,
    })
}

/// Opens the keys of the settings, and makes them where they are missing.
///
/// # Errors
/// Says what is in the way and what to do.
pub async fn open_keys(config: &Config, store: Arc<dyn Store>) -> Result<KeyRing, StartError> {
    let opened = KeyRing::open_file(clock::now(), store, &config.key_file, config.key_terms());
    opened.await.map_err(|error| match error {
        RingError::File(file, cause) => StartError::Keys {
            file: file.display().to_string(),
            cause,
        },
        error @ (RingError::Store(_)
        | RingError::Sealed
        | RingError::Lost(_)
        | RingError::Contended) => StartError::SigningKeys(error),
    })
}

/// Opens the security log of the settings.
///
/// # Errors
/// Says what is in the way and what to do.
pub fn open_security_log(config: &Config) -> Result<SecurityLog, StartError> {
    SecurityLog::open(&config.security_log).map_err(StartError::SecurityLog)
}

/// Leaves out of a URL what stands before its host, and its query: there may be a password in them.
fn without_credentials(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(url, _)| url);
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (Some(_) | None, Some(_) | None) => url.to_owned(),
    }
}

async fn assemble(
    config: &Config,
    store: Arc<dyn Store>,
    auth: SocketAddr,
    api: SocketAddr,
) -> Result<App, StartError> {
    let keys = open_keys(config, Arc::clone(&store)).await?;
    let networks = NetworkHasher::new(keys.derive(b"networks in the security log"));
    let tickets = keys.tickets().clone();
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
        desk: Arc::new(Desk::new(
            Arc::clone(&store),
            tickets.clone(),
            config.limits,
        )),
        store,
        tickets,
        tokens: Arc::new(TokenTerms {
            issuer,
            audience: audience.clone(),
            life: config.token_life,
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
        terms: Arc::new(Terms {
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

async fn bind(
    variable: &'static str,
    address: IpAddr,
    port: u16,
) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind((address, port)).await;
    bound.map_err(|cause| StartError::Port {
        variable,
        port,
        cause,
    })
}

fn address(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|cause| StartError::Port {
        variable: "PORT",
        port: 0,
        cause,
    })
}
