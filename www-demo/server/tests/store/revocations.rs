//! The log of revocations, on both databases.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use nolapse::wire::EndReason;
use nolapse_server::{
    domain::{Applied, RevocationLog, Revoked, Store},
    store::{PgStore, Pooler, SqliteStore},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tokio::time::timeout;

use crate::postgres::Postgres;
use crate::suite::{later, session, session_id, user};

const KEPT: Duration = Duration::from_mins(2);

async fn both() -> (
    tempfile::TempDir,
    Arc<Postgres>,
    [(String, Arc<dyn Store>); 2],
) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let postgres = Postgres::shared();
    let shared = postgres.database().await;
    let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(&url).await.unwrap());
    let shared_store: Arc<dyn Store> =
        Arc::new(PgStore::open(&shared, 8, Pooler::None).await.unwrap());
    (folder, postgres, [(url, sqlite), (shared, shared_store)])
}

/// The log of a store of one database.
fn log(store: &Arc<dyn Store>) -> Arc<dyn RevocationLog> {
    let [(_, log)] = store.revocation_logs().try_into().ok().unwrap();
    log
}

async fn logged(store: &Arc<dyn Store>) -> Vec<Revoked> {
    let page = log(store).revocations(0, KEPT).await.unwrap();
    page.entries.iter().map(|entry| entry.revoked).collect()
}

/// Reads until nothing is told again, and returns the cursor. The horizon of `PostgreSQL` is one of the whole server, so a
/// transaction of another test's database holds it back.
async fn read_to_the_end(store: &Arc<dyn Store>, mut cursor: u64) -> u64 {
    let passed = async {
        loop {
            let page = log(store).revocations(cursor, KEPT).await.unwrap();
            if page.entries.is_empty() {
                return page.cursor;
            }
            cursor = page.cursor;
            tokio::task::yield_now().await;
        }
    };
    let passed = timeout(Duration::from_secs(30), passed).await;
    passed.expect("the cursor passes the last entry")
}

