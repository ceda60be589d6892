//! The security log: one JSON object per line, apart from the request log.
//!
//! A line has words of closed lists, ids in base64url and hashes, but no part of a request: it can neither leak a secret
//! nor be forged by a line break in an input.
//!
//! The file is opened for each batch of lines, so that it can be renamed or deleted while the server runs: the next
//! batch creates a new file, without a signal.

use std::{
    fmt, fs,
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::{DateTime, SecondsFormat};
use hmac::Mac;
use serde::Serialize;

use crate::{
    clock,
    domain::{self, SessionId, Timestamp, UserId},
};

/// The capacity of the queue. Lines beyond it are dropped and counted.
const QUEUED_LINES: usize = 4_096;
/// How long [`SecurityLog::flush`] waits for the file.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
const DAY_MS: u64 = 86_400_000;
/// The bytes of a network's hash: a collision among a million networks a day has odds of one to eight million.
const NETWORK_HASH_BYTES: usize = 8;

/// The destination of the security log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Nowhere.
    Off,
    /// Standard error, beside the request log.
    Stderr,
    /// A file that is appended to, made with mode 600.
    File(PathBuf),
}

/// A line. Members that do not apply are left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event<'e> {
    /// The event: a word of a closed list.
    pub event: &'static str,
    /// The result: `ok`, `refused`, `throttled`, `malformed`, `unavailable` or `failed`.
    pub result: &'static str,
    /// The reason of a refusal: a word of a closed list.
    pub reason: Option<&'static str>,
    /// `http`, or `console` for a command.
    pub source: &'static str,
    /// The account.
    pub user: Option<UserId>,
    /// The session that acted.
    pub session: Option<SessionId>,
    /// The session that was acted upon, if it is another one.
    pub target: Option<SessionId>,
    /// The hash of the network that it came from.
    pub network: Option<&'e str>,
    /// The request's id in the request log.
    pub request: Option<&'e str>,
}

#[derive(Serialize)]
struct Line<'e> {
    at: String,
    log: &'static str,
    event: &'static str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'e str>,
}

enum Message {
    Line(String),
    Flush(SyncSender<()>),
}

/// Writes the security log on its own thread, so that a slow disk delays no request.
#[derive(Clone)]
pub struct SecurityLog {
    queue: Option<SyncSender<Message>>,
    lost: Arc<AtomicU64>,
}

impl fmt::Debug for SecurityLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecurityLog({})", self.queue.is_some())
    }
}

impl SecurityLog {
    /// Opens the log.
    ///
    /// # Errors
    /// Fails if the file cannot be appended to, or no thread can be created.
    pub fn open(destination: &Destination) -> io::Result<Self> {
        let lost = Arc::new(AtomicU64::new(0));
        let file = match destination {
            Destination::Off => return Ok(Self { queue: None, lost }),
            Destination::Stderr => None,
            Destination::File(path) => {
                append(path, &[])?;
                Some(path.clone())
            }
        };
        let (queue, messages) = sync_channel(QUEUED_LINES);
        let lost_lines = Arc::clone(&lost);
        thread::Builder::new()
            .name("security-log".to_owned())
            .spawn(move || write_all(&messages, file.as_deref(), &lost_lines))?;
        Ok(Self {
            queue: Some(queue),
            lost,
        })
    }

