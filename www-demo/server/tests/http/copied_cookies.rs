//! What a copy of a cookie costs its owner while the limit of refreshes holds, on both databases.

use hyper::{Method, StatusCode};
use nolapse::wire::{COOKIE, REFRESH_PATH, SIGN_UP_PATH};
use serde_json::json;

use crate::{
    both::{Both, Logged},
    bound_browser::{Browser, REGISTRATION, challenge_of, own, proof, refresh},
    dpop::Key,
    support::{Answer, EMAIL, PASSWORD, Signed},
};

const ISSUER: &str = "https://auth.example.com";
/// The limit, low enough that no turn comes back while a test runs.
const LIMIT: usize = 3;
const TRIES: usize = 40;
const SETTINGS: [(&str, &str); 3] = [
    ("ISSUER", ISSUER),
    ("DBSC", "1"),
    ("REFRESHES_PER_MINUTE", "3"),
];

/// A proof of a refresh.
fn proof_by(key: &Key) -> String {
    key.proof("POST", &format!("{ISSUER}{REFRESH_PATH}"))
}

async fn sign_up(server: &Logged, email: &str, key: &Key) -> Signed {
    let call = server.auth(Method::POST, SIGN_UP_PATH);
    let proof = key.proof("POST", &format!("{ISSUER}{SIGN_UP_PATH}"));
    let body = json!({ "email": email, "password": PASSWORD });
    let call = call.header("dpop", &proof).json(&body);
    call.send().await.signed()
}

async fn try_with(server: &Logged, cookie: &str, proof: Option<&str>) -> Answer {
    let cookies = format!("{COOKIE}={cookie}");
    let headers: Vec<_> = proof.map(|proof| ("dpop", proof)).into_iter().collect();
    refresh(server, &cookies, &headers).await
}

/// Checks that refused requests were refused for what they lack, and beyond the limit for their number.
fn are_refused(answers: &[Answer], status: u16, code: &str) {
    let [first, .., last] = answers else {
        panic!("no answers");
    };
    first.is_problem(status, code);
    last.is_problem(429, "too_many_requests");
    for answer in answers {
        if answer.status != StatusCode::TOO_MANY_REQUESTS {
            answer.is_problem(status, code);
        }
        assert_eq!(answer.cookie(), None);
    }
}

#[tokio::test]
async fn p53_a_copied_cookie_uses_up_no_refreshes_of_its_owner_with_no_key_with_one_and_with_many()
{
    let both = Both::with(&SETTINGS).await;
    for server in &both.servers {
        let thieves: [(&str, u16, &str, usize); 3] = [
            ("none", 401, "invalid_dpop_proof", 0),
            ("one", 401, "session_ended", 1),
            ("many", 401, "session_ended", TRIES),
        ];
        for (name, status, code, number) in thieves {
            let key = Key::new();
            let email = format!("{name}@example.org");
            let mut owner = sign_up(server, &email, &key).await;
            let foreign: Vec<_> = (0..number).map(|_| Key::new()).collect();
            let steal = async |cookie: &str| {
                let mut answers = Vec::new();
                for round in 0..TRIES {
                    let proof = (number > 0).then(|| proof_by(&foreign[round % number]));
                    answers.push(try_with(server, cookie, proof.as_deref()).await);
                }
                answers
            };

            are_refused(&steal(&owner.cookie).await, status, code);
            for _ in 0..LIMIT - 1 {
                let proof = proof_by(&key);
                let answer = try_with(server, &owner.cookie, Some(&proof)).await;
                owner = answer.signed();
            }
            // Now that the server knows whose key it is, none of them is looked up.
            for answer in steal(&owner.cookie).await {
                answer.is_problem(429, "too_many_requests");
            }
            let proof = proof_by(&key);
            let answer = try_with(server, &owner.cookie, Some(&proof)).await;
            owner = answer.signed();
            // The owner has no more than the limit either.
            let proof = proof_by(&key);
            let answer = try_with(server, &owner.cookie, Some(&proof)).await;
            answer.is_problem(429, "too_many_requests");
        }
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p53_a_copied_request_uses_up_one_refresh_of_its_owner() {
    let both = Both::with(&SETTINGS).await;
    for server in &both.servers {
        let key = Key::new();
        let mut owner = sign_up(server, EMAIL, &key).await;
        let copied = proof_by(&key);
        owner = try_with(server, &owner.cookie, Some(&copied))
            .await
            .signed();
        // The turns that all share are spent: the key tells the owner's requests from now on.
        for _ in 0..TRIES {
            try_with(server, &owner.cookie, None).await;
        }

        for round in 0..TRIES {
            let answer = try_with(server, &owner.cookie, Some(&copied)).await;
            if round == 0 {
                answer.is_problem(401, "invalid_dpop_proof");
            } else {
                answer.is_problem(429, "too_many_requests");
            }
        }
        for _ in 0..LIMIT - 1 {
            let mut claims = key.claims("POST", &format!("{ISSUER}{REFRESH_PATH}"));
            // Not of the second of the copied one.
            claims["iat"] = (claims["iat"].as_u64().unwrap_or_default() + 10).into();
            let proof = key.sign(&key.header(), &claims);
            let answer = try_with(server, &owner.cookie, Some(&proof)).await;
            owner = answer.signed();
        }
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p53_a_copied_cookie_of_a_registered_session_uses_up_neither_refreshes_nor_proofs_of_its_owner()
 {
    let both = Both::with(&SETTINGS).await;
    for server in &both.servers {
        let mut owner = Browser::new(server, &server.sign_up(EMAIL, PASSWORD).await);
        let copied = format!("{COOKIE}={}", owner.signed.cookie);
        let thief = Key::new();
        // Before the browser has registered its key: who has not the challenge of the sign-in is not counted.
        for _ in 0..TRIES {
            let call = own(server, REGISTRATION, &copied);
            let proof = proof(&thief, "guessed", true);
            let call = call.header("secure-session-response", &proof);
            call.send().await.is_problem(400, "invalid_request");
        }
        assert_eq!(owner.register().await.status, StatusCode::OK);
        owner.prove().await;

        let mut answers = Vec::new();
        for _ in 0..TRIES {
            answers.push(refresh(server, &copied, &[]).await);
        }
        are_refused(&answers, 401, "session_ended");
        let mut answers = Vec::new();
        for _ in 0..TRIES {
            let challenge = challenge_of(&owner.ask(None).await, "secure-session-challenge");
            answers.push(owner.ask(Some(&proof(&thief, &challenge, false))).await);
        }
        are_refused(&answers, 401, "invalid_dpop_proof");

        let challenge = challenge_of(&owner.ask(None).await, "secure-session-challenge");
        let copied = proof(&owner.key, &challenge, false);
        assert_eq!(owner.ask(Some(&copied)).await.status, StatusCode::OK);
        for round in 0..TRIES {
            let answer = owner.ask(Some(&copied)).await;
            if round == 0 {
                answer.is_problem(403, "invalid_dpop_proof");
            } else {
                answer.is_problem(429, "too_many_requests");
            }
        }
        for _ in 0..LIMIT - 2 {
            owner.prove().await;
        }
        for _ in 0..LIMIT {
            assert_eq!(owner.refresh().await.status, StatusCode::OK);
        }
        let more = owner.refresh().await;
        more.is_problem(429, "too_many_requests");
    }
    both.logged_no_error();
}
