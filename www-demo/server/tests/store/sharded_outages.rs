//! A store of several databases, of which one is away.

use std::{sync::Arc, time::Duration};

use nolapse::wire::EndReason;
use nolapse_server::{
    domain::{Applied, Possession, RefreshToken, Refreshed, Shard, Store, StoreFailure, User},
    store::{Pooler, ShardedStore},
};
use tokio::time::{Instant, timeout};

use super::{
    postgres::Postgres,
    sharded::{named, numbered, open, service, signed_in},
    suite::{NOW, later, new_session, session, user},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Two clusters: of the second one every database is away at once.
async fn two_clusters() -> ([Postgres; 2], String) {
    let clusters = [(); 2].map(|()| Postgres::start(&["-c", "fsync=off"]));
    let urls = [clusters[0].database().await, clusters[1].database().await];
    (clusters, named(&urls))
}

/// Waits until a shard serves, or until it does not.
async fn until(store: &Arc<dyn Store>, number: usize, serves: bool) {
    let noticed = async {
        while store.shards()[number].serves != serves {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, noticed).await.unwrap();
}

async fn refreshed(store: &Arc<dyn Store>, token: &RefreshToken, at: u64) -> RefreshToken {
    let service = service(store);
    let refreshed = service.refresh(later(at), token, None, &Possession::NONE);
    let refreshed = refreshed.await.unwrap();
    let Refreshed::Granted(grant) = refreshed else {
        panic!("{refreshed:?}");
    };
    grant.refresh_token
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_a_shard_that_is_away_hurts_its_own_sessions_alone() {
    let ([_home, away], urls) = two_clusters().await;
    let store = open(&urls).await;
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    let [(near, near_token), (far, far_token)] = [2, 1].map(|number| session(number, &ada));
    for row in [&near, &far] {
        store.add_session(row).await.unwrap();
    }
    let near_token = refreshed(&store, &near_token, 1).await;
    let far_token = refreshed(&store, &far_token, 1).await;

    away.crash();

    let near_token = refreshed(&store, &near_token, 2).await;
    let refused = service(&store)
        .refresh(later(2), &far_token, None, &Possession::NONE)
        .await;
    assert!(refused.is_err());
    until(&store, 1, false).await;
    let begun = Instant::now();
    for _ in 0..100 {
        let refused = store.session(far.id).await.unwrap_err();
        assert_eq!(refused.failure(), StoreFailure::ShardAway);
    }
    // Nobody waits for the database: each of these would wait for three seconds.
    assert!(begun.elapsed() < Duration::from_secs(60));
    refreshed(&store, &near_token, 3).await;
    store.ping().await.unwrap();
    let listed = store.sessions_of(ada.id).await.unwrap_err();
    assert_eq!(listed.failure(), StoreFailure::ShardAway);
    assert!(store.count_sessions(NOW).await.is_err());
    assert_eq!(store.prune_sessions(NOW, 10).await.unwrap(), 0);
    // Whoever signs in gets a session on the other one, also a user whose sessions are on this one.
    for number in 0..8 {
        let user = numbered(number);
        store.add_user(&user).await.unwrap();
        let random = u8::try_from(number).unwrap() + 1;
        let id = signed_in(&store, &user, random).await;
        assert_eq!(id.shard(), Shard::HOME);
    }

    away.restart();
    until(&store, 1, true).await;
    refreshed(&store, &far_token, 4).await;
    assert_eq!(store.sessions_of(ada.id).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_a_sign_in_just_after_the_crash_goes_to_the_other_shard() {
    let ([_home, away], urls) = two_clusters().await;
    let store = open(&urls).await;
    let placed = |user: &User| store.place(user.id, [0; 16]).shard();
    let user = (0..64)
        .map(numbered)
        .find(|user| placed(user) != Shard::HOME)
        .unwrap();
    store.add_user(&user).await.unwrap();

    away.crash();

    let id = signed_in(&store, &user, 1).await;
    assert_eq!(id.shard(), Shard::HOME);
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_what_ends_while_a_shard_is_away_has_ended_before_it_serves() {
    let ([_home, away], urls) = two_clusters().await;
    let stores = [open(&urls).await, open(&urls).await];
    let store = &stores[0];
    let [ada, eve, bob, kim] = [1, 2, 3, 4].map(user);
    let mut tokens = Vec::new();
    for (number, person) in [(1, &ada), (3, &eve), (5, &bob), (7, &kim)] {
        store.add_user(person).await.unwrap();
        let (row, token) = session(number, person);
        store.add_session(&row).await.unwrap();
        tokens.push(token);
    }
    let (kept, _) = session(2, &ada);
    store.add_session(&kept).await.unwrap();
    away.crash();
    for store in &stores {
        until(store, 1, false).await;
    }

    let others = store.end_other_sessions(ada.id, kept.id, later(1), EndReason::Revoked);
    assert_eq!(others.await.unwrap(), 0);
    store.set_disabled(eve.id, true).await.unwrap();
    store.delete_user(bob.id).await.unwrap();

    away.restart();
    // At both servers: each waits until it has been done, whoever does it.
    for store in &stores {
        until(store, 1, true).await;
        let mut outcomes = Vec::new();
        for token in &tokens {
            let service = service(store);
            let refreshed = service.refresh(later(2), token, None, &Possession::NONE);
            let refreshed = refreshed.await.unwrap();
            outcomes.push(match &refreshed {
                Refreshed::Granted(_) => "granted",
                Refreshed::Unknown => "unknown",
                Refreshed::Ended { reason, .. } => reason.as_str(),
                Refreshed::Void { .. }
                | Refreshed::Superseded
                | Refreshed::Unproven { .. }
                | Refreshed::Contended => panic!("{refreshed:?}"),
            });
        }
        let [ended, disabled] = [EndReason::Revoked, EndReason::UserDisabled];
        let expected = [ended.as_str(), disabled.as_str(), "unknown", "granted"];
        assert_eq!(outcomes, expected);
    }
}

/// What a server could not do on a shard that it does not reach, another one does that reaches it.
#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_a_server_does_what_another_one_left() {
    let (_clusters, urls) = two_clusters().await;
    let store = open(&urls).await;
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    let (row, _) = session(1, &ada);
    store.add_session(&row).await.unwrap();
    // Shard 1 lies elsewhere for this server, where nothing answers.
    let nowhere = Postgres::start(&[]);
    let lost = format!(
        "{},1={}",
        urls.split_once(',').unwrap().0,
        nowhere.url("gone")
    );
    nowhere.crash();
    let cut_off = open(&lost).await;
    let ended = cut_off.end_sessions_of(ada.id, later(1), EndReason::Revoked);
    assert_eq!(ended.await.unwrap(), 0);

    let noticed = async {
        while store
            .session(row.id)
            .await
            .unwrap()
            .unwrap()
            .0
            .ended
            .is_none()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, noticed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_without_shard_0_refreshes_of_the_others_go_on() {
    let ([home, _far], urls) = two_clusters().await;
    let store = open(&urls).await;
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    let (row, token) = session(1, &ada);
    store.add_session(&row).await.unwrap();

    home.crash();

    let token = refreshed(&store, &token, 1).await;
    until(&store, 0, false).await;
    let token = refreshed(&store, &token, 2).await;
    store.ping().await.unwrap();
    let signing = service(&store);
    let begun = signing.sign_in(NOW, ada.clone(), new_session(), [1; 16], [1; 32]);
    assert_eq!(begun.await.unwrap_err().failure(), StoreFailure::ShardAway);
    let all = store.end_sessions_of(ada.id, later(3), EndReason::SignedOut);
    assert_eq!(all.await.unwrap_err().failure(), StoreFailure::ShardAway);
    let one = store.end_session(row.id, later(3), EndReason::SignedOut);
    assert_eq!(one.await.unwrap(), Applied::Yes);
    let over = service(&store)
        .refresh(later(4), &token, None, &Possession::NONE)
        .await
        .unwrap();
    assert!(matches!(over, Refreshed::Ended { .. }), "{over:?}");

    home.restart();
    until(&store, 0, true).await;
    signed_in(&store, &ada, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_a_server_starts_without_a_shard_and_finds_it_later() {
    let ([home, away], urls) = two_clusters().await;
    let first = open(&urls).await;
    let ada = user(1);
    first.add_user(&ada).await.unwrap();
    let (row, token) = session(1, &ada);
    first.add_session(&row).await.unwrap();
    away.crash();

    let store = open(&urls).await;
    let refused = store.session(row.id).await.unwrap_err();
    assert_eq!(refused.failure(), StoreFailure::ShardAway);
    signed_in(&store, &ada, 1).await;
    away.restart();
    until(&store, 1, true).await;
    refreshed(&store, &token, 1).await;

    home.crash();
    let refused = ShardedStore::open(&urls.parse().unwrap(), 2, Pooler::None).await;
    assert!(refused.is_err(), "without shard 0 there are no keys");
}
