//! Notices of changes of how a user signs in, as a mailer gets them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::{Arc, Mutex};

use axum::{Router, extract::State, http::HeaderMap, routing::post};
use hyper::{Method, StatusCode};
use nolapse::wire::{PASSKEYS_PATH, PASSWORD_PATH};
use nolapse_server::config::{Notices, ProviderSecret};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Duration, Instant, sleep},
};

use crate::{
    authenticator::Authenticator,
    passkeys::{self, add, sign_up},
    support::{EMAIL, PASSWORD, World},
};

const SECRET: &str = "a-secret-of-the-mailer-of-32-characters";
const OTHER: &str = "staple of another kind";

/// What a mailer was sent, with the token of the request.
type Sent = Arc<Mutex<Vec<(String, Value)>>>;

#[derive(Clone)]
struct Mailer {
    sent: Sent,
    /// How many requests it fails before it takes one.
    failing: Arc<Mutex<usize>>,
}

async fn receive(State(mailer): State<Mailer>, headers: HeaderMap, body: String) -> StatusCode {
    let mut failing = mailer.failing.lock().unwrap();
    if *failing > 0 {
        *failing -= 1;
        return StatusCode::BAD_GATEWAY;
    }
    let token = headers["authorization"].to_str().unwrap().to_owned();
    assert_eq!(headers["content-type"], "application/json");
    let notice = serde_json::from_str(&body).unwrap();
    mailer.sent.lock().unwrap().push((token, notice));
    StatusCode::NO_CONTENT
}

async fn mailer(failing: usize) -> (Sent, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notices", listener.local_addr().unwrap());
    let mailer = Mailer {
        sent: Sent::default(),
        failing: Arc::new(Mutex::new(failing)),
    };
    let sent = Arc::clone(&mailer.sent);
    let router = Router::new()
        .route("/notices", post(receive))
        .with_state(mailer);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (sent, url)
}

async fn world(url: &str) -> World {
    World::with(|config| {
        config.notices = Some(Notices {
            url: url.to_owned(),
            secret: ProviderSecret::new(SECRET.to_owned()),
        });
    })
    .await
}

/// Waits for as many notices, and returns what they tell of.
async fn told(sent: &Sent, count: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while sent.lock().unwrap().len() < count {
        assert!(Instant::now() < deadline, "{:?}", sent.lock().unwrap());
        sleep(Duration::from_millis(5)).await;
    }
    let sent = sent.lock().unwrap();
    let changes = sent.iter().map(|(token, notice)| {
        assert_eq!(token, &format!("Bearer {SECRET}"));
        assert_eq!(notice["email"], EMAIL);
        assert!(notice["at"].as_u64() > Some(1_700_000_000_000));
        notice["change"].as_str().unwrap().to_owned()
    });
    changes.collect()
}

#[tokio::test]
async fn each_change_of_how_a_user_signs_in_is_told_once_and_what_was_refused_is_not() {
    let (sent, url) = mailer(0).await;
    let world = world(&url).await;
    let mut first = Authenticator::es256(&world.page());
    let signed = sign_up(&world, EMAIL, &mut first).await.signed();
    let weak = json!({ "new_password": "password1" });
    let refused = passkeys::post(&world, &signed, PASSWORD_PATH, &weak).await;
    refused.is_problem(400, "invalid_request");
    let mut second = Authenticator::ed25519(&world.page());
    let added = add(&world, &signed, &mut second).await;
    assert_eq!(added.status, StatusCode::CREATED, "{:?}", added.body);
    assert_eq!(told(&sent, 1).await, ["passkey_added"]);
    let path = format!("{PASSKEYS_PATH}/{}", added.text("/id"));
    let renamed = passkeys::post(&world, &signed, &path, &json!({ "name": "other" })).await;
    assert_eq!(renamed.status, StatusCode::NO_CONTENT, "{:?}", renamed.body);
    let removed = world.own(&signed, Method::DELETE, &path).send().await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(told(&sent, 2).await[1], "passkey_removed");
    let given = json!({ "new_password": PASSWORD });
    let given = passkeys::post(&world, &signed, PASSWORD_PATH, &given).await;
    assert_eq!(given.status, StatusCode::NO_CONTENT, "{:?}", given.body);
    let changes = told(&sent, 3).await;
    assert_eq!(
        changes,
        ["passkey_added", "passkey_removed", "password_changed"]
    );
}

#[tokio::test]
async fn a_notice_is_sent_again_and_a_mailer_that_is_away_holds_nobody_up() {
    let (sent, url) = mailer(1).await;
    let world = world(&url).await;
    let signed = world.sign_up().await;
    let change = json!({ "current_password": PASSWORD, "new_password": OTHER });
    let changed = passkeys::post(&world, &signed, PASSWORD_PATH, &change).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    assert_eq!(told(&sent, 1).await, ["password_changed"]);

    // A port that nothing listens on.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", gone.local_addr().unwrap());
    drop(gone);
    let world = self::world(&url).await;
    let signed = world.sign_up().await;
    let changed = passkeys::post(&world, &signed, PASSWORD_PATH, &change).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
}
