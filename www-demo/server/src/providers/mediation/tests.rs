//! P51 for the lease alone: servers in one process, their database, and a provider that rotates without grace.

#[cfg(unix)]
#[path = "../../../tests/common/postgres.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod postgres;

use std::{collections::BTreeMap, sync::Mutex};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::*;
use crate::{
    config::ProviderConfig,
    domain::{
        Authentication, Email, Identity, Limits, NewSession, PasswordHash, RefreshToken, Role,
        Session, User, UserId,
    },
    providers::discovery::Discovery,
    store::{self, Pooler},
};

/// Sessions side by side, so that one round's waiting is another's work.
const SESSIONS: u16 = 25;
/// The rounds of each session: 1,000 together.
const ROUNDS: u64 = 40;
/// Requests that want a token at once in each round, as ten tabs do.
const CLIENTS: usize = 10;

/// A provider that takes each refresh token once.
#[derive(Default)]
struct Rotating {
    /// The number of the one refresh token that each session has.
    current: BTreeMap<String, u64>,
    /// Refresh tokens that it refused.
    refused: Vec<String>,
}

type Shared = Arc<Mutex<Rotating>>;

async fn start(shared: &Shared) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let metadata = Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
    }));
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/token", post(token))
        .with_state(Arc::clone(shared));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    issuer
}

async fn token(State(shared): State<Shared>, body: String) -> (StatusCode, Json<Value>) {
    let mut fields = url::form_urlencoded::parse(body.as_bytes());
    let presented = fields.find(|(name, _)| name == "refresh_token").unwrap().1;
    let (session, number) = presented.split_once('.').unwrap();
    let mut rotating = shared.lock().unwrap();
    let current = rotating.current.entry(session.to_owned()).or_default();
    if number != current.to_string() {
        rotating.refused.push(presented.to_string());
        let refusal = json!({ "error": "invalid_grant" });
        return (StatusCode::BAD_REQUEST, Json(refusal));
    }
    *current += 1;
    let name = format!("{session}.{current}");
    let tokens = json!({
        "access_token": name, "refresh_token": name, "token_type": "Bearer", "expires_in": 300,
    });
    (StatusCode::OK, Json(tokens))
}

/// One auth server: its own connections, and its own knowledge of the provider.
struct Auth {
    provider: Arc<Provider>,
    store: Arc<dyn Store>,
}

async fn play(stores: [Arc<dyn Store>; 2]) {
    let shared = Shared::default();
    let issuer = start(&shared).await;
    let config = ProviderConfig::new("op", &issuer, "client", "a secret");
    let servers = Arc::new(stores.map(|store| Auth {
        provider: Arc::new(Provider {
            discovery: Discovery::new(&config),
            key: None,
            config: config.clone(),
        }),
        store,
    }));
    let mut playing = JoinSet::new();
    for number in 0..SESSIONS {
        let session = begin(&*servers[0].store, number, &issuer).await;
        let servers = Arc::clone(&servers);
        playing.spawn(async move {
            for round in 1..=ROUNDS {
                expire(&*servers[0].store, session).await;
                ask_at_once(&servers, session, &format!("{number}.{round}")).await;
            }
        });
    }
    while let Some(played) = playing.join_next().await {
        played.unwrap();
    }

    let rotating = shared.lock().unwrap();
    assert!(rotating.refused.is_empty(), "{:?}", rotating.refused);
    assert_eq!(rotating.current.len(), usize::from(SESSIONS));
    assert!(rotating.current.values().all(|&number| number == ROUNDS));
}

/// Signs a user in at the provider, whose first refresh token has the number 0.
async fn begin(store: &dyn Store, number: u16, issuer: &str) -> SessionId {
    let now = clock::now();
    let id = UserId::from_bytes(clock::random());
    let user = User {
        id,
        email: Email::missing(id),
        password: PasswordHash::from_text("none".to_owned()),
        role: Role::Member,
        disabled: false,
        created_at: now,
    };
    store.add_user(&user).await.unwrap();
    let token = RefreshToken::first(SessionId::from_bytes(clock::random()), clock::random());
    let new = NewSession::new("a device".to_owned(), Authentication::by_password(now));
    let session = Session::begin(now, &token, user.id, new, &Limits::default());
    assert_eq!(store.add_session(&session).await.unwrap(), Applied::Yes);
    let tokens = StoredTokens {
        refresh_token: Some(format!("{number}.0")),
        ..StoredTokens::default()
    };
    let row = ProviderSession {
        session: session.id,
        provider: "op".to_owned(),
        identity: Identity {
            issuer: issuer.to_owned(),
            subject: number.to_string(),
        },
        sid: None,
        sealed: Some(seal().seal(&purpose(session.id), &tokens)),
        version: 0,
        leased_until: None,
    };
    let added = store.add_provider_session(&row).await;
    assert_eq!(added.unwrap(), Applied::Yes);
    session.id
}

/// Lets the access token's time be over.
async fn expire(store: &dyn Store, session: SessionId) {
    let row = store.provider_session(session).await.unwrap().unwrap();
    let sealed = row.sealed.as_deref().unwrap();
    let tokens: StoredTokens = seal().open(&purpose(session), sealed).unwrap();
    let over = StoredTokens {
        obtained_at: 0,
        expires_at: 1,
        ..tokens
    };
    let sealed = seal().seal(&purpose(session), &over);
    let replaced = store.replace_provider_tokens(&row, &sealed, None).await;
    assert_eq!(replaced.unwrap(), Applied::Yes);
}

/// Wants a token for each client, at the servers in turn: all get this one.
async fn ask_at_once(servers: &Arc<[Auth; 2]>, session: SessionId, expected: &str) {
    let mut asking = JoinSet::new();
    for client in 0..CLIENTS {
        let servers = Arc::clone(servers);
        asking.spawn(async move {
            let Auth { provider, store } = &servers[client % 2];
            provider.mediate(store, &seal(), session, false).await
        });
    }
    for mediation in asking.join_all().await {
        match mediation.unwrap() {
            Mediation::Token(token) => assert_eq!(token.access_token, expected),
            Mediation::Over(reason) => panic!("{expected}: the session is over: {reason:?}"),
            Mediation::Unavailable => panic!("{expected}: no token in time"),
        }
    }
}

fn seal() -> SealKey {
    SealKey::new([7; 32])
}

#[tokio::test]
async fn p51_ten_clients_at_two_servers_in_1000_rounds_ask_a_rotating_provider_once_each_on_sqlite()
{
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let open = || store::open(&url, 4, Pooler::None);
    play([open().await.unwrap(), open().await.unwrap()]).await;
}

#[cfg(unix)]
#[tokio::test]
async fn p51_ten_clients_at_two_servers_in_1000_rounds_ask_a_rotating_provider_once_each_on_postgresql()
 {
    let postgres = postgres::Postgres::shared();
    let url = postgres.database().await;
    let open = || store::open(&url, 4, Pooler::None);
    play([open().await.unwrap(), open().await.unwrap()]).await;
}
