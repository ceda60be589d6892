//! `SECURITY_LOG`: what is tried too often, by whoever has no right to.

use hyper::{Method, StatusCode};
use nolapse::wire::{REVOCATIONS_PATH, SESSION_PATH, SIGN_IN_PATH};

use crate::{
    security_log::{Logged, assert_is_of_a_request, summary},
    support::{Call, EMAIL, PASSWORD, SERVER_SECRET},
};

/// Reads the metrics of a server.
async fn metrics(logged: &Logged) -> String {
    let metrics = Call::new(logged.server.metrics.clone(), Method::GET, "/metrics");
    String::from_utf8(metrics.send().await.bytes.to_vec()).expect("it is text")
}

#[tokio::test]
async fn p31_throttled_sign_ins_are_logged_and_counted() {
    let logged = Logged::start(&[("PASSWORDS_PER_ACCOUNT", "2"), ("METRICS_PORT", "0")]);

    for _ in 0..4 {
        logged.sign(SIGN_IN_PATH, EMAIL, PASSWORD).await;
    }

    let lines = logged.lines(4).await;
    let throttled = lines.iter().filter(|line| line["result"] == "throttled");
    assert_eq!(throttled.count(), 2);
    let metrics = metrics(&logged).await;
    for (result, count) in [("throttled", 2), ("refused", 2), ("ok", 0)] {
        let line = format!(
            "nolapse_security_events_total{{event=\"sign_in\",result=\"{result}\"}} {count}"
        );
        assert!(metrics.lines().any(|one| one == line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn p31_wrong_server_secrets_are_logged_without_the_secret_and_ten_lines_a_minute() {
    let logged = Logged::start(&[("SERVER_SECRETS", SERVER_SECRET), ("METRICS_PORT", "0")]);
    let signed = logged.sign_up().await;
    let wrong = SERVER_SECRET.replace('a', "b");
    let ask = |authorization: Option<String>| {
        let call = logged.call(Method::POST, SESSION_PATH);
        let call = call.cookie(&signed.cookie);
        match authorization {
            Some(value) => call.header("authorization", &value),
            None => call,
        }
    };

    // Neither the right secret nor none is an event.
    let found = ask(Some(format!("Bearer {SERVER_SECRET}"))).send().await;
    assert_eq!(found.status, StatusCode::OK);
    ask(None).send().await.is_problem(401, "invalid_token");
    let feed = logged.call(Method::GET, REVOCATIONS_PATH).bearer(&wrong);
    feed.send().await.is_problem(401, "invalid_token");
    for _ in 0..19 {
        let refused = ask(Some(format!("Bearer {wrong}"))).send().await;
        refused.is_problem(401, "invalid_token");
    }
    // Another network has lines of its own, and the next event comes after all of them.
    let other = Call::new(logged.server.auth.clone(), Method::POST, SESSION_PATH);
    other.bearer(&wrong).send().await;
    logged.sign(SIGN_IN_PATH, EMAIL, PASSWORD).await;

    let lines = logged.lines(13).await;
    assert_eq!(lines.len(), 13, "{lines:?}");
    for line in &lines[1..12] {
        assert_eq!(summary(line), "server_authentication refused wrong_secret");
        assert_is_of_a_request(line);
    }
    assert_ne!(lines[11]["network"], lines[10]["network"]);
    for secret in [SERVER_SECRET, &wrong, &signed.cookie] {
        assert!(!logged.text().contains(secret));
    }
    let metrics = metrics(&logged).await;
    let counted =
        r#"nolapse_security_events_total{event="server_authentication",result="refused"} 21"#;
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");
}
