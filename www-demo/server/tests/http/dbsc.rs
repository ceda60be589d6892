//! Sessions that a browser registers a key for (W3C, Device Bound Session Credentials), on both databases.

use hyper::{Method, StatusCode};
use nolapse::wire::{
    COOKIE, PROOF_HEADER, REFRESH_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, SIGN_UP_PATH,
};
use serde_json::{Value, json};

use crate::{
    both::{Both, Logged},
    bound_browser::{
        BOUND_COOKIE, Browser, PROOF, REGISTRATION, bound_cookie, challenge_of, own, proof, refresh,
    },
    dpop::Key,
    support::{Answer, EMAIL, PASSWORD},
};

const SETTINGS: [(&str, &str); 2] = [("DBSC", "1"), ("REFRESHES_PER_MINUTE", "0")];

async fn sign_in(server: &Logged, cookies: &str) -> Answer {
    let call = server.auth(Method::POST, SIGN_IN_PATH);
    let call = call.header("cookie", cookies);
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    call.json(&body).send().await
}

#[tokio::test]
async fn p54_a_registered_session_needs_the_bound_cookie_from_the_first_proof_on() {
    let both = Both::with(&SETTINGS).await;
    for server in &both.servers {
        let signed = server.sign_up(EMAIL, PASSWORD).await;
        let mut browser = Browser::new(server, &signed);
        let registered = browser.register().await;
        assert_eq!(registered.status, StatusCode::OK, "{:?}", registered.body);
        assert_eq!(
            registered.text("/session_identifier"),
            browser.signed.session
        );
        assert_eq!(registered.text("/refresh_url"), PROOF);
        assert_eq!(registered.text("/credentials/0/name"), BOUND_COOKIE);
        let hosts = json!(["app.example.com"]);
        assert_eq!(registered.body["allowed_refresh_initiators"], hosts);
        assert_eq!(bound_cookie(&registered), None);
        // The response could have been lost: the browser would never have the cookie.
        assert_eq!(browser.refresh().await.status, StatusCode::OK);

        browser.prove().await;
        for _ in 0..3 {
            assert_eq!(browser.refresh().await.status, StatusCode::OK);
        }
        let bare = format!("{COOKIE}={}", browser.signed.cookie);
        let refused = refresh(server, &bare, &[]).await;
        refused.is_problem(401, "session_ended");
        assert_eq!(refused.text("/reason"), "key_lost");
        assert_eq!(refused.cookie(), None);
        assert_eq!(browser.refresh().await.status, StatusCode::OK);
    }
    both.logged_no_error();
}

/// A bound cookie, further headers, and the response.
type Try<'t> = (&'t str, &'t [(&'t str, &'t str)], u16, &'t str);

