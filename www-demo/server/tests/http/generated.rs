//! P48 on both databases at once: whatever is sent, both servers answer alike, and neither fails.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fmt::Write as _;

use hyper::{Method, StatusCode};
use nolapse::wire::{PASSWORD_PATH, REFRESH_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_UP_PATH};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    both::{Both, Logged},
    support::{Answer, EMAIL, PASSWORD},
};

/// How many requests of generated content are sent to both servers.
const REQUESTS: usize = 300;

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

/// A request to both servers.
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
    let demo = prop::sample::select(vec!["revoke", "disable", "enable"]);
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
        1 => (demo, text()).prop_map(|(change, id)| Request::Demo(change, id)),
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
            let call = server.auth(Method::DELETE, &path).cookie(cookie);
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
            let call = server.auth(Method::POST, PASSWORD_PATH).cookie(cookie);
            call.json(&body).send().await
        }
        Request::Demo(change, id) => {
            let body = json!({ "session_id": id, "change": change });
            let call = server.auth(Method::POST, "/demo/session");
            call.json(&body).send().await
        }
        Request::Raw(path, body) => {
            let call = server.auth(Method::POST, path).cookie(cookie);
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
    let listed = list.cookie(&refreshed.signed().cookie).send().await;
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
    eprintln!("the seed is {seed:?}");
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
