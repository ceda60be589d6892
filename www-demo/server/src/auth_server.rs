//! An auth server as a router, for the reference program and for apps that mount it.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    assembly::{Users, assemble},
    background,
    config::Config,
    contexts::ContextPolicy,
    domain::{SessionService, Store, UserDirectory},
    notices::Notifier,
    password_directory::UserRepository,
    push_streams,
    revocations::{self, Revocations},
    routes::{self, App, Counters},
    startup::{StartError, open_store},
    verifier::{Sessions, Verifier},
};

/// How long [`AuthServer::close`] waits for the background tasks.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Builds an [`AuthServer`].
#[must_use]
pub struct AuthServerBuilder {
    config: Config,
    store: Option<Arc<dyn Store>>,
    users: Users,
    contexts: Option<Arc<dyn ContextPolicy>>,
    notifier: Option<Arc<dyn Notifier>>,
}

/// An auth server without listeners: routes, keys and background tasks. Dropping it stops the tasks.
pub struct AuthServer {
    app: App,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl AuthServerBuilder {
    /// Sets the origin of the app that the server is mounted in: issuer, audience and the only allowed origin.
    pub fn origin(mut self, origin: &str) -> Self {
        self.config.issuer = Some(origin.to_owned());
        self.config.audience = Some(origin.to_owned());
        self.config.allowed_origins = Some(vec![origin.to_owned()]);
        self
    }

    /// Uses this store in place of the one that `database_url` names.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Uses the users of this repository in place of the store's, with Argon2id hashes of their passwords.
    ///
    /// The store then has a row without address and password for each user who has signed in, which sessions refer
    /// to. `POST /auth/password` is not served, because it changes the store's hashes.
    pub fn users(mut self, users: Arc<dyn UserRepository>) -> Self {
        self.users = Users::Repository(users);
        self
    }

    /// Uses the users of this directory, which verifies credentials itself; otherwise as [`users`](Self::users).
    pub fn directory(mut self, directory: Arc<dyn UserDirectory>) -> Self {
        self.users = Users::Directory(directory);
        self
    }

    /// Decides by this policy which contexts access tokens may have, in place of the store's table `contexts`.
    pub fn contexts(mut self, policy: Arc<dyn ContextPolicy>) -> Self {
        self.contexts = Some(policy);
        self
    }

    /// Tells users by this notifier what was changed of how they sign in, in place of the one that `notices` names.
    pub fn notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifier = Some(notifier);
        self
    }

    /// Opens the store and the keys, and starts the background tasks: key rotation, pruning, and following revocations.
    ///
    /// # Errors
    /// Fails if `issuer` or `audience` is missing, or if database, key file, signing keys, password hashes or security
    /// log cannot be used.
    pub async fn build(self) -> Result<AuthServer, StartError> {
        let Self {
            config,
            store,
            users,
            contexts,
            notifier,
        } = self;
        let store = match store {
            Some(store) => store,
            None => open_store(&config).await?,
        };
        let (stop, stopped) = watch::channel(false);
        let contexts = contexts.unwrap_or_else(|| Arc::new(Arc::clone(&store)));
        let mut app = assemble(&config, store, users, contexts).await?;
        app.notifier = notifier.or(app.notifier);
        let tasks = vec![
            push_streams::tell(Arc::clone(&app.push_streams), &app.revocations),
            background::rotate_keys(Arc::clone(&app.keys), stopped.clone()),
            background::prune(Arc::clone(&app.store), config.audit_kept, stopped.clone()),
            background::prune_throttles(Arc::clone(&app.store), stopped.clone()),
            revocations::follow(Arc::clone(&app.revocations), &*app.store, stopped),
        ];
        Ok(AuthServer { app, stop, tasks })
    }
}

impl AuthServer {
    /// Begins to build a server.
    ///
    /// Fields of `config` that name listeners or the program's log are not read; `issuer` and `audience` are required,
    /// and without `allowed_origins` no page of another origin may call.
    pub fn builder(config: Config) -> AuthServerBuilder {
        AuthServerBuilder {
            config,
            store: None,
            users: Users::Store,
            contexts: None,
            notifier: None,
        }
    }

    /// Returns the endpoints below `/auth/`, `/.well-known/jwks.json` and `/.well-known/oauth-authorization-server`, to be
    /// merged at the root of an app.
    ///
    /// Passwords are throttled by the client's address: without `ConnectInfo<SocketAddr>`, which [`serve`](Self::serve)
    /// provides, sign-in and sign-up respond with 500.
    pub fn router(&self) -> Router {
        routes::contract(&self.app)
    }

    /// Serves the app that the router is merged into. When `stop` resolves, waits for requests under way and
    /// [closes](Self::close) the server.
    ///
    /// # Errors
    /// Fails as [`axum::serve`] does.
    pub async fn serve(
        mut self,
        listener: TcpListener,
        app: Router,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let revocations = self.revocations();
        let stop = async move {
            stop.await;
            // Their readers would go on.
            revocations.close();
        };
        let served = axum::serve(listener, app).with_graceful_shutdown(stop);
        let served = served.await;
        self.close().await;
        served
    }

    /// Returns a verifier of this server's access tokens, which follows its keys without a request, and with `SERVER_SECRETS` its
    /// revocations too.
    #[must_use]
    pub fn verifier(&self) -> Arc<Verifier> {
        Arc::clone(&self.app.verifier)
    }

    /// Returns the look-up of live sessions, for [`Live`](crate::verifier::Live).
    #[must_use]
    pub fn sessions(&self) -> Arc<dyn Sessions> {
        Arc::<SessionService>::clone(&self.app.sessions)
    }

    /// Returns the revocations that can concern an access token, of all servers of the database.
    #[must_use]
    pub fn revocations(&self) -> Arc<Revocations> {
        Arc::clone(&self.app.revocations)
    }

    /// Returns the event counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.app.counters
    }

    /// Ends the background tasks, closes the store and flushes the security log. Stop the listener first: requests
    /// that are still under way fail.
    pub async fn close(&mut self) {
        self.stop.send_replace(true);
        let ending = async {
            for task in &mut self.tasks {
                if task.await.is_err() {
                    tracing::error!("a background task failed");
                }
            }
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, ending).await.is_err() {
            tracing::warn!("background tasks were cut off");
        }
        self.app.store.close().await;
        let log = self.app.security_log.clone();
        if tokio::task::spawn_blocking(move || log.flush())
            .await
            .is_err()
        {
            tracing::error!("the security log was not flushed");
        }
    }

    pub(crate) const fn app(&self) -> &App {
        &self.app
    }
}

impl Drop for AuthServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
