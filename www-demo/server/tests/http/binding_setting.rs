//! `DEVICE_BINDING`, changed between the starts of a server: what is bound stays bound, and what is not stays so.

use hyper::{Method, StatusCode};
use nolapse::wire::{REFRESH_PATH, SIGN_IN_PATH, SIGN_UP_PATH};
use serde_json::{Value, json};

use crate::{
    both::{Both, Logged},
    dpop::Key,
    support::{Answer, EMAIL, PASSWORD},
};

const ISSUER: &str = "https://auth.example.com";

/// Sends a body of version 2, with a proof for its path or without.
async fn send(
    server: &Logged,
    path: &str,
    key: Option<&Key>,
    cookie: &str,
    mut body: Value,
) -> Answer {
    body["version"] = "2".into();
    if let Some(key) = key {
        body["dpop"] = key.proof("POST", &format!("{ISSUER}{path}")).into();
    }
    let call = server.auth(Method::POST, path).without("nolapse-version");
    let call = call.body("text/plain;charset=UTF-8", body.to_string());
    let call = if cookie.is_empty() {
        call
    } else {
        call.cookie(cookie)
    };
    call.send().await
}

async fn refresh(server: &Logged, key: Option<&Key>, cookie: &str) -> Answer {
    let body = json!({ "reason": "load", "page": "visible" });
    send(server, REFRESH_PATH, key, cookie, body).await
}

#[tokio::test]
async fn p54_a_server_that_binds_no_more_serves_no_bound_session_without_its_key() {
    let on = [("ISSUER", ISSUER)];
    let off = [("ISSUER", ISSUER), ("DEVICE_BINDING", "0")];
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let mut both = Both::with(&on).await;
    let (key, other) = (Key::new(), Key::new());
    let mut bound = Vec::new();
    for server in &both.servers {
        let answer = send(server, SIGN_UP_PATH, Some(&key), "", credentials.clone()).await;
        bound.push(answer.signed().cookie);
    }
    let mut unbound = vec![String::new(); 2];
    for settings in [&off[..], &on, &off] {
        both.restart(settings);
        for (number, server) in both.servers.iter().enumerate() {
            let missing = refresh(server, None, &bound[number]).await;
            missing.is_problem(401, "invalid_dpop_proof");
            let foreign = refresh(server, Some(&other), &bound[number]).await;
            foreign.is_problem(401, "session_ended");
            assert_eq!(foreign.text("/reason"), "key_lost");
            let own = refresh(server, Some(&key), &bound[number]).await;
            bound[number] = own.signed().cookie;

            if unbound[number].is_empty() {
                let answer =
                    send(server, SIGN_IN_PATH, Some(&other), "", credentials.clone()).await;
                unbound[number] = answer.signed().cookie;
            }
            // A key of whosever neither binds it nor keeps it from being served.
            for key in [None, Some(&key), None] {
                let answer = refresh(server, key, &unbound[number]).await;
                assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
                unbound[number] = answer.signed().cookie;
            }
        }
    }
    both.logged_no_error();
}
