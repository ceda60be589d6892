//! The reference program's listeners: auth server with page, API and metrics.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

pub use crate::startup::{StartError, open_keys, open_security_log, open_store};

use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    auth_server::AuthServer,
    config::Config,
    connections::{Service, serve},
    dev_tls::DevTls,
    routes::{self, Counters},
    startup::open_dev_tls,
};

/// How long [`RunningServer::shutdown`] waits for requests under way.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A server that accepts connections. Dropping it stops it at once.
pub struct RunningServer {
    /// The auth server's address.
    pub auth_addr: SocketAddr,
    /// The API's address.
    pub api_addr: SocketAddr,
    /// The metrics' address, if `METRICS_PORT` is set.
    pub metrics_addr: Option<SocketAddr>,
    /// The certificate of auth server and API, if `DEV_TLS` is set.
    pub certificate: Option<PathBuf>,
    server: AuthServer,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds the ports, opens the database and the keys, and accepts connections.
    ///
    /// # Errors
    /// Fails with the cause and the setting that remedies it.
    pub async fn start(config: Config) -> Result<RunningServer, StartError> {
        let auth = bind("PORT", config.bind, config.port).await?;
        let api = bind("API_PORT", config.bind, config.api_port).await?;
        let metrics = match config.metrics_port {
            Some(port) => Some(bind("METRICS_PORT", config.metrics_bind, port).await?),
            None => None,
        };
        let (auth_addr, api_addr) = (address(&auth)?, address(&api)?);
        let metrics_addr = metrics.as_ref().map(address).transpose()?;
        let tls = open_dev_tls(&config)?;
        let config = with_local_origins(config, auth_addr, api_addr);
        let server = AuthServer::builder(config.clone()).build().await?;
        if config.demo {
            tracing::warn!("DEMO=1: anybody can revoke sessions and break this server");
        }
        let app = server.app();
        let (stop, stopped) = watch::channel(false);
        let listen = |listener, router, tls: Option<&DevTls>| {
            let service = Service {
                router,
                tls: tls.map(|tls| tls.acceptor.clone()),
                timeout: config.request_timeout,
            };
            let connections = Arc::clone(&app.connections);
            serve(listener, service, connections, stopped.clone())
        };
        let mut listeners = vec![
            listen(auth, routes::auth(app), tls.as_ref()),
            listen(api, routes::api(app), tls.as_ref()),
        ];
        listeners.extend(metrics.map(|metrics| listen(metrics, routes::metrics(app), None)));
        tracing::info!(%auth_addr, %api_addr, "listening");
        Ok(RunningServer {
            auth_addr,
            api_addr,
            metrics_addr,
            certificate: tls.map(|tls| tls.certificate),
            server,
            stop,
            listeners,
        })
    }
}

impl RunningServer {
    /// Returns the event counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        self.server.counters()
    }

    /// Accepts no more connections, waits up to ten seconds for requests under way, and closes the database.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        self.server.app().outages.stop();
        self.server.app().revocations.close();
        let ending = async {
            for listener in &mut self.listeners {
                if listener.await.is_err() {
                    tracing::error!("a listener failed");
                }
            }
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, ending)
            .await
            .is_err()
        {
            tracing::warn!("requests were cut off");
        }
        self.server.close().await;
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.listeners.iter().for_each(JoinHandle::abort);
    }
}

/// Fills in the origins that are not set, by the bound ports of this machine.
fn with_local_origins(mut config: Config, auth: SocketAddr, api: SocketAddr) -> Config {
    let scheme = config.transport.scheme();
    let local = |port: u16| format!("{scheme}://localhost:{port}");
    config.issuer.get_or_insert_with(|| local(auth.port()));
    config.audience.get_or_insert_with(|| local(api.port()));
    config.allowed_origins.get_or_insert_with(|| {
        vec![
            local(auth.port()),
            format!("{scheme}://127.0.0.1:{}", auth.port()),
        ]
    });
    config
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
