//! An axum app that mounts the auth server beside its own routes, with users of its own.
//!
//! `cargo run --package nolapse-server --example embed`

use std::{error::Error, net::SocketAddr, path::Path, sync::Arc};

use axum::{Router, routing::get};
use nolapse_server::{
    AuthServer, UserRepository,
    config::Config,
    domain::{Applied, Email, StoreResult, User, UserId},
    store,
    verifier::Verified,
};
use tokio::{net::TcpListener, sync::Mutex};

/// Users in memory.
#[derive(Default)]
pub(crate) struct Users(pub(crate) Mutex<Vec<User>>);

#[async_trait::async_trait]
impl UserRepository for Users {
    async fn find(&self, id: UserId) -> StoreResult<Option<User>> {
        let users = self.0.lock().await;
        Ok(users.iter().find(|user| user.id == id).cloned())
    }

    async fn find_by_email(&self, email: &Email) -> StoreResult<Option<User>> {
        let users = self.0.lock().await;
        Ok(users.iter().find(|user| user.email == *email).cloned())
    }

    async fn add(&self, user: &User) -> StoreResult<Applied> {
        let mut users = self.0.lock().await;
        if users.iter().any(|other| other.email == user.email) {
            return Ok(Applied::No);
        }
        users.push(user.clone());
        Ok(Applied::Yes)
    }
}

/// Serves the app until `stop` resolves.
pub(crate) async fn serve(
    listener: TcpListener,
    folder: &Path,
    users: Arc<Users>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let origin = format!("http://localhost:{}", listener.local_addr()?.port());
    let database = format!("sqlite://{}", folder.join("sessions.db").display());
    let config = Config {
        key_file: folder.join("sessions.keys"),
        ..Config::default()
    };
    let store = store::open(&database, config.database_connections).await?;
    let auth = AuthServer::builder(config, store);
    let mut auth = auth.origin(&origin).users(users).build().await?;
    let app = Router::new()
        .route("/", get(async || "a page of the app"))
        .route("/api/me", get(async |token: Verified| token.subject))
        .with_state(auth.verifier())
        .merge(auth.router());
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop);
    serving.await?;
    auth.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind(("127.0.0.1", 3000)).await?;
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, Path::new("."), Arc::default(), stop).await
}
