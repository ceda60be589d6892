//! Hostile input fails neither database, and is bounded on both.

use hyper::{Method, StatusCode};
use nolapse::wire::{PASSWORD_PATH, REFRESH_PATH, SESSIONS_PATH};
use serde_json::json;

use crate::{
    both::Both,
    support::{EMAIL, PASSWORD},
};

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

        for answer in [
            server.write_note(&signed.token, "late").await,
            call(Method::GET, "/notes").send().await,
            call(Method::DELETE, &note).send().await,
            call(Method::DELETE, "/account").send().await,
        ] {
            answer.is_problem(401, "invalid_token");
            assert!(answer.header("www-authenticate").contains("invalid_token"));
        }
        let own = |method: Method, path: &str| server.auth(method, path).cookie(&signed.cookie);
        let revoke = format!("{SESSIONS_PATH}/{}", signed.session);
        let password = json!({ "current_password": PASSWORD, "new_password": "quite another one" });
        let refresh = json!({ "reason": "load", "page": "visible" });
        for answer in [
            own(Method::POST, "/demo/role")
                .json(&json!({ "role": "admin" }))
                .send()
                .await,
            own(Method::GET, SESSIONS_PATH).send().await,
            own(Method::DELETE, &revoke).send().await,
            own(Method::POST, PASSWORD_PATH)
                .json(&password)
                .send()
                .await,
            own(Method::POST, REFRESH_PATH).json(&refresh).send().await,
        ] {
            answer.is_problem(401, "session_ended");
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
        let seconds: u32 = refused.header("retry-after").parse().expect("seconds");
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
