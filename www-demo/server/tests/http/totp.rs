//! One-time passwords as a second factor, on both databases.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::{SystemTime, UNIX_EPOCH};

use hyper::{Method, StatusCode};
use nolapse::wire::{SIGN_IN_PATH, STEP_UP_PATH, TOTP_PATH, TOTP_SIGN_IN_PATH};
use ring::hmac;
use serde_json::{Value, json};

use crate::{
    passkeys::{claims, post},
    support::{Answer, EMAIL, PASSWORD, Signed, World},
    two_databases::on_both,
};

/// An authenticator app: a secret, and the last step that it has shown.
pub(crate) struct App {
    secret: Vec<u8>,
    last: u64,
}

impl App {
    fn scan(base32: &str) -> Self {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let digits = base32.chars().map(|char| ALPHABET.find(char).unwrap());
        let bits = digits.fold(String::new(), |bits, digit| format!("{bits}{digit:05b}"));
        let bytes = bits.as_bytes().chunks_exact(8);
        let secret =
            bytes.map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 2).unwrap());
        Self {
            secret: secret.collect(),
            last: 0,
        }
    }

    fn password(&self, step: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.secret);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[19] & 15);
        let number = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap());
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }

    /// Returns a password of a step that was not used: at most three within half a minute, the earliest first.
    pub(crate) fn next(&mut self) -> String {
        self.last = (step() - 1).max(self.last + 1);
        self.password(self.last)
    }
}

#[expect(clippy::disallowed_methods, reason = "the server reads the same clock")]
fn step() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        / 30
}

pub(crate) async fn enrol(world: &World, signed: &Signed) -> (App, Vec<String>) {
    let begun = world.own(signed, Method::POST, TOTP_PATH).send().await;
    assert_eq!(begun.status, StatusCode::CREATED, "{:?}", begun.body);
    let mut app = App::scan(&begun.text("/secret"));
    let code = json!({ "code": app.next() });
    let confirmed = post(world, signed, &format!("{TOTP_PATH}/confirm"), &code).await;
    assert_eq!(confirmed.status, StatusCode::OK, "{:?}", confirmed.body);
    let codes: Vec<String> =
        serde_json::from_value(confirmed.body["recovery_codes"].clone()).unwrap();
    (app, codes)
}

pub(crate) async fn ask(world: &World) -> Answer {
    let call = world.auth(Method::POST, SIGN_IN_PATH);
    call.json(&json!({ "email": EMAIL, "password": PASSWORD }))
        .send()
        .await
}

pub(crate) async fn answer(world: &World, ticket: &str, code: &str) -> Answer {
    let call = world.auth(Method::POST, TOTP_SIGN_IN_PATH);
    call.json(&json!({ "ticket": ticket, "code": code }))
        .send()
        .await
}

#[tokio::test]
async fn a_password_alone_opens_nothing_and_each_code_and_ticket_is_used_once() {
    on_both(async |world| {
        let signed = world.sign_up().await;
        let (mut app, _) = enrol(world, &signed).await;

        let asked = ask(world).await;
        assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
        assert_eq!(asked.text("/error"), "second_factor_required");
        assert_eq!(
            (asked.cookie(), asked.body["expires_in"].as_u64()),
            (None, Some(300))
        );
        let ticket = asked.text("/ticket");
        // That of the enrolment was used.
        let replayed = app.password(app.last);
        answer(world, &ticket, &replayed)
            .await
            .is_problem(401, "invalid_code");
        let code = app.next();
        let opened = answer(world, &ticket, &code).await;

        assert_eq!(opened.status, StatusCode::OK, "{:?}", opened.body);
        let claims = claims(&opened.signed().token);
        assert_eq!(claims["acr"], "urn:nolapse:acr:2");
        assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]));
        let other = ask(world).await.text("/ticket");
        answer(world, &other, &code)
            .await
            .is_problem(401, "invalid_code");
        let used = answer(world, &ticket, &app.next()).await;
        used.is_problem(401, "invalid_credentials");
        for forged in ["", ".", "x.y", &format!("{ticket}x"), &"x".repeat(200)] {
            answer(world, forged, "123456")
                .await
                .is_problem(401, "invalid_credentials");
        }
    })
    .await;
}