    /// Queues a line.
    pub fn write(&self, now: Timestamp, event: &Event<'_>) {
        let Some(queue) = &self.queue else {
            return;
        };
        let line = Line {
            at: spelled(now),
            log: "security",
            event: event.event,
            result: event.result,
            reason: event.reason,
            source: event.source,
            user: event.user.map(|id| id.to_string()),
            session: event.session.map(|id| id.to_string()),
            target: event.target.map(|id| id.to_string()),
            network: event.network,
            request: event.request,
        };
        let sent = serde_json::to_string(&line).map(|text| queue.try_send(Message::Line(text)));
        if !matches!(sent, Ok(Ok(()))) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns how many lines could not be written since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Blocks until all lines are written, for five seconds at most.
    pub fn flush(&self) {
        let Some(queue) = &self.queue else {
            return;
        };
        let (done, wait) = sync_channel(1);
        match queue.try_send(Message::Flush(done)) {
            Ok(()) => drop(wait.recv_timeout(FLUSH_TIMEOUT)),
            Err(TrySendError::Full(_)) => tracing::warn!("the security log is behind"),
            Err(TrySendError::Disconnected(_)) => tracing::error!("the security log has ended"),
        }
    }
}

fn write_all(messages: &Receiver<Message>, file: Option<&Path>, lost: &AtomicU64) {
    while let Ok(first) = messages.recv() {
        let (mut text, mut lines, mut waiting) = (String::new(), 0, Vec::new());
        for message in std::iter::once(first).chain(messages.try_iter().take(QUEUED_LINES)) {
            match message {
                Message::Line(line) => {
                    text += &line;
                    text.push('\n');
                    lines += 1;
                }
                Message::Flush(done) => waiting.push(done),
            }
        }
        let written = match file {
            Some(path) => append(path, text.as_bytes()),
            None => io::stderr().lock().write_all(text.as_bytes()),
        };
        if let Err(error) = written {
            lost.fetch_add(lines, Ordering::Relaxed);
            tracing::error!(%error, lines, "lines of the security log were lost");
        }
        for done in waiting {
            // A flush that timed out waits no more.
            let _ = done.try_send(());
        }
    }
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    options.open(path)?.write_all(bytes)
}

/// Spells a time as RFC 3339 does, in UTC, with milliseconds.
fn spelled(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Hashes networks, so that lines of one day can be linked without an address.
///
/// The key is derived from the key file: servers that share it produce the same hashes, and without it no hash can be
/// traced to a network.
#[derive(Clone)]
pub struct NetworkHasher {
    key: [u8; 32],
}

impl NetworkHasher {
    /// Hashes with this key.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Hashes the /24 of an IPv4 address or the /48 of an IPv6 address, with the day (UTC) as salt.
    #[must_use]
    pub fn hash(&self, now: Timestamp, address: IpAddr) -> String {
        let mut mac = domain::hmac_sha256(&self.key);
        mac.update(&(now.as_millis() / DAY_MS).to_be_bytes());
        match address.to_canonical() {
            IpAddr::V4(address) => mac.update(&address.octets()[..3]),
            IpAddr::V6(address) => mac.update(&address.octets()[..6]),
        }
        let hash = mac.finalize().into_bytes();
        Base64UrlUnpadded::encode_string(&hash[..NETWORK_HASH_BYTES])
    }
}

/// Logs a command.
pub fn console(log: &SecurityLog, event: &'static str, result: &'static str, user: Option<UserId>) {
    let event = Event {
        event,
        result,
        source: "console",
        user,
        ..Event::default()
    };
    log.write(clock::now(), &event);
}

/// Logs that a command ended a session.
pub fn console_on_session(log: &SecurityLog, event: &'static str, target: SessionId) {
    let event = Event {
        event,
        result: "ok",
        source: "console",
        target: Some(target),
        ..Event::default()
    };
    log.write(clock::now(), &event);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn hash(now: Timestamp, address: &str) -> String {
        NetworkHasher::new([7; 32]).hash(now, address.parse().unwrap())
    }

    #[test]
    fn p31_addresses_of_one_network_share_a_hash_for_a_day_and_others_do_not() {
        assert_eq!(hash(NOW, "192.0.2.1"), hash(NOW, "192.0.2.254"));
        assert_ne!(hash(NOW, "192.0.2.1"), hash(NOW, "192.0.3.1"));
        assert_eq!(hash(NOW, "2001:db8:1::1"), hash(NOW, "2001:db8:1:ffff::2"));
        assert_ne!(hash(NOW, "2001:db8:1::1"), hash(NOW, "2001:db8:2::1"));
        assert_eq!(hash(NOW, "::ffff:192.0.2.7"), hash(NOW, "192.0.2.1"));

        let tomorrow = NOW + Duration::from_hours(24);
        assert_ne!(hash(NOW, "192.0.2.1"), hash(tomorrow, "192.0.2.1"));
        let other = NetworkHasher::new([8; 32]).hash(NOW, "192.0.2.1".parse().unwrap());
        assert_ne!(hash(NOW, "192.0.2.1"), other);
    }

    #[test]
    fn a_log_that_was_moved_is_opened_anew_without_loss() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let log = SecurityLog::open(&Destination::File(path.clone())).unwrap();

        console(&log, "first", "ok", None);
        log.flush();
        fs::rename(&path, &moved).unwrap();
        console(&log, "second", "ok", None);
        log.flush();

        let read = |path| fs::read_to_string(path).unwrap();
        assert!(read(&moved).contains(r#""event":"first""#));
        assert!(read(&path).contains(r#""event":"second""#));
        assert_eq!(log.lost(), 0);
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = SecurityLog::open(&Destination::File(path.clone())).unwrap();

        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        console(&log, "first", "ok", None);
        log.flush();

        assert_eq!(log.lost(), 1);
        assert!(SecurityLog::open(&Destination::File(path)).is_err());
    }
}
