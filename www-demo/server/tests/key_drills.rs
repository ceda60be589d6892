//! The drills of `docs/keys.md`, by the commands that stand there, against running servers: on `SQLite`, and on
//! `PostgreSQL` with two servers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "key_drills/drill.rs"]
mod drill;
#[path = "common/instances.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod instances;
#[path = "key_drills/lost_file.rs"]
mod lost_file;
#[path = "common/postgres.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod postgres;

use std::{fs, os::unix::fs::PermissionsExt};

use drill::{Drill, Person, pause, ready};
use postgres::Postgres;
use serde_json::Value;
use tokio::time::Instant;

fn kids(set: &Value) -> Vec<String> {
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

fn kid_of(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let header = <base64ct::Base64UrlUnpadded as base64ct::Encoding>::decode_vec(header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

async fn revoke_drill(drill: &Drill, servers: usize) {
    let mut people = Vec::new();
    for server in 0..servers {
        people.push(Person::sign_up(drill.server(server)).await);
    }
    let leaked = kid_of(&people[0].token);
    for person in &people {
        assert_eq!(person.call(drill.server(0)).await, 200);
    }

    let output = drill.run("revoke");
    let begun = Instant::now();

    assert!(output.contains(&leaked), "{output}");
    for server in 0..servers {
        ready("the key is no longer published", async || {
            !kids(&drill.server(server).key_set().await).contains(&leaked)
        })
        .await;
        for person in &people {
            assert_eq!(person.call(drill.server(server)).await, 401);
        }
    }
    let bound = begun.elapsed();
    assert!(bound.as_secs_f64() < 5.0, "{bound:?}");
    eprintln!("{servers} servers refused a revoked key after {bound:?}");
    for person in &mut people {
        for server in 0..servers {
            person.refresh(drill.server(server)).await;
            assert_ne!(kid_of(&person.token), leaked);
            assert_eq!(person.call(drill.server(servers - 1 - server)).await, 200);
        }
    }
    let published = kids(&drill.server(0).key_set().await);
    assert_eq!(published.len(), 2, "one signs, one waits");
}

#[tokio::test]
async fn line18_a_leaked_signing_key_is_revoked_at_once_on_sqlite() {
    let drill = Drill::start("sqlite://nolapse.db", 1);
    revoke_drill(&drill, 1).await;
}

#[tokio::test]
async fn line18_a_leaked_signing_key_is_revoked_at_once_at_two_servers() {
    let postgres = Postgres::shared();
    let drill = Drill::start(&postgres.database().await, 2);
    revoke_drill(&drill, 2).await;
}

#[tokio::test]
async fn line18_keys_are_revoked_by_name_and_an_unknown_name_changes_nothing() {
    let drill = Drill::start("sqlite://nolapse.db", 1);
    let before = kids(&drill.server(0).key_set().await);

    let refused = drill.refused(&["keys", "revoke", "no-such-key"]);
    assert!(refused.contains("keys list"), "{refused}");
    drill.command(&["keys", "revoke", &before[1]]);
    ready("the next key is another one", async || {
        kids(&drill.server(0).key_set().await)[1] != before[1]
    })
    .await;
    assert_eq!(kids(&drill.server(0).key_set().await)[0], before[0]);
    drill.command(&["keys", "revoke", "next"]);
    drill.command(&["keys", "revoke", "current"]);
    drill.command(&["keys", "revoke", "current"]);
    ready("none of the first keys is published", async || {
        let now = kids(&drill.server(0).key_set().await);
        now.len() == 2 && before.iter().all(|key| !now.contains(key))
    })
    .await;
}

#[tokio::test]
async fn line18_secrets_rotate_without_a_sign_out_and_are_revoked_with_one() {
    let drill = Drill::start("sqlite://nolapse.db", 1);
    let server = drill.server(0);
    let (mut active, idle) = (Person::sign_up(server).await, Person::sign_up(server).await);
    let first = active.clone();
    let commands: Vec<&str> = Drill::block("rotate-secrets").lines().collect();

    drill.shell(commands[0]);
    let mut refresh_tokens = Vec::new();
    ready("cookies are sealed with the new secrets", async || {
        pause().await;
        active.refresh(server).await;
        refresh_tokens.push(drill.refresh_token(&active.cookie, false).unwrap());
        drill.refresh_token(&active.cookie, true).is_some()
    })
    .await;

    // The first cookie, sealed with the old secrets, still yields what it was replaced by.
    let mut late = first.clone();
    late.refresh(server).await;
    assert_eq!(
        drill.refresh_token(&late.cookie, true).as_ref(),
        refresh_tokens.last()
    );
    let file = drill.path("first/nolapse.keys");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        (drill.list("old").len(), drill.list("active").len()),
        (1, 1)
    );

    drill.shell(commands[1]);
    ready("the old secrets open nothing", async || {
        first.try_refresh(server).await == 401
    })
    .await;
    assert_eq!(idle.try_refresh(server).await, 401);
    assert_eq!(
        idle.call(server).await,
        200,
        "its token is signed, and lives on"
    );
    active.refresh(server).await;
    assert_eq!(active.call(server).await, 200);
    let refused = drill.refused(&["keys", "revoke-secrets"]);
    assert!(refused.contains("rotate-secrets"), "{refused}");
    let names: Vec<_> = fs::read_dir(drill.path("first")).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing is left beside the key file");
}

#[tokio::test]
async fn line18_secrets_are_distributed_and_then_activated_at_two_servers() {
    let postgres = Postgres::shared();
    let drill = Drill::start(&postgres.database().await, 2);
    let mut person = Person::sign_up(drill.server(0)).await;

    let output = drill.run("distribute");
    assert!(output.contains(r#""state":"waiting""#), "{output}");
    for server in [1, 0, 1] {
        person.refresh(drill.server(server)).await;
    }
    let commands: Vec<&str> = Drill::block("activate").lines().collect();
    drill.shell(commands[0]);
    // Whichever of the two has noticed yet: each opens what the other seals.
    for server in 0..2 {
        ready("it seals with the new secrets", async || {
            pause().await;
            person.refresh(drill.server(1 - server)).await;
            person.refresh(drill.server(server)).await;
            drill.refresh_token(&person.cookie, true).is_some()
        })
        .await;
    }
    let listed = drill.list("active");
    drill.shell(commands[1]);
    drill.shell(commands[2]);
    assert_eq!(drill.list("active"), listed);
    assert_eq!(drill.list("old").len(), 0);
    for server in [1, 0] {
        person.refresh(drill.server(server)).await;
        assert_eq!(person.call(drill.server(server)).await, 200);
    }
}

#[tokio::test]
async fn line18_a_server_with_an_older_key_file_ends_no_session() {
    let postgres = Postgres::shared();
    let drill = Drill::start(&postgres.database().await, 2);
    let mut person = Person::sign_up(drill.server(0)).await;
    drill.command(&["keys", "rotate-secrets"]);
    ready("the first server seals anew", async || {
        pause().await;
        person.refresh(drill.server(0)).await;
        drill.refresh_token(&person.cookie, true).is_some()
    })
    .await;

    ready("the other is not ready", async || {
        drill.server(1).status("/readyz").await == 503
    })
    .await;
    assert_eq!(person.try_refresh(drill.server(1)).await, 503);
    drill.shell("cp first/nolapse.keys second/nolapse.keys");
    ready("it is ready again", async || {
        drill.server(1).status("/readyz").await == 200
    })
    .await;
    person.refresh(drill.server(1)).await;
}

#[tokio::test]
async fn p31_line18_no_command_prints_a_secret() {
    let drill = Drill::start("sqlite://nolapse.db", 1);
    let mut output = String::new();
    for command in [
        "list",
        "rotate-secrets",
        "list",
        "add-secrets",
        "revoke",
        "revoke-secrets",
        "list",
    ] {
        output += &drill.command(&["keys", command]);
        let file: Value =
            serde_json::from_str(&fs::read_to_string(drill.path("first/nolapse.keys")).unwrap())
                .unwrap();
        for secrets in file["secrets"].as_array().unwrap() {
            for name in ["tickets", "sealing"] {
                let secret = secrets[name].as_str().unwrap();
                assert_eq!(secret.len(), 43);
                assert!(!output.contains(secret) && !drill.log(0).contains(secret));
            }
        }
    }
    assert!(output.contains(r#""state":"active""#) && output.contains(r#""age_seconds":"#));
}
