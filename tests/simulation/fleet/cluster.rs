//! The auth server as its balancer sees it: groups of servers, their processors, and the database that they share.

use super::course::GROUPS;

/// How long a request waits for one of the server's connections to the database: `PATIENCE` in the server's
/// `store/postgres.rs`. Then it is answered by 503 and [`RETRY_AFTER_S`].
const PATIENCE_MS: f64 = 3_000.0;
/// `Retry-After` of the server's `problem.rs` for a store that is busy or does not answer.
pub(crate) const RETRY_AFTER_S: u64 = 2;
/// The server's `REQUEST_TIMEOUT_SECONDS`.
const REQUEST_TIMEOUT_MS: f64 = 30_000.0;
/// What the opening of a stream costs, in refreshes: it reads, and neither writes nor signs.
const STREAM_COST: f64 = 0.2;
/// How much room for streams the servers have, in those that are open while all servers are up.
const STREAM_ROOM: f64 = 1.25;
/// How much longer a promoted standby takes while its caches are cold, and for how long.
const COLD_COST: f64 = 2.0;
const COLD_MS: f64 = 10_000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Up,
    /// It refuses connections, and the balancer does not know.
    Refusing,
    LeftOut,
}

/// Requests that are served one after the other.
#[derive(Clone, Copy, Debug)]
struct Queue {
    cost_ms: f64,
    free_at: f64,
}

impl Queue {
    fn wait(&self, now: f64) -> f64 {
        (self.free_at - now).max(0.0)
    }

    /// Returns when a request of this cost is done.
    fn enter(&mut self, now: f64, cost: f64) -> f64 {
        self.free_at = self.free_at.max(now) + self.cost_ms * cost;
        self.free_at
    }
}

/// When a request is done, or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Done(u64),
    /// 503 with [`RETRY_AFTER_S`].
    Busy(u64),
    /// The balancer found no server, or one that refused the connection: 503 without `Retry-After`.
    Refused,
}

/// The servers, their balancer and their database.
#[derive(Debug)]
pub(crate) struct Cluster {
    groups: [Group; GROUPS],
    next: usize,
    streams: [f64; GROUPS],
    stream_room: f64,
    processors: Queue,
    database: Queue,
    /// Until then, the database takes longer.
    cold_until: f64,
    /// Changes with each crash: what was under way before is lost.
    pub(crate) life: u32,
}

impl Cluster {
    /// Creates a cluster that can carry out `headroom` times as many refreshes as arrive, and hold `streams` streams.
    pub(crate) fn new(refreshes_per_second: f64, headroom: f64, streams: f64) -> Self {
        let queue = Queue {
            cost_ms: 1_000.0 / (refreshes_per_second * headroom),
            free_at: 0.0,
        };
        Self {
            groups: [Group::Up; GROUPS],
            next: 0,
            streams: [0.0; GROUPS],
            stream_room: streams * STREAM_ROOM,
            processors: queue,
            database: queue,
            cold_until: 0.0,
            life: 0,
        }
    }

    pub(crate) fn stop_all(&mut self) {
        self.groups = [Group::LeftOut; GROUPS];
        self.streams = [0.0; GROUPS];
        self.life += 1;
    }

    pub(crate) fn start_all(&mut self) {
        self.groups = [Group::Up; GROUPS];
    }

    pub(crate) fn stop(&mut self, group: usize) {
        self.groups[group] = Group::Refusing;
        self.streams[group] = 0.0;
    }

    pub(crate) fn leave_out(&mut self, group: usize) {
        self.groups[group] = Group::LeftOut;
    }

    pub(crate) fn start(&mut self, group: usize) {
        self.groups[group] = Group::Up;
    }

    /// The primary fails; requests wait for the standby, as long as they wait for a connection.
    pub(crate) fn fail_database(&mut self, until: u64) {
        let until = float(until);
        self.database.free_at = self.database.free_at.max(until);
        self.cold_until = until + COLD_MS;
        self.life += 1;
    }

    /// Gives a refresh to the servers' processors.
    pub(crate) fn handle(&mut self, now: u64) -> Turn {
        match self.pick() {
            Some(_) => self.process(now, 1.0),
            None => Turn::Refused,
        }
    }

    /// Gives a refresh to the database.
    pub(crate) fn commit(&mut self, now: u64) -> Turn {
        self.query(now, 1.0)
    }

    /// Opens a stream; returns its group.
    pub(crate) fn open_stream(&mut self, now: u64) -> Option<(usize, u64)> {
        let group = self.pick()?;
        if self.streams.iter().sum::<f64>() >= self.stream_room {
            return None;
        }
        let Turn::Done(at) = self.process(now, STREAM_COST) else {
            return None;
        };
        let Turn::Done(at) = self.query(at, STREAM_COST) else {
            return None;
        };
        self.streams[group] += 1.0;
        Some((group, at))
    }

    /// A stream of this group ended by its page.
    pub(crate) fn close_stream(&mut self, group: usize) {
        self.streams[group] = (self.streams[group] - 1.0).max(0.0);
    }

    /// Returns how long a refresh would wait now, in milliseconds.
    pub(crate) fn wait(&self, now: u64) -> u64 {
        whole(
            self.processors
                .wait(float(now))
                .max(self.database.wait(float(now))),
        )
    }

    pub(crate) fn is_any_up(&self) -> bool {
        self.groups.contains(&Group::Up)
    }

    /// Whether this group accepts connections.
    pub(crate) fn is_up(&self, group: usize) -> bool {
        self.groups[group] == Group::Up
    }

    /// The next group that the balancer knows of; `None` if it refuses the connection, or there is none.
    fn pick(&mut self) -> Option<usize> {
        for _ in 0..GROUPS {
            self.next = (self.next + 1) % GROUPS;
            match self.groups[self.next] {
                Group::Up => return Some(self.next),
                Group::Refusing => return None,
                Group::LeftOut => {}
            }
        }
        None
    }

    fn process(&mut self, now: u64, cost: f64) -> Turn {
        let now = float(now);
        if self.processors.wait(now) > REQUEST_TIMEOUT_MS {
            return Turn::Busy(whole(now + REQUEST_TIMEOUT_MS));
        }
        let up = self.groups.iter().filter(|group| **group == Group::Up);
        let share = count(GROUPS) / count(up.count().max(1));
        Turn::Done(whole(self.processors.enter(now, cost * share)))
    }

    fn query(&mut self, now: u64, cost: f64) -> Turn {
        let now = float(now);
        if self.database.wait(now) > PATIENCE_MS {
            return Turn::Busy(whole(now + PATIENCE_MS));
        }
        let is_cold = self.database.free_at.max(now) < self.cold_until;
        let cost = if is_cold { cost * COLD_COST } else { cost };
        Turn::Done(whole(self.database.enter(now, cost)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of an hour")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "as many as there are groups")]
fn count(number: usize) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "milliseconds of an hour"
)]
fn whole(number: f64) -> u64 {
    number.ceil() as u64
}
