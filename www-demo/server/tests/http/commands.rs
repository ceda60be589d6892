//! `nolapse-server users …`: accounts without sign-up, and what operators do with them.

use std::{
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use hyper::{Method, StatusCode};
use nolapse::wire::{REFRESH_PATH, SIGN_IN_PATH, SIGN_UP_PATH, VERSION, VERSION_HEADER};
use serde_json::{Value, json};

use crate::{
    instances::{Instance, program},
    support::{Answer, Call, EMAIL, PASSWORD},
};

const PAGE: &str = "https://app.example.com";

/// Runs a command that a person types into.
pub(crate) fn command(
    folder: &Path,
    settings: &[(&str, &str)],
    words: &[&str],
    typed: &str,
) -> Output {
    let mut command = program(folder, settings);
    command.args(words).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut input = child.stdin.take().expect("it is piped");
    // A command that reads no input may have ended already.
    drop(writeln!(input, "{typed}"));
    drop(input);
    child.wait_with_output().expect("it ends")
}

fn call(server: &Instance, path: &str) -> Call {
    Call::new(server.auth.clone(), Method::POST, path)
        .header("origin", PAGE)
        .header(VERSION_HEADER, VERSION)
}

async fn sign_in(server: &Instance, path: &str) -> Answer {
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    call(server, path).json(&credentials).send().await
}

#[tokio::test]
async fn accounts_are_made_disabled_and_enabled_where_sign_up_is_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [("SIGN_UP", "0"), ("ALLOWED_ORIGINS", PAGE)];
    let server = Instance::start(folder.path(), &settings);
    let users = |word: &str, typed: &str| {
        let words = ["users", word, EMAIL];
        command(folder.path(), &[("SECURITY_LOG", "off")], &words, typed)
    };
    sign_in(&server, SIGN_UP_PATH)
        .await
        .is_problem(404, "not_found");

    assert!(!users("add", "short").status.success());
    assert!(!users("add", "password1").status.success());
    let added = users("add", PASSWORD);
    let again = users("add", PASSWORD);
    let signed = sign_in(&server, SIGN_IN_PATH).await.signed();
    let disabled = users("disable", "");
    let refresh = json!({ "reason": "load", "page": "visible" });
    let refused = call(&server, REFRESH_PATH)
        .cookie(&signed.cookie)
        .json(&refresh);
    let refused = refused.send().await;
    let locked = sign_in(&server, SIGN_IN_PATH).await;
    let enabled = users("enable", "");
    let back = sign_in(&server, SIGN_IN_PATH).await;

    assert!(added.status.success() && !again.status.success());
    assert!(!String::from_utf8_lossy(&added.stdout).contains(EMAIL));
    assert_eq!(disabled.stdout, b"disabled, 1 sessions ended\n");
    refused.is_problem(401, "session_ended");
    assert_eq!(refused.text("/reason"), "user_disabled");
    locked.is_problem(401, "invalid_credentials");
    assert!(enabled.status.success());
    assert_eq!(back.status, StatusCode::OK);
}

const OTHER: &str = "staple of another kind";

/// A server with an account, and the commands beside it.
struct Office {
    folder: tempfile::TempDir,
    server: Instance,
}

impl Office {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = [("ALLOWED_ORIGINS", PAGE), ("SECURITY_LOG", "off")];
        let server = Instance::start(folder.path(), &settings);
        Self { folder, server }
    }

    /// Runs a command; returns exit code, standard output and standard error.
    fn run(&self, words: &[&str], typed: &str) -> (i32, String, String) {
        let settings = [("SECURITY_LOG", "off")];
        let done = command(self.folder.path(), &settings, words, typed);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
        let code = done.status.code().expect("it ends by itself");
        (code, text(done.stdout), text(done.stderr))
    }

    async fn sign(&self, path: &str, password: &str) -> Answer {
        let credentials = json!({ "email": EMAIL, "password": password });
        call(&self.server, path).json(&credentials).send().await
    }

    async fn refresh(&self, cookie: &str) -> Answer {
        let refresh = json!({ "reason": "load", "page": "visible" });
        let call = call(&self.server, REFRESH_PATH).cookie(cookie);
        call.json(&refresh).send().await
    }
}

