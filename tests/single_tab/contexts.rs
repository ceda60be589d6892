//! Goal: a call is given the token of its context and of no other, for one refresh of all contexts a life.

#![allow(
    clippy::allow_attributes,
    clippy::wildcard_enum_match_arm,
    reason = "tests use what production code may not"
)]

use nolapse::core::{
    Answer, CallerId, ContextToken, Effect, Grant, Input, Millis, Secret, SessionError,
    StoredState, TabMessage,
};

use crate::tab::{BEGIN, Tab, grant, grant_of, nth_version};

/// A grant with the tokens of contexts.
fn grant_with(contexts: &str) -> Grant {
    Grant {
        token: Secret::new(&format!("a.b.c {contexts}")).expect("visible ASCII"),
        ..grant()
    }
}

/// The names that the refresh sent by the last input requests.
fn requested(tab: &Tab) -> Option<String> {
    tab.effects.iter().find_map(|effect| match effect {
        Effect::SendRefresh { .. } => Some(tab.core.contexts()),
        _ => None,
    })
}

/// The token of this context that the last input settled a caller with.
fn settled(tab: &Tab, caller: CallerId, context: &str) -> Option<Result<String, SessionError>> {
    tab.told(caller).map(|answer| match answer {
        Ok(Answer::Token { token, .. }) => match token.find(context) {
            ContextToken::Granted(token) => Ok(token.to_owned()),
            ContextToken::Refused | ContextToken::Missing => panic!("settled without its token"),
        },
        Ok(_) => panic!("no token"),
        Err(error) => Err(*error),
    })
}

#[test]
fn line10_a_call_waits_for_the_token_of_its_context_and_the_next_one_does_not() {
    let mut tab = Tab::signed_in(1);
    let first = tab.call_within("org_1");
    assert_eq!(settled(&tab, first, "org_1"), None);
    let attempt = tab.send();
    assert_eq!(requested(&tab).as_deref(), Some("org_1 "));

    tab.grant(attempt, grant_with("org_1 one"));

    assert_eq!(settled(&tab, first, "org_1"), Some(Ok("one".to_owned())));
    let second = tab.call_within("org_1");
    assert_eq!(settled(&tab, second, "org_1"), Some(Ok("one".to_owned())));
    assert_eq!(tab.wish(), None);
}

#[test]
fn line10_without_a_context_no_refresh_requests_one() {
    let mut tab = Tab::signed_in(1);
    tab.refresh(true);
    tab.send();
    assert_eq!(requested(&tab).as_deref(), Some(""));
}

#[test]
fn line10_a_refused_context_is_an_error_without_another_request() {
    let mut tab = Tab::signed_in(1);
    let caller = tab.call_within("org_2");
    let attempt = tab.send();
    tab.grant(attempt, grant_with("org_2 "));
    let refused = Some(Err(SessionError::ContextRefused));
    assert_eq!(settled(&tab, caller, "org_2"), refused);

    for _ in 0..100 {
        let again = tab.call_within("org_2");
        assert_eq!(settled(&tab, again, "org_2"), refused);
        assert_eq!(tab.wish(), None);
    }
    let plain = tab.call();
    assert!(matches!(tab.told(plain), Some(Ok(Answer::Token { .. }))));
}

#[test]
fn line10_the_token_of_another_tab_serves_its_contexts_and_the_next_refresh_requests_them() {
    let mut tab = Tab::signed_in(1);
    tab.hear_token(nth_version(9), grant_with("org_1 one org_2 two org_3 "), 0);
    let caller = tab.call_within("org_2");
    assert_eq!(settled(&tab, caller, "org_2"), Some(Ok("two".to_owned())));

    tab.refresh(true);
    tab.send();

    assert_eq!(requested(&tab).as_deref(), Some("org_1 org_2 "));
}

#[test]
fn line10_a_token_of_another_tab_without_the_context_of_a_caller_does_not_settle_it() {
    let mut tab = Tab::signed_in(1);
    let caller = tab.call_within("org_1");
    let attempt = tab.wish().expect("it asks for the lock");
    tab.hear_token(nth_version(9), grant_with("org_2 two"), 0);
    assert_eq!(settled(&tab, caller, "org_1"), None);

    tab.feed(Input::LockGranted { attempt });

    assert_eq!(requested(&tab).as_deref(), Some("org_1 org_2 "));
    tab.grant(attempt, grant_with("org_1 one org_2 two"));
    assert_eq!(settled(&tab, caller, "org_1"), Some(Ok("one".to_owned())));
}

