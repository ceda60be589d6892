//! An identity of a provider is added to an account, whose user is told.

use nolapse::wire::{COOKIE, PASSWORD_PATH, SIGN_UP_PATH};
use serde_json::json;

use crate::{
    mailer::Mailer,
    scene::{Response, Scene, error},
};

const EMAIL: &str = "eve@example.org";
const PASSWORD: &str = "correct horse battery";

/// Comes back from the provider with its one user.
async fn link(scene: &Scene, cookie: &str) -> Response {
    let asked = scene.begin_link(cookie).await;
    let claims = scene.provider.claims(&asked.nonce);
    scene.provider.give(&scene.provider.key.sign(&claims));
    scene.come_back(&asked).await
}

#[tokio::test]
async fn an_identity_that_is_linked_is_told_and_one_that_has_another_account_is_not() {
    let mailer = Mailer::start().await;
    let scene = Scene::with(|config| config.notices = Some(mailer.settings())).await;
    let json = "application/json";
    let sign_up = async |email: &str| {
        let credentials = json!({ "email": email, "password": PASSWORD }).to_string();
        let signed = scene.post(SIGN_UP_PATH, "", json, &credentials).await;
        signed.cookie()
    };
    let (cookie, other) = (sign_up(EMAIL).await, sign_up("mallory@example.org").await);

    let linked = link(&scene, &cookie).await;
    assert_eq!(error(&linked), None);
    assert_eq!(mailer.told(1, EMAIL).await, ["provider_linked"]);
    let refused = link(&scene, &other).await;
    assert_eq!(error(&refused).as_deref(), Some("account_exists"));
    let change = json!({ "current_password": PASSWORD, "new_password": "staple of another kind" });
    let (cookie, change) = (format!("{COOKIE}={cookie}"), change.to_string());
    let changed = scene.post(PASSWORD_PATH, &cookie, json, &change).await;
    assert_eq!(changed.status, 204);

    let told = mailer.told(2, EMAIL).await;
    assert_eq!(told, ["provider_linked", "password_changed"]);
}
