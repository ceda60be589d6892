//! `SECURITY_LOG`: who did what from where, and no secret, address or injected line in it.

use std::{fs, path::Path};

use hyper::{Method, StatusCode};
use nolapse::wire::{PASSWORD_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, SIGN_UP_PATH};
use serde_json::{Value, json};

use crate::{
    commands::command,
    instances::{Instance, program},
    support::{Answer, Call, EMAIL, PASSWORD, Signed, eventually},
};

const PAGE: &str = "https://app.example.com";
const OTHER: &str = "staple of another kind";
/// The `X-Forwarded-For` of the clients of these tests.
const CLIENT: &str = "203.0.113.77";

/// A server with a security log.
pub(crate) struct Logged {
    folder: tempfile::TempDir,
    pub(crate) server: Instance,
}

impl Logged {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut all = vec![
            ("ALLOWED_ORIGINS", PAGE),
            ("SECURITY_LOG", "security.log"),
            ("TRUSTED_PROXIES", "1"),
        ];
        all.extend(settings);
        let server = Instance::start(folder.path(), &all);
        Self { folder, server }
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        Call::new(self.server.auth.clone(), method, path)
            .header("origin", PAGE)
            .header("nolapse-version", "1")
            .header("x-forwarded-for", CLIENT)
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path).json(body).send().await
    }

    pub(crate) async fn sign(&self, path: &str, email: &str, password: &str) -> Answer {
        let credentials = json!({ "email": email, "password": password });
        self.post(path, &credentials).await
    }

    pub(crate) async fn sign_up(&self) -> Signed {
        self.sign(SIGN_UP_PATH, EMAIL, PASSWORD).await.signed()
    }

    async fn refresh(&self, cookie: &str) -> Answer {
        let refresh = json!({ "reason": "load", "page": "visible" });
        let call = self.call(Method::POST, "/auth/refresh").cookie(cookie);
        call.json(&refresh).send().await
    }

    fn console(&self, words: &[&str], typed: &str) {
        let settings = [("SECURITY_LOG", "security.log")];
        let done = command(self.folder.path(), &settings, words, typed);
        assert!(done.status.success(), "{words:?}: {done:?}");
    }

    pub(crate) fn text(&self) -> String {
        read(&self.folder.path().join("security.log"))
    }

    /// Waits for so many lines; each is an object.
    pub(crate) async fn lines(&self, count: usize) -> Vec<Value> {
        eventually("the lines of the log", || async {
            let text = self.text();
            let lines = text.lines().map(serde_json::from_str);
            let lines: Vec<Value> = lines.collect::<Result<_, _>>().ok()?;
            (lines.len() >= count).then_some(lines)
        })
        .await
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Returns event, result and reason of a line.
pub(crate) fn summary(line: &Value) -> String {
    let word = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", word("event"), word("result"), word("reason"))
}

/// Makes each event happen once; returns the first, second, third and fourth session.
async fn play_each_event(logged: &Logged) -> [String; 4] {
    let first = logged.sign_up().await;
    logged.sign(SIGN_UP_PATH, EMAIL, PASSWORD).await;
    logged.sign(SIGN_IN_PATH, EMAIL, "another password").await;
    logged.sign(SIGN_IN_PATH, "eve@example.org", PASSWORD).await;
    logged.post(SIGN_IN_PATH, &json!({ "email": 7 })).await;
    let second = logged.sign(SIGN_IN_PATH, EMAIL, PASSWORD).await.signed();
    let session = format!("{SESSIONS_PATH}/{}", second.session);
    let revoke = logged.call(Method::DELETE, &session).bearer(&first.token);
    let revoke = revoke.cookie(&first.cookie).send().await;
    assert_eq!(revoke.status, StatusCode::NO_CONTENT, "{revoke:?}");
    for current in [OTHER, PASSWORD] {
        let body = json!({ "current_password": current, "new_password": OTHER });
        let call = logged
            .call(Method::POST, PASSWORD_PATH)
            .bearer(&first.token);
        call.cookie(&first.cookie).json(&body).send().await;
    }
    let third = logged.sign(SIGN_IN_PATH, EMAIL, OTHER).await.signed();
    logged.refresh(&third.cookie).await.signed();
    let late = logged.refresh(&third.cookie).await.signed();
    logged.refresh(&late.cookie).await.signed();
    logged
        .refresh(&third.cookie)
        .await
        .is_problem(401, "session_ended");
    let fourth = logged.sign(SIGN_IN_PATH, EMAIL, OTHER).await.signed();
    let out = logged
        .call(Method::POST, SIGN_OUT_PATH)
        .cookie(&fourth.cookie);
    out.send().await;
    let fifth = logged.sign(SIGN_IN_PATH, EMAIL, OTHER).await.signed();
    let everywhere = logged
        .call(Method::POST, SIGN_OUT_PATH)
        .cookie(&fifth.cookie);
    everywhere.json(&json!({ "everywhere": true })).send().await;
    let foreign = Call::new(logged.server.auth.clone(), Method::POST, SIGN_IN_PATH);
    foreign.send().await;
    [first, second, third, fourth].map(|signed| signed.session)
}

/// Expects what every line of a request has.
pub(crate) fn assert_is_of_a_request(line: &Value) {
    assert_eq!(line["source"], "http");
    assert_eq!(line["log"], "security");
    assert!(line["request"].as_str().is_some_and(|id| id.len() == 12));
    let at = line["at"].as_str().expect("a time");
    assert!(
        at.ends_with('Z') && at.len() == "2026-01-01T00:00:00.000Z".len(),
        "{at}"
    );
}

#[tokio::test]
async fn p31_the_security_log_has_each_event_with_user_and_network() {
    let logged = Logged::start(&[("GRACE_SECONDS", "0")]);
    let [first, second, third, fourth] = play_each_event(&logged).await;

    let lines = logged.lines(17).await;

    let all: Vec<String> = lines.iter().map(summary).collect();
    assert_eq!(
        all,
        [
            "sign_up ok -",
            "sign_up refused account_exists",
            "sign_in refused wrong_password",
            "sign_in refused unknown_account",
            "sign_in malformed invalid_request",
            "sign_in ok -",
            "revocation ok -",
            "password_change refused invalid_credentials",
            "password_change ok -",
            "sign_in ok -",
            "late_refresh ok -",
            "reuse_detected refused session_ended",
            "sign_in ok -",
            "sign_out ok -",
            "sign_in ok -",
            "sign_out_everywhere ok -",
            "sign_in refused forbidden_origin",
        ]
    );
    let user = lines[0]["user"].as_str().expect("a user");
    for place in [2, 5, 6, 7, 8, 10, 11, 13, 15] {
        assert_eq!(lines[place]["user"], user, "{}", lines[place]);
    }
    assert_eq!(lines[0]["session"], first.as_str());
    assert_eq!(lines[6]["session"], first.as_str());
    assert_eq!(lines[6]["target"], second.as_str());
    assert_eq!(lines[10]["session"], third.as_str());
    assert_eq!(lines[13]["session"], fourth.as_str());
    assert_eq!(lines[3].get("user"), None);
    assert_eq!(lines[11]["session"], third.as_str());
    let network = lines[0]["network"].as_str().expect("a network");
    assert!(network.len() == 11 && lines[..16].iter().all(|line| line["network"] == network));
    assert_ne!(lines[16]["network"], network);
    lines.iter().for_each(assert_is_of_a_request);
}

/// Sends what would end a line or begin another one, wherever a request can have it.
async fn send_injections(logged: &Logged, signed: &Signed) {
    let forged = "x\"}\n{\"log\":\"security\",\"event\":\"sign_in\",\"result\":\"ok\"}\r\n";
    for email in [forged, "ada\u{2028}@example.org", "\u{1b}[2J@example.org"] {
        logged.sign(SIGN_IN_PATH, email, forged).await;
        logged.sign(SIGN_UP_PATH, email, PASSWORD).await;
    }
    let odd = logged.call(Method::POST, SIGN_IN_PATH);
    let odd = odd.header("user-agent", "a\t{\"event\":\"x\"}");
    let odd = odd.header("x-forwarded-for", "\"},{\"network\":\"x");
    odd.json(&json!({ "email": EMAIL, "password": PASSWORD }))
        .send()
        .await;
    let path = format!("{SESSIONS_PATH}/%0a%7b%22event%22:1%7d");
    let odd = logged.call(Method::DELETE, &path).bearer(&signed.token);
    odd.cookie(&signed.cookie).send().await;
}

#[tokio::test]
async fn p31_the_security_log_holds_no_secret_no_address_and_no_injected_line() {
    let logged = Logged::start(&[]);
    let signed = logged.sign_up().await;
    send_injections(&logged, &signed).await;
    let next = logged.refresh(&signed.cookie).await.signed();
    logged.console(&["users", "role", EMAIL, "admin"], "");
    logged.console(&["users", "password", EMAIL], OTHER);
    logged.console(&["users", "add", "bob@example.org"], PASSWORD);
    logged.console(&["users", "disable", "bob@example.org"], "");
    logged.console(&["users", "delete", "bob@example.org", "--yes"], "");

    let lines = logged.lines(14).await;

    assert_eq!(lines.len(), 14, "{lines:?}");
    let console: Vec<String> = lines
        .iter()
        .filter(|line| line["source"] == "console")
        .map(summary)
        .collect();
    assert_eq!(
        console,
        [
            "role_admin ok -",
            "password_reset ok -",
            "account_creation ok -",
            "account_disabled ok -",
            "account_deletion ok -",
        ]
    );
    let known = [
        "at", "log", "event", "result", "reason", "source", "user", "session", "target", "network",
        "request",
    ];
    for line in &lines {
        let members = line.as_object().expect("an object");
        assert!(
            members.keys().all(|name| known.contains(&name.as_str())),
            "{line}"
        );
    }
    let text = logged.text();
    let keys = read(&logged.folder.path().join("nolapse.keys"));
    let keys: Value = serde_json::from_str(&keys).expect("it is JSON");
    let keys = keys.as_object().expect("an object").values();
    let mut secrets = vec![EMAIL, "ada@", "bob@", "example.org", PASSWORD, OTHER];
    secrets.extend([CLIENT, "203.0.113", "127.0.0", "argon2", "\u{1b}", "\r"]);
    secrets.extend([&*signed.cookie, &*next.cookie, &*signed.token, &*next.token]);
    secrets.extend(keys.filter_map(Value::as_str));
    for secret in secrets {
        assert!(!text.contains(secret), "the log holds {secret}");
    }
}

#[tokio::test]
async fn the_security_log_is_apart_from_the_request_log_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let logged = Logged::start(&[("LOG", "off")]);
    logged.sign_up().await;
    let file = logged.folder.path().join("security.log");

    assert_eq!(logged.lines(1).await.len(), 1);
    let mode = fs::metadata(&file)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::rename(&file, file.with_extension("1")).expect("it is ours");
    logged.sign(SIGN_IN_PATH, EMAIL, PASSWORD).await;
    let lines = logged.lines(1).await;
    assert_eq!(summary(&lines[0]), "sign_in ok -");
}

