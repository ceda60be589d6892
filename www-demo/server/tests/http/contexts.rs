//! Access tokens of contexts, such as organisations.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{
    collections::BTreeMap,
    future::IntoFuture,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use base64ct::{Base64UrlUnpadded, Encoding};
use hyper::{Method, StatusCode};
use nolapse::wire::{MAX_CONTEXTS, SIGN_IN_PATH, SIGN_UP_PATH, VERSION, VERSION_HEADER};
use nolapse_server::{
    AuthServer,
    contexts::{ContextGrant, ContextPolicy},
    domain::{Applied, Role, StoreResult, User, UserId},
    store::{self, Pooler},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{self, Answer, Call, EMAIL, PASSWORD, World};

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).unwrap()).unwrap()
}

/// The claims of the token of a context.
fn claims_within(answer: &Answer, context: &str) -> Value {
    let contexts = &answer.body["contexts"];
    claims(contexts[context]["access_token"].as_str().unwrap())
}

async fn refresh(world: &World, cookie: &str, contexts: &[&str]) -> Answer {
    let body = json!({ "reason": "demand", "page": "visible", "contexts": contexts });
    world.refreshing(cookie, &body).await
}

/// Sets the user's role within a context, as an operator does.
async fn set_role(world: &World, user: &str, context: &str, role: Option<Role>) -> Applied {
    let url = support::config(&world.folder).database_url;
    let store = store::open(&url, 1, Pooler::None).await.unwrap();
    let user = UserId::parse(user).unwrap();
    let applied = store.set_role_within(user, context, role).await.unwrap();
    store.close().await;
    applied
}

#[tokio::test]
async fn line10_each_context_has_a_token_of_its_own_and_one_refresh_brings_all() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let user = claims(&signed.token)["sub"].as_str().unwrap().to_owned();
    set_role(&world, &user, "org_1", Some(Role::Admin)).await;
    set_role(&world, &user, "org_2", Some(Role::Member)).await;

    let answer = refresh(&world, &signed.cookie, &["org_1", "org_2"]).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(world.count("refreshes_rotated"), 1);
    let plain = claims(&answer.text("/access_token"));
    let (first, second) = (
        claims_within(&answer, "org_1"),
        claims_within(&answer, "org_2"),
    );
    assert_eq!(
        (plain.get("context"), &plain["role"]),
        (None, &json!("member"))
    );
    assert_eq!(
        (&first["context"], &first["role"]),
        (&json!("org_1"), &json!("admin"))
    );
    assert_eq!(
        (&second["context"], &second["role"]),
        (&json!("org_2"), &json!("member"))
    );
    for name in ["iss", "aud", "sub", "sid", "auth_time"] {
        assert_eq!(first[name], plain[name], "{name}");
    }
    assert_ne!(first["jti"], second["jti"]);
    let token = answer.body["contexts"]["org_1"]["access_token"].as_str();
    assert_eq!(world.me(token.unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn line10_a_context_that_the_user_has_not_is_refused_and_the_session_goes_on() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let user = claims(&signed.token)["sub"].as_str().unwrap().to_owned();

    let refused = refresh(&world, &signed.cookie, &["org_1"]).await;
    assert_eq!(refused.status, StatusCode::OK);
    let error = &refused.body["contexts"]["org_1"];
    assert_eq!(*error, json!({ "error": "invalid_target" }));
    assert_eq!(world.count("contexts_refused"), 1);

    // A change counts from the next refresh on, in both directions.
    let cookie = refused.cookie().unwrap();
    assert_eq!(
        set_role(&world, &user, "org_1", Some(Role::Member)).await,
        Applied::Yes
    );
    let granted = refresh(&world, &cookie, &["org_1"]).await;
    assert_eq!(claims_within(&granted, "org_1")["role"], json!("member"));
    assert_eq!(set_role(&world, &user, "org_1", None).await, Applied::Yes);
    assert_eq!(set_role(&world, &user, "org_1", None).await, Applied::No);
    let removed = refresh(&world, &granted.cookie().unwrap(), &["org_1"]).await;
    let error = &removed.body["contexts"]["org_1"];
    assert_eq!(*error, json!({ "error": "invalid_target" }));
}

#[tokio::test]
async fn line10_a_sign_in_brings_the_tokens_of_contexts() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let user = claims(&signed.token)["sub"].as_str().unwrap().to_owned();
    set_role(&world, &user, "org_1", Some(Role::Admin)).await;

    let body = json!({ "email": EMAIL, "password": PASSWORD, "contexts": ["org_1", "org_2"] });
    let answer = world
        .auth(Method::POST, SIGN_IN_PATH)
        .json(&body)
        .send()
        .await;

    assert_eq!(claims_within(&answer, "org_1")["role"], json!("admin"));
    let error = &answer.body["contexts"]["org_2"];
    assert_eq!(*error, json!({ "error": "invalid_target" }));
}

