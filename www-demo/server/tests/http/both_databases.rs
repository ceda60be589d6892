//! P48 on both databases at once: whatever is sent, both servers answer alike, and neither fails.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{
    fmt::Write as _,
    fs::File,
    path::PathBuf,
    process::{Child, Stdio},
    sync::Arc,
};

use hyper::{Method, StatusCode};
use nolapse::wire::{
    PASSWORD_PATH, REFRESH_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_UP_PATH, VERSION, VERSION_HEADER,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    instances::{listening, program},
    postgres::Postgres,
    support::{Answer, Call, EMAIL, PASSWORD},
};

const PAGE: &str = "https://app.example.com";
/// How many requests of generated content are sent to both servers.
const REQUESTS: usize = 300;

/// A server process with its log in a file.
struct Logged {
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

    fn auth(&self, method: Method, path: &str) -> Call {
        Call::new(self.auth.clone(), method, path)
            .header("origin", PAGE)
            .header(VERSION_HEADER, VERSION)
    }

    fn api(&self, method: Method, path: &str) -> Call {
        Call::new(self.api.clone(), method, path)
    }

    async fn sign_up(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.auth(Method::POST, SIGN_UP_PATH)
            .json(&body)
            .send()
            .await
    }

    async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.auth(Method::POST, SIGN_IN_PATH)
            .json(&body)
            .send()
            .await
    }

    async fn write_note(&self, token: &str, text: &str) -> Answer {
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
struct Both {
    servers: [Logged; 2],
    _postgres: Arc<Postgres>,
    _folder: TempDir,
}

impl Both {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let postgres = Postgres::shared();
        let folder = tempfile::tempdir().unwrap();
        let sqlite = format!("sqlite://{}", folder.path().join("test.db").display());
        let url = postgres.database().await;
        let servers = [
            Logged::start(&folder, "sqlite", &sqlite, settings),
            Logged::start(&folder, "postgres", &url, settings),
        ];
        Self {
            servers,
            _postgres: postgres,
            _folder: folder,
        }
    }

    fn logged_no_error(&self) {
        for server in &self.servers {
            assert_eq!(server.errors(), "");
        }
    }
}

/// Texts that a database, a normalisation or a length can trip over.
fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "\0",
        "\u{1}",
        "İ",
        "ß",
        "ς",
        "Σ",
        "ﬃ",
        "ΐ",
        "\u{301}",
        "\u{200d}",
        "\u{202e}",
        "\u{feff}",
        "\u{fffe}",
        "\u{10ffff}",
        "😀",
        "'",
        "\"",
        "\\",
        "\\u0000",
        "%00",
        "\r\n",
        " ",
        "a",
        "１",
        "ａ",
        "é",
        "e\u{301}",
        "\u{1100}\u{1161}",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(odd.clone(), 0..20).prop_map(|parts| parts.concat()),
        (odd, 0..2_100_usize).prop_map(|(part, times)| part.repeat(times)),
        "[ -~]{0,40}",
    ]
}

fn email() -> impl Strategy<Value = String> {
    let domain = prop_oneof![
        Just("e.org".to_owned()),
        Just("BÜCHER.example".to_owned()),
        "[a-zςΣİß-]{1,60}(\\.[a-z]{1,5}){0,3}",
        text(),
    ];
    (text(), domain).prop_map(|(local, domain)| format!("{local}@{domain}"))
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
        Just(Value::from(u32::MAX)),
    ]
}

