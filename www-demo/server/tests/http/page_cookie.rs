//! `PAGE_COOKIE=1`: the access token in a cookie, for servers that render pages.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use base64ct::{Base64UrlUnpadded, Encoding};
use hyper::{Method, StatusCode};
use nolapse::wire::{PAGE_COOKIE, SESSION_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_OUT_PATH};
use serde_json::{Value, json};

use crate::support::{Answer, EMAIL, PASSWORD, SERVER_SECRET, World};

/// The line that sets the page cookie: its value, and its attributes.
fn page_cookie(answer: &Answer) -> Option<(String, String)> {
    let mut lines = answer.headers.get_all("set-cookie").iter();
    let prefix = format!("{PAGE_COOKIE}=");
    let line = lines.find_map(|line| line.to_str().ok()?.strip_prefix(&prefix))?;
    let (value, attributes) = line.split_once("; ")?;
    Some((value.to_owned(), attributes.to_owned()))
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).unwrap()).unwrap()
}

async fn world() -> World {
    World::with(|config| config.page_cookie = true).await
}

async fn sign_in(world: &World) -> Answer {
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let call = world.auth(Method::POST, SIGN_IN_PATH).json(&body);
    call.send().await
}

#[tokio::test]
async fn part4_each_response_with_tokens_sets_a_page_cookie_for_the_life_of_its_token() {
    let world = world().await;
    world.sign_up().await;
    let signed_in = sign_in(&world).await;
    let refreshed = world.refresh(&signed_in.signed().cookie).await;

    for answer in [&signed_in, &refreshed] {
        let (token, attributes) = page_cookie(answer).expect("a page cookie");
        assert_eq!(
            attributes,
            "Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax"
        );
        let (page, given) = (claims(&token), claims(&answer.text("/access_token")));
        assert_eq!(page["user"], answer.body["session"]["user"]);
        for claim in ["sub", "sid", "aud", "iss", "exp", "role"] {
            assert_eq!(page[claim], given[claim], "{claim}");
        }
        assert_eq!(given.get("user"), None);
        // A renderer calls the API with it for its user.
        assert_eq!(world.me(&token).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn part4_the_page_cookie_opens_nothing_by_itself() {
    let world = world().await;
    world.sign_up().await;
    let (token, _) = page_cookie(&sign_in(&world).await).expect("a page cookie");
    let cookie = format!("{PAGE_COOKIE}={token}");

    let me = world.api(Method::GET, "/me").header("cookie", &cookie);
    me.send().await.is_problem(401, "invalid_token");
    let list = world.auth(Method::GET, SESSIONS_PATH);
    let list = list.header("cookie", &cookie).send().await;
    list.is_problem(401, "session_ended");
    let looked_up = world.bare(Method::POST, SESSION_PATH).bearer(SERVER_SECRET);
    let looked_up = looked_up.header("cookie", &cookie).send().await;
    assert_eq!(looked_up.text("/reason"), "no_cookie");
}

#[tokio::test]
async fn part4_the_page_cookie_goes_with_its_session() {
    let world = world().await;
    let signed = world.sign_up().await;

    let signed_out = world.own(&signed, Method::POST, SIGN_OUT_PATH).send().await;
    let ended = world.refresh(&signed.cookie).await;

    for answer in [signed_out, ended] {
        let (value, attributes) = page_cookie(&answer).expect("it is deleted");
        assert_eq!(value, "");
        assert!(attributes.contains("Max-Age=0"), "{attributes}");
    }
}

#[tokio::test]
async fn part4_there_is_no_page_cookie_by_default_nor_after_a_look_up() {
    let off = World::new().await;
    let signed = off.sign_up().await;
    let on = world().await;
    let signed_on = on.sign_up().await;

    let refreshed = off.refresh(&signed.cookie).await;
    let signed_out = off.own(&signed, Method::POST, SIGN_OUT_PATH).send().await;
    let looked_up = on.look_up(&signed_on.cookie).await;

    for answer in [refreshed, signed_out, looked_up] {
        assert_eq!(page_cookie(&answer), None, "{answer:?}");
    }
}
