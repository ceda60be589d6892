//! Passkeys on both databases: how they sign in, and what is refused (P55).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use hyper::{Method, StatusCode};
use nolapse::wire::{PASSKEY_SIGN_IN_PATH, PASSKEY_SIGN_UP_PATH, PASSKEYS_PATH, STEP_UP_PATH};
use serde_json::{Value, json};

use crate::{
    authenticator::{Authenticator, BACKED_UP, ELIGIBLE, PRESENT, VERIFIED, base64url},
    support::{Answer, Call, EMAIL, Signed, World},
    two_databases::on_both,
};

/// A change of what an authenticator or its browser says.
type Change = fn(&mut Authenticator);

/// Sends a body to a path with the cookie of a session.
pub(crate) async fn post(world: &World, signed: &Signed, path: &str, body: &Value) -> Answer {
    world
        .own(signed, Method::POST, path)
        .json(body)
        .send()
        .await
}

/// Reads options.
pub(crate) async fn options(call: Call) -> Value {
    let answer = call.send().await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.body
}

/// Adds a passkey to the account of a session.
pub(crate) async fn add(world: &World, signed: &Signed, key: &mut Authenticator) -> Answer {
    let path = format!("{PASSKEYS_PATH}/options");
    let options = options(world.own(signed, Method::POST, &path)).await;
    let body = json!({ "credential": key.register(&options), "name": "a laptop" });
    post(world, signed, PASSKEYS_PATH, &body).await
}

pub(crate) async fn sign_in_options(world: &World) -> Value {
    let path = format!("{PASSKEY_SIGN_IN_PATH}/options");
    options(world.auth(Method::POST, &path)).await
}

/// Signs in with the response of an authenticator.
pub(crate) async fn sign_in_with(world: &World, credential: &Value) -> Answer {
    let call = world.auth(Method::POST, PASSKEY_SIGN_IN_PATH);
    call.json(&json!({ "credential": credential })).send().await
}

/// Signs in with a passkey.
pub(crate) async fn sign_in(world: &World, key: &mut Authenticator) -> Answer {
    let options = sign_in_options(world).await;
    sign_in_with(world, &key.sign_in(&options)).await
}

/// Makes an account with a passkey.
pub(crate) async fn sign_up(world: &World, email: &str, key: &mut Authenticator) -> Answer {
    let path = format!("{PASSKEY_SIGN_UP_PATH}/options");
    let call = world.auth(Method::POST, &path);
    let options = options(call.json(&json!({ "email": email }))).await;
    let body = json!({ "email": email, "credential": key.register(&options) });
    let call = world.auth(Method::POST, PASSKEY_SIGN_UP_PATH);
    call.json(&body).send().await
}

/// Reads the claims of an access token.
pub(crate) fn claims(token: &str) -> Value {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_passkey_is_added_and_signs_in_with_two_factors() {
    on_both(async |world| {
        let signed = world.sign_up().await;
        for mut key in [
            Authenticator::es256(&world.page()),
            Authenticator::ed25519(&world.page()),
            Authenticator::rs256(&world.page()),
        ] {
            let added = add(world, &signed, &mut key).await;
            assert_eq!(added.status, StatusCode::CREATED, "{:?}", added.body);
            assert_eq!(added.text("/credential_id"), base64url(&key.id));

            let answer = sign_in(world, &mut key).await;

            assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
            let claims = claims(&answer.signed().token);
            assert_eq!(claims["acr"], "urn:nolapse:acr:2");
            assert_eq!(claims["amr"], json!(["hwk", "user", "mfa"]));
            assert_eq!(answer.text("/session/user/email"), EMAIL);
            assert_eq!(world.refresh(&answer.signed().cookie).await.status, 200);
        }
        let list = world.own(&signed, Method::GET, PASSKEYS_PATH).send().await;
        assert_eq!(list.body["passkeys"].as_array().unwrap().len(), 3);
        assert_eq!(list.text("/rp_id"), "localhost");
    })
    .await;
}

#[tokio::test]
async fn a_synchronised_passkey_without_a_counter_is_a_software_key() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let mut key = Authenticator::es256(&world.page());
    (key.counter, key.flags) = (0, PRESENT | VERIFIED | ELIGIBLE | BACKED_UP);
    add(&world, &signed, &mut key).await;

    for _ in 0..2 {
        let answer = sign_in(&world, &mut key).await;
        let amr = &claims(&answer.signed().token)["amr"];
        assert_eq!(*amr, json!(["swk", "user", "mfa"]));
    }
    let list = world.own(&signed, Method::GET, PASSKEYS_PATH).send().await;
    assert_eq!(list.body["passkeys"][0]["backed_up"], true);
}