#[tokio::test]
async fn an_admin_is_made_by_command_and_sees_the_report_from_the_next_refresh() {
    let office = Office::open();
    let signed = office.sign(SIGN_UP_PATH, PASSWORD).await.signed();
    let report = |token: &str| {
        let call = Call::new(office.server.api.clone(), Method::GET, "/admin/report");
        call.bearer(token).send()
    };
    report(&signed.token)
        .await
        .is_problem(403, "insufficient_scope");

    let made = office.run(&["users", "role", EMAIL, "admin"], "");
    let admin = office.refresh(&signed.cookie).await.signed();
    let seen = report(&admin.token).await;
    let unmade = office.run(&["users", "role", EMAIL, "member"], "");
    let member = office.refresh(&admin.cookie).await.signed();

    assert_eq!((made.0, unmade.0), (0, 0), "{made:?} {unmade:?}");
    assert_eq!(seen.status, StatusCode::OK);
    report(&member.token)
        .await
        .is_problem(403, "insufficient_scope");
}

#[tokio::test]
async fn a_password_is_reset_from_standard_input_and_ends_all_sessions() {
    let office = Office::open();
    let signed = office.sign(SIGN_UP_PATH, PASSWORD).await.signed();
    let reset = ["users", "password", EMAIL];

    for (typed, expected) in [
        ("short", "8 to 256 characters"),
        ("password1", "a common one"),
        ("", "8 to 256 characters"),
        (&"x".repeat(100_000), "8 to 256 characters"),
    ] {
        let (code, output, errors) = office.run(&reset, typed);
        assert!(
            code == 3 && errors.contains(expected) && output.is_empty(),
            "{errors}"
        );
    }
    let (code, _, errors) = office.run(&["users", "password", EMAIL, OTHER], "");
    assert!(code == 2 && errors.contains("standard input"), "{errors}");
    assert!(!errors.contains(OTHER));
    assert_eq!(
        office.sign(SIGN_IN_PATH, PASSWORD).await.status,
        StatusCode::OK
    );

    let (code, output, errors) = office.run(&reset, OTHER);

    assert_eq!(
        (code, output.as_str()),
        (0, "password replaced, 2 sessions ended\n"),
        "{errors}"
    );
    assert!(!output.contains(OTHER) && !errors.contains(OTHER) && !errors.contains(EMAIL));
    let refused = office.refresh(&signed.cookie).await;
    refused.is_problem(401, "session_ended");
    assert_eq!(refused.text("/reason"), "revoked");
    let old = office.sign(SIGN_IN_PATH, PASSWORD).await;
    old.is_problem(401, "invalid_credentials");
    assert_eq!(
        office.sign(SIGN_IN_PATH, OTHER).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_account_is_deleted_only_with_yes() {
    let office = Office::open();
    let signed = office.sign(SIGN_UP_PATH, PASSWORD).await.signed();

    let (code, output, errors) = office.run(&["users", "delete", EMAIL], "yes");
    assert!(
        code == 3 && errors.contains("--yes") && output.is_empty(),
        "{errors}"
    );
    assert_eq!(
        office.sign(SIGN_IN_PATH, PASSWORD).await.status,
        StatusCode::OK
    );

    let (code, _, errors) = office.run(&["users", "delete", EMAIL, "--yes"], "");

    assert_eq!(code, 0, "{errors}");
    office
        .refresh(&signed.cookie)
        .await
        .is_problem(401, "session_ended");
    let gone = office.sign(SIGN_IN_PATH, PASSWORD).await;
    gone.is_problem(401, "invalid_credentials");
    assert_eq!(office.run(&["users", "delete", EMAIL, "--yes"], "").0, 3);
}

#[tokio::test]
async fn an_account_is_found_by_the_id_that_tokens_and_logs_have() {
    let office = Office::open();
    let answer = office.sign(SIGN_UP_PATH, PASSWORD).await;
    let id = answer.text("/session/user/id");

    let (code, output, errors) = office.run(&["users", "show", &id], "");
    let account: Value = serde_json::from_str(&output).expect("it is JSON");
    let by_address = office.run(&["users", "show", EMAIL], "");
    let listed = office.run(&["sessions", "list", &id], "");
    let revoked = office.run(&["sessions", "revoke-all", &id], "");

    assert_eq!(code, 0, "{errors}");
    assert_eq!(
        (account["id"].as_str(), &account["role"]),
        (Some(&*id), &json!("member"))
    );
    assert_eq!(
        (&account["disabled"], &account["sessions"]),
        (&json!(false), &json!(1))
    );
    assert!(
        !output.contains("ada@") && !output.contains("argon2"),
        "{output}"
    );
    assert_eq!(by_address.1, output);
    assert!(listed.0 == 0 && listed.1.contains(&answer.text("/session/id")));
    assert_eq!(revoked.1, "1 sessions ended\n");
}

#[test]
fn invalid_commands_and_unknown_accounts_are_errors_and_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = "nobody@example.org";
    for (words, code) in [
        (&["users"][..], 2),
        (&["users", "promote", nobody], 2),
        (&["users", "role", nobody], 2),
        (&["users", "role", nobody, "root"], 2),
        (&["users", "role", nobody, "Admin"], 2),
        (&["users", "delete"], 2),
        (&["users", "delete", nobody, "--force"], 2),
        (&["users", "show", "not an address"], 2),
        (&["users", "add", "not an address"], 2),
        (&["backup"], 2),
        (&["backup", "a", "b"], 2),
        (&["sessions", "revoke", "x"], 2),
        (&["nothing"], 2),
        (&["users", "role", nobody, "admin"], 3),
        (&["users", "show", "AAAAAAAAAAAAAAAAAAAAAA"], 3),
        (&["users", "password", nobody], 3),
        (&["users", "disable", nobody], 3),
        (&["users", "delete", nobody, "--yes"], 3),
        (&["sessions", "revoke", "AAAAAAAAAAAAAAAAAAAAAA"], 3),
    ] {
        let settings = [("SECURITY_LOG", "off")];
        let done = command(folder.path(), &settings, words, PASSWORD);
        let errors = String::from_utf8(done.stderr).expect("it is text");
        assert_eq!(done.status.code(), Some(code), "{words:?}: {errors}");
        assert!(errors.starts_with("nolapse-server: ") && done.stdout.is_empty());
        assert!(
            !errors.contains(nobody) && !errors.contains(PASSWORD),
            "{errors}"
        );
    }
}

/// A terminal of its own for the command, by `script` of util-linux.
#[test]
fn a_terminal_does_not_show_the_password_that_is_typed() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("{} users add {EMAIL}", env!("CARGO_BIN_EXE_nolapse-server"));
    let mut script = std::process::Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.current_dir(folder.path()).env_clear();
    script.envs([
        ("PATH", "/usr/bin:/bin"),
        ("PASSWORD_MEMORY_KIB", "64"),
        ("SECURITY_LOG", "off"),
    ]);
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = script.spawn() else {
        eprintln!("skipped: there is no script");
        return;
    };
    let mut out = child.stdout.take().expect("it is piped");
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains("password: ") {
        let mut byte = [0];
        let read = std::io::Read::read(&mut out, &mut byte).expect("it is open");
        assert_eq!(read, 1, "{}", String::from_utf8_lossy(&shown));
        shown.push(byte[0]);
    }
    let mut input = child.stdin.take().expect("it is piped");
    writeln!(input, "{PASSWORD}").expect("it is read");
    std::io::Read::read_to_end(&mut out, &mut shown).expect("it ends");

    assert!(child.wait().expect("it ends").success());
    let shown = String::from_utf8_lossy(&shown);
    assert!(
        shown.contains("\"id\"") && !shown.contains("horse"),
        "{shown}"
    );
}
