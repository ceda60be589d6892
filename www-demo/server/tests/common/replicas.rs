//! Two auth servers on a `PostgreSQL` with a standby behind `HAProxy`, and sessions that are refreshed.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use sqlx::{Connection, Executor, PgConnection, Row};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{client, haproxy::HaProxy, instances::Instance, postgres::Postgres};

const PAGE: &str = "https://app.example.com";
const REFRESH: &str = r#"{"reason":"timer","page":"visible","active_ago":0}"#;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The settings of both clusters; after a crash the data is thrown away.
const SETTINGS: [&str; 3] = [
    "-c fsync=off",
    "-c wal_level=replica",
    "-c max_wal_senders=4",
];

/// What a failover loses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing: a commit waits for the standby.
    None,
    /// What the standby has not got yet.
    Asynchronous,
}

/// A browser that is signed in: its cookie, and what became of its refreshes.
struct Browser {
    server: usize,
    cookie: String,
    /// Statuses that are neither 200 nor of a server that cannot answer now.
    refused: Vec<u16>,
}

/// What the crash of a primary came to.
pub(crate) struct Crash {
    /// How many sessions were refreshed a second before.
    pub(crate) per_second: f64,
    /// How long after the crash the standby was promoted.
    pub(crate) promoted: Duration,
    /// How long after the crash the last session had been refreshed again.
    pub(crate) recovery: Duration,
}

/// Everything, running.
pub(crate) struct Replicas {
    primary: Postgres,
    standby: Postgres,
    servers: [Instance; 2],
    browsers: Vec<Mutex<Browser>>,
    _proxy: HaProxy,
    _folder: TempDir,
}

impl Replicas {
    /// Starts it, and signs so many users in.
    pub(crate) async fn start(loss: Loss, browsers: u32) -> Self {
        let primary = Postgres::start(&SETTINGS);
        let standby = Postgres::standby_of(&primary, &SETTINGS);
        if loss == Loss::None {
            wait_for_commits(&primary).await;
        }
        let proxy = HaProxy::before([&primary, &standby]);
        let folder = tempfile::tempdir().unwrap();
        let url = proxy.url("postgres");
        leads_to_the_primary(&url).await;
        let settings = [
            ("DATABASE_URL", url.as_str()),
            ("ALLOWED_ORIGINS", PAGE),
            ("METRICS_PORT", "0"),
            ("ISSUER", "https://auth.example.com"),
            ("AUDIENCE", "https://api.example.com"),
            ("PASSWORDS_PER_ACCOUNT", "0"),
            ("REFRESHES_PER_MINUTE", "0"),
        ];
        let servers = [(); 2].map(|()| Instance::start(folder.path(), &settings));
        let browsers = (0..browsers).map(|number| {
            let server = usize::from(number % 2 == 1);
            let body = format!(
                r#"{{"email":"user{number}@example.org","password":"correct horse battery"}}"#
            );
            let address = &servers[server].auth;
            let begun = client::post(address, "/auth/sign-up", PAGE, "", &body);
            assert_eq!(begun.status, 200, "{}", begun.body);
            Mutex::new(Browser {
                server,
                cookie: begun.cookie(),
                refused: Vec::new(),
            })
        });
        let browsers = browsers.collect();
        Self {
            primary,
            standby,
            servers,
            browsers,
            _proxy: proxy,
            _folder: folder,
        }
    }

    /// Refreshes each session so often, one after the other, each until it succeeds.
    pub(crate) fn refresh_each(&self, times: u32) {
        for browser in &self.browsers {
            let mut browser = browser.lock().unwrap_or_else(PoisonError::into_inner);
            for _ in 0..times {
                self.until_refreshed(&mut browser);
            }
        }
    }

    /// Refreshes all sessions without a pause, each at both servers in turn, and crashes the primary after so many for
    /// each; goes on until each was refreshed three times after the standby was promoted.
    pub(crate) fn crash_amid_refreshes(&self, before: u32) -> Crash {
        let granted = AtomicU32::new(0);
        let is_promoted = AtomicBool::new(false);
        let wanted = u32::try_from(self.browsers.len()).unwrap() * before;
        let begun = Instant::now();
        thread::scope(|scope| {
            let refreshing = self.browsers.iter().map(|browser| {
                scope.spawn(|| {
                    let mut browser = browser.lock().unwrap_or_else(PoisonError::into_inner);
                    while !is_promoted.load(Ordering::SeqCst) {
                        let status = self.refresh(&mut browser);
                        granted.fetch_add(u32::from(status == 200), Ordering::SeqCst);
                    }
                    self.until_refreshed(&mut browser);
                    let recovered = Instant::now();
                    self.until_refreshed(&mut browser);
                    self.until_refreshed(&mut browser);
                    recovered
                })
            });
            let refreshing: Vec<_> = refreshing.collect();
            while granted.load(Ordering::SeqCst) < wanted {
                thread::yield_now();
            }
            let crash = Instant::now();
            let per_second = f64::from(wanted) / (crash - begun).as_secs_f64();
            self.fail_over();
            let promoted = crash.elapsed();
            is_promoted.store(true, Ordering::SeqCst);
            let recovered = refreshing.into_iter().map(|one| one.join().unwrap());
            let recovery = recovered.max().unwrap() - crash;
            Crash {
                per_second,
                promoted,
                recovery,
            }
        })
    }

