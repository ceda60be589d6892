//! A private `PostgreSQL`: a cluster in a temporary folder, on a free port, gone with the last test that
//! uses it.

use std::{
    ffi::OsStr,
    fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

/// How often another port is tried after one that is in use.
const STARTS: usize = 5;

static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A running cluster.
pub(crate) struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    owner: Option<(u32, u32)>,
    port: u16,
}

impl Postgres {
    /// Returns the cluster of this test program; the first caller starts it.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start(&["-c", "fsync=off"]));
        *shared = Arc::downgrade(&started);
        started
    }

    /// Starts a cluster of one's own with these settings.
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary folder"), settings)
    }

    /// Does the same with TLS: the folder has `server.pem` and `server.key`.
    pub(crate) fn start_with_tls(folder: TempDir) -> Self {
        let key = folder.path().join("server.key");
        if this_process("-u") == 0 {
            let (user, group) = (id_of_nobody("-u"), id_of_nobody("-g"));
            chown(&key, Some(user), Some(group)).expect("root may give it away");
        }
        let certificate = folder.path().join("server.pem");
        let settings = [
            "-c fsync=off -c ssl=on".to_owned(),
            format!("-c ssl_cert_file={}", certificate.display()),
            format!("-c ssl_key_file={}", key.display()),
        ];
        Self::start_in(folder, &settings.each_ref().map(String::as_str))
    }

    fn start_in(folder: TempDir, settings: &[&str]) -> Self {
        let owner = (this_process("-u") == 0).then(|| (id_of_nobody("-u"), id_of_nobody("-g")));
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group)).expect("root may give it away");
        }
        let cluster = Self {
            folder,
            programs: programs(),
            owner,
            port: 0,
        };
        let data = cluster.data();
        let made = [OsStr::new("-D"), data.as_os_str()];
        let options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"];
        cluster.run("initdb", made.into_iter().chain(options.map(OsStr::new)));
        cluster.started(settings)
    }

    /// Copies a cluster, and starts the copy as its standby, named `standby`, by streaming replication.
    pub(crate) fn standby_of(primary: &Self, settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if let Some((user, group)) = primary.owner {
            chown(folder.path(), Some(user), Some(group)).expect("root may give it away");
        }
        let cluster = Self {
            folder,
            programs: programs(),
            owner: primary.owner,
            port: 0,
        };
        let from = format!(
            "host=127.0.0.1 port={} user=postgres application_name=standby",
            primary.port
        );
        let data = cluster.data();
        let copied = [
            OsStr::new("-D"),
            data.as_os_str(),
            OsStr::new("-d"),
            OsStr::new(&from),
        ];
        let options = ["-R", "-X", "stream", "-c", "fast", "--no-sync"];
        cluster.run(
            "pg_basebackup",
            copied.into_iter().chain(options.map(OsStr::new)),
        );
        cluster.started(settings)
    }

    /// Makes a standby the primary. Blocks until it takes writes.
    pub(crate) fn promote(&self) {
        assert!(
            self.control(&["-w", "promote"]),
            "it is not promoted: {}",
            self.log()
        );
    }

    /// Ends the cluster at once, as a crash does.
    pub(crate) fn crash(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Starts it with these settings, on a free port.
    fn started(mut self, settings: &[&str]) -> Self {
        let cluster = &mut self;
        let begun = (0..STARTS).any(|_| {
            cluster.port = free_port();
            let options = format!(
                "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' {}",
                cluster.port,
                settings.join(" ")
            );
            cluster.control(&["-w", "-o", &options, "start"])
        });
        assert!(begun, "PostgreSQL does not start: {}", cluster.log());
        self
    }

    /// Creates a new, empty database and returns its URL.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres"))
            .await
            .expect("it accepts connections");
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(create).await.expect("it is new");
        self.url(&name)
    }

    /// Stops the cluster, cutting its connections, and starts it again. Blocks until it answers.
    pub(crate) fn restart(&self) {
        let restarted = self.control(&["-w", "-m", "fast", "restart"]);
        assert!(restarted, "PostgreSQL does not come back: {}", self.log());
    }

    /// Returns the port that it listens on.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the user and group that it runs as, if not those of the tests.
    pub(crate) const fn owner(&self) -> Option<(u32, u32)> {
        self.owner
    }

    /// Returns the folder of its programs.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    /// Returns the URL of a database of it.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn control(&self, parameters: &[&str]) -> bool {
        let (data, log) = (self.data(), self.folder.path().join("log"));
        let mut command = self.command("pg_ctl");
        command.arg("-D").arg(data).arg("-l").arg(log);
        command.args(parameters).stdout(Stdio::null());
        command.status().expect("pg_ctl runs").success()
    }

    fn run<'a>(&self, program: &str, parameters: impl Iterator<Item = &'a OsStr>) {
        let done = self.command(program).args(parameters).output();
        let done = done.expect("it runs");
        let output = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{program}: {output}");
    }

    /// `PostgreSQL` refuses to run as root: there it runs as nobody.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.crash();
    }
}

/// Finds the folder of `PostgreSQL`'s programs: Debian keeps the server's off the path.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = versions
        .filter_map(Result::ok)
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    folders.reverse();
    #[expect(clippy::disallowed_methods, reason = "where programs are found")]
    let path = std::env::var("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    let whole = |folder: &Path| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file();
    let found = folders.into_iter().find(|folder| whole(folder));
    found.expect("PostgreSQL is missing: install the package postgresql, then run this again")
}

fn free_port() -> u16 {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    taken.local_addr().expect("it is bound").port()
}

fn this_process(what: &str) -> u32 {
    id(&[what])
}

fn id_of_nobody(what: &str) -> u32 {
    id(&[what, "nobody"])
}

fn id(parameters: &[&str]) -> u32 {
    let output = Command::new("id").args(parameters).output();
    let output = String::from_utf8(output.expect("there is an id").stdout).expect("it is text");
    output.trim().parse().expect("it is a number")
}