#[tokio::test]
async fn a_recovery_code_replaces_a_password_once() {
    on_both(async |world| {
        let signed = world.sign_up().await;
        let (_, codes) = enrol(world, &signed).await;
        assert_eq!(codes.len(), 10);
        let code = codes[3].to_uppercase();

        let ticket = ask(world).await.text("/ticket");
        let opened = answer(world, &ticket, &code).await;
        assert_eq!(opened.status, StatusCode::OK, "{:?}", opened.body);
        let signed = opened.signed();
        let ticket = ask(world).await.text("/ticket");
        answer(world, &ticket, &code)
            .await
            .is_problem(401, "invalid_code");
        let state = world.own(&signed, Method::GET, TOTP_PATH).send().await;
        assert_eq!(state.body, json!({ "enabled": true, "recovery_codes": 9 }));

        let path = format!("{TOTP_PATH}/recovery-codes");
        let replaced = world.own(&signed, Method::POST, &path).send().await;
        assert_eq!(replaced.status, StatusCode::OK);
        answer(world, &ticket, &codes[4])
            .await
            .is_problem(401, "invalid_code");
        let new = replaced.text("/recovery_codes/0");
        assert_eq!(answer(world, &ticket, &new).await.status, StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn whoever_has_a_second_factor_has_to_show_it_to_remove_it() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let (mut app, _) = enrol(&world, &signed).await;

    let removed = world.own(&signed, Method::DELETE, TOTP_PATH).send().await;
    removed.is_problem(401, "insufficient_user_authentication");
    let challenge = removed.header("www-authenticate");
    assert!(challenge.contains(r#"acr_values="urn:nolapse:acr:2", max_age="300""#));
    let account = world.api(Method::DELETE, "/account").bearer(&signed.token);
    account
        .send()
        .await
        .is_problem(401, "insufficient_user_authentication");
    let wrong = post(&world, &signed, STEP_UP_PATH, &json!({ "code": "000000" })).await;
    wrong.is_problem(403, "invalid_code");
    let code = json!({ "code": app.next() });
    let stepped = post(&world, &signed, STEP_UP_PATH, &code).await;
    assert_eq!(
        claims(&stepped.text("/access_token"))["acr"],
        "urn:nolapse:acr:2"
    );
    let removed = world.own(&signed, Method::DELETE, TOTP_PATH).send().await;

    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(ask(&world).await.status, StatusCode::OK);
    let again = world.own(&signed, Method::DELETE, TOTP_PATH).send().await;
    again.is_problem(404, "not_found");
    let path = format!("{TOTP_PATH}/recovery-codes");
    let codes = world.own(&signed, Method::POST, &path).send().await;
    codes.is_problem(404, "not_found");
}

#[tokio::test]
async fn a_secret_that_is_not_confirmed_is_not_asked_for() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let path = format!("{TOTP_PATH}/confirm");
    let none = post(&world, &signed, &path, &json!({ "code": "123456" })).await;
    none.is_problem(409, "invalid_code");
    let first = world.own(&signed, Method::POST, TOTP_PATH).send().await;
    assert!(
        first
            .text("/uri")
            .starts_with("otpauth://totp/localhost:ada%40example.org?secret=")
    );
    let second = world.own(&signed, Method::POST, TOTP_PATH).send().await;
    assert_ne!(first.text("/secret"), second.text("/secret"));

    let mut old = App::scan(&first.text("/secret"));
    let wrong = post(&world, &signed, &path, &json!({ "code": old.next() })).await;
    wrong.is_problem(403, "invalid_code");
    let odd = post(&world, &signed, &path, &json!({ "code": "12 34" })).await;
    odd.is_problem(403, "invalid_code");

    assert_eq!(ask(&world).await.status, StatusCode::OK);
    let mut app = App::scan(&second.text("/secret"));
    let confirmed = post(&world, &signed, &path, &json!({ "code": app.next() })).await;
    assert_eq!(confirmed.status, StatusCode::OK);
    let third = world.own(&signed, Method::POST, TOTP_PATH).send().await;
    // The session has shown one factor; with two it is told that there is a secret.
    third.is_problem(401, "insufficient_user_authentication");
    let code = json!({ "code": app.next() });
    post(&world, &signed, STEP_UP_PATH, &code).await;
    let third = world.own(&signed, Method::POST, TOTP_PATH).send().await;
    third.is_problem(409, "limit_reached");
}

#[tokio::test]
async fn wrong_codes_are_throttled_and_a_right_one_is_not_counted() {
    let world = World::with(|config| config.passwords_per_account = 3).await;
    let signed = world.sign_up().await;
    let (mut app, codes) = enrol(&world, &signed).await;
    let ticket = ask(&world).await.text("/ticket");
    let right = answer(&world, &ticket, &app.next()).await;
    assert_eq!(right.status, StatusCode::OK);

    let ticket = ask(&world).await.text("/ticket");
    for _ in 0..3 {
        answer(&world, &ticket, "aaaa-aaaa-aaaa-aaaa")
            .await
            .is_problem(401, "invalid_code");
    }
    let throttled = answer(&world, &ticket, &codes[0]).await;

    throttled.is_problem(429, "too_many_requests");
}

#[tokio::test]
async fn a_ticket_ends_with_the_password_that_it_was_for() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    let (_, codes) = enrol(&world, &signed).await;
    let ticket = ask(&world).await.text("/ticket");
    let body = json!({ "current_password": PASSWORD, "new_password": "another horse battery" });
    let changed = post(&world, &signed, "/auth/password", &body).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);

    let late = answer(&world, &ticket, &codes[0]).await;

    late.is_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn of_many_answers_with_one_code_at_once_one_signs_in() {
    on_both(async |world| {
        let signed = world.sign_up().await;
        let (mut app, _) = enrol(world, &signed).await;
        let code = app.next();
        let mut tickets = Vec::new();
        for _ in 0..4 {
            tickets.push(ask(world).await.text("/ticket"));
        }
        let [a, b, c, d] = [0, 1, 2, 3].map(|place: usize| answer(world, &tickets[place], &code));
        let all: Value = {
            let (a, b, c, d) = tokio::join!(a, b, c, d);
            json!([a, b, c, d].map(|answer| answer.status.as_u16()))
        };
        let opened = all
            .as_array()
            .unwrap()
            .iter()
            .filter(|status| **status == 200);
        assert_eq!(opened.count(), 1, "{all}");
    })
    .await;
}
