//! A store behind a pooler that gives a connection to each transaction.

use std::{sync::Arc, time::Duration};

use nolapse::wire::EndReason;
use nolapse_server::{
    domain::{RevocationLog, Store, StoreFailure},
    store::{PgStore, Pooler},
};
use sqlx::{Connection, Executor, PgConnection};

use super::{
    endings, guesses, losses,
    pgbouncer::PgBouncer,
    postgres::Postgres,
    signing_keys,
    suite::{conforms, later, session, user},
};

async fn open(url: &str) -> PgStore {
    PgStore::open(url, 8, Pooler::Transaction).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line4_a_pooled_postgres_conforms() {
    let postgres = Postgres::shared();
    let pooler = PgBouncer::before(&postgres);
    let url = pooler.url(&postgres.database().await);
    // What runs at once runs on all three connections, and no statement finds what another one left there.
    let store: Arc<dyn Store> = Arc::new(open(&url).await);
    conforms(Arc::clone(&store)).await;
    endings::conforms(Arc::clone(&store)).await;
    guesses::conforms(Arc::clone(&store)).await;
    losses::conforms(store).await;

    let keys = pooler.url(&postgres.database().await);
    signing_keys::are_replaced_whole(Arc::new(open(&keys).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line4_several_servers_open_a_pooled_postgres_at_once_and_again() {
    let postgres = Postgres::shared();
    let pooler = PgBouncer::before(&postgres);
    let direct = postgres.database().await;
    let url = pooler.url(&direct);

    for _ in 0..3 {
        let opened: Vec<_> = (0..6)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move { PgStore::open(&url, 2, Pooler::Transaction).await })
            })
            .collect();
        for store in opened {
            let store = store.await.unwrap().unwrap();
            store.ping().await.unwrap();
            store.close().await;
        }
    }
    // One without the pooler finds the same tables.
    PgStore::open(&direct, 2, Pooler::None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line4_a_pooled_statement_waits_no_longer_than_its_time_out() {
    let postgres = Postgres::shared();
    let pooler = PgBouncer::before(&postgres);
    let direct = postgres.database().await;
    let store = open(&pooler.url(&direct)).await;
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    let (row, _) = session(1, &ada);
    store.add_session(&row).await.unwrap();
    let mut holder = PgConnection::connect(&direct).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    held.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();

    let waited = tokio::time::timeout(Duration::from_secs(30), store.session(row.id)).await;
    let refused = waited.unwrap().unwrap_err();

    assert_eq!(refused.failure(), StoreFailure::Busy, "{refused}");
    held.rollback().await.unwrap();
    let found = store.session(row.id).await.unwrap();
    assert_eq!(found.map(|(session, _)| session), Some(row));
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line4_p56_a_pooled_store_sees_a_revocation_within_a_second() {
    let postgres = Postgres::shared();
    let pooler = PgBouncer::before(&postgres);
    let store = open(&pooler.url(&postgres.database().await)).await;
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    let (row, _) = session(1, &ada);
    store.add_session(&row).await.unwrap();
    let mut signal = store.revocation_signal().await.unwrap();
    let cursor = store.revocations(0, Duration::from_mins(2)).await.unwrap();

    let ended = store.end_session(row.id, later(1), EndReason::Revoked);
    ended.await.unwrap();

    let seen = async {
        loop {
            signal.wait().await.unwrap();
            let page = store.revocations(cursor.cursor, Duration::from_mins(2));
            if !page.await.unwrap().entries.is_empty() {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(1), seen)
        .await
        .unwrap();
}

#[tokio::test]
async fn issue14_line4_a_pooler_that_is_not_named_in_the_settings_is_named_in_the_error() {
    let postgres = Postgres::shared();
    let pooler = PgBouncer::before(&postgres);
    let url = pooler.url(&postgres.database().await);

    let refused = PgStore::open(&url, 2, Pooler::None).await.unwrap_err();

    let remedy = refused.remedy().unwrap();
    assert!(remedy.contains("DATABASE_POOLER=transaction"), "{remedy}");
}