#[tokio::test]
async fn p55_what_is_replayed_or_of_another_page_key_or_ceremony_is_refused() {
    on_both(async |world| {
        let signed = world.sign_up().await;
        let mut key = Authenticator::es256(&world.page());
        add(world, &signed, &mut key).await;

        // Replayed: the same response, and the same challenge with a new signature.
        let options = sign_in_options(world).await;
        let credential = key.sign_in(&options);
        assert_eq!(sign_in_with(world, &credential).await.status, 200);
        let replayed = sign_in_with(world, &credential).await;
        replayed.is_problem(401, "passkey_refused");
        assert_eq!(replayed.cookie(), None);
        let again = sign_in_with(world, &key.sign_in(&options)).await;
        again.is_problem(401, "passkey_refused");

        let changes: &[(&str, Change)] = &[
            ("origin", |key| {
                key.origin = "https://evil.example".to_owned();
            }),
            ("port", |key| key.origin = "http://localhost:1".to_owned()),
            ("embedded", |key| key.more = json!({ "crossOrigin": true })),
            ("top origin", |key| {
                key.more = json!({ "topOrigin": "https://evil.example" });
            }),
            ("party", |key| key.party = Some("evil.example".to_owned())),
            ("no verification", |key| key.flags = PRESENT),
            ("no presence", |key| key.flags = VERIFIED),
            ("eligible now", |key| {
                key.flags = PRESENT | VERIFIED | ELIGIBLE;
            }),
            ("backed up alone", |key| {
                key.flags = PRESENT | VERIFIED | BACKED_UP;
            }),
            ("ceremony", |key| key.kind = Some("webauthn.create")),
            ("payment", |key| key.kind = Some("payment.get")),
            ("counter", |key| key.counter = 1),
            ("no handle", |key| key.user = None),
            ("other handle", |key| key.user = Some(base64url(&[7; 16]))),
        ];
        for (what, change) in changes {
            let (user, counter, page) = (key.user.clone(), key.counter, world.page());
            change(&mut key);
            let answer = sign_in(world, &mut key).await;
            assert_eq!(answer.text("/error"), "passkey_refused", "{what}");
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
            assert_eq!(answer.cookie(), None, "{what}");
            (key.user, key.counter, key.origin) = (user, counter + 1, page);
            (key.party, key.kind) = (None, None);
            (key.flags, key.more) = (PRESENT | VERIFIED, json!({}));
        }
        // Another key under the same id; and what was good is still good.
        let mut forged = Authenticator::es256(&world.page());
        (forged.id, forged.user, forged.counter) = (key.id.clone(), key.user.clone(), 900);
        sign_in(world, &mut forged)
            .await
            .is_problem(401, "passkey_refused");
        assert_eq!(sign_in(world, &mut key).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn p55_a_challenge_is_for_one_purpose_and_one_session() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let mut key = Authenticator::es256(&world.page());
    add(&world, &signed, &mut key).await;
    let other = sign_in(&world, &mut key).await.signed();
    let step_up = format!("{STEP_UP_PATH}/options");
    let of_other = options(world.own(&other, Method::POST, &step_up)).await;
    let of_sign_in = sign_in_options(&world).await;

    for foreign in [&of_other, &of_sign_in] {
        let body = json!({ "credential": key.sign_in(foreign) });
        let answer = post(&world, &signed, STEP_UP_PATH, &body).await;
        answer.is_problem(401, "passkey_refused");
    }
    let crossed = sign_in_with(&world, &key.sign_in(&of_other)).await;
    crossed.is_problem(401, "passkey_refused");
    let mut forged = of_sign_in.clone();
    forged["publicKey"]["challenge"] = json!(base64url(&[7; 40]));
    let forged = sign_in_with(&world, &key.sign_in(&forged)).await;
    forged.is_problem(401, "passkey_refused");

    // Of two at once one succeeds.
    let body = json!({ "credential": key.sign_in(&of_other) });
    let (one, two) = tokio::join!(
        post(&world, &other, STEP_UP_PATH, &body),
        post(&world, &other, STEP_UP_PATH, &body)
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn a_disabled_user_cannot_sign_in_with_a_passkey() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let mut key = Authenticator::es256(&world.page());
    add(&world, &signed, &mut key).await;
    let order = json!({ "session_id": signed.session, "change": "disable" });
    let call = world.auth(Method::POST, "/demo/session");
    call.json(&order).send().await;

    let answer = sign_in(&world, &mut key).await;

    answer.is_problem(401, "session_ended");
    assert_eq!(answer.text("/reason"), "user_disabled");
}
