//! A `PgBouncer` in transaction mode before a cluster: each transaction gets any of three connections.

use std::{
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

/// A running pooler, gone when it is dropped.
pub(crate) struct PgBouncer {
    program: Child,
    port: u16,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts one before a cluster.
    pub(crate) fn before(postgres: &Postgres) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = {
            let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            taken.local_addr().expect("it is bound").port()
        };
        let (users, settings) = (folder.path().join("users"), folder.path().join("settings"));
        fs::write(&users, "\"postgres\" \"\"\n").expect("it is writable");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = 3\nmax_client_conn = 200\n",
            postgres.port(),
            users.display()
        );
        fs::write(&settings, text).expect("it is writable");
        let mut command = Command::new(program());
        command.arg("-q").arg(&settings).current_dir(folder.path());
        if let Some((user, group)) = postgres.owner() {
            for path in [folder.path(), &users, &settings] {
                chown(path, Some(user), Some(group)).expect("root may give it away");
            }
            command.uid(user).gid(group);
        }
        let silent = command.stdin(Stdio::null()).stderr(Stdio::null());
        let program = silent.spawn();
        let program = program.expect("it starts");
        let pooler = Self {
            program,
            port,
            _folder: folder,
        };
        pooler.listens();
        pooler
    }

    /// Returns the URL of a database through the pooler.
    pub(crate) fn url(&self, direct: &str) -> String {
        let (_, name) = direct.rsplit_once('/').expect("a database's URL");
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    fn listens(&self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "PgBouncer does not start");
            thread::yield_now();
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Finds the program: Debian keeps it off the path of users.
fn program() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "where programs are found")]
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut files = folders.map(|folder| folder.join("pgbouncer"));
    let found = files.find(|file| file.is_file());
    found.expect("PgBouncer is missing: install the package pgbouncer, then run this again")
}