/// Something to ask of both servers.
#[derive(Clone, Debug)]
enum Request {
    SignUp(String, String),
    Note(String),
    DeleteNote(String),
    RevokeSession(String),
    Refresh(Value, Value, Value),
    ChangePassword(String),
    Demo(&'static str, String),
    Raw(&'static str, Vec<u8>),
    Device(Vec<u8>),
}

fn request() -> impl Strategy<Value = Request> {
    let paths = prop::sample::select(vec![
        SIGN_UP_PATH,
        SIGN_IN_PATH,
        REFRESH_PATH,
        PASSWORD_PATH,
    ]);
    let demo = prop::sample::select(vec!["/demo/revoke", "/demo/disable"]);
    let words = prop_oneof![
        prop::sample::select(vec!["timer", "load", "visible", "hidden"]).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    prop_oneof![
        4 => (email(), text()).prop_map(|(email, word)| Request::SignUp(email, format!("{word} and then some"))),
        4 => text().prop_map(Request::Note),
        1 => text().prop_map(Request::DeleteNote),
        1 => text().prop_map(Request::RevokeSession),
        2 => (words.clone(), words, number()).prop_map(|(r, p, n)| Request::Refresh(r, p, n)),
        1 => (number()).prop_map(|n| Request::Refresh("timer".into(), "visible".into(), n)),
        1 => text().prop_map(Request::ChangePassword),
        1 => (demo, text()).prop_map(|(path, id)| Request::Demo(path, id)),
        1 => (paths, prop::collection::vec(any::<u8>(), 0..200)).prop_map(|(path, body)| Request::Raw(path, body)),
        1 => prop::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff], 0..300).prop_map(Request::Device),
    ]
}

fn escaped(text: &str) -> String {
    let mut path = String::new();
    for byte in text.bytes().take(2_000) {
        write!(path, "%{byte:02X}").unwrap();
    }
    path
}

/// Sends one request with the credentials of the tests' user.
async fn send(server: &Logged, request: &Request, cookie: &str, token: &str) -> Answer {
    match request.clone() {
        Request::SignUp(email, password) => {
            let answer = server.sign_up(&email, &password).await;
            if answer.status == StatusCode::OK {
                comes_back(server, &email, &password, &answer).await;
            }
            answer
        }
        Request::Note(text) => {
            let answer = server.write_note(token, &text).await;
            if answer.status == StatusCode::CREATED {
                assert_eq!(answer.text("/text"), text.trim());
            }
            answer
        }
        Request::DeleteNote(id) => {
            let path = format!("/notes/{}", escaped(&id));
            server.api(Method::DELETE, &path).bearer(token).send().await
        }
        Request::RevokeSession(id) => {
            let path = format!("{SESSIONS_PATH}/{}", escaped(&id));
            let call = server.auth(Method::DELETE, &path).bearer(token);
            call.send().await
        }
        Request::Refresh(reason, page, active_ago) => {
            // Within the grace a replaced cookie goes on working.
            let body = json!({ "reason": reason, "page": page, "active_ago": active_ago });
            let call = server.auth(Method::POST, REFRESH_PATH).cookie(cookie);
            call.json(&body).send().await
        }
        Request::ChangePassword(new) => {
            let body = json!({ "current_password": "not the current one", "new_password": new });
            let call = server.auth(Method::POST, PASSWORD_PATH).bearer(token);
            call.json(&body).send().await
        }
        Request::Demo(path, id) => {
            let body = json!({ "session_id": id, "disabled": true });
            let body = if path == "/demo/revoke" {
                json!({ "session_id": id })
            } else {
                body
            };
            server.auth(Method::POST, path).json(&body).send().await
        }
        Request::Raw(path, body) => {
            let call = server.auth(Method::POST, path).bearer(token);
            call.body("application/json", body).send().await
        }
        Request::Device(agent) => {
            let body = json!({ "email": EMAIL, "password": PASSWORD });
            let call = server.auth(Method::POST, SIGN_IN_PATH).json(&body);
            call.bytes("user-agent", &agent).send().await
        }
    }
}

/// What was written can be read: the account signs in, its session refreshes and lists its devices.
async fn comes_back(server: &Logged, email: &str, password: &str, answer: &Answer) {
    let again = server.sign_in(email, password).await;
    assert_eq!(again.status, StatusCode::OK, "{email:?}");
    let canonical = answer.text("/session/user/email");
    assert_eq!(again.text("/session/user/email"), canonical);
    let by_canonical = server.sign_in(&canonical, password).await;
    assert_eq!(by_canonical.status, StatusCode::OK, "{canonical:?}");
    let body = json!({ "reason": "load", "page": "visible" });
    let call = server.auth(Method::POST, REFRESH_PATH).json(&body);
    let refreshed = call.cookie(&again.signed().cookie).send().await;
    assert_eq!(refreshed.status, StatusCode::OK, "{email:?}");
    let list = server.auth(Method::GET, SESSIONS_PATH);
    let listed = list.bearer(&again.signed().token).send().await;
    assert_eq!(listed.status, StatusCode::OK, "{email:?}");
}

#[tokio::test]
async fn p48_whatever_is_sent_both_databases_answer_alike_and_neither_fails() {
    let settings = [
        ("NOTES_PER_MINUTE", "0"),
        ("REFRESHES_PER_MINUTE", "0"),
        ("NOTES_PER_USER", "100000"),
        ("GRACE_SECONDS", "600"),
    ];
    let both = Both::with(&settings).await;
    let mut signed = Vec::new();
    for server in &both.servers {
        let answer = server.sign_up(EMAIL, PASSWORD).await;
        signed.push(answer.signed());
    }
    let seed: [u8; 32] = nolapse_server::clock::random();
    println!("the seed is {seed:?}");
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);

