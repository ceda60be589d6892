//! An axum app that mounts the auth server beside its own routes, with users of its own.
//!
//! `cargo run --package nolapse-server --example embed -- 3000 FOLDER`

use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use axum::{Router, routing::get};
use nolapse_server::{
    AuthServer, clock,
    config::Config,
    domain::{
        DirectoryError, Email, Password, Role, StoreResult, Timestamp, User, UserDirectory, UserId,
    },
    passwords::Passwords,
    store,
    verifier::Verified,
};
use tokio::net::TcpListener;

/// Users in memory.
pub(crate) struct Users {
    pub(crate) rows: Mutex<Vec<User>>,
    passwords: Passwords,
}

impl Users {
    pub(crate) fn new(passwords: Passwords) -> Self {
        let rows = Mutex::default();
        Self { rows, passwords }
    }

    fn first(&self, is_wanted: impl Fn(&User) -> bool) -> Option<User> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter().find(|user| is_wanted(user)).cloned()
    }
}

#[async_trait]
impl UserDirectory for Users {
    async fn find(&self, id: UserId) -> StoreResult<Option<User>> {
        Ok(self.first(|user| user.id == id))
    }

    async fn find_by_email(&self, email: &Email) -> StoreResult<Option<User>> {
        Ok(self.first(|user| user.email == *email))
    }

    async fn verify(
        &self,
        user: Option<User>,
        password: &Password,
    ) -> Result<Option<User>, DirectoryError> {
        let stored = user.as_ref().map(|user| user.password.clone());
        let checked = self.passwords.check(password.clone(), stored, 0).await?;
        Ok(user.filter(|_| checked.matches))
    }

    async fn create(
        &self,
        now: Timestamp,
        email: Email,
        password: Password,
    ) -> Result<Option<User>, DirectoryError> {
        let user = User {
            id: UserId::from_bytes(clock::random()),
            email,
            password: self.passwords.hash_new(password).await?,
            role: Role::Member,
            disabled: false,
            created_at: now,
        };
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = rows.iter().all(|row| row.email != user.email);
        Ok(is_new.then(|| {
            rows.push(user.clone());
            user
        }))
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
        issuer: Some(origin.clone()),
        audience: Some(origin.clone()),
        allowed_origins: Some(vec![origin]),
        key_file: folder.join("sessions.keys"),
        ..Config::default()
    };
    let store = store::open(&database, config.database_connections).await?;
    let mut auth = AuthServer::builder(config, store)
        .users(users)
        .build()
        .await?;
    let app = Router::new()
        .route("/", get(async || "a page of the app"))
        .route("/api/me", get(async |token: Verified| token.subject))
        .with_state(auth.verifier())
        .merge(auth.router());
    axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(stop)
    .await?;
    auth.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, folder] = words.as_slice() else {
        return Err("usage: embed PORT FOLDER".into());
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?)).await?;
    let hasher = Passwords::new(19_456).map_err(|_| "no memory for password hashes")?;
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    serve(
        listener,
        Path::new(folder),
        Arc::new(Users::new(hasher)),
        stop,
    )
    .await
}
