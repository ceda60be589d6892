//! The Rust API in a real browser, with a refresh function in place of an auth server.
#![cfg(target_arch = "wasm32")]

mod options;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use std::time::Duration;

use js_sys::{Array, Function, Promise, Reflect};
use nolapse::client::{
    Auth, Client, ClientBuilder, Error, Notice, RefreshContext, RefreshError, RefreshMode,
    Refresher, SignOut, SignOutScope, TokenResponse, TokenSession,
};
use nolapse::core::{Event, RecordState, SessionError, Status, StorageRecord};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::Request;

wasm_bindgen_test_configure!(run_in_browser);

/// The user of these tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct User {
    id: String,
}

fn grant(token: &str) -> TokenResponse<User> {
    TokenResponse {
        expires_in: Some(60.0),
        session: Some(TokenSession {
            id: "s1".to_owned(),
            user: User {
                id: "u1".to_owned(),
            },
        }),
        ..TokenResponse::new(token)
    }
}

/// A refresh function that grants a new token on each call, and counts the calls.
#[derive(Default)]
struct Server {
    asked: Rc<Cell<u32>>,
}

impl Server {
    fn client(&self, key: &str) -> ClientBuilder {
        let counted = Rc::clone(&self.asked);
        let refresh = move |_: RefreshContext| {
            counted.set(counted.get() + 1);
            let token = format!("token.{}", counted.get());
            async move { Ok::<_, RefreshError>(grant(&token)) }
        };
        builder(key, Refresher::from_fn(refresh)).allow_origin("https://api.example.com")
    }

    fn quiet(&self, key: &str) -> Client {
        self.client(key).build().expect("valid options")
    }
}

fn builder(key: &str, refresh: Refresher) -> ClientBuilder {
    let sign_out = SignOut::Local;
    Client::builder(Auth::Endpoints { refresh, sign_out }).storage_key(key)
}

fn global(name: &str) -> JsValue {
    Reflect::get(&js_sys::global(), &name.into()).expect("a global")
}

/// The number of locks and requests of this name in `navigator.locks`.
async fn locks_of(name: &str) -> u32 {
    let locks = Reflect::get(&global("navigator"), &"locks".into()).expect("locks");
    let query: Function = Reflect::get(&locks, &"query".into())
        .expect("query")
        .unchecked_into();
    let answer: Promise = query.call0(&locks).expect("a promise").unchecked_into();
    let snapshot = JsFuture::from(answer).await.expect("a snapshot");
    let mut count = 0;
    for list in ["held", "pending"] {
        let list: Array = Reflect::get(&snapshot, &list.into())
            .expect("a list")
            .unchecked_into();
        for lock in list.iter() {
            if Reflect::get(&lock, &"name".into()).expect("a name") == name {
                count += 1;
            }
        }
    }
    count
}

fn stored(name: &str) -> Option<StorageRecord> {
    let storage: web_sys::Storage = global("localStorage").unchecked_into();
    let text = storage
        .get_item(&format!("nolapse:{name}"))
        .expect("storage");
    text.as_deref().and_then(StorageRecord::decode)
}

#[wasm_bindgen_test]
async fn a_first_token_is_kept_and_its_record_written() {
    let server = Server::default();
    let client = server.quiet("first");

    client.refresh(RefreshMode::Forced).await.expect("a token");
    let token = client.get_token(Duration::ZERO).await.expect("it");

    assert_eq!(token.expose(), "token.1");
    assert_eq!(server.asked.get(), 1);
    assert!(matches!(client.status(), Status::SignedIn { .. }));
    let record = stored("first").expect("a record");
    assert!(matches!(record.state, RecordState::SignedIn { .. }));
    assert!(client.expires_in() > Duration::from_secs(50));
    let user = client.user::<User>().expect("a user of this type");
    assert_eq!(user.map(|user| user.id).as_deref(), Some("u1"));
    assert!(client.user::<u32>().is_err());
}

#[wasm_bindgen_test]
async fn p29_a_visitor_is_signed_out_at_once_and_asks_nobody() {
    let server = Server::default();
    let client = server.quiet("visitor");

    let refused = client.get_token(Duration::ZERO).await;

    assert!(matches!(
        refused,
        Err(Error::Session(SessionError::SignedOut { reason: None }))
    ));
    assert_eq!(server.asked.get(), 0);
}

#[wasm_bindgen_test]
async fn dropping_a_client_leaves_no_lock_and_rejects_waiting_callers() {
    let stalled = |_: RefreshContext| std::future::pending::<Result<JsValue, RefreshError>>();
    let client = builder("dropped", Refresher::from_fn(stalled))
        .build()
        .expect("valid options");
    let waiting = client.refresh(RefreshMode::Forced);
    // The lock is granted in a separate task.
    while locks_of("nolapse:dropped").await == 0 {}

    drop(client);

    assert!(matches!(
        waiting.await,
        Err(Error::Session(SessionError::Closed))
    ));
    while locks_of("nolapse:dropped").await > 0 {}
}

#[wasm_bindgen_test]
async fn p25_a_dropped_future_is_no_caller_any_more_and_the_refresh_goes_on() {
    let server = Server::default();
    let client = server.quiet("aborted");

    let aborted = client.refresh(RefreshMode::Forced);
    let other = client.refresh(RefreshMode::Forced);
    drop(aborted);

    other.await.expect("the other caller's token");
    assert_eq!(server.asked.get(), 1);
}

