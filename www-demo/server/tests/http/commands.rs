//! `nolapse-server users …`: accounts without sign-up.

use std::{
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use hyper::{Method, StatusCode};
use nolapse::wire::{REFRESH_PATH, SIGN_IN_PATH, SIGN_UP_PATH, VERSION, VERSION_HEADER};
use serde_json::json;

use crate::{
    instances::{Instance, program},
    support::{Answer, Call, EMAIL, PASSWORD},
};

const PAGE: &str = "https://app.example.com";

fn command(folder: &Path, words: &[&str], typed: &str) -> Output {
    let mut command = program(folder, &[]);
    command.args(words).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut input = child.stdin.take().expect("it is piped");
    // A command that wants nothing typed may have ended already.
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
    let users = |word: &str, typed: &str| command(folder.path(), &["users", word, EMAIL], typed);
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
