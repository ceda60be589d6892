//! The API on its own origin.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use nolapse::wire::JWKS_PATH;
use nolapse_server::{
    clock,
    verifier::{KeySet, KeySource, Refusal, Verifier},
};
use serde_json::json;

use crate::support::World;

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
    let url = format!("sqlite://{}", world.folder.path().join("test.db").display());
    let other = sqlx::SqlitePool::connect(&url).await.unwrap();
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
    assert_eq!(set.header("cache-control"), "public, max-age=300");
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
async fn p46_without_any_keys_a_verifier_says_so_and_accepts_nothing() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let keys = KeySource::fetched("http://127.0.0.1:9/jwks.json").unwrap();
    let verifier = Verifier::new(world.page(), "x", keys);

    let found = verifier.verify(clock::now(), &signed.token).await;

    assert_eq!(found, Err(Refusal::NoKeys));
    assert!(KeySource::fetched("https://auth.example.com/jwks.json").is_err());
    assert!(KeySource::fetched("/jwks.json").is_err());
}