    /// Crashes the primary and promotes the standby.
    pub(crate) fn fail_over(&self) {
        self.primary.crash();
        self.standby.promote();
    }

    /// Takes the standby's primary away, so that what is written from now on is on the primary alone.
    pub(crate) async fn cut_the_replication(&self) {
        let standby = self.standby.url("postgres");
        let mut connection = PgConnection::connect(&standby).await.unwrap();
        for sql in [
            "ALTER SYSTEM SET primary_conninfo = ''",
            "SELECT pg_reload_conf()",
        ] {
            connection.execute(sql).await.unwrap();
        }
        let receivers = "SELECT count(*) FROM pg_stat_wal_receiver";
        until_count(&mut connection, receivers, 0).await;
    }

    /// Asserts that each refresh was granted, or could not be answered for the moment, and that no theft was found.
    pub(crate) fn assert_nobody_was_signed_out(&self) {
        for browser in &self.browsers {
            let browser = browser.lock().unwrap_or_else(PoisonError::into_inner);
            assert_eq!(browser.refused, [0; 0]);
        }
        assert_eq!(self.count("reuse_alarms"), 0);
    }

    /// Returns how often both servers counted an event.
    pub(crate) fn count(&self, event: &str) -> u64 {
        let head = format!("nolapse_events_total{{event=\"{event}\"}} ");
        let counts = self.servers.iter().map(|server| {
            let metrics = client::send(
                &server.metrics,
                "GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n",
            )
            .body;
            let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(&head));
            lines.next().map_or(0, |count| count.parse().unwrap())
        });
        counts.sum()
    }

    fn until_refreshed(&self, browser: &mut Browser) {
        let begun = Instant::now();
        while self.refresh(browser) != 200 {
            assert!(
                begun.elapsed() < PATIENCE,
                "it is not refreshed: {:?}",
                browser.refused
            );
        }
    }

    /// Refreshes a session at the server that did not do so last; returns the status.
    fn refresh(&self, browser: &mut Browser) -> u16 {
        browser.server = 1 - browser.server;
        let address = &self.servers[browser.server].auth;
        let answer = client::post(address, "/auth/refresh", PAGE, &browser.cookie, REFRESH);
        match answer.status {
            200 => browser.cookie = answer.cookie(),
            500..=599 => {}
            status => browser.refused.push(status),
        }
        answer.status
    }
}

/// Has each commit of a cluster wait for the standby, and waits until one has joined.
async fn wait_for_commits(primary: &Postgres) {
    let mut connection = PgConnection::connect(&primary.url("postgres"))
        .await
        .unwrap();
    let joined = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
    for sql in [
        "ALTER SYSTEM SET synchronous_standby_names = 'standby'",
        "SELECT pg_reload_conf()",
    ] {
        connection.execute(sql).await.unwrap();
    }
    until_count(&mut connection, joined, 1).await;
}

/// Waits until the proxy has looked at both clusters: it takes a new one for well, and connections to them in turn.
async fn leads_to_the_primary(url: &str) {
    let begun = Instant::now();
    let mut primary = 0;
    while primary < 4 {
        assert!(
            begun.elapsed() < PATIENCE,
            "the proxy does not find the primary"
        );
        let is_primary = async {
            let mut connection = PgConnection::connect(url).await?;
            let row = connection
                .fetch_one("SELECT NOT pg_is_in_recovery()")
                .await?;
            row.try_get::<bool, _>(0)
        };
        // Connections to the other one are closed when it is found out.
        primary = if is_primary.await.unwrap_or(false) {
            primary + 1
        } else {
            0
        };
    }
}

/// Asks until a statement counts so many.
async fn until_count(connection: &mut PgConnection, sql: &'static str, count: i64) {
    let begun = Instant::now();
    while connection.fetch_one(sql).await.unwrap().get::<i64, _>(0) != count {
        assert!(begun.elapsed() < PATIENCE, "{sql}");
    }
}
