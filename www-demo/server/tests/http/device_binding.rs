//! Sessions that are bound to a key of the browser (RFC 9449), on both databases.

use hyper::{Method, StatusCode};
use nolapse::wire::{
    PASSWORD_PATH, PROOF_HEADER, REFRESH_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_OUT_PATH,
    SIGN_UP_PATH,
};
use serde_json::{Value, json};

use crate::{
    both::{Both, Logged},
    dpop::Key,
    support::{Answer, Call, EMAIL, PASSWORD, Signed},
};

const ISSUER: &str = "https://auth.example.com";

fn url(path: &str) -> String {
    format!("{ISSUER}{path}")
}

fn refreshing() -> Value {
    json!({ "version": "2", "reason": "load", "page": "visible" })
}

fn plain(server: &Logged, path: &str, body: &Value) -> Call {
    let call = server.auth(Method::POST, path).without("nolapse-version");
    call.body("text/plain;charset=UTF-8", body.to_string())
}

/// Signs up with a proof in the body, as the SDK does.
async fn sign_up(server: &Logged, key: &Key) -> Signed {
    let proof = key.proof("POST", &url(SIGN_UP_PATH));
    let body = json!({ "version": "2", "email": EMAIL, "password": PASSWORD, "dpop": proof });
    plain(server, SIGN_UP_PATH, &body).send().await.signed()
}

async fn refresh(server: &Logged, cookie: &str, proof: Option<&str>) -> Answer {
    let mut body = refreshing();
    if let Some(proof) = proof {
        body["dpop"] = proof.into();
    }
    let call = plain(server, REFRESH_PATH, &body).cookie(cookie);
    call.send().await
}

