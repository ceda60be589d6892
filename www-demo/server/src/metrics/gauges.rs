//! Gauges: measured at each request for the metrics.

use std::{fmt::Display, fs, time::Duration};

use crate::{
    clock,
    domain::{PoolUse, ShardState, Timestamp},
    hash_queue::HashQueue,
    passwords::Passwords,
    revocations::FeedState,
    routes::{App, MAX_STREAMS},
};

use super::{Histogram, WAIT_MS, head, line, sample, seconds};

/// The state of a server at one moment.
pub(crate) struct Gauges {
    /// Live sessions; `None` if the database fails.
    pub(crate) sessions: Option<u64>,
    /// The database's response time, including the wait for a connection; `None` if it fails.
    pub(crate) ping: Option<Duration>,
    /// The connections to the database.
    pub(crate) pool: PoolUse,
    /// The shards; empty where there is one database.
    pub(crate) shards: Vec<ShardState>,
    /// The open connections of clients, and how many there may be.
    pub(crate) connections: (usize, usize),
    /// The push streams of pages that are open.
    pub(crate) push_streams: usize,
    /// How many password hashes wait, run, and waited too long.
    pub(crate) hashes: [u64; 3],
    /// How long password hashes waited.
    pub(crate) hash_waits: Histogram<{ WAIT_MS.len() }>,
    /// The revocations in memory.
    pub(crate) feed: FeedState,
    /// How many servers read them.
    pub(crate) feed_streams: usize,
    /// Lines that the security log could not write.
    pub(crate) lost_lines: u64,
    /// When the process started.
    pub(crate) started_at: Timestamp,
    /// The process's open files and their limit (Linux only).
    pub(crate) files: Option<(u64, u64)>,
}

impl Gauges {
    /// Measures a server, with two queries.
    pub(crate) async fn of(app: &App) -> Self {
        let store = &app.store;
        let queue = app.passwords.as_ref().map(Passwords::queue);
        let begun = clock::now();
        let ping = store.ping().await.ok();
        let ping = ping.map(|()| clock::now().since(begun));
        // The other gauges are useful while the database is unreachable.
        let sessions = store.count_sessions(clock::now()).await.ok();
        Self {
            sessions,
            ping,
            pool: store.pool_use(),
            shards: store.shards(),
            hashes: queue.map(HashQueue::read).unwrap_or_default(),
            hash_waits: queue.map_or(Histogram::NEW, HashQueue::waits),
            push_streams: app.push_streams.count(),
            connections: (app.connections.count(), app.connections.capacity()),
            feed: app.revocations.state(),
            feed_streams: MAX_STREAMS.saturating_sub(app.feed_streams.available_permits()),
            lost_lines: app.security_log.lost(),
            started_at: app.timings.started_at(),
            files: files(),
        }
    }

    pub(super) fn write(&self, text: &mut String) {
        if let Some(sessions) = self.sessions {
            let help = "Sessions that have not ended, at all servers.";
            gauge(text, "nolapse_sessions", help, sessions);
        }
        let up = u64::from(self.ping.is_some());
        let help = "Whether the database answers, or one of its shards.";
        gauge(text, "nolapse_database_up", help, up);
        if let Some(ping) = self.ping {
            let name = "nolapse_database_ping_seconds";
            let help =
                "Time until the database answered just now, the wait for a connection among it.";
            head(text, name, "gauge", help);
            let millis = u64::try_from(ping.as_millis()).unwrap_or(u64::MAX);
            line(text, format_args!("{name} {}", seconds(millis)));
        }
        let (open, most) = self.connections;
        let help = "Connections of clients that are open, at all listeners.";
        gauge(text, "nolapse_connections", help, open);
        let help = "How many connections of clients there may be.";
        gauge(text, "nolapse_connections_max", help, most);
        let help = "Push streams of pages that are open, connections among those above.";
        gauge(text, "nolapse_push_streams", help, self.push_streams);
        self.write_pool(text);
        self.write_shards(text);
        self.write_feed(text);
        self.write_hashes(text);
        self.write_process(text);
    }

