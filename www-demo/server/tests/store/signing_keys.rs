//! The table of signing keys: replaced whole, by one writer at a time.

use std::sync::Arc;

use nolapse_server::domain::{Applied, SealedKey, Store, Timestamp};

fn key(number: u64, sealed: u8) -> SealedKey {
    SealedKey {
        number,
        sealed: vec![sealed; 60],
        made_at: Timestamp::from_millis(1_000 * number),
    }
}

/// Holds a store without signing keys to what the rings of several servers rely on.
pub(crate) async fn are_replaced_whole(store: Arc<dyn Store>) {
    let first = [key(1, 1), key(2, 2)];
    assert_eq!(
        store.replace_signing_keys(&[], &first).await.unwrap(),
        Applied::Yes
    );
    assert_eq!(store.signing_keys().await.unwrap(), first);

    let resealed = [key(1, 3), key(2, 4)];
    for expected in [&[][..], &first[..1], &resealed[..], &[key(1, 1), key(3, 2)]] {
        let written = store.replace_signing_keys(expected, &[key(9, 9)]).await;
        assert_eq!(written.unwrap(), Applied::No);
        assert_eq!(store.signing_keys().await.unwrap(), first);
    }
    assert_eq!(
        store.replace_signing_keys(&first, &resealed).await.unwrap(),
        Applied::Yes
    );
    assert_eq!(store.signing_keys().await.unwrap(), resealed);

    let mut writers = Vec::new();
    for writer in 0..8_u8 {
        let (store, expected) = (Arc::clone(&store), resealed.clone());
        writers.push(tokio::spawn(async move {
            let successors = [key(2, 4), key(3, 10 + writer)];
            store
                .replace_signing_keys(&expected, &successors)
                .await
                .unwrap()
        }));
    }
    let rotation = store.add_signing_key(&key(3, 99)).await.unwrap();
    let mut won = usize::from(rotation == Applied::Yes);
    for writer in writers {
        won += usize::from(writer.await.unwrap() == Applied::Yes);
    }
    assert_eq!(won, 1, "one writer is first, and the others are refused");
    let kept = store.signing_keys().await.unwrap();
    assert_eq!(kept.last().map(|key| key.number), Some(3));
}
