//! Sessions of every sign-in are bound to the key that its proof has (RFC 9449).

use hyper::{Method, StatusCode};
use nolapse::wire::{
    PASSKEY_SIGN_IN_PATH, PASSKEY_SIGN_UP_PATH, PASSKEYS_PATH, PROOF_HEADER, REFRESH_PATH,
    SIGN_IN_PATH, STEP_UP_PATH, TOTP_SIGN_IN_PATH,
};
use serde_json::{Value, json};

use crate::{
    authenticator::Authenticator,
    dpop::Key,
    passkeys::{add, claims, options, sign_in_options},
    support::{Answer, EMAIL, PASSWORD, Signed, World},
    totp::enrol,
};

/// Posts with a proof in the header.
async fn post(world: &World, key: &Key, path: &str, cookie: Option<&str>, body: &Value) -> Answer {
    let proof = key.proof("POST", &format!("{}{path}", world.page()));
    let call = world.auth(Method::POST, path).header(PROOF_HEADER, &proof);
    let call = match cookie {
        Some(cookie) => call.cookie(cookie),
        None => call,
    };
    call.json(body).send().await
}

/// Asserts that a session is refreshed with a proof of its key, and with no other; returns its next cookie.
async fn is_bound(world: &World, key: &Key, signed: &Signed) -> String {
    let body = json!({ "reason": "load", "page": "visible" });
    let bare = world.refresh(&signed.cookie).await;
    bare.is_problem(401, "invalid_dpop_proof");
    let other = post(
        world,
        &Key::new(),
        REFRESH_PATH,
        Some(&signed.cookie),
        &body,
    )
    .await;
    other.is_problem(401, "session_ended");
    let own = post(world, key, REFRESH_PATH, Some(&signed.cookie), &body).await;
    own.signed().cookie
}

#[tokio::test]
async fn p54_a_session_that_a_passkey_opens_is_bound() {
    let world = World::new().await;
    let (key, mut authenticator) = (Key::new(), Authenticator::es256(&world.page()));
    let path = format!("{PASSKEY_SIGN_UP_PATH}/options");
    let call = world.auth(Method::POST, &path);
    let begun = options(call.json(&json!({ "email": EMAIL }))).await;
    let body = json!({ "email": EMAIL, "credential": authenticator.register(&begun) });
    let made = post(&world, &key, PASSKEY_SIGN_UP_PATH, None, &body).await;
    is_bound(&world, &key, &made.signed()).await;

    let begun = sign_in_options(&world).await;
    let body = json!({ "credential": authenticator.sign_in(&begun) });
    let opened = post(&world, &key, PASSKEY_SIGN_IN_PATH, None, &body).await;
    is_bound(&world, &key, &opened.signed()).await;
}

#[tokio::test]
async fn p54_a_session_that_a_code_opens_is_bound_and_stepped_up_with_its_key_alone() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let mut authenticator = Authenticator::es256(&world.page());
    let added = add(&world, &signed, &mut authenticator).await;
    assert_eq!(added.status, StatusCode::CREATED, "{:?}", added.body);
    let (_, codes) = enrol(&world, &signed).await;
    let key = Key::new();
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let asked = post(&world, &key, SIGN_IN_PATH, None, &credentials).await;
    let body = json!({ "ticket": asked.text("/ticket"), "code": codes[0] });
    let opened = post(&world, &key, TOTP_SIGN_IN_PATH, None, &body).await;
    let cookie = is_bound(&world, &key, &opened.signed()).await;

    let password = json!({ "password": PASSWORD });
    let call = world.auth(Method::POST, STEP_UP_PATH).cookie(&cookie);
    let bare = call.json(&password).send().await;
    bare.is_problem(401, "invalid_dpop_proof");
    let stepped = post(&world, &key, STEP_UP_PATH, Some(&cookie), &password).await;
    assert_eq!(stepped.status, StatusCode::OK, "{:?}", stepped.body);
    // As the SDK sends it: as text, with the proof in the body.
    let proof = key.proof("POST", &format!("{}{STEP_UP_PATH}", world.page()));
    let body = json!({ "version": "2", "code": codes[1], "dpop": proof });
    let call = world.auth(Method::POST, STEP_UP_PATH).cookie(&cookie);
    let call = call.without("nolapse-version");
    let plain = call.body("text/plain;charset=UTF-8", body.to_string());
    let stepped = plain.send().await;
    assert_eq!(stepped.status, StatusCode::OK, "{:?}", stepped.body);
    assert_eq!(
        claims(&stepped.text("/access_token"))["acr"],
        "urn:nolapse:acr:2"
    );
    let list = world.auth(Method::GET, PASSKEYS_PATH).cookie(&cookie);
    list.send().await.is_problem(401, "invalid_dpop_proof");
}