#[tokio::test]
async fn p53_a_copied_refresh_cookie_gets_no_token_in_1_000_tries_whatever_it_says_and_the_owner_goes_on()
 {
    let both = Both::with(&SETTINGS).await;
    for server in &both.servers {
        let mut owner = Browser::new(server, &server.sign_up(EMAIL, PASSWORD).await);
        let other = server.sign_up("eve@example.org", PASSWORD).await;
        let mut thief = Browser::new(server, &other);
        for browser in [&mut owner, &mut thief] {
            browser.register().await;
            browser.prove().await;
        }
        let before = owner.signed.cookie.clone();
        assert_eq!(owner.refresh().await.status, StatusCode::OK);

        let skipped = ("secure-session-skipped", "quota_exceeded");
        let tries: [Try<'_>; 4] = [
            ("", &[], 401, "session_ended"),
            ("", &[skipped], 503, "unavailable"),
            (&thief.bound, &[], 503, "unavailable"),
            ("forged", &[skipped], 503, "unavailable"),
        ];
        for round in 0..1_000 {
            let copied = if round % 8 < 4 {
                &owner.signed.cookie
            } else {
                &before
            };
            let (bound, headers, status, code) = tries[round % 4];
            let cookies = format!("{COOKIE}={copied}; {BOUND_COOKIE}={bound}");
            let bare = format!("{COOKIE}={copied}");
            let cookies = if bound.is_empty() { &bare } else { &cookies };
            let answer = refresh(server, cookies, headers).await;
            answer.is_problem(status, code);
            assert!(!answer.headers.contains_key("secure-session-registration"));
            // A browser whose cookie is no use proves its key again.
            let deleted = (!bound.is_empty()).then(String::new);
            assert_eq!(bound_cookie(&answer), deleted);
        }
        // Nor does it open anything else, end the session, or get a bound cookie.
        let copied = format!("{COOKIE}={}", owner.signed.cookie);
        let list = server.auth(Method::GET, SESSIONS_PATH);
        let listed = list.header("cookie", &copied).send().await;
        listed.is_problem(401, "session_ended");
        let everywhere = json!({ "everywhere": true });
        let sign_out = server.auth(Method::POST, SIGN_OUT_PATH);
        let sign_out = sign_out.header("cookie", &copied).json(&everywhere);
        sign_out.send().await.is_problem(401, "session_ended");
        assert_eq!(sign_in(server, &copied).await.status, StatusCode::OK);
        let asked = owner.ask(None).await;
        let challenge = challenge_of(&asked, "secure-session-challenge");
        let foreign = owner.ask(Some(&proof(&thief.key, &challenge, true))).await;
        foreign.is_problem(401, "invalid_dpop_proof");
        assert_eq!(bound_cookie(&foreign), None);

        assert_eq!(owner.refresh().await.status, StatusCode::OK);
        owner.prove().await;
        let list = server.auth(Method::GET, SESSIONS_PATH);
        let listed = list.header("cookie", &owner.cookies()).send().await;
        assert_eq!(listed.status, StatusCode::OK, "{:?}", listed.body);
        let sign_out = server.auth(Method::POST, SIGN_OUT_PATH);
        let sign_out = sign_out.header("cookie", &owner.cookies());
        let left = sign_out.json(&json!({})).send().await;
        assert_eq!(left.status, StatusCode::NO_CONTENT);
        assert_eq!(bound_cookie(&left).as_deref(), Some(""));
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p54_a_key_is_registered_once_and_by_who_has_the_challenge_of_the_sign_in() {
    let both = Both::with(&SETTINGS).await;
    for server in &both.servers {
        let mut owner = Browser::new(server, &server.sign_up(EMAIL, PASSWORD).await);
        let other = server.sign_up("eve@example.org", PASSWORD).await;
        let other = Browser::new(server, &other);
        // With the copied cookie and a key of their own: the challenge of another session, one for a refresh, none.
        let asked = owner.ask(None).await;
        let asked = challenge_of(&asked, "secure-session-challenge");
        let (thief, cookies) = (Key::new(), owner.cookies());
        let steal = async |challenge: &str| {
            let call = own(server, REGISTRATION, &cookies);
            let proof = proof(&thief, challenge, true);
            call.header("secure-session-response", &proof).send().await
        };
        for challenge in [&other.challenge, &asked, ""] {
            steal(challenge).await.is_problem(400, "invalid_request");
        }

        // The browser repeats a request whose response was lost.
        for _ in 0..2 {
            assert_eq!(owner.register().await.status, StatusCode::OK);
        }
        steal(&owner.challenge)
            .await
            .is_problem(400, "invalid_request");
        owner.prove().await;
        steal(&owner.challenge)
            .await
            .is_problem(400, "invalid_request");
        assert_eq!(owner.refresh().await.status, StatusCode::OK);
        assert!(refresh(server, &cookies, &[]).await.status != StatusCode::OK);
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p54_a_challenge_is_good_for_one_bound_cookie_on_all_servers_of_a_database() {
    let both = Both::with(&SETTINGS).await;
    for server in &both.servers {
        let mut browser = Browser::new(server, &server.sign_up(EMAIL, PASSWORD).await);
        browser.register().await;
        let asked = browser.ask(None).await;
        let challenge = challenge_of(&asked, "secure-session-challenge");
        let proof = proof(&browser.key, &challenge, false);
        let calls = (0..8).map(|_| browser.ask(Some(&proof)));
        let mut granted = 0;
        for answer in crate::device_binding::join_all(calls.collect()).await {
            if answer.status == StatusCode::OK {
                granted += 1;
            } else {
                answer.is_problem(403, "invalid_dpop_proof");
                assert_eq!(bound_cookie(&answer), None);
            }
        }
        assert_eq!(granted, 1);
        // The challenge of the refusal is later than the one that was used.
        let replayed = browser.ask(Some(&proof)).await;
        let challenge = challenge_of(&replayed, "secure-session-challenge");
        let again = self::proof(&browser.key, &challenge, false);
        assert_eq!(browser.ask(Some(&again)).await.status, StatusCode::OK);
        browser.prove().await;
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p54_with_a_proof_and_a_bound_cookie_both_are_needed() {
    let issuer = "https://auth.example.com";
    let both = Both::with(&[SETTINGS[0], SETTINGS[1], ("ISSUER", issuer)]).await;
    for server in &both.servers {
        let dpop = Key::new();
        let proof = |path: &str| dpop.proof("POST", &format!("{issuer}{path}"));
        let call = server.auth(Method::POST, SIGN_UP_PATH);
        let call = call.header(PROOF_HEADER, &proof(SIGN_UP_PATH));
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let mut browser = Browser::new(server, &call.json(&body).send().await);
        browser.register().await;
        browser.prove().await;
        let bare = format!("{COOKIE}={}", browser.signed.cookie);

        let without_proof = browser.refresh().await;
        without_proof.is_problem(401, "invalid_dpop_proof");
        let own = proof(REFRESH_PATH);
        let without_cookie = refresh(server, &bare, &[(PROOF_HEADER, &own)]).await;
        without_cookie.is_problem(401, "session_ended");
        // It was not used up.
        let served = refresh(server, &browser.cookies(), &[(PROOF_HEADER, &own)]).await;
        assert_eq!(served.status, StatusCode::OK, "{:?}", served.body);
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p53_the_next_sign_in_of_a_browser_is_not_hindered_by_the_one_before() {
    let both = Both::with(&SETTINGS).await;
    for server in &both.servers {
        let mut first = Browser::new(server, &server.sign_up(EMAIL, PASSWORD).await);
        first.register().await;
        first.prove().await;
        // Without its bound cookie the browser cannot end the first session.
        let bare = format!("{COOKIE}={}", first.signed.cookie);
        let answer = sign_in(server, &bare).await;
        assert_eq!(bound_cookie(&answer).as_deref(), Some(""));
        let mut second = Browser::new(server, &answer);
        second.register().await;

        // The browser still has both: the bound cookie of the first would replace that of the second.
        let cookies = second.cookies();
        let call = own(server, PROOF, &cookies);
        let call = call.header("sec-secure-session-id", &first.signed.session);
        let over = call.send().await;
        let expected = json!({ "session_identifier": first.signed.session, "continue": false });
        assert_eq!((over.status, &over.body), (StatusCode::OK, &expected));
        second.prove().await;
        assert_eq!(second.refresh().await.status, StatusCode::OK);

        // An ended session, and one whose cookie is gone, are forgotten too.
        let sign_out = server.auth(Method::POST, SIGN_OUT_PATH);
        let sign_out = sign_out
            .header("cookie", &second.cookies())
            .json(&json!({}));
        assert_eq!(sign_out.send().await.status, StatusCode::NO_CONTENT);
        let asked = second.ask(None).await;
        let challenge = challenge_of(&asked, "secure-session-challenge");
        let over = second
            .ask(Some(&proof(&second.key, &challenge, false)))
            .await;
        assert_eq!(over.body["continue"], Value::Bool(false));
        let call = own(server, PROOF, "other=1");
        let call = call.header("sec-secure-session-id", &second.signed.session);
        assert_eq!(call.send().await.body["continue"], Value::Bool(false));
    }
    both.logged_no_error();
}
