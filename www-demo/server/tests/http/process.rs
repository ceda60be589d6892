//! The program as a person or a supervisor runs it: its one line, its logs, its end, its refusals.

use std::{
    fs,
    io::Read,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
};

use hyper::{Method, StatusCode};
use nolapse::wire::{REFRESH_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, SIGN_UP_PATH};
use serde_json::{Value, json};

use crate::{
    instances::{self, listening},
    support::{Call, EMAIL, PASSWORD, Signed},
};

/// The program with its streams open.
fn program(folder: &Path) -> Command {
    let mut command = instances::program(folder, &[]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn terminate(child: &Child) {
    let killed = Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.expect("there is a kill").success());
}

fn refusal(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().expect("it runs");
    assert_eq!(status.code(), Some(1));
    String::from_utf8(stderr).expect("it is text")
}

/// Signs up, refreshes, calls the API, signs out, and makes each fail once; returns what the server issued.
async fn play_session(auth: &str, api: &str) -> [Signed; 2] {
    let page = format!(
        "http://localhost:{}",
        auth.rsplit_once(':').expect("a port").1
    );
    let call = |path: &str, body: &Value| {
        Call::new(auth.to_owned(), Method::POST, path)
            .header("origin", &page)
            .header("nolapse-version", "1")
            .json(body)
    };
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let refresh = json!({ "reason": "load", "page": "visible" });

    let signed = call(SIGN_UP_PATH, &credentials).send().await.signed();
    let wrong = json!({ "email": EMAIL, "password": "another password" });
    call(SIGN_IN_PATH, &wrong).send().await;
    let next = call(REFRESH_PATH, &refresh)
        .cookie(&signed.cookie)
        .send()
        .await
        .signed();
    call(REFRESH_PATH, &json!({ "page": PASSWORD }))
        .cookie(&next.cookie)
        .send()
        .await;
    let me = Call::new(api.to_owned(), Method::GET, "/me")
        .bearer(&next.token)
        .send()
        .await;
    assert_eq!(me.status, StatusCode::OK);
    let bent = format!("{}x", next.token);
    Call::new(api.to_owned(), Method::GET, "/me")
        .bearer(&bent)
        .send()
        .await;
    let in_path = format!("/notes/{}?token={}", next.token, next.token);
    Call::new(api.to_owned(), Method::DELETE, &in_path)
        .send()
        .await;
    let revoke = json!({ "session_id": next.session, "change": "revoke" });
    call("/demo/session", &revoke).send().await;
    call(REFRESH_PATH, &refresh)
        .cookie(&next.cookie)
        .send()
        .await;
    call(SIGN_OUT_PATH, &json!({}))
        .cookie(&next.cookie)
        .send()
        .await;
    [signed, next]
}

#[tokio::test]
async fn p31_the_logs_of_a_whole_session_hold_no_token_cookie_password_or_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = program(folder.path())
        .env("LOG", "debug")
        .env("DEMO", "1")
        .spawn()
        .expect("it runs");
    let mut errors = child.stderr.take().expect("it is piped");
    let reader = thread::spawn(move || {
        let mut log = String::new();
        errors.read_to_string(&mut log).map(|_| log)
    });
    let (auth, api) = listening(&mut child);
    let [signed, next] = play_session(&auth, &api).await;
    terminate(&child);
    assert!(child.wait().expect("it ends").success());

    let log = reader.join().expect("it reads").expect("it is text");
    assert!(log.contains(&next.session), "the log is of this session");
    assert!(log.contains("\"path\":\"/auth/refresh\"") && log.contains("stopping"));
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    let keys = fs::read_to_string(folder.path().join("nolapse.keys")).expect("it is there");
    let keys: Value = serde_json::from_str(&keys).expect("it is JSON");
    let mut secrets = vec![EMAIL, "ada@", PASSWORD, "another password", "argon2"];
    secrets.extend([&*signed.cookie, &*next.cookie, &*signed.token, &*next.token]);
    secrets.extend(
        keys.as_object()
            .expect("an object")
            .values()
            .filter_map(Value::as_str),
    );
    for secret in secrets {
        assert!(!log.contains(secret), "the log holds a secret");
    }
    let signature = next.token.rsplit_once('.').expect("three parts").1;
    assert!(!log.contains(signature));
}

