//! `GET /openapi.json`: the document matches the server. [`crate::contract`] checks every response of every other test
//! against it.

use std::collections::BTreeSet;

use hyper::{Method, StatusCode};
use nolapse::wire::{
    EVENTS_PATH, JWKS_PATH, METADATA_PATH, PASSWORD_PATH, PROOF_HEADER, PROVIDERS_PATH,
    REFRESH_PATH, REVOCATIONS_PATH, SESSION_PATH, SESSIONS_PATH, SIGN_IN_PATH, SIGN_OUT_PATH,
    SIGN_UP_PATH,
};
use serde_json::{Value, json};

use crate::{
    contract::Document,
    dbsc_input, documented_accounts,
    dpop::Key,
    instances::Instance,
    support::{Call, EMAIL, PASSWORD, SERVER_SECRET, Signed, World},
};

/// Every value below a member of this name.
fn all<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| all(item, name, found)),
        Value::Object(members) => {
            found.extend(members.get(name));
            members.values().for_each(|member| all(member, name, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_whole(document: &Document) {
    let text = &document.text;
    assert!(
        text["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1."))
    );
    let mut references = Vec::new();
    all(text, "$ref", &mut references);
    for reference in references {
        let name = reference.as_str().expect("a text").trim_start_matches('#');
        assert!(text.pointer(name).is_some(), "{name} leads nowhere");
    }
    let operations = document.operations();
    let names: BTreeSet<&str> = operations
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        names.len(),
        operations.len(),
        "two operations have one name"
    );
    for (path, method, operation) in operations {
        assert!(operation["summary"].is_string(), "{method} {path}");
        for (status, response) in operation["responses"].as_object().expect("an object") {
            let description = response["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{method} {path} {status}");
        }
        for scheme in operation["security"].as_array().into_iter().flatten() {
            for name in scheme.as_object().expect("an object").keys() {
                assert!(
                    !text["components"]["securitySchemes"][name].is_null(),
                    "{name}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_document_is_whole_and_the_router_answers_exactly_its_methods() {
    let world = World::new().await;
    for (document, is_auth) in [(&world.contract.auth, true), (&world.contract.api, false)] {
        is_whole(document);
        let operations = document.operations();
        for (path, _, _) in &operations {
            for method in [
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ] {
                let documented = |method: &str| {
                    operations
                        .iter()
                        .any(|(at, known, _)| at == path && known == method)
                };
                let here = path.replace("{id}", "x");
                let call = if is_auth {
                    world.auth(method.clone(), &here)
                } else {
                    world.api(method.clone(), &here)
                };
                let answer = call.send().await;
                let refused = answer.status == StatusCode::METHOD_NOT_ALLOWED;
                assert_eq!(refused, !documented(method.as_str()), "{method} {path}");
                let allowed = ["GET", "HEAD", "POST", "DELETE"].into_iter();
                let allowed =
                    allowed.filter(|one| documented(if *one == "HEAD" { "GET" } else { one }));
                let allowed: Vec<&str> = allowed.collect();
                if refused {
                    assert_eq!(answer.header("allow"), allowed.join(","), "{path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_table_of_endpoints_in_the_documents_is_the_routers() {
    let world = World::with(|config| config.demo = false).await;
    let real = |document: &Document| -> BTreeSet<String> {
        let operations = document.operations().into_iter();
        operations
            .map(|(path, method, _)| format!("`{method} {path}`"))
            .collect()
    };
    let text = include_str!("../../../../docs/deployment.md");
    let documented = |port: &str| -> BTreeSet<String> {
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
        let mine =
            rows.filter(|row| row.contains(&format!(" | {port} | ")) || row.contains(" | both | "));
        let names = mine.filter_map(|row| row.split_once('`'));
        names.map(|(name, _)| format!("`{name}`")).collect()
    };

    assert_eq!(documented("auth"), real(&world.contract.auth));
    assert_eq!(documented("API"), real(&world.contract.api));
}

#[tokio::test]
async fn without_the_demo_its_paths_are_not_documented() {
    let world = World::with(|config| config.demo = false).await;

    let paths = world.contract.auth.operations();

    assert!(paths.iter().all(|(path, _, _)| !path.starts_with("/demo/")));
}

#[tokio::test]
async fn every_documented_response_occurs() {
    let world = World::with(|config| {
        config.dbsc = true;
        config.passwords_per_account = 3;
        config.refreshes_per_minute = 2;
        config.notes_per_user = 1;
        config.notes_per_minute = 2;
    })
    .await;
    let signed = world.sign_up().await;

    call_the_api(&world, &signed).await;
    call_the_demo_controls(&world, &signed).await;
    call_the_auth_server(&world, &signed).await;
    documented_accounts::call(&world).await;
    dbsc_input::call(&world).await;

    for document in [&world.contract.auth, &world.contract.api] {
        assert_eq!(document.seen(), document.documented());
    }
}

async fn call_the_api(world: &World, signed: &Signed) {
    let api = |method: &Method, path: &str| world.api(method.clone(), path);
    for (method, path) in [
        (Method::GET, "/me"),
        (Method::GET, "/notes"),
        (Method::GET, "/admin/report"),
    ] {
        api(&method, path).send().await;
        api(&method, path).bearer(&signed.token).send().await;
    }
    let text = json!({ "text": "milk" });
    api(&Method::POST, "/notes").json(&text).send().await;
    let note = api(&Method::POST, "/notes")
        .json(&text)
        .bearer(&signed.token);
    let note = format!("/notes/{}", note.send().await.text("/id"));
    for (status, code) in [(409, "limit_reached"), (429, "too_many_requests")] {
        let more = api(&Method::POST, "/notes").bearer(&signed.token);
        more.json(&text).send().await.is_problem(status, code);
    }
    api(&Method::DELETE, &note).send().await;
    for _ in 0..2 {
        api(&Method::DELETE, &note)
            .bearer(&signed.token)
            .send()
            .await;
    }
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        api(&Method::GET, path).send().await;
        world.auth(Method::GET, path).send().await;
    }
    let mut admin = other(world, "admin@example.org").await;
    let role = json!({ "role": "admin" });
    let control = world.own(&admin, Method::POST, "/demo/role");
    control.json(&role).send().await;
    admin = world.refresh(&admin.cookie).await.signed();
    api(&Method::GET, "/admin/report")
        .bearer(&admin.token)
        .send()
        .await;
    api(&Method::DELETE, "/account").send().await;
    api(&Method::DELETE, "/account")
        .bearer(&admin.token)
        .send()
        .await;
}

async fn other(world: &World, email: &str) -> Signed {
    let credentials = json!({ "email": email, "password": PASSWORD });
    let call = world.auth(Method::POST, SIGN_UP_PATH).json(&credentials);
    call.send().await.signed()
}

async fn call_the_demo_controls(world: &World, signed: &Signed) {
    let control = |path: &str, body: &Value| world.auth(Method::POST, path).json(body).send();
    control("/demo/role", &json!({ "role": "member" })).await;
    let (absent, present) = ("A".repeat(22), &signed.session);
    let gone = other(world, "gone@example.org").await;
    for (session, change) in [
        (&absent, "disable"),
        (present, "enable"),
        (&gone.session, "revoke"),
    ] {
        let body = json!({ "session_id": session, "change": change });
        control("/demo/session", &body).await;
    }
    control("/demo/steal-cookie", &json!({})).await;
    control("/demo/outage", &json!({ "seconds": 0 })).await;
    world.auth(Method::GET, "/demo/counters").send().await;
    world
        .auth(Method::POST, "/demo/reset-counters")
        .send()
        .await;
}

async fn call_the_auth_server(world: &World, signed: &Signed) {
    for path in [JWKS_PATH, METADATA_PATH, PROVIDERS_PATH, "/config.json"] {
        world.auth(Method::GET, path).send().await;
    }
    for secret in ["another secret", SERVER_SECRET] {
        let stream = world.bare(Method::GET, REVOCATIONS_PATH).bearer(secret);
        stream.send().await;
    }
    let look_up = |secret: &str| world.bare(Method::POST, SESSION_PATH).bearer(secret);
    look_up("another secret").send().await;
    for _ in 0..21 {
        look_up(SERVER_SECRET).cookie(&signed.cookie).send().await;
    }
    for path in [SIGN_UP_PATH, SIGN_IN_PATH, REFRESH_PATH, SIGN_OUT_PATH] {
        world.bare(Method::POST, path).send().await;
    }
    let list = || world.auth(Method::GET, SESSIONS_PATH);
    let forged = format!("{SESSIONS_PATH}/x");
    for (method, path) in [(Method::GET, SESSIONS_PATH), (Method::DELETE, &forged)] {
        world.bare(method, path).cookie(&signed.cookie).send().await;
    }
    world.bare(Method::GET, EVENTS_PATH).send().await;
    world.auth(Method::GET, EVENTS_PATH).send().await;
    list().send().await;
    list().cookie(&signed.cookie).send().await;
    let change = |current: &str| {
        let body = json!({ "current_password": current, "new_password": "staple of another kind" });
        world.auth(Method::POST, PASSWORD_PATH).json(&body)
    };
    change(PASSWORD).send().await;
    let user = other(world, "bob@example.org").await;
    // Right, and then wrong until it is throttled.
    let changed = change(PASSWORD).cookie(&user.cookie).send().await;
    let cookie = changed.cookie().expect("a fresh cookie");
    for _ in 0..4 {
        change(PASSWORD).cookie(&cookie).send().await;
    }
    let cookie = world.refresh(&signed.cookie).await.signed().cookie;
    for _ in 0..2 {
        world.refresh(&cookie).await;
    }
    world.refresh("x").await;
    let one = format!("{SESSIONS_PATH}/{}", signed.session);
    world.auth(Method::DELETE, &one).send().await;
    let absent = format!("{SESSIONS_PATH}/x");
    let newest = Signed {
        cookie: cookie.clone(),
        ..signed.clone()
    };
    let absent = world.own(&newest, Method::DELETE, &absent);
    absent.send().await;
    let revoke = world.own(&newest, Method::DELETE, &one);
    revoke.send().await;
    world.auth(Method::POST, SIGN_OUT_PATH).send().await;
    let proof = Key::new().proof("POST", &format!("{}{SIGN_UP_PATH}", world.page()));
    let credentials = json!({ "email": "bound@example.org", "password": PASSWORD });
    let bound = world
        .auth(Method::POST, SIGN_UP_PATH)
        .header(PROOF_HEADER, &proof);
    let bound = bound.json(&credentials).send().await.signed();
    let unproven = world.own(&bound, Method::POST, SIGN_OUT_PATH);
    unproven.send().await.is_problem(401, "invalid_dpop_proof");
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    let wrong = json!({ "email": "eve@example.org", "password": "another password" });
    let taken = json!({ "email": "gone@example.org", "password": PASSWORD });
    world
        .auth(Method::POST, SIGN_UP_PATH)
        .json(&taken)
        .send()
        .await;
    for body in [&right, &wrong, &wrong, &wrong, &wrong] {
        world
            .auth(Method::POST, SIGN_IN_PATH)
            .json(body)
            .send()
            .await;
    }
    world
        .auth(Method::POST, SIGN_UP_PATH)
        .json(&wrong)
        .send()
        .await;
}

#[tokio::test]
async fn the_document_is_turned_off_on_both_origins_by_a_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    for (setting, status) in [("0", 404), ("1", 200)] {
        let settings = [("OPENAPI", setting), ("SECURITY_LOG", "off")];
        let server = Instance::start(folder.path(), &settings);
        for address in [&server.auth, &server.api] {
            let call = Call::new(address.clone(), Method::GET, "/openapi.json");
            let answer = call.send().await;
            assert_eq!(answer.status, status, "{setting}");
            let other = Call::new(address.clone(), Method::GET, "/healthz")
                .send()
                .await;
            assert_eq!(other.status, 200);
            if status == 404 {
                answer.is_problem(404, "not_found");
                let post = Call::new(address.clone(), Method::POST, "/openapi.json");
                post.send().await.is_problem(404, "not_found");
            }
        }
    }
}
