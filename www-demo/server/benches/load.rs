//! What a running server bears: refreshes a second on each database, without proofs of a browser's key and with them, and how long a
//! revoked token is still believed. The client shares the machine with the server, whose own share of the processor is printed.
//!
//! `cargo bench -p nolapse-server --profile server --bench load`

#[path = "common/client.rs"]
mod client;
#[path = "common/databases.rs"]
mod databases;
#[path = "../tests/http/dpop.rs"]
mod dpop;
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

use client::{Client, Failure, PAGE, between};
use databases::{ONE, SHARDS, Setting, log_position, session_bytes};
use dpop::Key;
use instances::Instance;
use nolapse_server::{
    domain::{Grant, KeyThumbprint, Limits, SessionService},
    keys::Secrets,
};
use postgres::Postgres;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

const SESSIONS: usize = 10_000;
const CONNECTIONS: usize = 16;
/// Of each kind, in turns of the two kinds.
const REFRESHES: usize = 20_000;
const TURNS: usize = 8;
/// The least share of the refreshes a second that is left with proofs.
const LEAST_SHARE: f64 = 0.75;
const REVOKED: usize = 200;

/// Puts sessions into a database or a set of them, bound to a key or to none, and returns their cookies.
async fn cookies(
    database: Setting<'_>,
    keys: &Path,
    key: Option<&Key>,
) -> Result<Vec<String>, Failure> {
    let store = databases::open(database).await?;
    let secrets = Secrets::load_or_make(keys)?;
    let service = SessionService::new(
        Arc::clone(&store),
        secrets.refresh_token_key.clone(),
        Limits::default(),
    );
    let jkt = key.map(thumbprint);
    let grants = sessions::begin(&store, &service, SESSIONS, jkt).await?;
    let encode = |grant: &Grant| secrets.refresh_token_key.encode(&grant.refresh_token);
    let cookies = grants.iter().map(encode).collect();
    store.close().await;
    Ok(cookies)
}

/// Returns the thumbprint of a key (RFC 7638).
fn thumbprint(key: &Key) -> KeyThumbprint {
    // Its members are in the order that the RFC wants.
    KeyThumbprint::from_bytes(Sha256::digest(key.jwk().to_string()).into())
}

/// Sessions of one kind, and what their refreshes have taken.
struct Kind {
    cookies: Vec<String>,
    key: Option<Key>,
    latencies: Vec<Duration>,
    took: Duration,
    processor: Option<Duration>,
}

impl Kind {
    fn new(cookies: Vec<String>, key: Option<Key>) -> Self {
        Self {
            cookies,
            key,
            latencies: Vec::new(),
            took: Duration::ZERO,
            processor: Some(Duration::ZERO),
        }
    }

    /// Refreshes the sessions in turn over kept connections. Proofs are signed before the time is taken.
    async fn load(&mut self, server: &Instance) -> Result<(), Failure> {
        let share = self.cookies.len() / CONNECTIONS;
        let url = format!("{PAGE}/auth/refresh");
        let each = REFRESHES / TURNS / CONNECTIONS;
        let chunks: Vec<_> = self
            .cookies
            .chunks(share)
            .map(|cookies| {
                let proof = |_| self.key.as_ref().map(|key| key.proof("POST", &url));
                (cookies.to_vec(), (0..each).map(proof).collect::<Vec<_>>())
            })
            .collect();
        let (before, begun) = (processor_time(server.process()), Instant::now());
        let workers: Vec<_> = chunks
            .into_iter()
            .map(|(cookies, proofs)| tokio::spawn(work(server.auth.clone(), cookies, proofs)))
            .collect();
        self.cookies.clear();
        for worker in workers {
            let (took, cookies) = worker.await??;
            self.latencies.extend(took);
            self.cookies.extend(cookies);
        }
        self.took += begun.elapsed();
        let spent = before.zip(processor_time(server.process()));
        let spent = spent.map(|(before, after)| after.saturating_sub(before));
        self.processor = self.processor.zip(spent).map(|(all, one)| all + one);
        Ok(())
    }

