//! Every documented response of passkeys, one-time passwords and step-ups.

use hyper::Method;
use nolapse::wire::{
    PASSKEY_SIGN_IN_PATH, PASSKEY_SIGN_UP_PATH, PASSKEYS_PATH, SIGN_IN_PATH, STEP_UP_PATH,
    TOTP_PATH, TOTP_SIGN_IN_PATH,
};
use serde_json::json;

use crate::{
    authenticator::Authenticator,
    passkeys::{add, post, sign_in, sign_up},
    support::{PASSWORD, World},
    totp::{answer, enrol},
};

/// Gets each response from a server that lets three wrong codes and passwords through.
pub(crate) async fn call(world: &World) {
    without_what_is_needed(world).await;
    let mut key = Authenticator::es256(&world.page());
    let signed = sign_up(world, "key@example.org", &mut key).await.signed();
    sign_in(world, &mut key).await;
    let mut taken = Authenticator::es256(&world.page());
    sign_up(world, "cookie@example.org", &mut taken).await;
    let forged = json!({ "email": "key@example.org", "credential": credential() });
    let again = world.auth(Method::POST, PASSKEY_SIGN_UP_PATH);
    again.json(&forged).send().await;
    let options = format!("{PASSKEY_SIGN_UP_PATH}/options");
    for _ in 0..2 {
        let email = json!({ "email": "key@example.org" });
        world.auth(Method::POST, &options).json(&email).send().await;
        let again = world.auth(Method::POST, PASSKEY_SIGN_UP_PATH);
        again.json(&forged).send().await;
    }
    let mut unknown = Authenticator::es256(&world.page());
    sign_in(world, &mut unknown).await;
    add(world, &signed, &mut key).await;
    let added = add(world, &signed, &mut unknown).await;
    let id = added.text("/id");
    let name = json!({ "name": "another name" });
    let own = |path: &str| format!("{PASSKEYS_PATH}/{path}");
    for path in [own(&id), own("x")] {
        post(world, &signed, &path, &name).await;
        world.own(&signed, Method::DELETE, &path).send().await;
    }
    let list = world.own(&signed, Method::GET, PASSKEYS_PATH).send().await;
    let remaining = own(&list.text("/passkeys/0/id"));
    world.own(&signed, Method::DELETE, &remaining).send().await;
    let step_up = format!("{STEP_UP_PATH}/options");
    world.own(&signed, Method::POST, &step_up).send().await;
    one_time_passwords(world).await;
}

async fn one_time_passwords(world: &World) {
    let email = "totp@example.org";
    let credentials = json!({ "email": email, "password": PASSWORD });
    let made = world.auth(Method::POST, "/auth/sign-up").json(&credentials);
    let signed = made.send().await.signed();
    let confirm = format!("{TOTP_PATH}/confirm");
    let renew = format!("{TOTP_PATH}/recovery-codes");
    let wrong = json!({ "code": "aaaa-aaaa-aaaa-aaaa" });
    let six = json!({ "code": "123456" });
    world.own(&signed, Method::DELETE, TOTP_PATH).send().await;
    world.own(&signed, Method::POST, &renew).send().await;
    post(world, &signed, &confirm, &six).await;
    post(world, &signed, &confirm, &wrong).await;
    let (_, codes) = enrol(world, &signed).await;
    let code = json!({ "password": PASSWORD, "code": codes[0] });
    post(world, &signed, STEP_UP_PATH, &code).await;
    world.own(&signed, Method::POST, TOTP_PATH).send().await;
    world.own(&signed, Method::GET, TOTP_PATH).send().await;
    let ask = || {
        world
            .auth(Method::POST, SIGN_IN_PATH)
            .json(&credentials)
            .send()
    };
    let ticket = ask().await.text("/ticket");
    answer(world, &ticket, &codes[1]).await;
    let ticket = ask().await.text("/ticket");
    let renewed = world.own(&signed, Method::POST, &renew).send().await;
    assert_eq!(renewed.status, 200, "{:?}", renewed.body);
    for _ in 0..4 {
        answer(world, &ticket, "aaaa-aaaa-aaaa-aaaa").await;
        post(world, &signed, STEP_UP_PATH, &wrong).await;
        post(world, &signed, &confirm, &six).await;
    }
    world.own(&signed, Method::DELETE, TOTP_PATH).send().await;
}

/// Calls each endpoint from nowhere, and without a cookie.
async fn without_what_is_needed(world: &World) {
    let one = format!("{PASSKEYS_PATH}/x");
    let below = |path: &str, name: &str| format!("{path}/{name}");
    let own = [
        (Method::GET, PASSKEYS_PATH.to_owned()),
        (Method::POST, PASSKEYS_PATH.to_owned()),
        (Method::POST, below(PASSKEYS_PATH, "options")),
        (Method::POST, one.clone()),
        (Method::DELETE, one),
        (Method::GET, TOTP_PATH.to_owned()),
        (Method::POST, TOTP_PATH.to_owned()),
        (Method::DELETE, TOTP_PATH.to_owned()),
        (Method::POST, below(TOTP_PATH, "confirm")),
        (Method::POST, below(TOTP_PATH, "recovery-codes")),
        (Method::POST, STEP_UP_PATH.to_owned()),
        (Method::POST, below(STEP_UP_PATH, "options")),
    ];
    let credentials = json!({ "email": "cookie@example.org", "password": PASSWORD });
    let made = world.auth(Method::POST, "/auth/sign-up").json(&credentials);
    let cookie = made.send().await.signed().cookie;
    for (method, path) in own {
        world.auth(method.clone(), &path).send().await;
        world.bare(method, &path).cookie(&cookie).send().await;
    }
    // Its proof may be in the body, which is read first.
    let step_up = world.auth(Method::POST, STEP_UP_PATH);
    let password = json!({ "password": PASSWORD });
    step_up.json(&password).send().await;
    for path in [
        PASSKEY_SIGN_IN_PATH.to_owned(),
        below(PASSKEY_SIGN_IN_PATH, "options"),
        PASSKEY_SIGN_UP_PATH.to_owned(),
        below(PASSKEY_SIGN_UP_PATH, "options"),
        TOTP_SIGN_IN_PATH.to_owned(),
    ] {
        world.bare(Method::POST, &path).send().await;
    }
}

/// The response of an authenticator that says nothing.
fn credential() -> serde_json::Value {
    json!({
        "id": "AAAA",
        "type": "public-key",
        "response": { "clientDataJSON": "AAAA", "attestationObject": "AAAA" },
    })
}
