//! `ACCOUNT_PATHS`: several accounts in one browser.

use hyper::{Method, StatusCode};
use nolapse::wire::{
    REFRESH_PATH, SESSIONS_PATH, SIGN_OUT_PATH, SIGN_UP_PATH, VERSION, VERSION_HEADER,
};
use nolapse_server::security_log::Destination;
use serde_json::{Value, json};

use crate::support::{Answer, Call, PASSWORD, World, eventually};

async fn world() -> World {
    World::with(|config| {
        let folder = config.key_file.with_file_name("security.log");
        config.security_log = Destination::File(folder);
        config.account_paths = ["work", "private"].map(str::to_owned).to_vec();
    })
    .await
}

/// Begins a request to the endpoint of an account; the `OpenAPI` document has those of the first one.
fn at(world: &World, method: Method, account: &str, path: &str) -> Call {
    let address = world.server.auth_addr.to_string();
    Call::new(address, method, &format!("{account}{path}"))
        .header("origin", &world.page())
        .header(VERSION_HEADER, VERSION)
}

async fn sign_up(world: &World, account: &str) -> Answer {
    let body = json!({ "email": format!("{account}@example.org"), "password": PASSWORD });
    let call = at(world, Method::POST, &format!("/{account}"), SIGN_UP_PATH);
    call.json(&body).send().await
}

/// Calls with the cookies of the whole browser.
async fn call(world: &World, account: &str, path: &str, cookies: &str, body: &Value) -> Answer {
    let call = at(world, Method::POST, account, path);
    call.header("cookie", cookies).json(body).send().await
}

/// The pair of name and value of the refresh cookie that a response sets.
fn pair(answer: &Answer) -> String {
    let mut lines = answer.headers.get_all("set-cookie").iter();
    let line = lines.find_map(|line| line.to_str().ok()?.split_once(';'));
    line.expect("a cookie").0.to_owned()
}

#[tokio::test]
async fn issue11_two_accounts_of_one_browser_are_two_sessions_and_end_apart() {
    let world = world().await;
    let refresh = json!({ "reason": "load", "page": "visible" });
    let (work, private) = (
        sign_up(&world, "work").await,
        sign_up(&world, "private").await,
    );
    assert!(pair(&work).starts_with("__Host-Http-nolapse.work="));
    let cookies = format!("{}; {}", pair(&work), pair(&private));

    for account in ["work", "private"] {
        let mount = format!("/{account}");
        let refreshed = call(&world, &mount, REFRESH_PATH, &cookies, &refresh).await;
        let email = refreshed.text("/session/user/email");
        assert_eq!(email, format!("{account}@example.org"));
    }
    let main = call(&world, "", REFRESH_PATH, &cookies, &refresh).await;
    assert_eq!(main.text("/reason"), "no_cookie");

    let signed_out = call(&world, "/work", SIGN_OUT_PATH, &cookies, &json!({})).await;
    let ended = call(&world, "/work", REFRESH_PATH, &cookies, &refresh).await;
    let other = call(&world, "/private", REFRESH_PATH, &cookies, &refresh).await;

    assert_eq!(signed_out.status, StatusCode::NO_CONTENT);
    assert_eq!(pair(&signed_out), "__Host-Http-nolapse.work=");
    let cleared = signed_out.headers.get_all("set-cookie").iter().count();
    assert_eq!(cleared, 1, "the hint stands for the other account");
    assert_eq!(ended.text("/reason"), "signed_out");
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test]
async fn issue11_the_endpoints_of_an_account_are_guarded_and_logged_as_the_others() {
    let world = world().await;
    let work = sign_up(&world, "work").await;
    let list = at(&world, Method::GET, "/work", SESSIONS_PATH).header("cookie", &pair(&work));
    let foreign = list.header("origin", "https://evil.example").send().await;
    let unknown = at(&world, Method::POST, "/other", SIGN_UP_PATH)
        .send()
        .await;

    foreign.is_problem(403, "forbidden_origin");
    unknown.is_problem(404, "not_found");
    eventually("the sign-up is logged", || async {
        let log = std::fs::read_to_string(world.folder.path().join("security.log"));
        let log = log.unwrap_or_default();
        log.contains(r#""event":"sign_up""#).then_some(())
    })
    .await;
}
