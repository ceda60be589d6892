//! Requests that no browser sends to the endpoints of Device Bound Session Credentials, and settings.

use std::time::Duration;

use hyper::{Method, StatusCode};
use nolapse::wire::{COOKIE, REFRESH_PATH, SESSIONS_PATH, SIGN_UP_PATH, VERSION, VERSION_HEADER};
use nolapse_server::config::{Config, SameSite};
use serde_json::{Value, json};

use crate::{
    bound_browser::{PROOF, REGISTRATION, bound_cookie, challenge_of, proof},
    dpop::Key,
    support::{Answer, Call, EMAIL, PASSWORD, Signed, World, eventually},
};

async fn world(change: impl FnOnce(&mut Config)) -> World {
    let on = |config: &mut Config| {
        config.dbsc = true;
        config.refreshes_per_minute = 0;
        change(config);
    };
    World::with(on).await
}

fn own(world: &World, signed: &Signed, path: &str) -> Call {
    let call = world.bare(Method::POST, path).cookie(&signed.cookie);
    call.header("sec-secure-session-id", &signed.session)
}

/// A session that was begun, and the challenge to register a key with.
async fn begin(world: &World, email: &str) -> (Signed, String) {
    let call = world.auth(Method::POST, SIGN_UP_PATH);
    let body = json!({ "email": email, "password": PASSWORD });
    let answer = call.json(&body).send().await;
    let challenge = challenge_of(&answer, "secure-session-registration");
    (answer.signed(), challenge)
}

async fn register(world: &World, key: &Key, (signed, challenge): &(Signed, String)) -> Answer {
    let call = own(world, signed, REGISTRATION);
    let call = call.header("secure-session-response", &proof(key, challenge, true));
    call.send().await
}

async fn prove(world: &World, key: &Key, signed: &Signed) -> Answer {
    let asked = own(world, signed, PROOF).send().await;
    let challenge = challenge_of(&asked, "secure-session-challenge");
    let call = own(world, signed, PROOF);
    let call = call.header("secure-session-response", &proof(key, &challenge, false));
    call.send().await
}

/// Gets every response that is documented, where a session may be refreshed twice a minute.
pub(crate) async fn call(world: &World) {
    let (own_key, other_key) = (Key::new(), Key::new());
    let first = begin(world, "first@example.org").await;
    let second = begin(world, "second@example.org").await;
    let call = own(world, &first.0, REGISTRATION);
    call.send().await.is_problem(400, "invalid_request");
    let call = own(world, &first.0, REGISTRATION).header("sec-fetch-mode", "cors");
    call.send().await.is_problem(403, "forbidden_origin");
    let call = world.bare(Method::POST, REGISTRATION);
    let call = call.header("secure-session-response", &proof(&own_key, &first.1, true));
    call.send().await.is_problem(401, "session_ended");
    for begun in [&first, &second] {
        let registered = register(world, &own_key, begun).await;
        assert_eq!(registered.status, StatusCode::OK, "{:?}", registered.body);
    }
    assert_eq!(
        prove(world, &own_key, &first.0).await.status,
        StatusCode::OK
    );
    let foreign = prove(world, &other_key, &second.0).await;
    foreign.is_problem(401, "invalid_dpop_proof");
    until_spent(async || prove(world, &own_key, &first.0).await).await;
    until_spent(async || register(world, &own_key, &second).await).await;
}

/// Repeats a request until it is one too many: by the fifth, since those without and those with the session's key have two each.
async fn until_spent(request: impl AsyncFn() -> Answer) {
    for _ in 0..4 {
        let answer = request().await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            return answer.is_problem(429, "too_many_requests");
        }
    }
    request().await.is_problem(429, "too_many_requests");
}