#[tokio::test]
async fn p54_a_bound_session_is_served_with_a_proof_alone_and_goes_on_for_its_owner() {
    let both = Both::with(&[("ISSUER", ISSUER)]).await;
    for server in &both.servers {
        let (key, other) = (Key::new(), Key::new());
        let mut signed = sign_up(server, &key).await;

        // 1,000 tries with the cookie of now and before, without a key and with another one.
        let before = signed.cookie.clone();
        let proof = key.proof("POST", &url(REFRESH_PATH));
        signed = refresh(server, &signed.cookie, Some(&proof)).await.signed();
        for round in 0..1_000 {
            let cookie = if round % 2 == 0 {
                &signed.cookie
            } else {
                &before
            };
            let foreign = other.proof("POST", &url(REFRESH_PATH));
            let proof = (round % 4 < 2).then_some(foreign.as_str());
            let answer = refresh(server, cookie, proof).await;
            if answer.status != StatusCode::TOO_MANY_REQUESTS {
                let code = if proof.is_some() {
                    "session_ended"
                } else {
                    "invalid_dpop_proof"
                };
                answer.is_problem(401, code);
            }
            assert_eq!(answer.cookie(), None, "{round}");
        }
        let list = |proof: Option<&str>, cookie: &str| {
            let call = server.auth(Method::GET, SESSIONS_PATH).cookie(cookie);
            match proof {
                Some(proof) => call.header(PROOF_HEADER, proof),
                None => call,
            }
        };
        list(None, &signed.cookie)
            .send()
            .await
            .is_problem(401, "invalid_dpop_proof");
        let one = format!("{SESSIONS_PATH}/{}", signed.session);
        let revoke = server.auth(Method::DELETE, &one).cookie(&signed.cookie);
        revoke.send().await.is_problem(401, "invalid_dpop_proof");
        let change = server
            .auth(Method::POST, PASSWORD_PATH)
            .cookie(&signed.cookie);
        let passwords = json!({ "current_password": PASSWORD, "new_password": "staple of a kind" });
        let changed = change.json(&passwords).send().await;
        changed.is_problem(401, "invalid_dpop_proof");
        let sign_out = plain(
            server,
            SIGN_OUT_PATH,
            &json!({ "version": "2", "everywhere": true }),
        );
        let sign_out = sign_out.cookie(&signed.cookie).send().await;
        sign_out.is_problem(401, "invalid_dpop_proof");
        // This browser has given its cookie up.
        assert_eq!(sign_out.cookie().as_deref(), Some(""));
        // A sign-in elsewhere with the copied cookie does not end the session that it is of.
        let credentials = json!({ "email": EMAIL, "password": PASSWORD });
        let elsewhere = server
            .auth(Method::POST, SIGN_IN_PATH)
            .cookie(&signed.cookie);
        elsewhere.json(&credentials).send().await.signed();

        let proof = key.proof("GET", &url(SESSIONS_PATH));
        let listed = list(Some(&proof), &signed.cookie).send().await;
        assert_eq!(listed.status, StatusCode::OK, "{:?}", listed.body);
        list(Some(&proof), &signed.cookie)
            .send()
            .await
            .is_problem(401, "invalid_dpop_proof");
        let proof = key.proof("POST", &url(SIGN_OUT_PATH));
        let body = json!({ "version": "2", "dpop": proof });
        let ended = plain(server, SIGN_OUT_PATH, &body)
            .cookie(&signed.cookie)
            .send()
            .await;
        assert_eq!(ended.status, StatusCode::NO_CONTENT);
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p54_a_proof_serves_once_on_all_servers_of_a_database() {
    let both = Both::with(&[("ISSUER", ISSUER), ("REFRESHES_PER_MINUTE", "0")]).await;
    for server in &both.servers {
        let key = Key::new();
        let mut cookie = sign_up(server, &key).await.cookie;
        for _ in 0..10 {
            let proof = key.proof("POST", &url(REFRESH_PATH));
            let calls: Vec<_> = (0..8)
                .map(|_| refresh(server, &cookie, Some(&proof)))
                .collect();
            let mut served = Vec::new();
            for answer in join_all(calls).await {
                if answer.status == StatusCode::OK {
                    served.push(answer.signed().cookie);
                } else {
                    answer.is_problem(401, "invalid_dpop_proof");
                    assert!(!answer.header("dpop-nonce").is_empty());
                }
            }
            assert_eq!(served.len(), 1);
            cookie = served.remove(0);
        }
        // Two requests at once, each with a proof of its own, are one rotation and one repeat.
        let proofs = [0, 1].map(|_| key.proof("POST", &url(REFRESH_PATH)));
        let calls = proofs
            .iter()
            .map(|proof| refresh(server, &cookie, Some(proof)));
        let answers = join_all(calls.collect()).await;
        assert_eq!(answers[0].cookie(), answers[1].cookie());
        assert_eq!(answers[0].status, StatusCode::OK);
    }
    both.logged_no_error();
}

pub(crate) async fn join_all(calls: Vec<impl Future<Output = Answer>>) -> Vec<Answer> {
    let mut running: Vec<_> = calls.into_iter().map(Box::pin).map(Some).collect();
    let mut answers: Vec<Option<Answer>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (call, answer) in running.iter_mut().zip(&mut answers) {
            if let Some(going) = call
                && let std::task::Poll::Ready(got) = going.as_mut().poll(context)
            {
                *answer = Some(got);
                *call = None;
            }
        }
        if running.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    answers.into_iter().flatten().collect()
}

type Alter = fn(&Key, &mut Value, &mut Value);

#[tokio::test]
async fn p54_a_proof_that_is_not_for_this_request_is_refused_by_its_kind() {
    let both = Both::with(&[("ISSUER", ISSUER)]).await;
    let server = &both.servers[0];
    let key = Key::new();
    let signed = sign_up(server, &key).await;
    let alterations: [(&str, &str, Alter); 19] = [
        ("typ", "invalid_dpop_proof", |_, header, _| {
            header["typ"] = "JWT".into();
        }),
        ("no typ", "invalid_dpop_proof", |_, header, _| {
            drop(header.as_object_mut().map(|all| all.remove("typ")));
        }),
        ("alg none", "invalid_dpop_proof", |_, header, _| {
            header["alg"] = "none".into();
        }),
        ("alg of a MAC", "invalid_dpop_proof", |_, header, _| {
            header["alg"] = "HS256".into();
        }),
        (
            "alg of another curve",
            "invalid_dpop_proof",
            |_, header, _| header["alg"] = "ES384".into(),
        ),
        ("another curve", "invalid_dpop_proof", |_, header, _| {
            header["jwk"]["crv"] = "P-384".into();
        }),
        ("not on the curve", "invalid_dpop_proof", |_, header, _| {
            header["jwk"]["y"] = header["jwk"]["x"].clone();
        }),
        ("a private member", "invalid_dpop_proof", |_, header, _| {
            header["jwk"]["d"] = header["jwk"]["x"].clone();
        }),
        (
            "the key of another",
            "invalid_dpop_proof",
            |_, header, _| header["jwk"] = Key::new().jwk(),
        ),
        ("crit", "invalid_dpop_proof", |_, header, _| {
            header["crit"] = json!(["b64"]);
        }),
        ("no jti", "invalid_dpop_proof", |_, _, claims| {
            drop(claims.as_object_mut().map(|all| all.remove("jti")));
        }),
        ("an empty jti", "invalid_dpop_proof", |_, _, claims| {
            claims["jti"] = "".into();
        }),
        ("htm", "invalid_dpop_proof", |_, _, claims| {
            claims["htm"] = "GET".into();
        }),
        (
            "htu of another path",
            "invalid_dpop_proof",
            |_, _, claims| claims["htu"] = url(SIGN_OUT_PATH).into(),
        ),
        (
            "htu of another origin",
            "invalid_dpop_proof",
            |_, _, claims| {
                claims["htu"] = format!("https://evil.example{REFRESH_PATH}").into();
            },
        ),
        ("htu with a query", "invalid_dpop_proof", |_, _, claims| {
            claims["htu"] = format!("{}?{REFRESH_PATH}", url("/")).into();
        }),
        (
            "a clock that is behind",
            "use_dpop_nonce",
            |_, _, claims| {
                claims["iat"] = (claims["iat"].as_u64().unwrap_or_default() - 7_200).into();
            },
        ),
        ("a clock that is ahead", "use_dpop_nonce", |_, _, claims| {
            claims["iat"] = (claims["iat"].as_u64().unwrap_or_default() + 7_200).into();
        }),
        ("a foreign nonce", "use_dpop_nonce", |_, _, claims| {
            claims["nonce"] = "A".repeat(32).into();
        }),
    ];
    for (name, code, alter) in alterations {
        let (mut header, mut claims) = (key.header(), key.claims("POST", &url(REFRESH_PATH)));
        alter(&key, &mut header, &mut claims);
        let proof = key.sign(&header, &claims);
        let answer = refresh(server, &signed.cookie, Some(&proof)).await;
        assert_eq!(answer.text("/error"), code, "{name}");
        answer.is_problem(401, code);
        assert_eq!(answer.cookie(), None, "{name}");
    }
    for text in ["", "x", "a.b", "a.b.c", "....", &"a".repeat(5_000)] {
        let answer = refresh(server, &signed.cookie, Some(text)).await;
        answer.is_problem(401, "invalid_dpop_proof");
    }
    // Below the origin of a page that the auth server is proxied under, in any prefix.
    let proof = key.proof("POST", "https://app.example.com/api/auth/refresh");
    let answer = refresh(server, &signed.cookie, Some(&proof)).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}

#[tokio::test]
async fn p54_a_browser_with_a_wrong_clock_is_served_with_a_nonce_of_any_server() {
    let both = Both::with(&[("ISSUER", ISSUER)]).await;
    let server = &both.servers[0];
    let key = Key::new();
    let target = url(SIGN_UP_PATH);
    let mut claims = key.claims("POST", &target);
    claims["iat"] = 1.into();
    let sign_up = |claims: &Value| {
        let proof = key.sign(&key.header(), claims);
        let body = json!({ "version": "2", "email": EMAIL, "password": PASSWORD, "dpop": proof });
        plain(server, SIGN_UP_PATH, &body).send()
    };

    let challenged = sign_up(&claims).await;
    challenged.is_problem(401, "use_dpop_nonce");
    let nonce = challenged.text("/dpop_nonce");
    assert_eq!(challenged.header("dpop-nonce"), nonce);
    assert!(challenged.body["server_time"].as_u64() > Some(1_700_000_000));
    claims["nonce"] = nonce.into();
    let signed = sign_up(&claims).await.signed();
    // The sign-in was bound.
    let unproven = refresh(server, &signed.cookie, None).await;
    unproven.is_problem(401, "invalid_dpop_proof");
}

#[tokio::test]
async fn p54_a_session_of_before_stays_unbound_and_a_proof_does_not_bind_it() {
    let both = Both::with(&[("ISSUER", ISSUER)]).await;
    for server in &both.servers {
        let key = Key::new();
        let mut signed = server.sign_up(EMAIL, PASSWORD).await.signed();
        for proves in [false, true, false] {
            let proof = proves.then(|| key.proof("POST", &url(REFRESH_PATH)));
            signed = refresh(server, &signed.cookie, proof.as_deref())
                .await
                .signed();
        }
        let twice = server
            .auth(Method::POST, REFRESH_PATH)
            .cookie(&signed.cookie);
        let proof = key.proof("POST", &url(REFRESH_PATH));
        let twice = twice
            .header(PROOF_HEADER, &proof)
            .another(PROOF_HEADER, &proof);
        let body = json!({ "reason": "load", "page": "visible" });
        twice
            .json(&body)
            .send()
            .await
            .is_problem(400, "invalid_request");
    }
}
