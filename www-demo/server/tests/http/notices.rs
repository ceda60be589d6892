//! Notices of changes of how a user signs in, as a mailer gets them.

use hyper::{Method, StatusCode};
use nolapse::wire::{PASSKEYS_PATH, PASSWORD_PATH, TOTP_PATH};
use nolapse_server::config::Notices;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    authenticator::Authenticator,
    mailer::{self, Mailer},
    passkeys::{add, post, sign_up},
    support::{EMAIL, PASSWORD, World},
    totp::{self, enrol},
};

const OTHER: &str = "staple of another kind";

async fn world(notices: Notices) -> World {
    World::with(|config| config.notices = Some(notices)).await
}

#[tokio::test]
async fn each_change_of_how_a_user_signs_in_is_told_once_and_what_was_refused_is_not() {
    let mailer = Mailer::start().await;
    let world = world(mailer.settings()).await;
    let mut first = Authenticator::es256(&world.page());
    let signed = sign_up(&world, EMAIL, &mut first).await.signed();
    let weak = json!({ "new_password": "password1" });
    let refused = post(&world, &signed, PASSWORD_PATH, &weak).await;
    refused.is_problem(400, "invalid_request");
    let mut second = Authenticator::ed25519(&world.page());
    let added = add(&world, &signed, &mut second).await;
    assert_eq!(added.status, StatusCode::CREATED, "{:?}", added.body);
    assert_eq!(mailer.told(1, EMAIL).await, ["passkey_added"]);
    let path = format!("{PASSKEYS_PATH}/{}", added.text("/id"));
    let renamed = post(&world, &signed, &path, &json!({ "name": "other" })).await;
    assert_eq!(renamed.status, StatusCode::NO_CONTENT, "{:?}", renamed.body);
    let removed = world.own(&signed, Method::DELETE, &path).send().await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(mailer.told(2, EMAIL).await[1], "passkey_removed");
    let given = json!({ "new_password": PASSWORD });
    let given = post(&world, &signed, PASSWORD_PATH, &given).await;
    assert_eq!(given.status, StatusCode::NO_CONTENT, "{:?}", given.body);
    let changes = mailer.told(3, EMAIL).await;
    assert_eq!(
        changes,
        ["passkey_added", "passkey_removed", "password_changed"]
    );
}

#[tokio::test]
async fn one_time_passwords_that_come_and_go_and_new_recovery_codes_are_told_and_what_was_refused_is_not()
 {
    let mailer = Mailer::start().await;
    let world = world(mailer.settings()).await;
    let signed = world.sign_up().await;
    // A secret that was never confirmed is no change.
    let begun = world.own(&signed, Method::POST, TOTP_PATH).send().await;
    assert_eq!(begun.status, StatusCode::CREATED, "{:?}", begun.body);
    let (mut app, _) = enrol(&world, &signed).await;
    assert_eq!(mailer.told(1, EMAIL).await, ["totp_added"]);

    let codes = format!("{TOTP_PATH}/recovery-codes");
    // One factor is not enough for these.
    let renewed = world.own(&signed, Method::POST, &codes).send().await;
    assert_eq!(renewed.status, StatusCode::UNAUTHORIZED);
    let removed = world.own(&signed, Method::DELETE, TOTP_PATH).send().await;
    assert_eq!(removed.status, StatusCode::UNAUTHORIZED);
    let ticket = totp::ask(&world).await.text("/ticket");
    let signed = totp::answer(&world, &ticket, &app.next()).await.signed();
    let renewed = world.own(&signed, Method::POST, &codes).send().await;
    assert_eq!(renewed.status, StatusCode::OK, "{:?}", renewed.body);
    assert_eq!(mailer.told(2, EMAIL).await[1], "recovery_codes_replaced");
    let removed = world.own(&signed, Method::DELETE, TOTP_PATH).send().await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{:?}", removed.body);

    let changes = mailer.told(3, EMAIL).await;
    assert_eq!(
        changes,
        ["totp_added", "recovery_codes_replaced", "totp_removed"]
    );
}

#[tokio::test]
async fn a_notice_is_sent_again_and_a_mailer_that_is_away_holds_nobody_up() {
    let mailer = Mailer::failing(1).await;
    let world = world(mailer.settings()).await;
    let signed = world.sign_up().await;
    let change = json!({ "current_password": PASSWORD, "new_password": OTHER });
    let changed = post(&world, &signed, PASSWORD_PATH, &change).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    assert_eq!(mailer.told(1, EMAIL).await, ["password_changed"]);

    // A port that nothing listens on.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", gone.local_addr().unwrap());
    drop(gone);
    let world = self::world(mailer::notices(&url)).await;
    let signed = world.sign_up().await;
    let changed = post(&world, &signed, PASSWORD_PATH, &change).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
}
