//! A mailer that takes notices of changes over HTTP, as `NOTICES_URL` names it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::{Arc, Mutex};

use axum::{Router, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use nolapse_server::config::{Notices, ProviderSecret};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    time::{Duration, Instant, sleep},
};

const SECRET: &str = "a-secret-of-the-mailer-of-32-characters";

/// A mailer.
pub(crate) struct Mailer {
    url: String,
    state: Inbox,
}

#[derive(Clone, Default)]
struct Inbox {
    /// What it was sent, with the token of the request.
    sent: Arc<Mutex<Vec<(String, Value)>>>,
    /// How many requests it fails before it takes one.
    failing: Arc<Mutex<usize>>,
}

impl Mailer {
    /// Starts one that fails the first requests.
    pub(crate) async fn failing(requests: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/notices", listener.local_addr().unwrap());
        let state = Inbox::default();
        *state.failing.lock().unwrap() = requests;
        let router = Router::new().route("/notices", post(receive));
        let router = router.with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state }
    }

    /// Starts one.
    pub(crate) async fn start() -> Self {
        Self::failing(0).await
    }

    /// Returns the settings that name it.
    pub(crate) fn settings(&self) -> Notices {
        notices(&self.url)
    }

    /// Waits for as many notices to an address, and returns what they tell of.
    pub(crate) async fn told(&self, count: usize, email: &str) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let sent = &self.state.sent;
        while sent.lock().unwrap().len() < count {
            assert!(Instant::now() < deadline, "{:?}", sent.lock().unwrap());
            sleep(Duration::from_millis(5)).await;
        }
        let sent = sent.lock().unwrap();
        let changes = sent.iter().map(|(token, notice)| {
            assert_eq!(token, &format!("Bearer {SECRET}"));
            assert_eq!(notice["email"], email);
            assert!(notice["at"].as_u64() > Some(1_700_000_000_000));
            notice["change"].as_str().unwrap().to_owned()
        });
        changes.collect()
    }
}

/// Returns the settings of a mailer at a URL.
pub(crate) fn notices(url: &str) -> Notices {
    Notices {
        url: url.to_owned(),
        secret: ProviderSecret::new(SECRET.to_owned()),
    }
}

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: String) -> StatusCode {
    let mut failing = inbox.failing.lock().unwrap();
    if *failing > 0 {
        *failing -= 1;
        return StatusCode::BAD_GATEWAY;
    }
    let token = headers["authorization"].to_str().unwrap().to_owned();
    assert_eq!(headers["content-type"], "application/json");
    let notice = serde_json::from_str(&body).unwrap();
    inbox.sent.lock().unwrap().push((token, notice));
    StatusCode::NO_CONTENT
}
