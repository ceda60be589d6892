//! How long a revocation takes to an API behind either of two servers on one database; and what a verifier's memory of 10⁵
//! revocations costs, in bytes and at each call.
//!
//! `cargo bench -p nolapse-server --profile server --bench revocations`

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/common/instances.rs"]
mod instances;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/common/postgres.rs"]
mod postgres;
#[path = "common/sessions.rs"]
mod sessions;

use std::{
    fs,
    hint::black_box,
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use instances::Instance;
use nolapse::wire::{EndReason, REVOCATIONS_PATH};
use nolapse_server::{
    clock,
    domain::{Limits, RefreshTokenKey, SessionService, Store},
    store::{PgStore, Pooler},
    verifier::{FetchOptions, RevocationFeed, Verified},
};
use postgres::Postgres;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

const SESSIONS: usize = 1_000;
/// What becomes known in a minute.
const FLOOD: i64 = 100_000;
const CALLS: u32 = 1_000_000;
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// How long to wait for what does not come.
const PATIENCE: Duration = Duration::from_secs(60);
const BYTES_A_PAGE: u64 = 4_096;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A token of a session, as a verifier has read it.
fn token(session: String) -> Verified {
    let now = clock::now();
    Verified {
        subject: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        session,
        role: "member".to_owned(),
        context: None,
        authenticated_at: None,
        authentication_context: None,
        authentication_methods: Vec::new(),
        issued_at: now,
        expires_at: now + Duration::from_mins(1),
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) -> Result<(), Failure> {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() > PATIENCE {
            return Err(what.into());
        }
        sleep(Duration::from_micros(200)).await;
    }
    Ok(())
}

/// Ends sessions one by one; returns the times until both APIs know, shortest first.
async fn revoke(store: Arc<dyn Store>, feeds: &[RevocationFeed]) -> Result<Vec<Duration>, Failure> {
    let key = RefreshTokenKey::from_bytes(clock::random());
    let service = SessionService::new(Arc::clone(&store), key, Limits::default());
    let mut took = Vec::with_capacity(SESSIONS);
    for grant in sessions::begin(&store, &service, SESSIONS, None).await? {
        let token = token(grant.session.id.to_string());
        let begun = Instant::now();
        let ended = store.end_session(grant.session.id, clock::now(), EndReason::Revoked);
        ended.await?;
        until("a revocation did not arrive", || {
            feeds.iter().all(|feed| feed.is_revoked(&token))
        })
        .await?;
        took.push(begun.elapsed());
    }
    took.sort();
    Ok(took)
}

/// Logs revocations that concern no session of the database.
async fn flood(url: &str) -> Result<(), Failure> {
    let mut connection = PgConnection::connect(url).await?;
    let sql = "INSERT INTO revocations (session_id, user_id, at) \
         SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), decode(repeat('00', 16), 'hex'), 0 \
         FROM generate_series(1, $1) n";
    sqlx::query(sql)
        .bind(FLOOD)
        .execute(&mut connection)
        .await?;
    Ok(())
}

/// Returns the memory of this process, in bytes (proc(5)).
fn resident() -> Result<u64, Failure> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).ok_or("proc(5) has it")?;
    Ok(pages.parse::<u64>()? * BYTES_A_PAGE)
}

/// Returns what a look-up takes, of a session that is not revoked.
fn look_up(feed: &RevocationFeed) -> Duration {
    let token = token("zzzzzzzzzzzzzzzzzzzzzz".to_owned());
    let begun = Instant::now();
    for _ in 0..CALLS {
        black_box(feed.is_revoked(black_box(&token)));
    }
    begun.elapsed() / CALLS
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    let folder = tempfile::tempdir()?;
    let settings = [("DATABASE_URL", &*url), ("SERVER_SECRETS", SECRET)];
    let servers = [(); 2].map(|()| Instance::start(folder.path(), &settings));
    let mut feeds = Vec::new();
    for server in &servers {
        let feed = format!("http://{}{REVOCATIONS_PATH}", server.auth);
        let options = FetchOptions::default();
        feeds.push(RevocationFeed::follow(&feed, SECRET, &options)?);
    }
    until("a feed is not live", || {
        feeds.iter().all(|feed| feed.liveness().is_live)
    })
    .await?;

    let store: Arc<dyn Store> = Arc::new(PgStore::open(&url, 4, Pooler::None).await?);
    let took = revoke(store, &feeds).await?;
    let at = |hundredths: usize| took[(took.len() * hundredths / 100).min(took.len() - 1)];
    let mut out = io::stdout();
    writeln!(
        out,
        "revoked at a database, refused behind both of 2 servers, {SESSIONS} sessions: p50 {:?}, p99 {:?}, max {:?}",
        at(50),
        at(99),
        at(100)
    )?;

    feeds.truncate(1);
    let empty = look_up(&feeds[0]);
    let before = resident()?;
    flood(&url).await?;
    let last = token("AAAAAAAAAAAAAAAAAAGGoA".to_owned());
    until("the flood did not arrive", || feeds[0].is_revoked(&last)).await?;
    let grown = resident()?.saturating_sub(before) / 1_024;
    writeln!(
        out,
        "{FLOOD} revocations in a verifier: {grown} KiB; a look-up {:?}, without them {empty:?}",
        look_up(&feeds[0])
    )?;
    Ok(())
}
