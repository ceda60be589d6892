//! A store of several databases, of which each is there.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nolapse::wire::EndReason;
use nolapse_server::{
    domain::{
        Applied, Email, Limits, Possession, RefreshTokenKey, Revoked, Role, SessionId,
        SessionService, Shard, Store, User, UserId,
    },
    store::{PgStore, Pooler, ShardedStore},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{
    authentication, endings, guesses, losses, passkeys,
    pgbouncer::PgBouncer,
    postgres::Postgres,
    providers, signing_keys,
    suite::{NOW, conforms, later, new_session, session, session_id, user},
};

/// The setting for databases in this order.
pub(crate) fn named(urls: &[String]) -> String {
    let named = urls.iter().enumerate();
    let named: Vec<String> = named
        .map(|(number, url)| format!("{number}={url}"))
        .collect();
    named.join(",")
}

pub(crate) async fn open(urls: &str) -> Arc<dyn Store> {
    Arc::new(
        ShardedStore::open(&urls.parse().unwrap(), 8, Pooler::None)
            .await
            .unwrap(),
    )
}

pub(crate) fn service(store: &Arc<dyn Store>) -> SessionService {
    let key = RefreshTokenKey::from_bytes([7; 32]);
    SessionService::new(Arc::clone(store), key, Limits::default())
}

/// A user of this number, as many as are wanted.
pub(crate) fn numbered(number: u16) -> User {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    let email = Email::parse(&format!("numbered{number}@example.org")).unwrap();
    User {
        id: UserId::from_bytes(id),
        email,
        ..user(1)
    }
}

/// Signs in; returns the session.
pub(crate) async fn signed_in(store: &Arc<dyn Store>, user: &User, random: u8) -> SessionId {
    let service = service(store);
    let begun = service.sign_in(NOW, user.clone(), new_session(), [random; 16], [random; 32]);
    begun.await.unwrap().unwrap().session.id
}

async fn two_databases() -> (Arc<Postgres>, [String; 2]) {
    let postgres = Postgres::shared();
    let urls = [postgres.database().await, postgres.database().await];
    (postgres, urls)
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_two_shards_conform() {
    let (_postgres, urls) = two_databases().await;
    let store = open(&named(&urls)).await;
    conforms(Arc::clone(&store)).await;
    endings::conforms(Arc::clone(&store)).await;
    guesses::conforms(Arc::clone(&store)).await;
    losses::conforms(Arc::clone(&store)).await;
    passkeys::conforms(store).await;

    for url in &urls {
        let mut raw = PgConnection::connect(url).await.unwrap();
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions")
            .fetch_one(&mut raw)
            .await
            .unwrap();
        assert!(rows > 0, "each shard has had sessions");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_two_shards_keep_keys_identities_and_authentications() {
    for suite in 0..3 {
        let (_postgres, urls) = two_databases().await;
        let store = open(&named(&urls)).await;
        match suite {
            0 => signing_keys::are_replaced_whole(store).await,
            1 => providers::suite(&*store).await,
            _ => {
                authentication::is_kept(&*store).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line5_two_pooled_shards_conform() {
    let (postgres, urls) = two_databases().await;
    let pooler = PgBouncer::before(&postgres);
    let urls = urls.map(|url| pooler.url(&url));
    let urls = named(&urls).parse().unwrap();
    let opened = ShardedStore::open(&urls, 8, Pooler::Transaction);
    let store: Arc<dyn Store> = Arc::new(opened.await.unwrap());
    conforms(Arc::clone(&store)).await;
    endings::conforms(Arc::clone(&store)).await;
    guesses::conforms(Arc::clone(&store)).await;
    losses::conforms(store).await;
}

#[tokio::test]
async fn issue14_line5_a_shard_is_added_with_running_sessions() {
    let postgres = Postgres::shared();
    let (first, second) = (postgres.database().await, postgres.database().await);
    let single: Arc<dyn Store> = Arc::new(PgStore::open(&first, 4, Pooler::None).await.unwrap());
    let users: Vec<User> = (0..40).map(numbered).collect();
    let mut old = Vec::new();
    for (user, random) in users.iter().zip(1..) {
        single.add_user(user).await.unwrap();
        old.push(signed_in(&single, user, random).await);
    }

    // The servers of before go on meanwhile.
    let store = open(&named(&[first, second])).await;
    let mut placed = BTreeMap::new();
    for ((user, random), before) in users.iter().zip(101..).zip(&old) {
        let id = signed_in(&store, user, random).await;
        *placed.entry(id.shard()).or_insert(0) += 1;
        let mut expected = [id, *before];
        let mut found: Vec<SessionId> = store
            .sessions_of(user.id)
            .await
            .unwrap()
            .iter()
            .map(|session| session.id)
            .collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        for store in [&single, &store] {
            assert!(store.session(*before).await.unwrap().is_some());
        }
    }
    assert_eq!(placed.len(), 2, "both get new sessions: {placed:?}");
    let ended = store.end_sessions_of(users[0].id, later(1), EndReason::Revoked);
    assert_eq!(ended.await.unwrap(), 2);
}

#[tokio::test]
async fn issue14_line5_a_session_of_an_unknown_shard_is_an_unknown_session() {
    let (_postgres, urls) = two_databases().await;
    let store = open(&named(&urls)).await;
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    let (mut row, token) = session(1, &ada);
    row.id = SessionId::on_shard(Shard::from_number(200), [1; 16]);

    assert_eq!(store.session(row.id).await.unwrap(), None);
    assert_eq!(store.add_session(&row).await.unwrap(), Applied::No);
    assert_eq!(store.rotate_session(&row, &row).await.unwrap(), Applied::No);
    let ended = store.end_session(row.id, later(1), EndReason::Revoked);
    assert_eq!(ended.await.unwrap(), Applied::No);
    store.touch_session(&row).await.unwrap();
    let mut token = token;
    token.session = row.id;
    let refreshed = service(&store)
        .refresh(NOW, &token, None, &Possession::NONE)
        .await
        .unwrap();
    assert!(
        matches!(refreshed, nolapse_server::domain::Refreshed::Unknown),
        "{refreshed:?}"
    );
}

#[tokio::test]
async fn issue14_line5_a_change_of_a_user_reaches_the_copy_whoever_makes_it() {
    let (_postgres, urls) = two_databases().await;
    let store = open(&named(&urls)).await;
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    let (row, _) = session(1, &ada);
    assert_eq!(row.id.shard(), Shard::from_number(1));
    store.add_session(&row).await.unwrap();
    let copy = async || store.session(row.id).await.unwrap().map(|(_, user)| user);

    store.set_role(ada.id, Role::Admin).await.unwrap();
    assert_eq!(copy().await.unwrap().role, Role::Admin);
    store.set_disabled(ada.id, true).await.unwrap();
    assert!(copy().await.unwrap().disabled);

    // By hand, at shard 0: some server notices.
    let mut raw = PgConnection::connect(&urls[0]).await.unwrap();
    let by_hand = "UPDATE users SET disabled = FALSE, role = 'member'";
    raw.execute(by_hand).await.unwrap();
    let noticed = async {
        while copy().await != Some(ada.clone()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), noticed)
        .await
        .unwrap();

    store.delete_user(ada.id).await.unwrap();
    assert_eq!(copy().await, None);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM shard_tasks")
        .fetch_one(&mut raw)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

/// A copy that was read before a change and written after it would let the sessions of a disabled user go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn issue14_line5_a_late_copy_does_not_undo_a_change() {
    let (_postgres, urls) = two_databases().await;
    let [home, other] = &urls;
    let store = open(&format!("0x0={home},1={other}")).await;
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    let (row, _) = session(1, &ada);
    store.add_session(&row).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let signing_in: Vec<_> = (0..6_u8)
        .map(|worker| {
            let (store, ada, is_over) = (Arc::clone(&store), ada.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let service = service(&store);
                for turn in 0_u64.. {
                    let mut random = [worker; 16];
                    random[8..].copy_from_slice(&turn.to_be_bytes());
                    let begun = service.sign_in(NOW, ada.clone(), new_session(), random, [1; 32]);
                    begun.await.unwrap();
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            })
        })
        .collect();

    for round in 0..40 {
        store.set_disabled(ada.id, true).await.unwrap();
        for _ in 0..10 {
            let (_, copy) = store.session(row.id).await.unwrap().unwrap();
            assert!(copy.disabled, "round {round}");
        }
        store.set_disabled(ada.id, false).await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    for worker in signing_in {
        worker.await.unwrap();
    }
}

#[tokio::test]
async fn issue14_line5_an_address_that_another_user_had_is_no_obstacle() {
    let (_postgres, urls) = two_databases().await;
    let store = open(&named(&urls)).await;
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    store.add_session(&session(1, &ada).0).await.unwrap();
    // As if shard 1 had been away.
    let mut raw = PgConnection::connect(&urls[0]).await.unwrap();
    let gone = "DELETE FROM users; DELETE FROM shard_tasks";
    raw.execute(gone).await.unwrap();

    let eve = User {
        email: ada.email.clone(),
        ..user(2)
    };
    store.add_user(&eve).await.unwrap();
    let (row, _) = session(3, &eve);
    assert_eq!(store.add_session(&row).await.unwrap(), Applied::Yes);
    assert_eq!(store.session(row.id).await.unwrap(), Some((row, eve)));
    assert_eq!(store.session(session_id(1)).await.unwrap(), None);
}

#[tokio::test]
async fn issue14_line5_p56_each_shard_logs_what_ends_there() {
    let (_postgres, urls) = two_databases().await;
    let store = open(&named(&urls)).await;
    let ada = user(1);
    store.add_user(&ada).await.unwrap();
    for number in 10..14 {
        store.add_session(&session(number, &ada).0).await.unwrap();
    }
    let ended = store.end_other_sessions(ada.id, session_id(11), later(1), EndReason::Revoked);
    assert_eq!(ended.await.unwrap(), 3);

    for (shard, log) in store.revocation_logs() {
        let page = log.revocations(0, Duration::from_mins(2)).await.unwrap();
        let mut logged: Vec<Revoked> = page.entries.iter().map(|entry| entry.revoked).collect();
        logged.sort();
        let numbers = if shard == Shard::HOME {
            vec![10, 12]
        } else {
            vec![13]
        };
        let expected: Vec<Revoked> = numbers
            .into_iter()
            .map(|number| Revoked::Session(session_id(number), ada.id))
            .collect();
        assert_eq!(logged, expected, "{shard}");
    }
    let kept = store.sessions_of(ada.id).await.unwrap();
    assert_eq!(kept.len(), 1);
    let mut raw = PgConnection::connect(&urls[0]).await.unwrap();
    let tasks = AssertSqlSafe("SELECT count(*) FROM shard_tasks");
    let left: i64 = sqlx::query_scalar(tasks).fetch_one(&mut raw).await.unwrap();
    assert_eq!(left, 0);
}