#[test]
fn p48_the_error_of_a_port_in_use_has_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("it is bound").port().to_string();

    let output = refusal(program(folder.path()).env("API_PORT", &port));

    assert!(
        output.contains(&format!("port {port} cannot be used")),
        "{output}"
    );
    assert!(output.contains("set API_PORT to"), "{output}");
}

#[test]
fn p48_the_error_of_a_database_that_cannot_be_written_has_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");

    let url = "sqlite://no/such/folder/file.db";
    let output = refusal(program(folder.path()).env("DATABASE_URL", url));
    assert!(
        output.contains(url) && output.contains("set DATABASE_URL to"),
        "{output}"
    );

    fs::write(
        folder.path().join("nolapse.db"),
        "not a database, but long enough to be looked at",
    )
    .expect("it is written");
    let output = refusal(&mut program(folder.path()));
    assert!(
        output.contains("sqlite://nolapse.db cannot be opened"),
        "{output}"
    );
}

#[test]
fn p43_a_key_file_that_others_may_read_or_that_is_none_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("nolapse.keys");
    let mut child = program(folder.path()).spawn().expect("it runs");
    listening(&mut child);
    terminate(&child);
    assert!(child.wait().expect("it ends").success());
    let made = fs::metadata(&keys).expect("it was made").permissions();
    assert_eq!(made.mode() & 0o777, 0o600);

    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).expect("it is ours");
    assert!(refusal(&mut program(folder.path())).contains("chmod 600"));

    fs::remove_file(&keys).expect("it is ours");
    fs::write(&keys, "{}").expect("it is written");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).expect("it is ours");
    assert!(refusal(&mut program(folder.path())).contains("not a key file"));
}

#[test]
fn p48_an_invalid_environment_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");

    let output = refusal(program(folder.path()).env("TOKEN_LIFE_SECONDS", "soon"));
    assert_eq!(
        output,
        "nolapse-server: TOKEN_LIFE_SECONDS must be whole seconds, 1 to 86400\n"
    );
    let output = refusal(program(folder.path()).env("ALLOWED_ORIGINS", "*"));
    assert!(output.contains("exact origins"), "{output}");
}

fn mode_of(path: &Path) -> u32 {
    let kept = fs::metadata(path).unwrap_or_else(|_| panic!("{} is missing", path.display()));
    kept.permissions().mode() & 0o777
}

/// The program, started by a shell with the widest umask.
fn with_open_umask(folder: &Path) -> Command {
    let program = program(folder);
    let mut shell = Command::new("sh");
    let line = "umask 000; exec \"$0\"";
    shell.args(["-c", line, env!("CARGO_BIN_EXE_nolapse-server")]);
    shell.current_dir(folder).env_clear();
    shell.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

#[test]
fn issue_9_20_the_sqlite_file_and_those_beside_it_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nolapse.db");
    let files =
        ["nolapse.db", "nolapse.db-wal", "nolapse.db-shm"].map(|name| folder.path().join(name));

    let mut child = with_open_umask(folder.path()).spawn().expect("it runs");
    listening(&mut child);
    for path in &files {
        assert_eq!(mode_of(path), 0o600, "{}", path.display());
    }
    // It is ended so that the files beside it stay.
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
    for path in files.iter().filter(|path| path.exists()) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("it is ours");
    }
    let mut child = with_open_umask(folder.path())
        .env("LOG", "warn")
        .spawn()
        .expect("it runs");
    listening(&mut child);
    for path in &files {
        assert_eq!(mode_of(path), 0o600, "{}", path.display());
    }
    terminate(&child);
    let Output { stderr, .. } = child.wait_with_output().expect("it ends");
    let log = String::from_utf8(stderr).expect("it is text");
    assert!(log.contains("others could open the database"), "{log}");
    assert_eq!(mode_of(&file), 0o600);

    // A mode that is narrower already stays.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let mut child = program(folder.path())
        .env("LOG", "warn")
        .spawn()
        .expect("it runs");
    listening(&mut child);
    terminate(&child);
    let Output { stderr, .. } = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8(stderr).expect("it is text"), "");
}
