//! `docs/operations.md`, run as it stands, and the files of `deploy`, as far as they can be checked without the
//! programs that read them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "operations/alerts.rs"]
mod alerts;
#[path = "operations/backup.rs"]
mod backup;
#[path = "common/client.rs"]
mod client;
#[path = "operations/deploy.rs"]
mod deploy;
#[path = "common/instances.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod instances;
#[path = "common/postgres.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod postgres;

use std::{
    path::Path,
    process::{Command, Output},
};

use instances::program;

const DOCUMENT: &str = include_str!("../../../docs/operations.md");

/// The blocks of the document with this fence, in order.
fn blocks(fence: &str) -> String {
    let all = DOCUMENT.split("\n```").skip(1).step_by(2);
    let all = all.filter_map(|block| block.split_once('\n'));
    let text: Vec<&str> = all
        .filter(|(language, _)| *language == fence)
        .map(|(_, text)| text)
        .collect();
    assert!(!text.is_empty(), "no block is {fence}");
    text.join("\n")
}

/// Runs a block in a folder with these settings, the server's program and `programs` on the path.
fn run(fence: &str, folder: &Path, programs: Option<&Path>, settings: &[(&str, &str)]) -> Output {
    let server = Path::new(env!("CARGO_BIN_EXE_nolapse-server"));
    let mut path = vec![server.parent().unwrap().to_str().unwrap()];
    path.extend(programs.map(|programs| programs.to_str().unwrap()));
    path.push("/usr/local/bin:/usr/bin:/bin");
    let mut command = Command::new("bash");
    command
        .arg("-c")
        .arg(format!("set -eu -o pipefail\n{}", blocks(fence)));
    let of_server = program(folder, settings);
    command.current_dir(folder).env_clear();
    command.envs(
        of_server
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let done = command.env("PATH", path.join(":")).output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{fence}: {done:?}\n{errors}");
    done
}

#[test]
fn the_commands_for_accounts_are_as_documented() {
    let folder = tempfile::tempdir().unwrap();

    let done = run("sh", folder.path(), None, &[("SECURITY_LOG", "off")]);

    let output = String::from_utf8_lossy(&done.stdout);
    for line in [
        "{\"id\":",
        "admin from the next refresh",
        "password replaced, 0 sessions ended",
        "\"role\":\"admin\"",
        "deleted, with all sessions and notes",
    ] {
        assert!(output.contains(line), "{line} is not in {output}");
    }
    assert!(!output.contains("ada@") && !output.contains("correct horse"));
}

#[test]
fn every_command_of_the_document_is_one_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `"));
    let commands: Vec<&str> = rows
        .filter_map(|row| row.split_once('`'))
        .map(|(command, _)| command)
        .take_while(|command| !command.starts_with("at"))
        .collect();
    assert!(commands.len() > 8, "{commands:?}");

    for command in commands {
        let words = command
            .replace("EMAIL", "x@example.org")
            .replace("USER", "x@example.org")
            .replace(" ID", " AAAAAAAAAAAAAAAAAAAAAA");
        let mut program = program(folder.path(), &[("SECURITY_LOG", "off")]);
        let done = program.args(words.split(' ')).output().unwrap();
        assert_ne!(done.status.code(), Some(2), "{command}: {done:?}");
    }
}
