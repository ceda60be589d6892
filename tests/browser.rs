//! The Rust API in a real browser, with a refresh function in place of an auth server.
#![cfg(target_arch = "wasm32")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Function, JSON, Promise, Reflect};
use nolapse::client::{Aborted, Auth, Client, Notice, Options, Refresher, SignOut};
use nolapse::core::{Event, Millis, RecordState, SessionError, Status, StorageRecord};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// A refresh function that grants a new token on each call, and counts the calls.
struct Server {
    asked: Rc<Cell<u32>>,
    _answer: Closure<dyn FnMut(JsValue) -> Promise>,
    function: Function,
}

impl Server {
    fn new() -> Self {
        let asked = Rc::new(Cell::new(0));
        let counted = Rc::clone(&asked);
        let answer = Closure::new(move |_| {
            counted.set(counted.get() + 1);
            let token = format!(
                r#"{{"accessToken":"token.{}","expiresIn":60,"session":{{"id":"s1","user":{{"id":"u1"}}}}}}"#,
                counted.get()
            );
            Promise::resolve(&JSON::parse(&token).expect("JSON"))
        });
        let function = answer.as_ref().unchecked_ref::<Function>().clone();
        Self {
            asked,
            _answer: answer,
            function,
        }
    }

    fn options(&self, name: &str) -> Options {
        let auth = Auth::Endpoints {
            refresh: Refresher::Function(self.function.clone()),
            sign_out: SignOut::Local,
        };
        Options {
            name: Some(name.to_owned()),
            apis: vec!["https://api.example.com".to_owned()],
            ..Options::new(auth)
        }
    }
}

fn quiet(options: &Options) -> Client {
    Client::new(options, |_| {}).expect("options that make sense")
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
async fn a_first_token_is_got_and_kept_and_its_mark_left_on_the_shelf() {
    let server = Server::new();
    let client = quiet(&server.options("first"));

    client.refresh(true, None).await.expect("a token");
    let token = client.get_token(Millis::ZERO, None).await.expect("it");

    assert_eq!(token.expose(), "token.1");
    assert_eq!(server.asked.get(), 1);
    assert!(matches!(client.status(), Status::SignedIn { .. }));
    let mark = stored("first").expect("a mark");
    assert!(matches!(mark.state, RecordState::SignedIn { .. }));
    assert!(client.token_left() > Millis::from_secs(50));
}

#[wasm_bindgen_test]
async fn p29_a_visitor_is_signed_out_at_once_and_asks_nobody() {
    let server = Server::new();
    let client = quiet(&server.options("visitor"));

    let refused = client.get_token(Millis::ZERO, None).await;

    assert!(matches!(
        refused,
        Err(Aborted::Session(SessionError::SignedOut { reason: None }))
    ));
    assert_eq!(server.asked.get(), 0);
}

#[wasm_bindgen_test]
async fn dropping_a_client_leaves_no_lock_and_tells_whoever_waits() {
    let stalled = Closure::<dyn FnMut(JsValue) -> Promise>::new(|_| Promise::new(&mut |_, _| {}));
    let options = Options {
        name: Some("dropped".to_owned()),
        ..Options::new(Auth::Endpoints {
            refresh: Refresher::Function(stalled.as_ref().unchecked_ref::<Function>().clone()),
            sign_out: SignOut::Local,
        })
    };
    let client = quiet(&options);
    let waiting = client.refresh(true, None);
    // The lock is granted in a separate task.
    while locks_of("nolapse:dropped").await == 0 {}

    drop(client);

    assert!(matches!(
        waiting.await,
        Err(Aborted::Session(SessionError::Closed))
    ));
    while locks_of("nolapse:dropped").await > 0 {}
}

#[wasm_bindgen_test]
async fn p25_an_aborted_caller_gets_the_reason_and_the_refresh_goes_on() {
    let server = Server::new();
    let client = quiet(&server.options("aborted"));
    let controller = web_sys::AbortController::new().expect("a controller");

    let aborted = client.refresh(true, Some(controller.signal()));
    let other = client.refresh(true, None);
    controller.abort_with_reason(&"no longer".into());

    let Err(Aborted::By(reason)) = aborted.await else {
        panic!("it was aborted");
    };
    assert_eq!(reason, "no longer");
    other.await.expect("the other caller's token");
    assert_eq!(server.asked.get(), 1);
}

#[wasm_bindgen_test]
async fn p15_two_clients_of_one_name_share_what_one_of_them_got() {
    let server = Server::new();
    let (one, two) = (
        quiet(&server.options("shared")),
        quiet(&server.options("shared")),
    );

    one.refresh(true, None).await.expect("a token");
    // The tab message arrives in a separate task.
    while !matches!(two.status(), Status::SignedIn { .. }) {
        locks_of("nothing").await;
    }
    let token = two.get_token(Millis::ZERO, None).await.expect("it");

    assert_eq!(token.expose(), "token.1");
    assert_eq!(server.asked.get(), 1);
}

#[wasm_bindgen_test]
async fn p32_a_listener_may_call_back_in() {
    let server = Server::new();
    let client: Rc<RefCell<Option<Client>>> = Rc::default();
    let seen = Rc::new(Cell::new(0));
    let (held, counted) = (Rc::clone(&client), Rc::clone(&seen));
    let made = Client::new(&server.options("again"), move |notice| {
        if let Notice::Event(Event::Refreshed { .. }) = notice
            && let Some(client) = &*held.borrow()
        {
            counted.set(counted.get() + 1);
            drop(client.get_token(Millis::ZERO, None));
            client.close();
        }
    })
    .expect("options that make sense");
    let refreshed = made.refresh(true, None);
    client.replace(Some(made));

    refreshed.await.expect("its token, although it was closed");

    assert_eq!(seen.get(), 1);
}

#[wasm_bindgen_test]
async fn p21_what_native_fetch_refuses_is_a_rejection_with_its_own_error() {
    let server = Server::new();
    let client = quiet(&server.options("refused"));

    for input in [JsValue::from("https://"), JsValue::symbol(Some("url"))] {
        let refused = JsFuture::from(client.fetch(&input, &JsValue::UNDEFINED)).await;
        assert!(refused.is_err_and(|error| error.is_instance_of::<js_sys::TypeError>()));
    }
}

#[wasm_bindgen_test]
async fn calls_to_listed_origins_are_refused_where_nobody_is_signed_in() {
    let server = Server::new();
    let client = quiet(&server.options("nobody"));

    let call = client.fetch(&"https://api.example.com/notes".into(), &JsValue::UNDEFINED);
    let error = JsFuture::from(call).await.expect_err("nobody is signed in");

    let code = Reflect::get(&error, &"code".into()).expect("a code");
    assert_eq!(code, "signed_out");
}

#[wasm_bindgen_test]
fn wrong_options_are_named() {
    for (auth, option) in [
        ("http://auth.example.com", "auth"),
        ("auth", "auth"),
        ("https://a:b@c", "auth"),
    ] {
        let made = Client::new(&Options::new(Auth::Server(auth.to_owned())), |_| {});
        assert_eq!(
            made.err().map(|error| error.option).as_deref(),
            Some(option)
        );
    }
}
