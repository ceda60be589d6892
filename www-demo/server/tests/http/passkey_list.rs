//! The passkeys of an account: added once, renamed, removed, and not too many (P55).

use hyper::{Method, StatusCode};
use nolapse::wire::{PASSKEYS_PATH, SIGN_IN_PATH};
use serde_json::json;

use crate::{
    authenticator::{Authenticator, base64url},
    passkeys::{add, claims, options, post, sign_in, sign_up},
    support::{EMAIL, PASSWORD, World},
    two_databases::on_both,
};

#[tokio::test]
async fn p55_a_removed_passkey_is_unknown_and_the_last_way_in_stays() {
    on_both(async |world| {
        let mut first = Authenticator::es256(&world.page());
        let made = sign_up(world, EMAIL, &mut first).await;
        assert_eq!(made.status, StatusCode::OK, "{:?}", made.body);
        let signed = made.signed();
        assert_eq!(claims(&signed.token)["acr"], "urn:nolapse:acr:2");
        let mut second = Authenticator::ed25519(&world.page());
        let added = add(world, &signed, &mut second).await;
        let list = world.own(&signed, Method::GET, PASSKEYS_PATH).send().await;
        let first_id = list.text("/passkeys/0/id");
        let remove = async |id: &str| {
            let path = format!("{PASSKEYS_PATH}/{id}");
            world.own(&signed, Method::DELETE, &path).send().await
        };

        assert_eq!(remove(&first_id).await.status, StatusCode::NO_CONTENT);
        remove(&first_id).await.is_problem(404, "not_found");
        sign_in(world, &mut first)
            .await
            .is_problem(401, "unknown_passkey");
        remove(&added.text("/id"))
            .await
            .is_problem(409, "last_way_in");
        assert_eq!(sign_in(world, &mut second).await.status, 200);
        // No password opens an account that has none.
        let call = world.auth(Method::POST, SIGN_IN_PATH);
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        call.json(&body)
            .send()
            .await
            .is_problem(401, "invalid_credentials");
        // The address has an account, whichever way it is asked for.
        let mut third = Authenticator::es256(&world.page());
        sign_up(world, EMAIL, &mut third)
            .await
            .is_problem(409, "account_exists");
        sign_in(world, &mut third)
            .await
            .is_problem(401, "unknown_passkey");
    })
    .await;
}

#[tokio::test]
async fn of_two_last_passkeys_that_are_removed_at_once_one_stays() {
    on_both(async |world| {
        let mut keys = [
            Authenticator::es256(&world.page()),
            Authenticator::es256(&world.page()),
        ];
        let signed = sign_up(world, EMAIL, &mut keys[0]).await.signed();
        add(world, &signed, &mut keys[1]).await;
        let list = world.own(&signed, Method::GET, PASSKEYS_PATH).send().await;
        let remove = |place: usize| {
            let id = list.text(&format!("/passkeys/{place}/id"));
            world
                .own(&signed, Method::DELETE, &format!("{PASSKEYS_PATH}/{id}"))
                .send()
        };

        let (one, two) = tokio::join!(remove(0), remove(1));

        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_is_renamed_by_its_user_alone() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let mut key = Authenticator::es256(&world.page());
    let id = add(&world, &signed, &mut key).await.text("/id");
    let mut other = Authenticator::es256(&world.page());
    let stranger = sign_up(&world, "eve@example.org", &mut other)
        .await
        .signed();
    let path = format!("{PASSKEYS_PATH}/{id}");

    let foreign = post(&world, &stranger, &path, &json!({ "name": "mine" })).await;
    foreign.is_problem(404, "not_found");
    let foreign = world.own(&stranger, Method::DELETE, &path).send().await;
    foreign.is_problem(404, "not_found");
    let empty = post(&world, &signed, &path, &json!({ "name": " " })).await;
    empty.is_problem(400, "invalid_request");
    let renamed = post(&world, &signed, &path, &json!({ "name": " a phone " })).await;

    assert_eq!(renamed.status, StatusCode::NO_CONTENT);
    let list = world.own(&signed, Method::GET, PASSKEYS_PATH).send().await;
    assert_eq!(list.text("/passkeys/0/name"), "a phone");
}

#[tokio::test]
async fn a_passkey_is_registered_once_and_for_its_own_session_and_challenge() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let mut key = Authenticator::es256(&world.page());
    let path = format!("{PASSKEYS_PATH}/options");
    let issued = options(world.own(&signed, Method::POST, &path)).await;
    let body = json!({ "credential": key.register(&issued) });
    let mut eve = Authenticator::es256(&world.page());
    let stranger = sign_up(&world, "eve@example.org", &mut eve).await.signed();

    let foreign = post(&world, &stranger, PASSKEYS_PATH, &body).await;
    foreign.is_problem(403, "passkey_refused");
    let added = post(&world, &signed, PASSKEYS_PATH, &body).await;
    assert_eq!(added.status, StatusCode::CREATED);
    let replayed = post(&world, &signed, PASSKEYS_PATH, &body).await;
    replayed.is_problem(403, "passkey_refused");
    // The same credential, also for another user.
    let again = add(&world, &stranger, &mut key).await;
    again.is_problem(409, "passkey_exists");
    let excluded = options(world.own(&signed, Method::POST, &path)).await;
    let excluded = &excluded["publicKey"]["excludeCredentials"];
    assert_eq!(excluded[0]["id"], base64url(&key.id));
}

#[tokio::test]
async fn a_user_has_at_most_twenty_passkeys() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    for _ in 0..20 {
        let mut key = Authenticator::ed25519(&world.page());
        assert_eq!(add(&world, &signed, &mut key).await.status, 201);
    }
    let mut key = Authenticator::ed25519(&world.page());
    add(&world, &signed, &mut key)
        .await
        .is_problem(409, "limit_reached");
}
