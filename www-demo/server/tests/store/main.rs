//! Each database in turn against the one [`suite`], and what is particular to each.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{sync::Arc, time::Duration};

mod authentication;
mod endings;
mod guesses;
mod losses;
mod passkeys;
#[path = "../common/pgbouncer.rs"]
mod pgbouncer;
mod pooled;
#[path = "../common/postgres.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod postgres;
mod providers;
mod registrations;
mod revocations;
#[path = "../common/service.rs"]
mod service;
mod sharded;
mod sharded_outages;
mod sharded_starts;
mod signing_keys;
mod suite;

use nolapse::wire::EndReason;
use nolapse_server::{
    domain::{Applied, Limits, RefreshTokenKey, Store, Verdict},
    store::{PgStore, Pooler, SqliteStore},
};
use postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use suite::{conforms, later, session, session_id, user};

#[tokio::test]
async fn sqlite_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());

    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&url).await.unwrap());
    conforms(Arc::clone(&store)).await;
    endings::conforms(Arc::clone(&store)).await;
    guesses::conforms(Arc::clone(&store)).await;
    losses::conforms(Arc::clone(&store)).await;
    passkeys::conforms(Arc::clone(&store)).await;
    registrations::conforms(store).await;
}

#[tokio::test]
async fn line18_signing_keys_are_replaced_whole_on_both_databases() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let postgres = Postgres::shared();
    let shared = postgres.database().await;

    signing_keys::are_replaced_whole(Arc::new(SqliteStore::open(&url).await.unwrap())).await;
    signing_keys::are_replaced_whole(Arc::new(
        PgStore::open(&shared, 8, Pooler::None).await.unwrap(),
    ))
    .await;
}

#[tokio::test]
async fn sqlite_is_opened_by_several_servers_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());

    let opened = tokio::join!(
        SqliteStore::open(&url),
        SqliteStore::open(&url),
        SqliteStore::open(&url)
    );

    assert!(
        opened.0.is_ok() && opened.1.is_ok() && opened.2.is_ok(),
        "{opened:?}"
    );
}

#[tokio::test]
async fn postgres_conforms() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;

    let store: Arc<dyn Store> = Arc::new(PgStore::open(&url, 8, Pooler::None).await.unwrap());
    conforms(Arc::clone(&store)).await;
    endings::conforms(Arc::clone(&store)).await;
    guesses::conforms(Arc::clone(&store)).await;
    losses::conforms(Arc::clone(&store)).await;
    passkeys::conforms(Arc::clone(&store)).await;
    registrations::conforms(store).await;
}

#[tokio::test]
async fn postgres_is_opened_by_several_servers_at_once() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;

    let opened = tokio::join!(
        PgStore::open(&url, 2, Pooler::None),
        PgStore::open(&url, 2, Pooler::None),
        PgStore::open(&url, 2, Pooler::None),
        PgStore::open(&url, 2, Pooler::None)
    );

    let (first, second, third, fourth) = opened;
    for store in [first, second, third, fourth] {
        store.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn p47_a_store_outlives_a_restart_of_postgres() {
    let postgres = Postgres::start(&[]);
    let url = postgres.database().await;
    let store = PgStore::open(&url, 4, Pooler::None).await.unwrap();
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    let (row, _) = session(10, &ada);
    store.add_session(&row).await.unwrap();

    postgres.restart();

    assert_eq!(store.session(row.id).await.unwrap(), Some((row, ada)));
}

/// Two connections that end the sessions of two users in opposite orders would block each other for good;
/// the database ends one of them, and the store does it again.
#[tokio::test]
async fn postgres_deadlocks_are_tried_again() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    let store = PgStore::open(&url, 4, Pooler::None).await.unwrap();
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    for number in [10, 20] {
        store.add_session(&session(number, &ada).0).await.unwrap();
    }
    let mut rival = PgConnection::connect(&url).await.unwrap();
    let lock = |number: u8| {
        let id = format!("{number:02x}").repeat(16);
        AssertSqlSafe(format!(
            "SELECT 1 FROM sessions WHERE id = '\\x{id}' FOR UPDATE"
        ))
    };
    // The rival is patient: the store's own connection finds the deadlock first, and loses.
    let patient = "SET deadlock_timeout = '20s'; BEGIN";
    rival.execute(patient).await.unwrap();
    rival.execute(lock(20)).await.unwrap();

    let ending = tokio::spawn(async move {
        let ended = store.end_sessions_of(ada.id, later(1), EndReason::Revoked);
        (ended.await, store)
    });
    let mut watcher = PgConnection::connect(&url).await.unwrap();
    waits_for_a_lock(&mut watcher).await;
    rival.execute(lock(10)).await.unwrap();
    rival.execute("ROLLBACK").await.unwrap();

    let (ended, store) = ending.await.unwrap();
    assert_eq!(ended.unwrap(), 2);
    let first = session_id(10);
    let recorded = store.recorded_endings(first, EndReason::Revoked).await;
    assert_eq!(recorded.unwrap(), 1);
}

