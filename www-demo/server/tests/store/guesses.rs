//! What every store must do of throttles and of the cost of password hashes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use nolapse_server::domain::{
    Applied, Bucket, Email, PasswordHash, Renewal, Replaced, Store, User, UserId,
};

use crate::suite::{later, session, user};

fn bucket(name: u8, burst: u32) -> Bucket {
    Bucket {
        name: [name; 16],
        interval: Duration::from_secs(30),
        burst,
    }
}

/// Returns whether exactly one turn could be taken.
async fn takes_last(store: &dyn Store, bucket: Bucket, seconds: u64) -> bool {
    let taken = store.take_turns(later(seconds), &[bucket]).await.unwrap();
    let more = store.take_turns(later(seconds), &[bucket]).await.unwrap();
    taken.is_ok() && more.is_err()
}

/// Runs all of it on an empty store.
pub(crate) async fn conforms(store: Arc<dyn Store>) {
    turns_are_taken_from_all_buckets_or_from_none(&*store).await;
    turns_come_back_as_time_passes_and_when_they_are_returned(&*store).await;
    concurrent_tries_take_no_more_turns_than_there_are(&store).await;
    throttles_are_forgotten_and_bounded(&*store).await;
    the_costliest_password_is_known(&*store).await;
    renewals_and_replacements_come_back(&*store).await;
}

async fn turns_are_taken_from_all_buckets_or_from_none(store: &dyn Store) {
    let (wide, narrow) = (bucket(1, 10), bucket(2, 2));
    for _ in 0..2 {
        let taken = store.take_turns(later(0), &[narrow, wide]).await.unwrap();
        assert_eq!(taken, Ok(()));
    }
    for _ in 0..20 {
        let refused = store.take_turns(later(0), &[wide, narrow]).await.unwrap();
        assert_eq!(refused, Err(Duration::from_secs(30)));
    }

    // What was refused has cost the wide bucket nothing: eight are left.
    for _ in 0..8 {
        assert_eq!(store.take_turns(later(0), &[wide]).await.unwrap(), Ok(()));
    }
    let refused = store.take_turns(later(0), &[wide]).await.unwrap();
    assert_eq!(refused, Err(Duration::from_secs(30)));
    assert_eq!(store.take_turns(later(0), &[]).await.unwrap(), Ok(()));
    // A bucket that is given twice counts once.
    let double = bucket(3, 1);
    let taken = store.take_turns(later(0), &[double, double]).await;
    assert_eq!(taken.unwrap(), Ok(()));
}

async fn turns_come_back_as_time_passes_and_when_they_are_returned(store: &dyn Store) {
    let three = bucket(10, 3);
    for _ in 0..3 {
        assert_eq!(store.take_turns(later(0), &[three]).await.unwrap(), Ok(()));
    }
    let refused = store.take_turns(later(20), &[three]).await.unwrap();
    assert_eq!(refused, Err(Duration::from_secs(10)));

    assert!(takes_last(store, three, 30).await);
    store.return_turns(&[three]).await.unwrap();
    assert!(takes_last(store, three, 30).await);
    // A long rest gives back all, and no more than all.
    for _ in 0..3 {
        assert_eq!(
            store.take_turns(later(9_999), &[three]).await.unwrap(),
            Ok(())
        );
    }
    let refused = store.take_turns(later(9_999), &[three]).await.unwrap();
    assert!(refused.is_err());
}

async fn concurrent_tries_take_no_more_turns_than_there_are(store: &Arc<dyn Store>) {
    let (ten, other) = (bucket(20, 10), bucket(21, 1_000));
    let tries = (0..40).map(|number| {
        let store = Arc::clone(store);
        let buckets = if number % 2 == 0 {
            [ten, other]
        } else {
            [other, ten]
        };
        tokio::spawn(async move { store.take_turns(later(0), &buckets).await.unwrap() })
    });
    let mut taken = 0;
    for one in tries.collect::<Vec<_>>() {
        taken += usize::from(one.await.unwrap().is_ok());
    }

    assert_eq!(taken, 10);
}

async fn throttles_are_forgotten_and_bounded(store: &dyn Store) {
    while store.prune_throttles(later(1_000_000), 100).await.unwrap() > 0 {}
    for name in 0..20 {
        let at = later(u64::from(name));
        let taken = store.take_turns(at, &[bucket(100 + name, 1)]).await;
        assert_eq!(taken.unwrap(), Ok(()));
    }

    // Each is full again 30 s after its turn.
    assert_eq!(store.prune_throttles(later(34), 3).await.unwrap(), 3);
    assert_eq!(store.prune_throttles(later(34), 100).await.unwrap(), 2);
    assert_eq!(store.bound_throttles(15).await.unwrap(), 0);
    assert_eq!(store.bound_throttles(4).await.unwrap(), 11);
    let newest = store.take_turns(later(20), &[bucket(119, 1)]).await;
    assert!(newest.unwrap().is_err(), "the newest are kept");
}

async fn the_costliest_password_is_known(store: &dyn Store) {
    let hash = |memory: u32, salt: &str| {
        let text = format!("$argon2id$v=19$m={memory},t=2,p=1${salt}$hash");
        PasswordHash::from_text(text)
    };
    let with = |number: u8, password| User {
        id: UserId::from_bytes([number; 16]),
        email: Email::parse(&format!("cost{number}@example.org")).unwrap(),
        password,
        ..user(number)
    };
    let (cheap, costly) = (with(201, hash(64, "a")), with(202, hash(19_456, "b")));
    let before = store.costliest_password().await.unwrap();
    assert_eq!(store.add_user(&cheap).await.unwrap(), Applied::Yes);
    assert_eq!(store.costliest_password().await.unwrap(), before.max(128));
    assert_eq!(store.add_user(&costly).await.unwrap(), Applied::Yes);
    assert_eq!(store.costliest_password().await.unwrap(), 38_912);

    store.delete_user(costly.id).await.unwrap();
    assert_eq!(store.costliest_password().await.unwrap(), before.max(128));
    let renewed = store.replace_password(&cheap, &hash(32_768, "c")).await;
    assert_eq!(renewed.unwrap(), Applied::Yes);
    assert_eq!(store.costliest_password().await.unwrap(), 65_536);
}

async fn renewals_and_replacements_come_back(store: &dyn Store) {
    let owner = user(210);
    store.add_user(&owner).await.unwrap();
    let (read, _) = session(210, &owner);
    store.add_session(&read).await.unwrap();
    let mut row = read.clone();
    row.generation = 9;
    row.replaced = vec![
        Replaced {
            first: 5,
            last: 7,
            at: later(1),
        },
        Replaced {
            first: 8,
            last: 8,
            at: later(2),
        },
    ];
    row.renewed = Some(Renewal {
        generation: 4,
        at: later(1),
    });
    assert_eq!(
        store.rotate_session(&row, &read).await.unwrap(),
        Applied::Yes
    );

    let (read, _) = store.session(row.id).await.unwrap().unwrap();

    assert_eq!((read.replaced, read.renewed), (row.replaced, row.renewed));
    let names: BTreeSet<_> = store
        .sessions_of(owner.id)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.id)
        .collect();
    assert!(names.contains(&row.id));
}