#[wasm_bindgen_test]
async fn an_app_signs_in_by_a_function_of_its_own_and_out_again() {
    let server = Server::default();
    let client = server.quiet("signed");

    client
        .sign_in_with(|| async { Ok(grant("of.the.app")) })
        .await
        .expect("a sign-in");
    let token = client.get_token(Duration::from_secs(50)).await.expect("it");
    assert_eq!(token.expose(), "of.the.app");

    let thrown = client
        .sign_in_with(|| async { Err::<JsValue, _>("no".into()) })
        .await;
    assert!(matches!(thrown, Err(Error::Js(value)) if value == "no"));
    let unusable = client.set_tokens(TokenResponse::<()>::new("")).await;
    assert_eq!(
        unusable.err().and_then(|error| error.code()),
        Some("misconfigured")
    );
    let refused = client.sign_in(&User { id: "u1".into() }).await;
    assert!(matches!(refused, Err(Error::InvalidOption { option, .. }) if option == "auth"));

    client.set_tokens(grant("set")).await.expect("tokens");
    assert!(
        client
            .sign_out(SignOutScope::ThisSession)
            .await
            .expect("an answer")
    );
    let gone = client.get_token(Duration::ZERO).await;
    assert_eq!(
        gone.err().and_then(|error| error.code()),
        Some("signed_out")
    );
}

#[wasm_bindgen_test]
async fn a_refresher_ends_the_session() {
    let ended = |_: RefreshContext| async {
        Err::<JsValue, _>(RefreshError::SessionEnded(nolapse::wire::EndReason::Idle))
    };
    let client = builder("ended", Refresher::from_fn(ended))
        .build()
        .expect("valid options");
    client.set_tokens(grant("first")).await.expect("tokens");

    let refused = client.refresh(RefreshMode::Forced).await;

    let reason = Some(nolapse::wire::EndReason::Idle);
    assert!(
        matches!(refused, Err(Error::Session(error)) if error == SessionError::SignedOut { reason })
    );
}

#[wasm_bindgen_test]
async fn p15_two_clients_of_one_name_share_what_one_of_them_got() {
    let server = Server::default();
    let (one, two) = (server.quiet("shared"), server.quiet("shared"));

    one.refresh(RefreshMode::Forced).await.expect("a token");
    // The tab message arrives in a separate task.
    while !matches!(two.status(), Status::SignedIn { .. }) {
        locks_of("nothing").await;
    }
    let token = two.get_token(Duration::ZERO).await.expect("it");

    assert_eq!(token.expose(), "token.1");
    assert_eq!(server.asked.get(), 1);
}

#[wasm_bindgen_test]
async fn p32_a_listener_may_call_back_in() {
    let server = Server::default();
    let client: Rc<RefCell<Option<Client>>> = Rc::default();
    let seen = Rc::new(Cell::new(0));
    let (held, counted) = (Rc::clone(&client), Rc::clone(&seen));
    let made = server
        .client("again")
        .on_event(move |notice| {
            if let Notice::Event(Event::Refreshed { .. }) = notice
                && let Some(client) = &*held.borrow()
            {
                counted.set(counted.get() + 1);
                drop(client.get_token(Duration::ZERO));
                client.close();
            }
        })
        .build()
        .expect("valid options");
    let refreshed = made.refresh(RefreshMode::Forced);
    client.replace(Some(made));

    refreshed.await.expect("its token, although it was closed");

    assert_eq!(seen.get(), 1);
}

#[wasm_bindgen_test]
async fn p21_an_error_of_the_native_fetch_is_passed_on() {
    let client = Server::default().quiet("refused");
    let request = Request::new_with_str("https://127.0.0.1:1/").expect("a request");

    let refused = client.fetch(&request).await;

    assert!(
        matches!(refused, Err(Error::Js(error)) if error.is_instance_of::<js_sys::TypeError>())
    );
}

#[wasm_bindgen_test]
async fn calls_to_allowed_origins_are_rejected_without_a_session() {
    let client = Server::default().quiet("nobody");
    let request = Request::new_with_str("https://api.example.com/notes").expect("a request");

    let refused = client.fetch(&request).await;

    assert!(matches!(
        refused,
        Err(Error::Session(SessionError::SignedOut { reason: None }))
    ));
}

#[wasm_bindgen_test]
fn wrong_options_are_named() {
    for (auth, option) in [
        ("http://auth.example.com", "auth"),
        ("auth", "auth"),
        ("https://a:b@c", "auth"),
    ] {
        let made = Client::builder(auth).build();
        let Err(Error::InvalidOption { option: named, .. }) = made else {
            panic!("{auth} is invalid");
        };
        assert_eq!(named, option);
    }
}

#[wasm_bindgen_test]
fn part3_a_push_stream_is_for_an_auth_server() {
    let made = Server::default().client("push").push().build();
    assert!(matches!(made, Err(Error::InvalidOption { option, .. }) if option == "push"));

    let made = Client::builder("https://auth.example.com").push().build();
    made.expect("valid options").close();
}
