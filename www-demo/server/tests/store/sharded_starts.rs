//! Which databases are a set, and which are refused at the start.

use std::sync::Arc;

use nolapse_server::{
    domain::{SealedKey, SigningKeyStore, Store, Timestamp},
    store::{self, OpenError, PgStore, Pooler, ShardError, ShardedStore},
};

use super::{
    postgres::Postgres,
    sharded::{named, open, signed_in},
    suite::user,
};
use nolapse_server::domain::Shard;

async fn databases<const N: usize>() -> (Arc<Postgres>, [String; N]) {
    let postgres = Postgres::shared();
    let mut urls = [const { String::new() }; N];
    for url in &mut urls {
        *url = postgres.database().await;
    }
    (postgres, urls)
}

async fn refused(urls: &str) -> ShardError {
    match ShardedStore::open(&urls.parse().unwrap(), 2, Pooler::None).await {
        Err(OpenError::Shard(error)) => error,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("{urls} were opened"),
    }
}

fn shard(number: u8) -> Shard {
    Shard::from_number(number)
}

#[tokio::test]
async fn issue14_line5_swapped_and_repeated_urls_are_refused() {
    let (_postgres, [first, second, third]) = databases().await;
    open(&named(&[first.clone(), second.clone()])).await;

    let (named, found) = (shard(0), shard(1));
    let swapped = refused(&format!("0={second},1={first}")).await;
    assert_eq!(swapped, ShardError::Other { named, found });
    // The same database by another name of it.
    let (named, found) = (shard(2), shard(1));
    let again = refused(&format!(
        "0={first},1={second},2={second}?application_name=x"
    ))
    .await;
    assert_eq!(again, ShardError::Other { named, found });
    let (named, found) = (shard(1), shard(0));
    let home = refused(&format!("0={first},1={first}?application_name=x")).await;
    assert_eq!(home, ShardError::Other { named, found });
    let moved = refused(&format!("0={first},1={third},2={second}")).await;
    assert_eq!(
        moved,
        ShardError::Other {
            named: shard(2),
            found: shard(1)
        }
    );
    assert!(swapped.to_string().contains("DATABASE_URLS"), "{swapped}");
}

#[tokio::test]
async fn issue14_line5_a_missing_shard_is_refused_until_it_is_said_to_be_gone() {
    let (_postgres, [first, second]) = databases().await;
    open(&named(&[first.clone(), second.clone()])).await;

    let missing = refused(&format!("0={first}")).await;
    assert_eq!(missing, ShardError::Missing(shard(1)));
    for url in [&first, &second] {
        let alone = store::open(url, 2, Pooler::None).await;
        assert!(matches!(alone, Err(OpenError::Shard(_))), "{url}");
    }
    let store = open(&format!("0x0={first},1={second}")).await;
    store.add_user(&user(1)).await.unwrap();
    signed_in(&store, &user(1), 1).await;
    open(&format!("0={first},1=")).await;
    open(&format!("0={first}")).await;
    // It does not know what has been revoked since.
    let again = refused(&format!("0={first},1={second}")).await;
    assert_eq!(again, ShardError::Used(shard(1)));
    let alone = store::open(&first, 2, Pooler::None).await;
    alone.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn issue14_line5_a_database_of_others_is_refused() {
    let (_postgres, [first, second, third, fourth]) = databases().await;
    open(&named(&[first.clone(), second.clone()])).await;
    open(&named(std::slice::from_ref(&third))).await;
    let server = PgStore::open(&fourth, 2, Pooler::None).await.unwrap();
    let key = SealedKey {
        number: 1,
        sealed: vec![1; 60],
        made_at: Timestamp::from_millis(1),
    };
    server.add_signing_key(&key).await.unwrap();

    let foreign = refused(&format!("0={third},1={second}")).await;
    assert_eq!(foreign, ShardError::Foreign(shard(1)));
    let used = refused(&format!("0={first},1={second},2={fourth}")).await;
    assert_eq!(used, ShardError::Used(shard(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_several_servers_make_one_set_at_once() {
    let (_postgres, urls) = databases::<2>().await;
    let urls = named(&urls);
    let opened: Vec<_> = (0..4)
        .map(|_| {
            let urls = urls.parse().unwrap();
            tokio::spawn(async move { ShardedStore::open(&urls, 2, Pooler::None).await })
        })
        .collect();
    for store in opened {
        let store = store.await.unwrap().unwrap();
        assert!(store.shards().iter().all(|shard| shard.serves));
        store.close().await;
    }
}

#[tokio::test]
async fn issue14_line5_a_wrong_password_or_name_is_refused_at_the_start() {
    let (_postgres, [first, second]) = databases().await;
    let urls = format!("0={first},1={second}_none").parse().unwrap();
    let opened = ShardedStore::open(&urls, 2, Pooler::None).await;
    assert!(matches!(opened, Err(OpenError::Database(_))));
}
