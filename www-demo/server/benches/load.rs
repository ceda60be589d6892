//! What a running server bears: refreshes a second on each database, and how long a revoked token is still
//! believed. The client shares the machine with the server, whose own share of the processor is printed.
//!
//! `cargo bench -p nolapse-server --profile server --bench load`

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/common/instances.rs"]
mod instances;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/common/postgres.rs"]
mod postgres;
#[path = "common/sessions.rs"]
mod sessions;

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use instances::Instance;
use nolapse_server::{
    domain::{Grant, Limits, SessionService},
    keys::Secrets,
    store::{self, Pooler},
};
use postgres::Postgres;
use sqlx::{Connection, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

const SESSIONS: usize = 10_000;
const CONNECTIONS: usize = 16;
const REFRESHES: usize = 20_000;
const REVOKED: usize = 200;
const PAGE: &str = "https://app.example.com";

/// The setting of several databases.
const SHARDS: &str = "DATABASE_URLS";

/// A variable and its value.
type Setting<'a> = (&'a str, &'a str);
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One connection that is kept.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Sends a request and returns the whole answer.
    async fn send(&mut self, head: &str, body: &str) -> Result<String, Failure> {
        let length = body.len();
        let request = format!("{head}host: bench\r\ncontent-length: {length}\r\n\r\n{body}");
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            let text = String::from_utf8_lossy(&self.buffer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length: usize = between(head, "content-length: ", "\r\n")
                .parse()
                .unwrap_or(0);
            if body.len() >= length {
                return Ok(text.into_owned());
            }
        }
    }

    /// Refreshes; returns the next cookie and the token.
    async fn refresh(&mut self, cookie: &str) -> Result<(String, String), Failure> {
        let head = format!(
            "POST /auth/refresh HTTP/1.1\r\norigin: {PAGE}\r\nnolapse-version: 1\r\n\
             content-type: application/json\r\ncookie: {}={cookie}\r\n",
            nolapse::wire::COOKIE
        );
        let body = r#"{"reason":"timer","page":"visible","active_ago":0}"#;
        let answer = self.send(&head, body).await?;
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(format!("a refresh failed: {}", between(&answer, " ", "\r\n")).into());
        }
        let cookie = between(&answer, "__Host-Http-nolapse=", ";").to_owned();
        let token = between(&answer, r#""access_token":""#, "\"").to_owned();
        Ok((cookie, token))
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split_once(after).map_or(rest, |(found, _)| found)
}

/// Puts sessions into a database or a set of them, and returns their cookies.
async fn cookies((variable, url): Setting<'_>, keys: &Path) -> Result<Vec<String>, Failure> {
    let store = if variable == SHARDS {
        let urls = url.parse().map_err(|()| "a set of databases")?;
        store::open_shards(&urls, 4, Pooler::None).await?
    } else {
        store::open(url, 4, Pooler::None).await?
    };
    let secrets = Secrets::load_or_make(keys)?;
    let service = SessionService::new(
        Arc::clone(&store),
        secrets.refresh_token_key.clone(),
        Limits::default(),
    );
    let grants = sessions::begin(&store, &service, SESSIONS).await?;
    let encode = |grant: &Grant| secrets.refresh_token_key.encode(&grant.refresh_token);
    let cookies = grants.iter().map(encode).collect();
    store.close().await;
    Ok(cookies)
}

/// Refreshes the sessions in turn over kept connections; returns the latencies and the next cookies.
async fn load(
    address: &str,
    cookies: Vec<String>,
) -> Result<(Vec<Duration>, Vec<String>), Failure> {
    let share = cookies.len() / CONNECTIONS;
    let workers: Vec<_> = cookies
        .chunks(share)
        .map(|cookies| {
            let (mut cookies, address) = (cookies.to_vec(), address.to_owned());
            tokio::spawn(async move {
                let mut client = Client::open(&address).await?;
                let mut latencies = Vec::new();
                for turn in 0..REFRESHES / CONNECTIONS {
                    let place = turn % cookies.len();
                    let begun = Instant::now();
                    cookies[place] = client.refresh(&cookies[place]).await?.0;
                    latencies.push(begun.elapsed());
                }
                Ok::<_, Failure>((latencies, cookies))
            })
        })
        .collect();
    let (mut latencies, mut next) = (Vec::new(), Vec::new());
    for worker in workers {
        let (took, cookies) = worker.await??;
        latencies.extend(took);
        next.extend(cookies);
    }
    latencies.sort();
    Ok((latencies, next))
}

/// Revokes sessions with new tokens, the worst case, and calls the API until their last token is refused; returns the
/// delays.
async fn revocations(server: &Instance, cookies: &[String]) -> Result<Vec<Duration>, Failure> {
    let tasks: Vec<_> = cookies
        .iter()
        .take(REVOKED)
        .map(|cookie| {
            let (cookie, auth, api) = (cookie.clone(), server.auth.clone(), server.api.clone());
            tokio::spawn(async move {
                let mut client = Client::open(&auth).await?;
                let (cookie, token) = client.refresh(&cookie).await?;
                let bearer = format!("authorization: Bearer {token}\r\n");
                let own = format!(
                    "origin: {PAGE}\r\nnolapse-version: 1\r\ncookie: {}={cookie}\r\n",
                    nolapse::wire::COOKIE
                );
                let list = format!("GET /auth/sessions HTTP/1.1\r\n{own}");
                let list = client.send(&list, "").await?;
                let session = between(&list, r#""id":""#, "\"").to_owned();
                let head = format!("DELETE /auth/sessions/{session} HTTP/1.1\r\n{own}");
                let revoked = client.send(&head, "").await?;
                if !revoked.starts_with("HTTP/1.1 204") {
                    return Err("a session was not revoked".into());
                }
                let begun = Instant::now();
                let mut client = Client::open(&api).await?;
                while client
                    .send(&format!("GET /me HTTP/1.1\r\n{bearer}"), "")
                    .await?
                    .starts_with("HTTP/1.1 200")
                {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Ok::<_, Failure>(begun.elapsed())
            })
        })
        .collect();
    let mut delays = Vec::new();
    for task in tasks {
        delays.push(task.await??);
    }
    delays.sort();
    Ok(delays)
}

/// Returns the processor time that a process has taken, as Linux counts it: hundredths of a second.
fn processor_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// Returns how many bytes of its log a `PostgreSQL` has written; 0 for what is none.
async fn log_position(url: &str) -> Result<i64, Failure> {
    ask(url, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").await
}

async fn session_bytes(url: &str) -> Result<i64, Failure> {
    ask(
        url,
        "SELECT pg_total_relation_size('sessions') / count(*) FROM sessions",
    )
    .await
}

async fn ask(url: &str, sql: &'static str) -> Result<i64, Failure> {
    if !url.starts_with("postgres:") {
        return Ok(0);
    }
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_scalar(sql).fetch_one(&mut connection).await?)
}

async fn measure(name: &str, database: Setting<'_>, folder: &Path) -> Result<(), Failure> {
    let cookies = cookies(database, &folder.join("nolapse.keys")).await?;
    let settings = [database, ("ALLOWED_ORIGINS", PAGE)];
    let server = Instance::start(folder, &settings);
    let written = log_position(database.1).await?;
    let before = processor_time(server.process());
    let begun = Instant::now();
    let (latencies, cookies) = load(&server.auth, cookies).await?;
    let took = begun.elapsed();
    let after = processor_time(server.process());
    let used = before
        .zip(after)
        .map(|(before, after)| after.saturating_sub(before));
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let each = |span: Duration| {
        f64::from(u32::try_from(latencies.len()).unwrap_or(u32::MAX)) / span.as_secs_f64()
    };
    let mut out = io::stdout();
    writeln!(
        out,
        "refreshes, {name:<24} {:>7.0} a second, {:>7.0} a second of the server's processor; \
         p50 {:.2} ms, p99 {:.2} ms; {SESSIONS} sessions, {CONNECTIONS} connections, 0 errors",
        each(took),
        used.map_or(f64::NAN, each),
        at(50),
        at(99)
    )?;
    if database.1.starts_with("postgres:") {
        let written = log_position(database.1).await? - written;
        let refreshes = i64::try_from(latencies.len())?;
        writeln!(
            out,
            "written by a refresh: {} bytes of log; a session with its indexes: {} bytes",
            written / refreshes,
            session_bytes(database.1).await?
        )?;
    }
    if database.1.starts_with("sqlite:") {
        let delays = revocations(&server, &cookies).await?;
        let at = |share: usize| delays[(delays.len() - 1) * share / 100].as_secs_f64();
        writeln!(
            out,
            "revocation to the first refused call, {REVOKED} new tokens: least {:.1} s, \
             p50 {:.1} s, p99 {:.1} s, most {:.1} s (at most 60)",
            at(0),
            at(50),
            at(99),
            at(100)
        )?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("bench.db").display());
    measure("SQLite", ("DATABASE_URL", &url), folder.path()).await?;
    let folder = tempfile::tempdir()?;
    let postgres = Postgres::start(&[]);
    let url = postgres.database().await;
    measure("PostgreSQL", ("DATABASE_URL", &url), folder.path()).await?;
    // Each a cluster of its own, with a log of its own, on the same disk and processors: a set on one machine gains nothing but
    // a second log.
    let folder = tempfile::tempdir()?;
    let other = Postgres::start(&[]);
    let urls = format!(
        "0={},1={}",
        postgres.database().await,
        other.database().await
    );
    measure("two shards of PostgreSQL", (SHARDS, &urls), folder.path()).await
}
