//! Starts a server on two ports and stops it again.

mod assembly;
mod error;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

pub use error::StartError;

use assembly::assemble;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    background, clock,
    config::Config,
    connections::serve,
    domain::Store,
    keys::{KeyRing, RingError},
    routes::{self, Counters, Outages},
    security_log::SecurityLog,
    store,
};

/// How long requests may take to end once the server stops.
const STOPPING_TIME: Duration = Duration::from_secs(10);

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
            serve(
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
            background::rotate_keys(Arc::clone(&app.keys), stopped.clone()),
            background::prune(Arc::clone(&app.store), config.audit_kept, stopped.clone()),
            background::prune_throttles(Arc::clone(&app.store), stopped.clone()),
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
    let opened = KeyRing::open_file(clock::now(), store, &config.key_file, config.key_policy());
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
