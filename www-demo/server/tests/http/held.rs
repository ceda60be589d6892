//! Connections that are held: by clients that do not read, by slow ones, and by more than there are files for.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use hyper::{Method, StatusCode};
use nolapse::wire::{SIGN_UP_PATH, VERSION, VERSION_HEADER};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout},
};

use crate::{
    clients::{KINDS, Kind, begin, connect, go_on, well_behaved},
    instances::{Instance, program},
    support::{Call, EMAIL, PASSWORD},
};

const PAGE: &str = "https://app.example.com";
const HERE: &str = "127.0.0.1";
const ELSEWHERE: &str = "127.0.0.2";
/// Large enough that no system takes all of it for a client that does not read.
const LARGE: u64 = 256 * 1024 * 1024;

/// A server with a page that has one large file.
struct Site {
    server: Instance,
    folder: TempDir,
}

impl Site {
    fn start(settings: &[(&str, &str)]) -> Self {
        Self::wrapped(settings, "exec \"$0\"")
    }

    /// Starts the program by a line of `bash`, which may limit it first.
    fn wrapped(settings: &[(&str, &str)], line: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        fs::create_dir(&site).unwrap();
        let large = File::create(site.join("large.bin")).unwrap();
        large.set_len(LARGE).unwrap();
        let medium = File::create(site.join("medium.bin")).unwrap();
        medium.set_len(1_000_000).unwrap();
        let mut all = vec![
            ("SITE_DIR", site.to_str().unwrap()),
            ("ALLOWED_ORIGINS", PAGE),
            ("PASSWORDS_PER_ACCOUNT", "0"),
        ];
        all.extend(settings);
        let plain = program(folder.path(), &all);
        let mut command = Command::new("bash");
        command
            .args(["-c", line])
            .arg(plain.get_program())
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::null());
        for (name, value) in plain.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        Self {
            server: Instance::spawn(command),
            folder,
        }
    }

    fn auth(&self) -> SocketAddr {
        self.server.auth.parse().unwrap()
    }

    fn api(&self) -> SocketAddr {
        self.server.api.parse().unwrap()
    }

    /// Counts the sockets of the process.
    fn sockets(&self) -> usize {
        let files = format!("/proc/{}/fd", self.server.process());
        let files = fs::read_dir(files).unwrap().flatten();
        let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
        targets
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count()
    }

    /// Returns the memory of the process that is not of files, in KiB.
    fn memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.server.process());
        let status = fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:"));
        let number = line.unwrap().split_whitespace().nth(1);
        number.unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn issue_9_2_no_idle_client_holds_a_connection_for_four_times_the_timeout() {
    let site = Site::start(&[("REQUEST_TIMEOUT_SECONDS", "2")]);
    let before = site.sockets();
    let mut held = Vec::new();
    for kind in KINDS {
        for _ in 0..3 {
            held.push((kind, begin(kind, HERE, site.auth()).await));
        }
    }
    let deadline = Instant::now() + Duration::from_secs(8);

    let mut next = Instant::now();
    while site.sockets() > before && Instant::now() < deadline {
        if Instant::now() >= next {
            for (kind, stream) in &mut held {
                go_on(*kind, stream).await;
            }
            next += Duration::from_secs(1);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    assert_eq!(site.sockets(), before, "of {}", held.len());
}

#[tokio::test]
async fn issue_9_2_a_slow_reader_that_goes_on_reading_gets_the_whole_file() {
    let site = Site::start(&[("REQUEST_TIMEOUT_SECONDS", "1")]);
    let mut stream = connect(HERE, site.auth(), Some(16_384)).await;
    let request = b"GET /medium.bin HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();

    let (mut read, mut buffer) = (0, vec![0; 10_000]);
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    loop {
        pause.tick().await;
        let bytes = stream.read(&mut buffer).await.unwrap();
        if bytes == 0 {
            break;
        }
        read += bytes;
    }

    assert!(read > 1_000_000, "{read}");
}

#[tokio::test]
async fn issue_9_2_a_client_that_sends_ahead_and_does_not_read_costs_little_memory() {
    let site = Site::start(&[("METRICS_PORT", "0")]);
    for _ in 0..50 {
        well_behaved(HERE, site.auth()).await;
    }
    let before = site.memory();
    let requests = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(5_000);
    let mut held = Vec::new();
    for _ in 0..50 {
        let mut stream = connect(HERE, site.auth(), Some(16_384)).await;
        let sending = stream.write_all(requests.as_bytes());
        drop(timeout(Duration::from_millis(40), sending).await);
        held.push(stream);
    }
    well_behaved(HERE, site.auth()).await;

    let grown = site.memory().saturating_sub(before) / 50;

    // 16 KiB each for what was read and what is to be written, one answer, and the allocator's own.
    assert!(grown < 256, "{grown} KiB a connection");
}

#[tokio::test]
async fn issue_9_2_with_96_files_and_90_held_connections_others_are_answered_at_once() {
    for held_at_api in [false, true] {
        let site = Site::wrapped(&[], "ulimit -n 96; exec \"$0\"");
        let target = if held_at_api { site.api() } else { site.auth() };
        let mut held = Vec::new();
        for number in 0..90 {
            held.push(begin(KINDS[number % KINDS.len()], HERE, target).await);
        }

        for from in [HERE, ELSEWHERE] {
            for to in [site.auth(), site.api()] {
                for _ in 0..3 {
                    let took = well_behaved(from, to).await;
                    assert!(took < Duration::from_secs(3), "{from} {to}: {took:?}");
                }
            }
        }

        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let signed = Call::new(site.server.auth.clone(), Method::POST, SIGN_UP_PATH)
            .header("origin", PAGE)
            .header(VERSION_HEADER, VERSION)
            .json(&body);
        assert_eq!(signed.send().await.status, StatusCode::OK);
        drop(held);
    }
}

#[tokio::test]
async fn issue_9_2_where_the_system_refuses_more_files_the_server_degrades_and_goes_on() {
    // Half of the files are taken before the program starts: its own reckoning is too high.
    let take =
        "ulimit -n 96; for n in $(seq 40 89); do eval \"exec $n</dev/null\"; done; exec \"$0\"";
    let site = Site::wrapped(&[], take);
    let mut held = Vec::new();
    for _ in 0..60 {
        held.push(begin(Kind::SaysNothing, HERE, site.auth()).await);
    }

    for from in [HERE, ELSEWHERE] {
        for to in [site.auth(), site.api()] {
            let took = well_behaved(from, to).await;
            assert!(took < Duration::from_secs(3), "{from} {to}: {took:?}");
        }
    }

    // It does not spin: a second of the clock costs little of the processor's.
    let before = processor_time(site.server.process());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = processor_time(site.server.process()).saturating_sub(before);
    assert!(used < Duration::from_millis(400), "{used:?}");
    assert!(site.folder.path().is_dir());
}

#[tokio::test]
async fn issue_9_2_beyond_its_cap_an_address_loses_its_stalest_connection_and_no_other_does() {
    let site = Site::start(&[("CONNECTIONS_PER_ADDRESS", "5")]);
    let mut other = begin(Kind::SaysNothing, ELSEWHERE, site.auth()).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(begin(Kind::SendsItsHeadSlowly, HERE, site.auth()).await);
    }
    // A listener accepts in order: once this one has its response, the five are registered.
    well_behaved(ELSEWHERE, site.auth()).await;

    let took = well_behaved(HERE, site.api()).await;

    assert!(took < Duration::from_secs(3), "{took:?}");
    let mut gone = [0];
    let end = timeout(Duration::from_secs(5), held[0].read(&mut gone)).await;
    assert!(
        matches!(end.unwrap(), Ok(0) | Err(_)),
        "the first one ended"
    );
    for kept in held.iter_mut().skip(1).chain([&mut other]) {
        assert!(
            timeout(Duration::from_millis(20), kept.read(&mut gone))
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn issue_9_2_a_trusted_proxy_has_no_limit_of_connections() {
    let settings = [("CONNECTIONS_PER_ADDRESS", "5"), ("TRUSTED_PROXIES", "1")];
    let site = Site::start(&settings);
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(begin(Kind::SaysNothing, HERE, site.auth()).await);
    }

    well_behaved(HERE, site.auth()).await;

    for stream in &mut held {
        let read = stream.try_read(&mut [0]);
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn issue_9_2_a_server_stops_although_clients_hold_connections() {
    let mut site = Site::start(&[("REQUEST_TIMEOUT_SECONDS", "2")]);
    let mut held = Vec::new();
    for kind in KINDS {
        held.push(begin(kind, HERE, site.auth()).await);
    }
    let begun = Instant::now();

    site.server.terminate();

    let took = begun.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
}

/// Returns the processor time that a process has taken, as Linux counts it: hundredths of a second.
fn processor_time(process: u32) -> Duration {
    let stat = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"));
    let stat = stat.unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks = |place: usize| fields[place].parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
