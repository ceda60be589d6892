//! The API on its own origin.

use std::{sync::Arc, time::Duration};

use hyper::{Method, StatusCode};
use nolapse::wire::{JWKS_PATH, METADATA_PATH};
use nolapse_server::{
    clock,
    config::Config,
    verifier::{KeySet, KeySource, Refusal, Verifier},
};
use serde_json::json;

use crate::support::{EMAIL, PASSWORD, World};

#[tokio::test]
async fn notes_belong_to_the_user_of_the_token() {
    let world = World::new().await;
    let ada = world.sign_up().await;
    let body = json!({ "email": "eve@example.org", "password": "another password" });
    let eve = world
        .auth(Method::POST, "/auth/sign-up")
        .json(&body)
        .send()
        .await
        .signed();

    let note = json!({ "text": "buy milk" });
    let added = world
        .api(Method::POST, "/notes")
        .bearer(&ada.token)
        .json(&note)
        .send()
        .await;
    let path = format!("/notes/{}", added.text("/id"));
    let stolen = world
        .api(Method::DELETE, &path)
        .bearer(&eve.token)
        .send()
        .await;
    let theirs = world
        .api(Method::GET, "/notes")
        .bearer(&eve.token)
        .send()
        .await;
    let own = world
        .api(Method::GET, "/notes")
        .bearer(&ada.token)
        .send()
        .await;
    let deleted = world
        .api(Method::DELETE, &path)
        .bearer(&ada.token)
        .send()
        .await;

    assert_eq!(added.status, StatusCode::CREATED);
    stolen.is_problem(404, "not_found");
    assert_eq!(theirs.body["notes"], json!([]));
    assert_eq!(own.body["notes"][0]["text"], "buy milk");
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_challenge_names_no_error_where_no_token_was_sent() {
    let world = World::new().await;

    let none = world.api(Method::GET, "/me").send().await;
    let basic = world
        .api(Method::GET, "/me")
        .header("authorization", "Basic eDp5")
        .send()
        .await;
    let bad = world.me("x.y.z").await;

    for answer in [none, basic] {
        answer.is_problem(401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert_eq!(
        bad.header("www-authenticate"),
        r#"Bearer error="invalid_token""#
    );
}

#[tokio::test]
async fn p44_a_token_is_verified_while_the_database_cannot_answer() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let other = sqlx::SqlitePool::connect(&world.databases[0])
        .await
        .unwrap();
    sqlx::query("DROP TABLE sessions")
        .execute(&other)
        .await
        .unwrap();
    sqlx::query("DROP TABLE notes")
        .execute(&other)
        .await
        .unwrap();
    sqlx::query("DROP TABLE users")
        .execute(&other)
        .await
        .unwrap();

    let me = world.me(&signed.token).await;
    let stateful = world.refresh(&signed.cookie).await;

    assert_eq!(me.status, StatusCode::OK);
    assert_eq!(me.text("/session"), signed.session);
    stateful.is_problem(503, "unavailable");
    assert_eq!(stateful.header("retry-after"), "2");
}

#[tokio::test]
async fn part1_the_server_metadata_name_what_there_is_and_nothing_else() {
    let world = World::new().await;

    let found = world.bare(Method::GET, METADATA_PATH).send().await;

    let (issuer, jwks) = (world.page(), format!("{}{JWKS_PATH}", world.page()));
    assert_eq!(found.status, 200);
    assert_eq!(found.header("content-type"), "application/json");
    assert_eq!(found.header("cache-control"), "public, max-age=60");
    assert_eq!(found.body, json!({ "issuer": issuer, "jwks_uri": jwks }));
    // What a library does that is given the issuer alone.
    let at = |text: &str| text.replace("localhost", "127.0.0.1");
    let keys = KeySource::fetched(&at(found.body["jwks_uri"].as_str().unwrap())).unwrap();
    let audience = format!("http://localhost:{}", world.server.api_addr.port());
    let issuer = found.body["issuer"].as_str().unwrap();
    let verifier = Verifier::new(issuer, &audience, keys);
    let signed = world.sign_up().await;
    assert!(verifier.verify(clock::now(), &signed.token).await.is_ok());
}

#[tokio::test]
async fn p46_another_service_verifies_with_the_published_keys_alone() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let url = format!("http://{}{JWKS_PATH}", world.server.auth_addr);
    let audience = format!("http://localhost:{}", world.server.api_addr.port());
    let keys = KeySource::fetched(&url).unwrap();
    let verifier = Arc::new(Verifier::new(world.page(), &audience, keys));

    let found = verifier.verify(clock::now(), &signed.token).await.unwrap();
    let set = world.bare(Method::GET, JWKS_PATH).send().await;

    assert_eq!(found.session, signed.session);
    assert_eq!(
        set.body["keys"].as_array().unwrap().len(),
        2,
        "current and next"
    );
    assert_eq!(set.header("cache-control"), "public, max-age=60");
    assert!(
        !set.bytes.windows(3).any(|text| text == b"\"d\""),
        "no private member"
    );
    assert!(KeySet::from_json(&set.bytes).is_some());

    // With the auth server gone, the keys in memory go on.
    world.server.shutdown().await;
    assert!(verifier.verify(clock::now(), &signed.token).await.is_ok());
}

#[tokio::test]
async fn p46_without_keys_a_verifier_responds_503_and_accepts_nothing() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let keys = KeySource::fetched("http://127.0.0.1:9/jwks.json").unwrap();
    let verifier = Verifier::new(world.page(), "x", keys);

    let found = verifier.verify(clock::now(), &signed.token).await;

    assert_eq!(found, Err(Refusal::NoKeys));
    assert!(KeySource::fetched("http://auth.example.com/jwks.json").is_err());
    assert!(KeySource::fetched("/jwks.json").is_err());
}

#[tokio::test]
async fn p14_an_account_is_deleted_by_a_live_session_of_a_recent_sign_in_alone() {
    let world = World::new().await;
    let recent = Config::default().recent_sign_in;
    let mut signed = world.sign_up().await;
    let delete = async |token: &str| {
        let call = world.api(Method::DELETE, "/account").bearer(token);
        call.send().await
    };

    // A refresh makes a new token of an old sign-in.
    world.pass(recent + Duration::from_secs(1)).await;
    let old = world.refresh(&signed.cookie).await.text("/access_token");
    let refused = delete(&old).await;
    refused.is_problem(401, "insufficient_user_authentication");
    let challenge = refused.header("www-authenticate");
    assert!(challenge.starts_with(r#"Bearer error="insufficient_user_authentication""#));
    assert!(challenge.ends_with(r#"max_age="300""#), "{challenge}");
    assert_eq!(world.me(&old).await.status, StatusCode::OK);

    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let sign_in = async || {
        let call = world.auth(Method::POST, "/auth/sign-in").json(&body);
        call.send().await
    };
    signed = sign_in().await.signed();
    let revoke = format!("/auth/sessions/{}", signed.session);
    let revoke = world.own(&signed, Method::DELETE, &revoke);
    assert_eq!(revoke.send().await.status, StatusCode::NO_CONTENT);
    // The token is still believed elsewhere, but not here.
    assert_eq!(world.me(&signed.token).await.status, StatusCode::OK);
    delete(&signed.token).await.is_problem(401, "invalid_token");

    signed = sign_in().await.signed();
    assert_eq!(delete(&signed.token).await.status, StatusCode::NO_CONTENT);
    sign_in().await.is_problem(401, "invalid_credentials");
    let refresh = world.refresh(&signed.cookie).await;
    refresh.is_problem(401, "session_ended");
}