    for _ in 0..REQUESTS {
        let request = request().new_tree(&mut runner).unwrap().current();
        let (first, second) = tokio::join!(
            send(
                &both.servers[0],
                &request,
                &signed[0].cookie,
                &signed[0].token
            ),
            send(
                &both.servers[1],
                &request,
                &signed[1].cookie,
                &signed[1].token
            ),
        );
        let outcome = |answer: &Answer| (answer.status.as_u16(), answer.text("/error"));
        assert_eq!(outcome(&first), outcome(&second), "{request:?}");
        assert!(first.status.as_u16() < 500, "{request:?} {first:?}");
    }

    for (server, signed) in both.servers.iter().zip(&signed) {
        let list = server.api(Method::GET, "/notes").bearer(&signed.token);
        assert_eq!(list.send().await.status, StatusCode::OK);
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p48_what_grows_or_holds_a_nul_is_refused_alike_and_can_be_corrected() {
    let both = Both::with(&[]).await;

    for server in &both.servers {
        for email in [
            "İ".repeat(100) + "@e.org",
            "İ".repeat(85) + "@e.org",
            "a\0b@e.org".to_owned(),
            format!("a@{}.org", "ü".repeat(60)),
            "a\u{202e}b@e.org".to_owned(),
        ] {
            let answer = server.sign_up(&email, PASSWORD).await;
            answer.is_problem(400, "invalid_request");
            let answer = server.sign_in(&email, PASSWORD).await;
            answer.is_problem(400, "invalid_request");
        }
        let signed = server.sign_up(&("İ".repeat(60) + "@e.org"), PASSWORD).await;
        let token = signed.signed().token;
        for text in ["a\0b", "\0", " \0 "] {
            let answer = server.write_note(&token, text).await;
            answer.is_problem(400, "invalid_request");
        }
        assert_eq!(server.write_note(&token, "a b").await.status, 201);
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p48_a_token_of_a_deleted_account_is_refused_wherever_the_account_matters() {
    let both = Both::with(&[]).await;

    for server in &both.servers {
        let signed = server.sign_up(EMAIL, PASSWORD).await.signed();
        let note = server.write_note(&signed.token, "mine").await;
        let note = format!("/notes/{}", note.text("/id"));
        let call = |method: Method, path: &str| server.api(method, path).bearer(&signed.token);
        let deleted = call(Method::DELETE, "/account").send().await;
        assert_eq!(deleted.status, StatusCode::NO_CONTENT);

        let role = server
            .auth(Method::POST, "/demo/role")
            .bearer(&signed.token);
        let revoke = format!("{SESSIONS_PATH}/{}", signed.session);
        let body = json!({ "current_password": PASSWORD, "new_password": "quite another one" });
        for answer in [
            server.write_note(&signed.token, "late").await,
            call(Method::GET, "/notes").send().await,
            call(Method::DELETE, &note).send().await,
            call(Method::DELETE, "/account").send().await,
            role.json(&json!({ "role": "admin" })).send().await,
            server
                .auth(Method::GET, SESSIONS_PATH)
                .bearer(&signed.token)
                .send()
                .await,
            server
                .auth(Method::DELETE, &revoke)
                .bearer(&signed.token)
                .send()
                .await,
            server
                .auth(Method::POST, PASSWORD_PATH)
                .bearer(&signed.token)
                .json(&body)
                .send()
                .await,
        ] {
            answer.is_problem(401, "invalid_token");
            assert!(answer.header("www-authenticate").contains("invalid_token"));
        }
        let again = server.sign_up(EMAIL, PASSWORD).await;
        assert_eq!(again.status, StatusCode::OK, "the address is free again");
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p48_signing_in_and_writing_while_the_account_is_deleted_fails_nothing() {
    let both = Both::with(&[("NOTES_PER_MINUTE", "0")]).await;

    for server in &both.servers {
        for round in 0..15 {
            let email = format!("user{round}@example.org");
            let signed = server.sign_up(&email, PASSWORD).await.signed();
            let delete = server.api(Method::DELETE, "/account").bearer(&signed.token);
            let (deleted, answers) = tokio::join!(delete.send(), async {
                tokio::join!(
                    server.sign_in(&email, PASSWORD),
                    server.sign_in(&email, PASSWORD),
                    server.write_note(&signed.token, "one"),
                    server.write_note(&signed.token, "two"),
                )
            });
            assert_eq!(deleted.status, StatusCode::NO_CONTENT);
            let (first, second, one, two) = answers;
            for answer in [first, second] {
                if answer.status != StatusCode::OK {
                    answer.is_problem(401, "invalid_credentials");
                }
            }
            for answer in [one, two] {
                if answer.status != StatusCode::CREATED {
                    answer.is_problem(401, "invalid_token");
                }
            }
        }
    }
    both.logged_no_error();
}

#[tokio::test]
async fn issue_9_4_however_many_notes_are_written_at_once_no_user_has_more_than_allowed() {
    let both = Both::with(&[("NOTES_PER_MINUTE", "0"), ("NOTES_PER_USER", "5")]).await;

    for server in &both.servers {
        let token = server.sign_up(EMAIL, PASSWORD).await.signed().token;
        let mut writing = tokio::task::JoinSet::new();
        for number in 0..30 {
            let call = server.api(Method::POST, "/notes").bearer(&token);
            let call = call.json(&json!({ "text": format!("note {number}") }));
            writing.spawn(call.send());
        }
        let answers = writing.join_all().await;

        let (written, refused): (Vec<_>, Vec<_>) = answers
            .iter()
            .partition(|answer| answer.status == StatusCode::CREATED);
        assert_eq!(written.len(), 5);
        for answer in refused {
            answer.is_problem(409, "limit_reached");
        }
        // One that is deleted makes room for another.
        let path = format!("/notes/{}", written[0].text("/id"));
        let delete = server.api(Method::DELETE, &path).bearer(&token);
        assert_eq!(delete.send().await.status, StatusCode::NO_CONTENT);
        assert_eq!(server.write_note(&token, "another").await.status, 201);
        server
            .write_note(&token, "more")
            .await
            .is_problem(409, "limit_reached");
    }
    both.logged_no_error();
}

#[tokio::test]
async fn issue_9_4_notes_of_one_user_are_throttled_and_no_other_users() {
    let both = Both::with(&[("NOTES_PER_MINUTE", "3")]).await;

    for server in &both.servers {
        let ada = server.sign_up(EMAIL, PASSWORD).await.signed().token;
        let eve = server
            .sign_up("eve@example.org", PASSWORD)
            .await
            .signed()
            .token;
        for _ in 0..3 {
            assert_eq!(server.write_note(&ada, "a note").await.status, 201);
        }

        let refused = server.write_note(&ada, "a note").await;

        refused.is_problem(429, "too_many_requests");
        let seconds: u32 = refused.header("retry-after").parse().unwrap();
        assert!((1..=20).contains(&seconds), "{seconds}");
        assert_eq!(server.write_note(&eve, "a note").await.status, 201);
    }
}

#[tokio::test]
async fn issue_9_10_spellings_of_one_address_and_one_password_sign_in_alike() {
    let both = Both::with(&[]).await;

    for server in &both.servers {
        let signed_up = server
            .sign_up("ΝΊΚΟΣ@bu\u{308}cher.example", "cafe\u{301} noir")
            .await;
        assert_eq!(signed_up.status, StatusCode::OK);
        for email in [
            "νίκος@bücher.example",
            "νίκοσ@xn--bcher-kva.example",
            "νι\u{301}κος@BÜCHER．example",
        ] {
            for password in ["cafe\u{301} noir", "caf\u{e9} noir"] {
                let answer = server.sign_in(email, password).await;
                assert_eq!(answer.status, StatusCode::OK, "{email} {password}");
            }
            let again = server.sign_up(email, PASSWORD).await;
            again.is_problem(409, "account_exists");
        }
        let answer = server.sign_in("νίκος@bücher.example", "cafe noir").await;
        answer.is_problem(401, "invalid_credentials");
    }
}