    fn a_second(&self, span: Duration) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap_or(u32::MAX)) / span.as_secs_f64()
    }

    fn print(&mut self, name: &str) -> io::Result<()> {
        self.latencies.sort();
        let last = self.latencies.len() - 1;
        let at = |share: usize| self.latencies[last * share / 100].as_secs_f64() * 1e3;
        let processor = self.processor.map(|spent| self.a_second(spent));
        writeln!(
            io::stdout(),
            "refreshes, {name:<31} {:>7.0} a second, {:>7.0} a second of the server's processor; \
             p50 {:.2} ms, p99 {:.2} ms; {SESSIONS} sessions, {CONNECTIONS} connections, 0 errors",
            self.a_second(self.took),
            processor.unwrap_or(f64::NAN),
            at(50),
            at(99)
        )
    }
}

/// Refreshes sessions over one connection; returns the latencies and the next cookies.
async fn work(
    address: String,
    mut cookies: Vec<String>,
    proofs: Vec<Option<String>>,
) -> Result<(Vec<Duration>, Vec<String>), Failure> {
    let mut client = Client::open(&address).await?;
    let mut latencies = Vec::new();
    for (turn, proof) in proofs.iter().enumerate() {
        let place = turn % cookies.len();
        let begun = Instant::now();
        cookies[place] = client.refresh(&cookies[place], proof.as_deref()).await?.0;
        latencies.push(begun.elapsed());
    }
    // The next turn begins with the others.
    let done = proofs.len() % cookies.len();
    cookies.rotate_left(done);
    Ok((latencies, cookies))
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
                let (cookie, token) = client.refresh(&cookie, None).await?;
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

async fn measure(name: &str, database: Setting<'_>, folder: &Path) -> Result<(), Failure> {
    let (keys, key) = (folder.join("nolapse.keys"), Key::new());
    let mut plain = Kind::new(cookies(database, &keys, None).await?, None);
    let bound = cookies(database, &keys, Some(&key)).await?;
    let mut bound = Kind::new(bound, Some(key));
    let settings = [database, ("ALLOWED_ORIGINS", PAGE)];
    let server = Instance::start(folder, &settings);
    let mut written = 0;
    for _ in 0..TURNS {
        let before = log_position(database.1).await?;
        plain.load(&server).await?;
        written += log_position(database.1).await? - before;
        bound.load(&server).await?;
    }
    plain.print(name)?;
    bound.print(&format!("{name}, proof"))?;
    let share = bound.a_second(bound.took) / plain.a_second(plain.took);
    let spent = |kind: &Kind| {
        let spent = kind.processor.unwrap_or_default().as_secs_f64();
        spent / f64::from(u32::try_from(REFRESHES).unwrap_or(u32::MAX)) * 1e6
    };
    let mut out = io::stdout();
    writeln!(
        out,
        "a proof, {name}: {share:.2} x the refreshes a second (at least {LEAST_SHARE}), {:.0} µs more of a core \
         for each refresh of {:.0} µs",
        spent(&bound) - spent(&plain),
        spent(&plain)
    )?;
    if written > 0 {
        writeln!(
            out,
            "written by a refresh: {} bytes of log; a session with its indexes: {} bytes",
            written / i64::try_from(REFRESHES)?,
            session_bytes(database.1).await?
        )?;
    }
    if database.1.starts_with("sqlite:") {
        let delays = revocations(&server, &plain.cookies).await?;
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
    if share < LEAST_SHARE {
        return Err(format!("with proofs there are {share:.2} x the refreshes").into());
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("bench.db").display());
    measure("SQLite", (ONE, &url), folder.path()).await?;
    let folder = tempfile::tempdir()?;
    let postgres = Postgres::start(&[]);
    let url = postgres.database().await;
    measure("PostgreSQL", (ONE, &url), folder.path()).await?;
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