#[tokio::test]
async fn line10_without_contexts_the_response_names_none() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let answer = world.refresh(&signed.cookie).await;
    assert_eq!(answer.body.get("contexts"), None);
    let empty = refresh(&world, &answer.cookie().unwrap(), &[]).await;
    assert_eq!(empty.body.get("contexts"), None);
}

#[tokio::test]
async fn line10_names_that_are_none_are_refused_and_nothing_rotates() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let long = "x".repeat(101);
    let many: Vec<String> = (0..=MAX_CONTEXTS)
        .map(|number| format!("c{number}"))
        .collect();
    for contexts in [
        json!([""]),
        json!(["a b"]),
        json!(["a\nb"]),
        json!(["\u{e4}"]),
        json!([long]),
        json!(many),
        json!("org_1"),
        json!([1]),
        json!({ "org_1": true }),
    ] {
        let body = json!({ "reason": "demand", "page": "visible", "contexts": contexts });
        let answer = world.refreshing(&signed.cookie, &body).await;
        answer.is_problem(400, "invalid_request");
    }
    assert_eq!(world.count("refreshes_rotated"), 0);
    let repeated = refresh(&world, &signed.cookie, &["a", "a", "a"]).await;
    assert_eq!(repeated.status, StatusCode::OK);
}

/// Grants one context: another audience, and claims of its own.
struct Audience;

#[async_trait]
impl ContextPolicy for Audience {
    async fn grant(&self, _: &User, context: &str) -> StoreResult<Option<ContextGrant>> {
        let claims = [
            ("plan", json!("pro")),
            ("sub", json!("somebody")),
            ("exp", json!(9e9)),
        ];
        let claims = claims.map(|(name, value)| (name.to_owned(), value));
        Ok(
            (context == "https://billing.example").then(|| ContextGrant {
                audience: Some(context.to_owned()),
                role: None,
                claims: BTreeMap::from(claims),
            }),
        )
    }
}

#[tokio::test]
async fn line10_a_policy_of_the_app_sets_audience_and_claims_but_not_those_of_every_token() {
    let folder = tempfile::tempdir().unwrap();
    let config = support::config(&folder);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let origin = format!("http://localhost:{}", address.port());
    let auth = AuthServer::builder(config).origin(&origin);
    let auth = auth.contexts(Arc::new(Audience)).build().await.unwrap();
    let app = auth
        .router()
        .into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(axum::serve(listener, app).into_future());

    let names = ["https://billing.example", "org_1"];
    let body = json!({ "email": EMAIL, "password": PASSWORD, "contexts": names });
    let call = Call::new(address.to_string(), Method::POST, SIGN_UP_PATH);
    let call = call
        .header("origin", &origin)
        .header(VERSION_HEADER, VERSION);
    let answer = call.json(&body).send().await;

    let plain = claims(&answer.text("/access_token"));
    let billing = claims_within(&answer, "https://billing.example");
    assert_eq!(
        (&billing["aud"], &plain["aud"]),
        (&json!("https://billing.example"), &json!(origin))
    );
    assert_eq!(billing["plan"], json!("pro"));
    for name in ["sub", "exp", "role", "sid"] {
        assert_eq!(billing[name], plain[name], "{name}");
    }
    let error = &answer.body["contexts"]["org_1"];
    assert_eq!(*error, json!({ "error": "invalid_target" }));
    serving.abort();
}
