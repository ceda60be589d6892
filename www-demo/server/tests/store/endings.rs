//! What every store must do where sessions end, and where what has ended is forgotten.

use std::sync::Arc;

use nolapse::wire::EndReason;
use nolapse_server::domain::{Applied, Ending, Limits, RefreshTokenKey, Store};

use crate::suite::{NOW, later, session, session_id, user};

/// Runs all of it.
pub(crate) async fn conforms(store: Arc<dyn Store>) {
    an_ended_session_stays_ended_and_is_recorded_once(&*store).await;
    all_sessions_of_a_user_end_at_once_and_no_other(&*store).await;
    all_sessions_but_one_end(&*store).await;
    sessions_past_their_limit_are_forgotten_and_no_others(&*store).await;
    records_are_forgotten_after_their_time_in_batches(&*store).await;
    of_many_ended_sessions_the_last_are_kept_and_every_live_one(&*store).await;
}

async fn an_ended_session_stays_ended_and_is_recorded_once(store: &dyn Store) {
    let user = user(4);
    store.add_user(&user).await.unwrap();
    let (mut row, refresh_token) = session(40, &user);
    store.add_session(&row).await.unwrap();

    let first = store
        .end_session(row.id, later(1), EndReason::Revoked)
        .await
        .unwrap();
    let second = store
        .end_session(row.id, later(2), EndReason::SignedOut)
        .await
        .unwrap();
    let next = RefreshTokenKey::from_bytes([0; 32]).successor(&refresh_token);
    let read = row.clone();
    row.rotate(later(3), &next, None, &Limits::default());
    let rotated = store.rotate_session(&row, &read).await.unwrap();

    assert_eq!(
        (first, second, rotated),
        (Applied::Yes, Applied::No, Applied::No)
    );
    let kept = store.session(row.id).await.unwrap().unwrap().0;
    let ending = Ending {
        at: later(1),
        reason: EndReason::Revoked,
    };
    assert_eq!((kept.ended, kept.generation), (Some(ending), 0));
    assert_eq!(
        store
            .recorded_endings(row.id, EndReason::Revoked)
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        store
            .recorded_endings(row.id, EndReason::SignedOut)
            .await
            .unwrap(),
        0
    );
}

async fn all_sessions_of_a_user_end_at_once_and_no_other(store: &dyn Store) {
    let (ada, eve) = (user(5), user(6));
    for user in [&ada, &eve] {
        store.add_user(user).await.unwrap();
    }
    for (number, user) in [(50, &ada), (51, &ada), (52, &ada), (60, &eve)] {
        store.add_session(&session(number, user).0).await.unwrap();
    }
    let ended = session_id(52);
    store
        .end_session(ended, later(1), EndReason::SignedOut)
        .await
        .unwrap();
    assert_eq!(store.sessions_of(ada.id).await.unwrap().len(), 2);

    let count = store
        .end_sessions_of(ada.id, later(2), EndReason::Revoked)
        .await
        .unwrap();

    assert_eq!(count, 2);
    assert!(store.sessions_of(ada.id).await.unwrap().is_empty());
    assert_eq!(store.sessions_of(eve.id).await.unwrap().len(), 1);
    let kept = store.session(ended).await.unwrap().unwrap().0;
    assert_eq!(kept.ended.unwrap().reason, EndReason::SignedOut);
}

async fn all_sessions_but_one_end(store: &dyn Store) {
    let ada = user(91);
    store.add_user(&ada).await.unwrap();
    for number in 91..=93 {
        store.add_session(&session(number, &ada).0).await.unwrap();
    }
    let kept = session_id(92);

    let ended = store.end_other_sessions(ada.id, kept, later(1), EndReason::Revoked);

    assert_eq!(ended.await.unwrap(), 2);
    let alive = store.sessions_of(ada.id).await.unwrap();
    assert_eq!(
        alive.iter().map(|session| session.id).collect::<Vec<_>>(),
        [kept]
    );
}

async fn sessions_past_their_limit_are_forgotten_and_no_others(store: &dyn Store) {
    let user = user(10);
    store.add_user(&user).await.unwrap();
    for number in [100, 101, 102] {
        let (mut row, _) = session(number, &user);
        if number == 102 {
            row.expires_at = later(1);
        }
        store.add_session(&row).await.unwrap();
    }
    let ended = session_id(100);
    let before = store.count_sessions(NOW).await.unwrap();
    store
        .end_session(ended, later(1), EndReason::Revoked)
        .await
        .unwrap();

    assert_eq!(store.count_sessions(NOW).await.unwrap(), before - 1);
    assert_eq!(store.count_sessions(later(1)).await.unwrap(), before - 2);
    assert_eq!(store.prune_sessions(later(1), 10).await.unwrap(), 0);
    assert_eq!(store.prune_sessions(later(2), 10).await.unwrap(), 1);
    assert!(store.session(ended).await.unwrap().is_some());
    let far = later(10_000_000);
    assert_eq!(store.prune_sessions(far, 1).await.unwrap(), 1);
}

async fn records_are_forgotten_after_their_time_in_batches(store: &dyn Store) {
    let ada = user(120);
    store.add_user(&ada).await.unwrap();
    let end = async |number: u8, seconds: u64| {
        let (row, _) = session(number, &ada);
        store.add_session(&row).await.unwrap();
        let ended = store.end_session(row.id, later(seconds), EndReason::Revoked);
        assert_eq!(ended.await.unwrap(), Applied::Yes);
        row.id
    };
    // Older than what the tests before this one recorded.
    store.prune_audit(later(1_000), 1_000).await.unwrap();
    let mut old = Vec::new();
    for number in 120..123 {
        old.push(end(number, 2_000).await);
    }
    let young = end(123, 3_000).await;

    let mut pruned = Vec::new();
    for _ in 0..3 {
        pruned.push(store.prune_audit(later(2_500), 2).await.unwrap());
    }

    assert_eq!(pruned, [2, 1, 0]);
    for id in old {
        let recorded = store.recorded_endings(id, EndReason::Revoked).await;
        assert_eq!(recorded.unwrap(), 0);
    }
    let recorded = store.recorded_endings(young, EndReason::Revoked).await;
    assert_eq!(recorded.unwrap(), 1);
}

async fn of_many_ended_sessions_the_last_are_kept_and_every_live_one(store: &dyn Store) {
    // All on one shard: each keeps the last of its own.
    let numbers = || (130..142).step_by(2);
    let ada = user(130);
    store.add_user(&ada).await.unwrap();
    for number in numbers() {
        let (row, _) = session(number, &ada);
        store.add_session(&row).await.unwrap();
        if number < 140 {
            let at = later(u64::from(number));
            store
                .end_session(row.id, at, EndReason::SignedOut)
                .await
                .unwrap();
        }
    }

    assert_eq!(store.forget_ended_sessions(ada.id, 2).await.unwrap(), 3);

    for number in numbers() {
        let row = store.session(session_id(number)).await;
        assert_eq!(row.unwrap().is_some(), number >= 136, "{number}");
    }
}
