//! The real program, as often as wanted.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// A running server process. Dropping it kills it.
pub(crate) struct Instance {
    child: Child,
    /// Where its auth server answers.
    pub(crate) auth: String,
    /// Where its API answers.
    pub(crate) api: String,
    /// The address of its metrics; empty if it has none.
    pub(crate) metrics: String,
}

impl Instance {
    /// Starts the program with these settings and waits until it listens.
    pub(crate) fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::spawn(program(folder, settings))
    }

    /// Starts a command that becomes the program, and waits until it listens.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
        let [auth, api, metrics] = all_listening(&mut child);
        Self {
            child,
            auth,
            api,
            metrics,
        }
    }

    /// Asks the process to stop, and waits until it has.
    pub(crate) fn terminate(&mut self) {
        let killed = Command::new("kill")
            .arg(self.process().to_string())
            .status();
        assert!(killed.expect("there is a kill").success());
        self.child.wait().expect("it ends");
    }

    /// Returns the number of the process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until a server that was just started listens; returns the addresses of auth server and API.
pub(crate) fn listening(child: &mut Child) -> (String, String) {
    let [auth, api, _] = all_listening(child);
    (auth, api)
}

fn all_listening(child: &mut Child) -> [String; 3] {
    let mut line = String::new();
    let out = child.stdout.as_mut().expect("it is piped");
    BufReader::new(out)
        .read_line(&mut line)
        .expect("it is text");
    let announced: Value = serde_json::from_str(&line).expect("a line of JSON");
    let address = |name: &str| {
        let origin = announced["listening"][name].as_str().unwrap_or_default();
        let (_, address) = origin.split_once("://").unwrap_or_default();
        address.to_owned()
    };
    let all = ["auth", "api", "metrics"].map(address);
    assert!(!all[0].is_empty() && !all[1].is_empty(), "{line}");
    all
}

/// The program with settings that suit a test.
pub(crate) fn program(folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nolapse-server"));
    command
        .current_dir(folder)
        .env_clear()
        .env("PORT", "0")
        .env("API_PORT", "0")
        .env("PASSWORD_MEMORY_KIB", "64")
        .env("LOG", "error")
        .envs(settings.iter().copied())
        .stdin(Stdio::null());
    command
}
