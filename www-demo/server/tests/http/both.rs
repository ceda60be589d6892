//! The same server on each database, as processes whose logs are read.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Stdio},
    sync::Arc,
};

use hyper::Method;
use nolapse::wire::{SIGN_IN_PATH, SIGN_UP_PATH, VERSION, VERSION_HEADER};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    instances::{listening, program},
    postgres::Postgres,
    support::{Answer, Call},
};

const PAGE: &str = "https://app.example.com";

/// A server process with its log in a file.
pub(crate) struct Logged {
    child: Child,
    auth: String,
    api: String,
    log: PathBuf,
}

impl Logged {
    fn start(folder: &TempDir, name: &str, url: &str, settings: &[(&str, &str)]) -> Self {
        let log = folder.path().join(format!("{name}.log"));
        let keys = folder.path().join(format!("{name}.keys"));
        let mut all = vec![
            ("DATABASE_URL", url),
            ("KEY_FILE", keys.to_str().unwrap()),
            ("ALLOWED_ORIGINS", PAGE),
            ("DEMO", "1"),
            ("PASSWORDS_PER_ACCOUNT", "0"),
        ];
        all.extend(settings);
        let mut child = program(folder.path(), &all)
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let (auth, api) = listening(&mut child);
        Self {
            child,
            auth,
            api,
            log,
        }
    }

    /// Returns where its auth server answers.
    pub(crate) fn address(&self) -> &str {
        &self.auth
    }

    pub(crate) fn auth(&self, method: Method, path: &str) -> Call {
        Call::new(self.auth.clone(), method, path)
            .header("origin", PAGE)
            .header(VERSION_HEADER, VERSION)
    }

    pub(crate) fn api(&self, method: Method, path: &str) -> Call {
        Call::new(self.api.clone(), method, path)
    }

    pub(crate) async fn sign_up(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.auth(Method::POST, SIGN_UP_PATH)
            .json(&body)
            .send()
            .await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.auth(Method::POST, SIGN_IN_PATH)
            .json(&body)
            .send()
            .await
    }

    pub(crate) async fn write_note(&self, token: &str, text: &str) -> Answer {
        let call = self.api(Method::POST, "/notes").bearer(token);
        call.json(&json!({ "text": text })).send().await
    }

    /// Returns what the server logged of failures.
    fn errors(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The same server on each database.
pub(crate) struct Both {
    pub(crate) servers: [Logged; 2],
    urls: [String; 2],
    folder: TempDir,
    _postgres: Arc<Postgres>,
}

impl Both {
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let postgres = Postgres::shared();
        let folder = tempfile::tempdir().unwrap();
        let sqlite = format!("sqlite://{}", folder.path().join("test.db").display());
        let urls = [sqlite, postgres.database().await];
        Self {
            servers: start(&folder, &urls, settings),
            urls,
            folder,
            _postgres: postgres,
        }
    }

    /// Replaces the servers by others with these settings, on the same databases.
    pub(crate) fn restart(&mut self, settings: &[(&str, &str)]) {
        self.servers = start(&self.folder, &self.urls, settings);
    }

    pub(crate) fn logged_no_error(&self) {
        for server in &self.servers {
            assert_eq!(server.errors(), "");
        }
    }
}

fn start(folder: &TempDir, urls: &[String; 2], settings: &[(&str, &str)]) -> [Logged; 2] {
    let [sqlite, postgres] = urls;
    [
        Logged::start(folder, "sqlite", sqlite, settings),
        Logged::start(folder, "postgres", postgres, settings),
    ]
}