    fn write_pool(&self, text: &mut String) {
        let PoolUse { open, idle, most } = self.pool;
        let name = "nolapse_database_connections";
        head(text, name, "gauge", "Connections to the database, by use.");
        for (state, count) in [("idle", idle), ("used", open.saturating_sub(idle))] {
            sample(text, name, &[("state", state)], count);
        }
        let name = "nolapse_database_connections_max";
        let help = "How many connections to the database there may be.";
        gauge(text, name, help, most);
    }

    fn write_shards(&self, text: &mut String) {
        let name = "nolapse_shard_up";
        let help =
            "Whether the sessions of a shard are served; nothing where there is one database.";
        head(text, name, "gauge", help);
        for ShardState { shard, serves, .. } in &self.shards {
            let shard = shard.to_string();
            sample(text, name, &[("shard", &shard)], u64::from(*serves));
        }
        let name = "nolapse_shard_connections";
        let help = "Connections to a shard, by use; each may have an equal share of nolapse_database_connections_max.";
        head(text, name, "gauge", help);
        for ShardState { shard, pool, .. } in &self.shards {
            let shard = shard.to_string();
            let used = pool.open.saturating_sub(pool.idle);
            for (state, count) in [("idle", pool.idle), ("used", used)] {
                sample(text, name, &[("shard", &shard), ("state", state)], count);
            }
        }
    }

    fn write_feed(&self, text: &mut String) {
        let FeedState {
            is_live,
            known,
            last,
            dropped,
        } = self.feed;
        let help = "Whether revocations of other servers and of commands arrive.";
        gauge(text, "nolapse_revocations_live", help, u64::from(is_live));
        let help = "Streams of revocations to servers that are open.";
        gauge(text, "nolapse_revocation_streams", help, self.feed_streams);
        let help = "Revocations that became known since the start.";
        counter(text, "nolapse_revocations_total", help, known);
        let name = "nolapse_revocations_dropped_total";
        let help = "Revocations that were forgotten early, because there were too many.";
        counter(text, name, help, dropped);
        let name = "nolapse_revocation_last_timestamp_seconds";
        let help = "When the last revocation became known, in seconds since the Unix epoch; 0 before the first.";
        head(text, name, "gauge", help);
        let last = seconds(last.map_or(0, Timestamp::as_millis));
        line(text, format_args!("{name} {last}"));
    }

    fn write_hashes(&self, text: &mut String) {
        let [waiting, running, refused] = self.hashes;
        let name = "nolapse_password_hashes";
        head(text, name, "gauge", "Password hashes under way, by state.");
        sample(text, name, &[("state", "waiting")], waiting);
        sample(text, name, &[("state", "running")], running);
        let name = "nolapse_password_hashes_refused_total";
        let help = "Password hashes that waited too long for their turn.";
        counter(text, name, help, refused);
        let name = "nolapse_password_hash_wait_seconds";
        let help = "Time that password hashes waited for their turn.";
        head(text, name, "histogram", help);
        self.hash_waits.write(text, name, "", &WAIT_MS);
    }

    fn write_process(&self, text: &mut String) {
        let name = "nolapse_security_log_lost_lines_total";
        let help = "Lines that the security log could not write.";
        counter(text, name, help, self.lost_lines);
        let name = "nolapse_build_info";
        head(
            text,
            name,
            "gauge",
            "The version of the server, as a label.",
        );
        sample(text, name, &[("version", env!("CARGO_PKG_VERSION"))], 1);
        let name = "process_start_time_seconds";
        let help = "When the process started, in seconds since the Unix epoch.";
        head(text, name, "gauge", help);
        let started = seconds(self.started_at.as_millis());
        line(text, format_args!("{name} {started}"));
        if let Some((open, most)) = self.files {
            let help = "Open file descriptors, sockets among them.";
            gauge(text, "process_open_fds", help, open);
            let help = "How many file descriptors may be open.";
            gauge(text, "process_max_fds", help, most);
        }
    }
}

fn gauge(text: &mut String, name: &str, help: &str, value: impl Display) {
    head(text, name, "gauge", help);
    line(text, format_args!("{name} {value}"));
}

fn counter(text: &mut String, name: &str, help: &str, value: u64) {
    head(text, name, "counter", help);
    line(text, format_args!("{name} {value}"));
}

/// Counts the open files of this process (proc(5)).
fn files() -> Option<(u64, u64)> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let most = line.split_whitespace().next()?.parse().unwrap_or(u64::MAX);
    Some((u64::try_from(open).ok()?, most))
}
