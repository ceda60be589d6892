//! Options of a session and of a call.

use std::time::Duration;

use nolapse::client::{
    Authorization, CallOptions, ContextResponse, Error, RefreshContext, RefreshError, RefreshMode,
    Refresher, SignOutScope, TokenResponse,
};
use nolapse::core::{FailureCause, SessionError, SessionInfo, Status};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::Request;

use super::{Server, User, builder, grant};

#[wasm_bindgen_test]
async fn line10_a_client_within_a_context_gets_its_token_and_no_other() {
    let refresh = |given: RefreshContext| {
        let mut response = grant("plain");
        for name in given.contexts.into_iter().filter(|name| name != "refused") {
            let access_token = format!("token-of-{name}");
            let granted = ContextResponse { access_token };
            response.contexts.insert(name, granted);
        }
        async move { Ok::<_, RefreshError>(response) }
    };
    let client = |key: &str, context: &str| {
        let builder = builder(key, Refresher::from_fn(refresh)).context(context);
        builder.build().expect("valid options")
    };

    let granted = client("context-granted", "org_1");
    granted.refresh(RefreshMode::Forced).await.expect("a token");
    let token = granted.get_token(Duration::ZERO).await.expect("a token");
    assert_eq!(token.expose(), "token-of-org_1");

    let refused = client("context-refused", "refused");
    refused.refresh(RefreshMode::Forced).await.expect("a token");
    let error = refused.get_token(Duration::ZERO).await.err();
    assert!(matches!(
        error,
        Some(Error::Session(SessionError::ContextRefused))
    ));
}

#[wasm_bindgen_test]
async fn line04_a_visitors_call_is_sent_without_a_token_where_it_may_be() {
    let server = Server::default();
    let client = server.quiet("visitor-calls");
    let request = || Request::new_with_str("https://api.example.com/").expect("a request");
    let options = CallOptions {
        authorization: Some(Authorization::Optional),
        ..CallOptions::default()
    };

    // There is no network: what is sent fails with the platform's own error.
    let sent = client.fetch_with(&request(), &options).await.err();
    let held = client.fetch(&request()).await.err();

    assert!(matches!(sent, Some(Error::Js(_))), "{sent:?}");
    assert!(matches!(
        held,
        Some(Error::Session(SessionError::SignedOut { .. }))
    ));
    let wrong = CallOptions {
        context: Some("a b".to_owned()),
        ..CallOptions::default()
    };
    let error = client.fetch_with(&request(), &wrong).await.err();
    assert!(
        matches!(error, Some(Error::InvalidOption { .. })),
        "{error:?}"
    );
}

#[wasm_bindgen_test]
async fn line07_what_an_app_keeps_of_the_last_user_is_there_at_the_next_start_until_the_sign_out() {
    let server = Server::default();
    let first = server.client("last-user").remember(|user: User| Some(user));
    let first = first.build().expect("valid options");
    first.refresh(RefreshMode::Forced).await.expect("a token");
    assert_eq!(first.last_user::<User>().expect("nothing odd"), None);
    first.close();

    // The next page cannot reach the auth server.
    let failing = |_: RefreshContext| async {
        Err::<TokenResponse<User>, _>(RefreshError::Failed(JsValue::from_str("away")))
    };
    let next = || {
        let builder = builder("last-user", Refresher::from_fn(failing));
        builder.build().expect("valid options")
    };
    let second = next();
    assert!(matches!(second.status(), Status::Unknown { .. }));
    let kept = second.last_user::<User>().expect("a user of this type");
    assert_eq!(kept.map(|user| user.id).as_deref(), Some("u1"));

    second
        .sign_out(SignOutScope::ThisSession)
        .await
        .expect("it");
    second.close();
    assert_eq!(next().last_user::<User>().expect("nothing odd"), None);
}

#[wasm_bindgen_test]
async fn part4_a_page_that_was_rendered_signed_in_is_so_until_the_first_response_and_in_an_outage()
{
    let rendered = || SessionInfo::new("s1", "u1", r#"{"id":"u1"}"#);
    let server = Server::default();
    let before = server.client("rendered").build().expect("valid options");
    before.refresh(RefreshMode::Forced).await.expect("a token");
    before.close();
    let failing = |_: RefreshContext| async {
        Err::<TokenResponse<User>, _>(RefreshError::Failed(JsValue::from_str("away")))
    };
    let builder = builder("rendered", Refresher::from_fn(failing)).initial(rendered());
    let client = builder.build().expect("valid options");
    let status = |failure| Status::SignedIn {
        session: rendered(),
        failure,
    };
    assert_eq!(client.status(), status(None));

    let refused = client.refresh(RefreshMode::Forced).await;

    assert!(refused.is_err());
    assert_eq!(client.status(), status(Some(FailureCause::RefresherFailed)));
    client.close();
}