#[tokio::test]
async fn issue13_what_is_no_proof_registers_nothing_and_gets_no_bound_cookie() {
    let world = world(|_| {}).await;
    let key = Key::new();
    let begun = begin(&world, EMAIL).await;
    let registered = register(&world, &key, &begun).await;
    assert_eq!(registered.status, StatusCode::OK, "{:?}", registered.body);
    let signed = begun.0;
    let asked = own(&world, &signed, PROOF).send().await;
    let challenge = challenge_of(&asked, "secure-session-challenge");
    let header = |name: &str, value: Value| {
        let mut header = json!({ "typ": "dbsc+jwt", "alg": "ES256", "jwk": key.jwk() });
        header[name] = value;
        header
    };
    let claims = json!({ "jti": challenge });
    let mut curve = key.jwk();
    curve["crv"] = "P-384".into();
    let texts = [
        String::new(),
        "a.b.c".to_owned(),
        "a".repeat(5_000),
        key.sign(&header("typ", "JWT".into()), &claims),
        key.sign(&header("alg", "none".into()), &claims),
        key.sign(&header("alg", "ES384".into()), &claims),
        key.sign(&header("crit", json!(["b64"])), &claims),
        key.sign(&header("typ", "dbsc+jwt".into()), &json!({})),
        key.sign(&header("typ", "dbsc+jwt".into()), &json!({ "jti": "x" })),
    ];
    for text in &texts {
        let call = own(&world, &signed, REGISTRATION).header("secure-session-response", text);
        call.send().await.is_problem(400, "invalid_request");
        // A browser would sign the challenge of the response.
        let call = own(&world, &signed, PROOF).header("secure-session-response", text);
        let answer = call.send().await;
        answer.is_problem(403, "invalid_dpop_proof");
        assert_eq!(bound_cookie(&answer), None);
    }
    let odd = key.sign(&header("jwk", curve), &claims);
    let call = own(&world, &signed, REGISTRATION).header("secure-session-response", &odd);
    call.send().await.is_problem(400, "invalid_request");
    let twice = proof(&key, &challenge, false);
    let call = own(&world, &signed, PROOF).header("secure-session-response", &twice);
    let call = call.another("secure-session-response", &twice);
    call.send().await.is_problem(403, "invalid_dpop_proof");
    for id in ["", "x", "é", &"A".repeat(5_000)] {
        let call = own(&world, &signed, PROOF).header("sec-secure-session-id", id);
        call.send().await.is_problem(400, "invalid_request");
    }
    // A script can read the challenge of a sign-in, and its own server has no cookie.
    let bare = world.bare(Method::POST, REGISTRATION);
    let (_, challenged) = begin(&world, "eve@example.org").await;
    let stolen = proof(&Key::new(), &challenged, true);
    let bare = bare.header("secure-session-response", &stolen);
    bare.send().await.is_problem(401, "session_ended");

    // None of it has changed anything; quotes and parameters are those of structured fields.
    let quoted = format!(r#""{}";a=1"#, proof(&key, &challenge, false));
    let call = own(&world, &signed, PROOF).header("secure-session-response", &quoted);
    let id = format!(r#""{}""#, signed.session);
    let answer = call.header("sec-secure-session-id", &id).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}

#[tokio::test]
async fn issue13_a_script_registers_no_key() {
    let world = world(|_| {}).await;
    let (signed, challenge) = begin(&world, EMAIL).await;
    let proof = proof(&Key::new(), &challenge, true);
    for mode in ["cors", "same-origin"] {
        let call = own(&world, &signed, REGISTRATION).header("sec-fetch-mode", mode);
        let refused = call.header("secure-session-response", &proof).send().await;
        refused.is_problem(403, "forbidden_origin");
    }
    assert_eq!(world.count("keys_registered"), 0);
}

#[tokio::test]
async fn issue13_a_bound_cookie_expires_and_the_next_one_is_as_good() {
    let second = |config: &mut Config| config.bound_cookie_lifetime = Duration::from_secs(1);
    let world = world(second).await;
    let key = Key::new();
    let begun = begin(&world, EMAIL).await;
    register(&world, &key, &begun).await;
    let mut signed = begun.0;
    for _ in 0..2 {
        let proven = prove(&world, &key, &signed).await;
        let bound = bound_cookie(&proven).expect("a bound cookie");
        let call = |method: Method, path: &str| {
            let cookies = format!("{COOKIE}={}; __Host-nolapse-bound={bound}", signed.cookie);
            world.auth(method, path).header("cookie", &cookies)
        };
        eventually("the bound cookie has expired", async || {
            let listed = call(Method::GET, SESSIONS_PATH).send().await;
            (listed.status != StatusCode::OK).then(|| listed.is_problem(503, "unavailable"))
        })
        .await;
        let body = json!({ "reason": "load", "page": "visible" });
        let copied = call(Method::POST, REFRESH_PATH).json(&body).send().await;
        copied.is_problem(503, "unavailable");

        // One that a busy machine sends later than a second is refused as the last one was.
        signed = eventually("a refresh with a bound cookie in time", async || {
            let proven = prove(&world, &key, &signed).await;
            let bound = bound_cookie(&proven).expect("a bound cookie");
            let cookies = format!("{COOKIE}={}; __Host-nolapse-bound={bound}", signed.cookie);
            let call = world.auth(Method::POST, REFRESH_PATH);
            let served = call.header("cookie", &cookies).json(&body).send().await;
            (served.status == StatusCode::OK).then(|| served.signed())
        })
        .await;
    }
}

#[tokio::test]
async fn issue13_a_session_that_has_reached_a_limit_ends_for_that_reason() {
    let world = world(|_| {}).await;
    let key = Key::new();
    let begun = begin(&world, EMAIL).await;
    register(&world, &key, &begun).await;
    let signed = begun.0;
    prove(&world, &key, &signed).await;
    world.pass(Config::default().limits.absolute).await;
    let listed = world.own(&signed, Method::GET, SESSIONS_PATH).send().await;
    assert_eq!(listed.text("/reason"), "expired");

    let proven = prove(&world, &key, &signed).await;
    let bound = bound_cookie(&proven).expect("a bound cookie");
    let cookies = format!("{COOKIE}={}; __Host-nolapse-bound={bound}", signed.cookie);
    let call = world
        .auth(Method::POST, REFRESH_PATH)
        .header("cookie", &cookies);
    let body = json!({ "reason": "load", "page": "visible" });
    let ended = call.json(&body).send().await;
    ended.is_problem(401, "session_ended");
    assert_eq!(ended.text("/reason"), "expired");
    let over = prove(&world, &key, &signed).await;
    assert_eq!(over.body["continue"], Value::Bool(false));
}

#[tokio::test]
async fn issue13_sign_ins_ask_for_a_key_only_where_it_is_wanted_and_can_be_had() {
    let off = World::new().await;
    let embedded = world(|config| config.cookie_same_site = SameSite::None).await;
    for world in [off, embedded] {
        let call = world.auth(Method::POST, SIGN_UP_PATH);
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let answer = call.json(&body).send().await;
        assert_eq!(answer.header("secure-session-registration"), "");
        assert_eq!(bound_cookie(&answer), None);
    }
}

#[tokio::test]
async fn issue13_each_account_of_a_browser_has_a_key_and_a_cookie_of_its_own() {
    let accounts = |config: &mut Config| config.account_paths = vec!["work".to_owned()];
    let world = world(accounts).await;
    let address = world.server.auth_addr.to_string();
    let call = |path: &str| Call::new(address.clone(), Method::POST, path);
    let call_of_page = call("/work/auth/sign-up").header("origin", &world.page());
    let call_of_page = call_of_page.header(VERSION_HEADER, VERSION);
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = call_of_page.json(&body).send().await;
    let header = answer.header("secure-session-registration");
    assert!(header.contains(r#"path="/work/auth/dbsc/registration""#));
    let challenge = challenge_of(&answer, "secure-session-registration");
    let set = answer.header("set-cookie");
    let cookie = set.split(';').next().unwrap_or_default().to_owned();
    let call = call("/work/auth/dbsc/registration").header("cookie", &cookie);
    let proof = proof(&Key::new(), &challenge, true);
    let registered = call.header("secure-session-response", &proof).send().await;
    assert_eq!(registered.text("/refresh_url"), "/work/auth/dbsc/refresh");
    assert_eq!(
        registered.text("/credentials/0/name"),
        "__Host-nolapse-bound.work"
    );
    let rules = &registered.body["scope"]["scope_specification"];
    assert_eq!(rules[0]["path"], "/work/auth/refresh");
}
