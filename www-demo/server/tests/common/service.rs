//! A program that stands between servers and a database, as the user that the cluster runs as.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::Instant;

use crate::postgres::Postgres;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program, gone when it is dropped.
pub(crate) struct Service {
    program: Child,
    port: u16,
    _folder: TempDir,
}

impl Service {
    /// Starts a program of a Debian package of its name. `settings` writes its files to a folder, for a port, and returns its parameters.
    pub(crate) fn start(
        name: &str,
        owner: &Postgres,
        settings: impl FnOnce(&Path, u16) -> Vec<PathBuf>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = {
            let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            taken.local_addr().expect("it is bound").port()
        };
        let parameters = settings(folder.path(), port);
        let mut command = Command::new(program(name));
        command.args(parameters).current_dir(folder.path());
        if let Some((user, group)) = owner.owner() {
            let files = fs::read_dir(folder.path()).expect("it is there");
            let files = files.map(|file| file.expect("it is readable").path());
            for path in files.chain([folder.path().to_owned()]) {
                chown(path, Some(user), Some(group)).expect("root may give it away");
            }
            command.uid(user).gid(group);
        }
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null());
        let program = silent.stderr(Stdio::null()).spawn().expect("it starts");
        let service = Self {
            program,
            port,
            _folder: folder,
        };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "{name} does not start");
            thread::yield_now();
        }
        service
    }

    /// Returns the URL of a database behind it.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.program.kill());
        drop(self.program.wait());
    }
}

/// Finds a program: Debian keeps these off the path of users.
fn program(name: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "where programs are found")]
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("install the package {name}, then run this again"))
}
