//! A `HAProxy` that passes connections on to whichever of two clusters is the primary, as it is told by
//! `pg_is_in_recovery()`.

use std::{
    fmt::Write,
    fs,
    net::{TcpListener, TcpStream},
    os::unix::{fs::chown, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::Instant;

use crate::postgres::Postgres;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running proxy, gone when it is dropped.
pub(crate) struct HaProxy {
    program: Child,
    port: u16,
    _folder: TempDir,
}

impl HaProxy {
    /// Starts one before two clusters.
    pub(crate) fn before(clusters: [&Postgres; 2]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = {
            let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            taken.local_addr().expect("it is bound").port()
        };
        let settings = folder.path().join("settings");
        fs::write(&settings, configuration(port, clusters)).expect("it is writable");
        let mut command = Command::new(program());
        command.arg("-db").arg("-f").arg(&settings);
        command.current_dir(folder.path());
        if let Some((user, group)) = clusters[0].owner() {
            for path in [folder.path(), &settings] {
                chown(path, Some(user), Some(group)).expect("root may give it away");
            }
            command.uid(user).gid(group);
        }
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null());
        let program = silent.stderr(Stdio::null()).spawn().expect("it starts");
        let proxy = Self {
            program,
            port,
            _folder: folder,
        };
        proxy.listens();
        proxy
    }

    /// Returns the URL of a database of the primary.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    fn listens(&self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "HAProxy does not start");
            thread::yield_now();
        }
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        drop(self.program.kill());
        drop(self.program.wait());
    }
}

/// The settings: a look at each cluster five times a second, and connections to one that fails it are closed.
fn configuration(port: u16, clusters: [&Postgres; 2]) -> String {
    let startup = b"user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(startup.len() + 8).expect("it is short");
    let startup = [&length.to_be_bytes(), &[0, 3, 0, 0], startup.as_slice()].concat();
    let question = b"select pg_is_in_recovery();\0";
    let length = u32::try_from(question.len() + 4).expect("it is short");
    let question = [b"Q".as_slice(), &length.to_be_bytes(), question].concat();
    let [first, second] = clusters.map(Postgres::port);
    format!(
        "defaults\n  mode tcp\n  timeout connect 1s\n  timeout client 1h\n  timeout server 1h\n  timeout check 1s\n\
         listen primary\n  bind 127.0.0.1:{port}\n  option tcp-check\n  tcp-check connect\n  \
         tcp-check send-binary {}\n  tcp-check expect binary 5a0000000549\n  \
         tcp-check send-binary {}\n  tcp-check expect binary 440000000b00010000000166\n  \
         default-server inter 200 fall 2 rise 1 on-marked-down shutdown-sessions\n  \
         server first 127.0.0.1:{first} check\n  server second 127.0.0.1:{second} check\n",
        hex(&startup),
        hex(&question)
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Finds the program: Debian keeps it off the path of users.
fn program() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "where programs are found")]
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut files = folders.map(|folder| folder.join("haproxy"));
    let found = files.find(|file| file.is_file());
    found.expect("HAProxy is missing: install the package haproxy, then run this again")
}
