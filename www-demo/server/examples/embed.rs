//! An axum app that mounts the auth server beside its own routes, with users of its own.

use std::{error::Error, sync::Arc};

use axum::{Router, routing::get};
use nolapse_server::{
    AuthServer, UserRepository,
    config::Config,
    domain::{Applied, Email, StoreResult, User, UserId},
    verifier::Verified,
};
use tokio::{net::TcpListener, signal::ctrl_c, sync::Mutex};

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
        let is_new = users.iter().all(|other| other.email != user.email);
        users.extend(is_new.then(|| user.clone()));
        Ok(is_new.into())
    }
}

pub(crate) async fn serve(
    listener: TcpListener,
    config: Config,
    users: Arc<Users>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let origin = format!("http://localhost:{}", listener.local_addr()?.port());
    let auth = AuthServer::builder(config).origin(&origin).users(users);
    let auth = auth.build().await?;
    let app = Router::new()
        .route("/", get(async || "a page of the app"))
        .route("/api/me", get(async |token: Verified| token.subject))
        .with_state(auth.verifier())
        .merge(auth.router());
    Ok(auth.serve(listener, app, stop).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let stop = async { drop(ctrl_c().await) };
    serve(listener, Config::default(), Arc::default(), stop).await
}