#[test]
fn line10_a_rejected_token_of_a_context_is_replaced_by_one_of_the_same() {
    let mut tab = Tab::signed_in(1);
    tab.hear_token(nth_version(9), grant_with("org_1 one"), 0);
    let caller = CallerId(77);
    let (version, context) = (tab.version(), "org_1".into());
    tab.feed(Input::TokenRejected {
        caller,
        version,
        context,
    });
    let attempt = tab.send();
    assert_eq!(requested(&tab).as_deref(), Some("org_1 org_1 "));

    tab.grant(attempt, grant_with("org_1 new"));

    assert_eq!(settled(&tab, caller, "org_1"), Some(Ok("new".to_owned())));
}

#[test]
fn line10_calls_in_ever_new_contexts_do_not_refresh_each_time() {
    let mut tab = Tab::signed_in(1);
    let mut refreshes = 0;
    for second in 0..60 {
        for call in 0..10 {
            tab.now = BEGIN + second * 1_000 + call * 100;
            let context = format!("c{second}_{call}");
            let caller = tab.call_within(&context);
            if let Some(Err(error)) = settled(&tab, caller, &context) {
                assert!(matches!(error, SessionError::Misconfigured { .. }));
                continue;
            }
            refreshes += 1;
            let attempt = tab.send();
            let names = requested(&tab).expect("a refresh");
            let tokens: Vec<_> = names
                .split_whitespace()
                .map(|name| format!("{name} t"))
                .collect();
            tab.grant(attempt, grant_with(&tokens.join(" ")));
        }
    }
    assert!((10..=17).contains(&refreshes), "{refreshes}");
}

#[test]
fn line10_contexts_are_kept_over_a_sign_in_of_another_user() {
    let mut tab = Tab::open(1, StoredState::Empty);
    tab.adopt(grant_with("org_1 one"));
    tab.adopt(grant_of("d.e.f", "other", "other"));
    let caller = tab.call_within("org_1");
    let attempt = tab.wish().expect("it asks for the lock");
    assert_eq!(settled(&tab, caller, "org_1"), None);
    tab.feed(Input::LockGranted { attempt });
    assert_eq!(requested(&tab).as_deref(), Some("org_1 "));

    tab.sign_out(false);
    let caller = tab.call_within("org_1");
    assert!(matches!(
        settled(&tab, caller, "org_1"),
        Some(Err(SessionError::SignedOut { .. }))
    ));
}

#[test]
fn line10_a_call_in_a_context_waits_out_an_outage_as_any_other() {
    let mut tab = Tab::signed_in(1);
    let caller = tab.call_within("org_1");
    let attempt = tab.send();
    let failure = nolapse::core::Failure::from_status(503, Some(Millis::from_secs(3)));
    tab.fail(attempt, failure);
    assert_eq!(settled(&tab, caller, "org_1"), None);

    let (at, _) = tab.alarm();
    tab.ring(at);
    let attempt = tab.send();
    assert_eq!(requested(&tab).as_deref(), Some("org_1 "));
    tab.grant(attempt, grant_with("org_1 one"));
    assert_eq!(settled(&tab, caller, "org_1"), Some(Ok("one".to_owned())));
}

#[test]
fn line10_the_tokens_of_contexts_reach_the_other_tabs() {
    let mut tab = Tab::signed_in(1);
    let caller = tab.call_within("org_1");
    let attempt = tab.send();
    tab.grant(attempt, grant_with("org_1 one"));
    assert!(settled(&tab, caller, "org_1").is_some());

    let said = tab.said().into_iter().find_map(|message| match message {
        TabMessage::Token { grant, .. } => TabMessage::decode(&message.encode())
            .map(|read| (read == *message, grant.token.find("org_1"))),
        _ => None,
    });
    assert_eq!(said, Some((true, ContextToken::Granted("one"))));
}