#[test]
fn p48_the_error_of_a_security_log_that_cannot_be_written_has_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");

    for destination in [".", "no/such/folder/log"] {
        let mut command = program(folder.path(), &[("SECURITY_LOG", destination)]);
        let done = command.output().expect("it runs");
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1));
        assert!(text.contains("set SECURITY_LOG to"), "{text}");
    }
}

#[tokio::test]
async fn without_a_setting_the_security_log_is_a_file_and_it_can_be_on_standard_error_or_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nolapse-security.log");
    let mut shown = Vec::new();
    for setting in [None, Some("off"), Some("stderr")] {
        let settings = setting.map(|value| ("SECURITY_LOG", value));
        let settings: Vec<_> = settings.into_iter().collect();
        let email = format!("{}@example.org", setting.unwrap_or("none"));
        let done = command(
            folder.path(),
            &settings,
            &["users", "add", &email],
            PASSWORD,
        );
        assert!(done.status.success(), "{done:?}");
        shown.push((
            String::from_utf8(done.stderr).expect("it is text"),
            read(&file).lines().count(),
        ));
    }

    let (on_stderr, _) = shown.pop().expect("three");
    assert_eq!(shown, [(String::new(), 1), (String::new(), 1)]);
    let line: Value = serde_json::from_str(&on_stderr).expect("one line of JSON");
    assert_eq!(summary(&line), "account_creation ok -");
    assert_eq!(read(&file).lines().count(), 1);
}
