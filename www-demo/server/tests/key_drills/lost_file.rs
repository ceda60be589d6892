//! The key file is lost, broken or away, or all of its keys are to be new.

use std::{fs, path::Path};

use crate::{
    drill::{Drill, Person, ready},
    kids,
    postgres::Postgres,
};

async fn reset_drill(mut drill: Drill, lose: impl FnOnce(&Path)) {
    let mut person = Person::sign_up(drill.server(0)).await;
    drill.stop();
    let file = drill.path("first/nolapse.keys");
    lose(&file);

    let refused = drill.refused(&["serve"]);
    let advice = refused.split("nolapse-server keys ").nth(1);
    let advice = advice.unwrap_or_else(|| panic!("no advice in {refused}"));
    let word = advice.split(|character: char| !character.is_alphabetic());
    let advised = format!("nolapse-server keys {}", word.into_iter().next().unwrap());
    assert_eq!(advised, Drill::block("reset").trim());
    let output = drill.shell(&advised);
    assert!(output.contains("sign in again"), "{output}");

    drill.serve();
    assert_eq!(person.call(drill.server(0)).await, 401);
    assert_eq!(person.try_refresh(drill.server(0)).await, 401);
    person.sign_in(drill.server(0)).await;
    person.refresh(drill.server(0)).await;
    assert_eq!(person.call(drill.server(0)).await, 200);
    let refused = drill.refused(&["keys", "reset"]);
    assert!(refused.contains("nothing is lost"), "{refused}");
}

#[tokio::test]
async fn line18_a_lost_key_file_is_reported_and_reset_as_advised_on_sqlite() {
    let drill = Drill::start("sqlite://nolapse.db", 1);
    reset_drill(drill, |file| fs::remove_file(file).unwrap()).await;
}

#[tokio::test]
async fn line18_a_lost_key_file_is_reported_and_reset_as_advised_on_postgresql() {
    let postgres = Postgres::shared();
    let drill = Drill::start(&postgres.database().await, 1);
    reset_drill(drill, |file| fs::remove_file(file).unwrap()).await;
}

#[tokio::test]
async fn line18_a_malformed_key_file_is_reported_and_moved_aside_as_advised() {
    let drill = Drill::start("sqlite://nolapse.db", 1);
    reset_drill(drill, |file| {
        let text = fs::read_to_string(file).unwrap();
        fs::write(file, &text.as_bytes()[..text.len() / 2]).unwrap();
    })
    .await;
}

#[tokio::test]
async fn line18_a_refused_start_leaves_no_key_file_behind_and_the_restored_one_works() {
    let mut drill = Drill::start("sqlite://nolapse.db", 1);
    let mut person = Person::sign_up(drill.server(0)).await;
    drill.stop();
    let (file, backup) = (drill.path("first/nolapse.keys"), drill.path("backup"));
    fs::rename(&file, &backup).unwrap();

    drill.refused(&["serve"]);
    assert!(!file.exists());
    for command in [
        &["keys", "list"][..],
        &["keys", "rotate"],
        &["keys", "revoke"],
    ] {
        let refused = drill.refused(command);
        assert!(refused.contains("is gone"), "{refused}");
        assert!(!file.exists());
    }
    fs::rename(&backup, &file).unwrap();
    drill.serve();

    person.refresh(drill.server(0)).await;
    assert_eq!(person.call(drill.server(0)).await, 200);
}

#[tokio::test]
async fn line18_a_file_that_goes_away_while_the_server_runs_costs_nothing() {
    let drill = Drill::start("sqlite://nolapse.db", 1);
    let mut person = Person::sign_up(drill.server(0)).await;
    let (file, backup) = (drill.path("first/nolapse.keys"), drill.path("backup"));
    fs::rename(&file, &backup).unwrap();

    ready("the log has the loss", async || {
        drill.log(0).contains("is gone")
    })
    .await;
    person.refresh(drill.server(0)).await;
    assert_eq!(person.call(drill.server(0)).await, 200);
    assert_eq!(drill.server(0).status("/readyz").await, 200);
}

#[tokio::test]
async fn line18_reset_with_yes_begins_with_all_new_keys() {
    let drill = Drill::start("sqlite://nolapse.db", 1);
    let mut person = Person::sign_up(drill.server(0)).await;
    let before = kids(&drill.server(0).key_set().await);

    drill.command(&["keys", "reset", "--yes"]);

    ready("all keys are new", async || {
        let now = kids(&drill.server(0).key_set().await);
        before.iter().all(|key| !now.contains(key))
    })
    .await;
    assert_eq!(person.call(drill.server(0)).await, 401);
    assert_eq!(person.try_refresh(drill.server(0)).await, 401);
    person.sign_in(drill.server(0)).await;
    assert_eq!(person.call(drill.server(0)).await, 200);
}
