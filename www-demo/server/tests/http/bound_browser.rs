//! A browser that knows Device Bound Session Credentials, as far as its requests go.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use hyper::{Method, StatusCode, header};
use nolapse::wire::{COOKIE, REFRESH_PATH};
use serde_json::json;

use crate::{
    both::Logged,
    dpop::Key,
    support::{Answer, Call, Signed},
};

pub(crate) const REGISTRATION: &str = "/auth/dbsc/registration";
pub(crate) const PROOF: &str = "/auth/dbsc/refresh";
pub(crate) const BOUND_COOKIE: &str = "__Host-nolapse-bound";

/// Returns the challenge of a header.
pub(crate) fn challenge_of(answer: &Answer, name: &str) -> String {
    let text = answer.header(name);
    let text = text
        .rsplit_once("challenge=")
        .map_or(text, |(_, rest)| rest);
    text.split('"').nth(1).unwrap_or_default().to_owned()
}

/// Returns what a response sets the bound cookie to.
pub(crate) fn bound_cookie(answer: &Answer) -> Option<String> {
    let all = answer.headers.get_all(header::SET_COOKIE).iter();
    let mut all = all.map(|line| line.to_str().unwrap());
    let line = all.find_map(|line| line.strip_prefix(BOUND_COOKIE)?.strip_prefix('='))?;
    assert!(line.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"));
    Some(line.split(';').next().unwrap_or_default().to_owned())
}

/// Signs a challenge; a registration has the key with it.
pub(crate) fn proof(key: &Key, challenge: &str, has_key: bool) -> String {
    let mut header = json!({ "typ": "dbsc+jwt", "alg": "ES256" });
    if has_key {
        header["jwk"] = key.jwk();
    }
    key.sign(&header, &json!({ "jti": challenge }))
}

/// What a browser sends by itself, without the headers of a page.
pub(crate) fn own(server: &Logged, path: &str, cookies: &str) -> Call {
    let call = server.auth(Method::POST, path).without("nolapse-version");
    let call = call.without("origin").header("sec-fetch-mode", "no-cors");
    call.header("cookie", cookies)
}

/// A browser that has signed in.
pub(crate) struct Browser<'s> {
    server: &'s Logged,
    pub(crate) key: Key,
    pub(crate) signed: Signed,
    /// That of the sign-in.
    pub(crate) challenge: String,
    /// The bound cookie, or none.
    pub(crate) bound: String,
}

impl<'s> Browser<'s> {
    pub(crate) fn new(server: &'s Logged, answer: &Answer) -> Self {
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        Self {
            server,
            key: Key::new(),
            signed: answer.signed(),
            challenge: challenge_of(answer, "secure-session-registration"),
            bound: String::new(),
        }
    }

    pub(crate) fn cookies(&self) -> String {
        let refresh = format!("{COOKIE}={}", self.signed.cookie);
        if self.bound.is_empty() {
            return refresh;
        }
        format!("{refresh}; {BOUND_COOKIE}={}", self.bound)
    }

    pub(crate) async fn register(&self) -> Answer {
        let proof = proof(&self.key, &self.challenge, true);
        let call = own(self.server, REGISTRATION, &self.cookies());
        call.header("secure-session-response", &proof).send().await
    }

    /// Asks for a bound cookie, with a proof if there is one.
    pub(crate) async fn ask(&self, proof: Option<&str>) -> Answer {
        let call = own(self.server, PROOF, &self.cookies());
        let call = call.header("sec-secure-session-id", &self.signed.session);
        let call = match proof {
            Some(proof) => call.header("secure-session-response", proof),
            None => call,
        };
        call.send().await
    }

    /// Proves the key, and keeps the bound cookie.
    pub(crate) async fn prove(&mut self) -> Answer {
        let asked = self.ask(None).await;
        asked.is_problem(403, "invalid_dpop_proof");
        let named = format!(r#"id="{}""#, self.signed.session);
        assert!(asked.header("secure-session-challenge").ends_with(&named));
        let challenge = challenge_of(&asked, "secure-session-challenge");
        let proven = self.ask(Some(&proof(&self.key, &challenge, false))).await;
        assert_eq!(proven.status, StatusCode::OK, "{:?}", proven.body);
        self.bound = bound_cookie(&proven).expect("a bound cookie");
        proven
    }

    /// Refreshes with the cookies that there are; keeps the next one.
    pub(crate) async fn refresh(&mut self) -> Answer {
        let answer = refresh(self.server, &self.cookies(), &[]).await;
        if answer.status == StatusCode::OK {
            self.signed = answer.signed();
        }
        answer
    }
}

/// Refreshes with cookies and further headers.
pub(crate) async fn refresh(server: &Logged, cookies: &str, headers: &[(&str, &str)]) -> Answer {
    let call = server.auth(Method::POST, REFRESH_PATH);
    let mut call = call.header("cookie", cookies);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    let body = json!({ "reason": "load", "page": "visible" });
    call.json(&body).send().await
}
