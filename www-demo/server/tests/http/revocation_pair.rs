//! Two servers of one database, which stream revocations.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use hyper::Method;
use nolapse::wire;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    instances::{Instance, program},
    support::{Call, PASSWORD, SERVER_SECRET, Signed},
};

/// Two servers of one database.
pub(crate) struct Pair {
    pub(crate) servers: [Instance; 2],
    settings: Vec<(&'static str, String)>,
    folder: TempDir,
}

impl Pair {
    /// Starts both on the database of a URL, at the same moment.
    pub(crate) fn on(url: &str) -> Self {
        Self::with(("DATABASE_URL", url))
    }

    /// Starts both on what a setting names.
    pub(crate) fn with(database: (&'static str, &str)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings: [(&'static str, &str); 7] = [
            database,
            ("ISSUER", "https://auth.example.com"),
            ("AUDIENCE", "https://api.example.com"),
            ("ALLOWED_ORIGINS", "https://app.example.com"),
            ("SERVER_SECRETS", SERVER_SECRET),
            ("PASSWORDS_PER_ADDRESS", "0"),
            ("SIGN_UPS_PER_ADDRESS", "0"),
        ];
        let servers = [(); 2].map(|()| Instance::start(folder.path(), &settings));
        Self {
            servers,
            settings: settings
                .map(|(name, value)| (name, value.to_owned()))
                .into(),
            folder,
        }
    }

    /// Signs a user up at the first server.
    pub(crate) async fn sign_up(&self, email: &str) -> Signed {
        let credentials = json!({ "email": email, "password": PASSWORD });
        let answer = call(&self.servers[0], wire::SIGN_UP_PATH).json(&credentials);
        answer.send().await.signed()
    }

    /// Starts a server again where it was.
    pub(crate) fn restart(&mut self, number: usize) {
        let port = self.servers[number]
            .auth
            .rsplit_once(':')
            .unwrap()
            .1
            .to_owned();
        let mut all: Vec<_> = self.settings.iter().map(|(n, v)| (*n, &**v)).collect();
        all.push(("PORT", &port));
        self.servers[number] = Instance::start(self.folder.path(), &all);
    }

    /// Runs a command of the program with the servers' settings.
    pub(crate) fn command(&self, words: &[&str]) {
        let all: Vec<_> = self.settings.iter().map(|(n, v)| (*n, &**v)).collect();
        let done = program(self.folder.path(), &all)
            .args(words)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

/// Begins a request of the page's to a server.
pub(crate) fn call(server: &Instance, path: &str) -> Call {
    Call::new(server.auth.clone(), Method::POST, path)
        .header("origin", "https://app.example.com")
        .header(wire::VERSION_HEADER, wire::VERSION)
}
