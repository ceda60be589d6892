//! Running servers, the blocks of the document, and people who use them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output},
    time::Duration,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use nolapse::wire;
use nolapse_server::domain::{RefreshToken, RefreshTokenKey};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::instances::{listening, program};

const DOCUMENT: &str = include_str!("../../../../docs/keys.md");
const PAGE: &str = "https://app.example.com";
const PASSWORD: &str = "correct horse battery";
const FOLDERS: [&str; 2] = ["first", "second"];
/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until a condition is true.
pub(crate) async fn ready(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Keeps two refreshes apart, as those of a browser are.
pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(250)).await;
}

/// Servers on one database, each with a copy of the key file in a folder of its own.
pub(crate) struct Drill {
    folder: TempDir,
    url: String,
    servers: Vec<(Child, Server)>,
}

impl Drill {
    /// Starts so many servers.
    pub(crate) fn start(url: &str, servers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in FOLDERS {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut drill = Self {
            folder,
            url: url.to_owned(),
            servers: Vec::new(),
        };
        drill.serve();
        for other in FOLDERS.iter().take(servers).skip(1) {
            let copy = drill.path(other).join("nolapse.keys");
            fs::copy(drill.path("first/nolapse.keys"), copy).unwrap();
            drill.serve();
        }
        drill
    }

    /// Starts one more server.
    pub(crate) fn serve(&mut self) {
        let place = self.servers.len();
        let log = fs::File::create(self.path(&format!("{place}.log"))).unwrap();
        let mut command = self.program(FOLDERS[place]);
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let (auth, api) = listening(&mut child);
        self.servers.push((child, Server { auth, api }));
    }

    /// Ends all servers.
    pub(crate) fn stop(&mut self) {
        for (mut child, _) in self.servers.drain(..) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn server(&self, place: usize) -> &Server {
        &self.servers[place].1
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns what a server has logged.
    pub(crate) fn log(&self, place: usize) -> String {
        fs::read_to_string(self.path(&format!("{place}.log"))).unwrap()
    }

    fn program(&self, folder: &str) -> Command {
        let key_file = format!("{folder}/nolapse.keys");
        let settings = [
            ("DATABASE_URL", self.url.as_str()),
            ("KEY_FILE", &key_file),
            ("ISSUER", "https://auth.example.com"),
            ("AUDIENCE", "https://api.example.com"),
            ("ALLOWED_ORIGINS", PAGE),
            ("LOG", "warn"),
        ];
        program(self.folder.path(), &settings)
    }

    /// Runs a command of the program; returns its output.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        let done = self.program("first").args(words).output().unwrap();
        output(&done)
    }

    /// Runs a command that must fail; returns why it does.
    pub(crate) fn refused(&self, words: &[&str]) -> String {
        let done = self.program("first").args(words).output().unwrap();
        let why = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{why}");
        why
    }

    /// Returns a block of the document by the word behind its fence.
    pub(crate) fn block(name: &str) -> &'static str {
        let fence = format!("\n```sh {name}\n");
        let (_, rest) = DOCUMENT.split_once(&fence).unwrap();
        rest.split_once("\n```").unwrap().0
    }

    /// Runs a block of the document; returns its output.
    pub(crate) fn run(&self, name: &str) -> String {
        self.shell(Self::block(name))
    }

    /// Runs a script with the settings of the first server; returns its output.
    pub(crate) fn shell(&self, script: &str) -> String {
        let server = self.program("first");
        let folder = Path::new(server.get_program()).parent().unwrap();
        let mut shell = Command::new("bash");
        shell.args(["-euc", script]).current_dir(self.folder.path());
        for (name, value) in server.get_envs() {
            shell.env(name, value.unwrap());
        }
        let path = format!("{}:/usr/bin:/bin", folder.display());
        output(&shell.env("PATH", path).output().unwrap())
    }

    /// Returns the names of the secrets in that state.
    pub(crate) fn list(&self, state: &str) -> Vec<String> {
        let listed = self.command(&["keys", "list"]);
        let lines = listed
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["state"] == state && !line["secrets"].is_null())
            .map(|line| line["secrets"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Opens a cookie with all secrets of the first server's key file, or with the newest alone.
    pub(crate) fn refresh_token(&self, cookie: &str, only_newest: bool) -> Option<RefreshToken> {
        let text = fs::read_to_string(self.path("first/nolapse.keys")).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        let decode = |secrets: &Value| {
            let mut key = [0; 32];
            Base64UrlUnpadded::decode(secrets["tickets"].as_str().unwrap(), &mut key).unwrap();
            key
        };
        let mut keys: Vec<_> = file["secrets"]
            .as_array()
            .unwrap()
            .iter()
            .map(decode)
            .collect();
        if only_newest {
            keys = keys.split_off(keys.len() - 1);
        }
        let key = RefreshTokenKey::from_bytes([0; 32]);
        key.replace(keys, 0);
        key.decode(cookie)
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        self.stop();
    }
}

fn output(done: &Output) -> String {
    let why = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{why}");
    String::from_utf8(done.stdout.clone()).unwrap()
}

/// Where a server answers.
pub(crate) struct Server {
    auth: String,
    api: String,
}

impl Server {
    /// Returns the published key set.
    pub(crate) async fn key_set(&self) -> Value {
        let answer = send(&self.auth, "GET /.well-known/jwks.json", "", None).await;
        answer.body
    }

    /// Asks the auth server and returns the status.
    pub(crate) async fn status(&self, path: &str) -> u16 {
        send(&self.auth, &format!("GET {path}"), "", None)
            .await
            .status
    }
}

/// A user with a browser.
#[derive(Clone)]
pub(crate) struct Person {
    email: String,
    pub(crate) cookie: String,
    pub(crate) token: String,
}

impl Person {
    pub(crate) async fn sign_up(server: &Server) -> Self {
        let random: [u8; 6] = nolapse_server::clock::random();
        let mut person = Self {
            email: format!(
                "{}@example.org",
                random.map(|byte| format!("{byte:02x}")).concat()
            ),
            cookie: String::new(),
            token: String::new(),
        };
        person.enter(server, wire::SIGN_UP_PATH).await;
        person
    }

    pub(crate) async fn sign_in(&mut self, server: &Server) {
        self.enter(server, wire::SIGN_IN_PATH).await;
    }

    async fn enter(&mut self, server: &Server, path: &str) {
        let body = json!({ "email": self.email, "password": PASSWORD });
        let answer = self.post(server, path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.keep(answer);
    }

    /// Refreshes, which must be granted.
    pub(crate) async fn refresh(&mut self, server: &Server) {
        let body = json!({ "reason": "demand", "page": "visible" });
        let answer = self.post(server, wire::REFRESH_PATH, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.keep(answer);
    }

    /// Refreshes and returns the status; what is granted is lost.
    pub(crate) async fn try_refresh(&self, server: &Server) -> u16 {
        let body = json!({ "reason": "demand", "page": "visible" });
        self.post(server, wire::REFRESH_PATH, &body).await.status
    }

    /// Calls the API with the token and returns the status.
    pub(crate) async fn call(&self, server: &Server) -> u16 {
        let header = format!("authorization: Bearer {}\r\n", self.token);
        send(&server.api, "GET /me", &header, None).await.status
    }

    async fn post(&self, server: &Server, path: &str, body: &Value) -> Answer {
        let headers = format!(
            "origin: {PAGE}\r\n{}: {}\r\ncookie: {}={}\r\n",
            wire::VERSION_HEADER,
            wire::VERSION,
            wire::COOKIE,
            self.cookie
        );
        send(&server.auth, &format!("POST {path}"), &headers, Some(body)).await
    }

    fn keep(&mut self, answer: Answer) {
        self.cookie = answer.cookie.unwrap();
        answer.body["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.token);
    }
}

struct Answer {
    status: u16,
    cookie: Option<String>,
    body: Value,
}

async fn send(address: &str, line: &str, headers: &str, body: Option<&Value>) -> Answer {
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let cookie = head.split_once(&format!("{}=", wire::COOKIE));
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        cookie: cookie.map(|(_, rest)| rest.split(';').next().unwrap().to_owned()),
        body: serde_json::from_str(body).unwrap_or_default(),
    }
}