async fn waits_for_a_lock(watcher: &mut PgConnection) {
    let waiting = "SELECT count(*) FROM pg_stat_activity \
         WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while tokio::time::Instant::now() < deadline {
        let count: i64 = sqlx::query_scalar(waiting)
            .fetch_one(&mut *watcher)
            .await
            .unwrap();
        if count > 0 {
            return;
        }
    }
    panic!("no connection waited for a lock within ten seconds");
}

#[tokio::test]
async fn p42_rows_of_before_the_last_migration_keep_their_grace_and_their_hashes_cost() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let store = SqliteStore::open(&url).await.unwrap();
    let owner = user(1);
    store.add_user(&owner).await.unwrap();
    let (mut row, first) = session(10, &owner);
    let key = RefreshTokenKey::from_bytes([0; 32]);
    store.add_session(&row).await.unwrap();
    let limits = Limits::default();
    let mut newest = first.clone();
    for seconds in [1, 2, 3] {
        newest = key.successor(&newest);
        let read = row.clone();
        row.rotate(later(seconds), &newest, None, &limits);
        assert_eq!(
            store.rotate_session(&row, &read).await.unwrap(),
            Applied::Yes
        );
    }
    let mut raw = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let moments: Vec<u64> = (1..=3).map(|seconds| later(seconds).as_millis()).collect();
    let old = sqlx::query("UPDATE sessions SET replaced_at = $1").bind(format!("{moments:?}"));
    old.execute(&mut raw).await.unwrap();

    let (read, _) = store.session(row.id).await.unwrap().unwrap();

    let verdict = read.present(later(31), &first, None, &limits, &key);
    assert_eq!(verdict, Verdict::Repeat(newest));
    let late = read.present(later(32), &first, None, &limits, &key);
    assert_eq!(late, Verdict::Theft);
}

#[tokio::test]
async fn issue11_line2_siblings_of_before_a_rotation_by_an_older_server_are_dead() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let store = SqliteStore::open(&url).await.unwrap();
    let owner = user(1);
    store.add_user(&owner).await.unwrap();
    let (begun, first) = session(10, &owner);
    store.add_session(&begun).await.unwrap();
    let (key, limits) = (RefreshTokenKey::from_bytes([0; 32]), Limits::default());
    let next = key.successor(&first);
    let mut row = begun.clone();
    row.rotate(later(1), &next, None, &limits);
    store.rotate_session(&row, &begun).await.unwrap();
    let rotated = row.clone();
    row.fork(later(60), &key.sibling(&first, 1), None, &limits);
    store.rotate_session(&row, &rotated).await.unwrap();

    let mut raw = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let old = sqlx::query("UPDATE sessions SET generation = 2");
    old.execute(&mut raw).await.unwrap();

    let (read, _) = store.session(row.id).await.unwrap().unwrap();
    assert_eq!(read.siblings, []);
    let damaged = sqlx::query("UPDATE sessions SET generation = 1, siblings = '[1, [\"x\"]]'");
    damaged.execute(&mut raw).await.unwrap();
    assert!(store.session(row.id).await.is_err());
}