#[tokio::test]
async fn p56_whatever_ends_a_session_is_logged_with_it_and_nothing_else() {
    let (_folder, _postgres, stores) = both().await;
    for (_, store) in stores {
        let [ada, eve] = [user(1), user(2)];
        let mut expected = BTreeSet::new();
        for person in [&ada, &eve] {
            store.add_user(person).await.unwrap();
        }
        for number in 10..16 {
            let owner = if number < 14 { &ada } else { &eve };
            store.add_session(&session(number, owner).0).await.unwrap();
        }
        let id = |number| session_id(number);
        assert_eq!(logged(&store).await, []);

        let ended = store.end_session(id(10), later(1), EndReason::SignedOut);
        assert_eq!(ended.await.unwrap(), Applied::Yes);
        let again = store.end_session(id(10), later(2), EndReason::Revoked);
        assert_eq!(again.await.unwrap(), Applied::No);
        let others = store.end_other_sessions(ada.id, id(11), later(3), EndReason::Revoked);
        assert_eq!(others.await.unwrap(), 2);
        expected.extend([10, 12, 13].map(|number| Revoked::Session(id(number), ada.id)));
        assert_eq!(BTreeSet::from_iter(logged(&store).await), expected);

        let all = store.end_sessions_of(ada.id, later(4), EndReason::ReuseDetected);
        all.await.unwrap();
        expected.insert(Revoked::Session(id(11), ada.id));
        store.set_disabled(ada.id, true).await.unwrap();
        store.set_disabled(ada.id, true).await.unwrap();
        store.set_disabled(ada.id, false).await.unwrap();
        store.delete_user(eve.id).await.unwrap();
        expected.extend([Revoked::User(ada.id), Revoked::User(eve.id)]);
        let entries = logged(&store).await;
        assert_eq!(entries.len(), expected.len());
        assert_eq!(BTreeSet::from_iter(entries), expected);

        let page = log(&store).revocations(0, KEPT).await.unwrap();
        assert_eq!(page.entries.first().unwrap().at, later(1));
        let end = read_to_the_end(&store, page.cursor).await;
        let rest = log(&store).revocations(end, KEPT).await.unwrap();
        assert_eq!(rest.entries, []);
        assert!(rest.cursor >= end);
        assert_eq!(log(&store).prune_revocations(KEPT, 100).await.unwrap(), 0);
        // An entry of this very millisecond is not older than nothing.
        let aged = async {
            let young = || async { log(&store).revocations(0, Duration::ZERO).await.unwrap() };
            while !young().await.entries.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let aged = timeout(Duration::from_secs(10), aged).await;
        aged.expect("entries are left out for their age");
    }
}

#[tokio::test]
async fn p56_a_log_forgets_what_is_too_old() {
    let (_folder, _postgres, stores) = both().await;
    for (url, store) in stores {
        let ada = user(1);
        store.add_user(&ada).await.unwrap();
        for number in 10..15 {
            store.add_session(&session(number, &ada).0).await.unwrap();
        }
        let ended = store.end_sessions_of(ada.id, later(1), EndReason::Revoked);
        ended.await.unwrap();
        let aged = "UPDATE revocations SET logged_at = logged_at - 120001";
        if url.starts_with("sqlite") {
            let mut raw = SqliteConnection::connect(&url).await.unwrap();
            raw.execute(aged).await.unwrap();
        } else {
            let mut raw = PgConnection::connect(&url).await.unwrap();
            raw.execute(aged).await.unwrap();
        }

        assert_eq!(logged(&store).await, []);
        assert_eq!(log(&store).prune_revocations(KEPT, 3).await.unwrap(), 3);
        assert_eq!(log(&store).prune_revocations(KEPT, 3).await.unwrap(), 2);
        // The next place is not one that was given out before.
        let cursor = log(&store).revocations(0, KEPT).await.unwrap().cursor;
        store.delete_user(ada.id).await.unwrap();
        let page = log(&store).revocations(cursor, KEPT).await.unwrap();
        assert_eq!(page.entries.len(), 1);
    }
}

/// Three transactions that end a session each, and are committed in another order than they began: a reader that goes by the
/// highest place that it has seen would miss two of them.
#[tokio::test]
async fn p56_a_transaction_that_commits_late_is_not_missed() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    let store: Arc<dyn Store> = Arc::new(PgStore::open(&url, 4, Pooler::None).await.unwrap());
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    let mut rivals = Vec::new();
    for number in [10_u8, 20, 30] {
        store.add_session(&session(number, &ada).0).await.unwrap();
        let mut rival = PgConnection::connect(&url).await.unwrap();
        let id = format!("{number:02x}").repeat(16);
        rival.execute("BEGIN").await.unwrap();
        let end = format!(
            "UPDATE sessions SET ended_at = 1, end_reason = 'revoked' WHERE id = '\\x{id}'"
        );
        rival.execute(AssertSqlSafe(end)).await.unwrap();
        rivals.push(rival);
    }

    let mut cursor = log(&store).revocations(0, KEPT).await.unwrap().cursor;
    let mut seen = BTreeSet::new();
    for index in [2, 0, 1] {
        let mut signal = log(&store).revocation_signal().await.unwrap();
        rivals[index].execute("COMMIT").await.unwrap();
        let signalled = timeout(Duration::from_secs(10), signal.wait()).await;
        signalled.expect("a commit is signalled").unwrap();
        let page = log(&store).revocations(cursor, KEPT).await.unwrap();
        let last = page.entries.iter().map(|entry| entry.position).max();
        assert!(
            page.entries.iter().any(|entry| seen.insert(entry.revoked)),
            "{page:?}"
        );
        if index == 2 {
            assert!(
                page.cursor <= last.unwrap(),
                "two that began earlier are under way"
            );
        }
        cursor = page.cursor;
    }
    assert_eq!(seen.len(), 3);
    read_to_the_end(&store, cursor).await;
}

#[tokio::test]
async fn p56_a_transaction_that_is_rolled_back_is_neither_logged_nor_signalled() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    let store: Arc<dyn Store> = Arc::new(PgStore::open(&url, 4, Pooler::None).await.unwrap());
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    for number in [10, 20] {
        store.add_session(&session(number, &ada).0).await.unwrap();
    }
    let mut signal = log(&store).revocation_signal().await.unwrap();

    let mut rival = PgConnection::connect(&url).await.unwrap();
    rival
        .execute("BEGIN; DELETE FROM users; ROLLBACK")
        .await
        .unwrap();
    let second = session_id(20);
    let ended = store.end_session(second, later(1), EndReason::Revoked);
    ended.await.unwrap();

    signal.wait().await.unwrap();
    assert_eq!(logged(&store).await, [Revoked::Session(second, ada.id)]);
    let none = timeout(Duration::from_millis(200), signal.wait()).await;
    assert!(none.is_err(), "one commit, one signal");
}

#[tokio::test]
async fn p56_a_lost_connection_ends_the_signal() {
    let postgres = Postgres::start(&["-c", "fsync=off"]);
    let url = postgres.database().await;
    let store = PgStore::open(&url, 4, Pooler::None).await.unwrap();
    let mut signal = store.revocation_signal().await.unwrap();

    let waiting = tokio::spawn(async move { signal.wait().await });
    postgres.restart();

    let ended = timeout(Duration::from_secs(20), waiting).await;
    assert!(ended.unwrap().unwrap().is_err());
}
