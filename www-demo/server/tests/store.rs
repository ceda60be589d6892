//! What every store must do, written against the trait: one suite, each database in turn.
#![cfg(feature = "serve")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{sync::Arc, time::Duration};

#[path = "common/postgres.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod postgres;

use nolapse::wire::EndReason;
use nolapse_server::{
    domain::{
        Email, Ending, Limits, Note, NoteId, PasswordHash, Role, Session, SessionId, Store, Ticket,
        TicketKey, Timestamp, User, UserId, Written,
    },
    store::{PgStore, SqliteStore},
};
use postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn user(number: u8) -> User {
    User {
        id: UserId::from_bytes([number; 16]),
        email: Email::parse(&format!("user{number}@example.org")).expect("an address"),
        password: PasswordHash::from_text(format!("hash {number}")),
        role: Role::Member,
        disabled: false,
        created_at: NOW,
    }
}

fn session(number: u8, user: &User) -> (Session, Ticket) {
    let ticket = Ticket::first(SessionId::from_bytes([number; 16]), [number; 32]);
    let device = format!("device {number}");
    let row = Session::begin(NOW, &ticket, user.id, device, &Limits::default());
    (row, ticket)
}

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

async fn users_are_found_by_address_and_are_one_an_address(store: &dyn Store) {
    let ada = user(1);
    let again = User {
        id: UserId::from_bytes([99; 16]),
        ..ada.clone()
    };

    assert_eq!(store.add_user(&ada).await.unwrap(), Written::Yes);
    assert_eq!(store.add_user(&again).await.unwrap(), Written::No);
    assert_eq!(
        store.user_by_email(&ada.email).await.unwrap(),
        Some(ada.clone())
    );
    assert_eq!(store.user_by_email(&user(200).email).await.unwrap(), None);
    store.set_role(ada.id, Role::Admin).await.unwrap();
    store.set_disabled(ada.id, true).await.unwrap();
    let changed = store.user_by_email(&ada.email).await.unwrap().unwrap();
    assert_eq!((changed.role, changed.disabled), (Role::Admin, true));
}

async fn a_session_comes_back_as_it_was(store: &dyn Store) {
    let user = user(2);
    store.add_user(&user).await.unwrap();
    let (mut row, ticket) = session(20, &user);
    store.add_session(&row).await.unwrap();
    assert_eq!(
        store.session(row.id).await.unwrap(),
        Some((row.clone(), user.clone()))
    );

    let next = TicketKey::from_bytes([0; 32]).successor(&ticket);
    row.rotate(later(50), &next, Some(Duration::ZERO), &Limits::default());
    assert_eq!(store.rotate_session(&row, 0).await.unwrap(), Written::Yes);
    assert_eq!(store.session(row.id).await.unwrap(), Some((row, user)));
    let absent = SessionId::from_bytes([250; 16]);
    assert_eq!(store.session(absent).await.unwrap(), None);
}

async fn of_concurrent_rotations_exactly_one_is_written(store: &Arc<dyn Store>) {
    let user = user(3);
    store.add_user(&user).await.unwrap();
    let (row, ticket) = session(30, &user);
    store.add_session(&row).await.unwrap();
    let next = TicketKey::from_bytes([0; 32]).successor(&ticket);

    let writers: Vec<_> = (0..20)
        .map(|_| {
            let (store, mut row, next) = (Arc::clone(store), row.clone(), next.clone());
            tokio::spawn(async move {
                row.rotate(later(1), &next, None, &Limits::default());
                store.rotate_session(&row, 0).await.unwrap()
            })
        })
        .collect();
    let mut written = 0;
    for writer in writers {
        written += u32::from(writer.await.unwrap() == Written::Yes);
    }

    assert_eq!(written, 1);
    assert_eq!(
        store.session(row.id).await.unwrap().unwrap().0.generation,
        1
    );
}

async fn an_ended_session_stays_ended_and_is_recorded_once(store: &dyn Store) {
    let user = user(4);
    store.add_user(&user).await.unwrap();
    let (mut row, ticket) = session(40, &user);
    store.add_session(&row).await.unwrap();

    let first = store
        .end_session(row.id, later(1), EndReason::Revoked)
        .await
        .unwrap();
    let second = store
        .end_session(row.id, later(2), EndReason::SignedOut)
        .await
        .unwrap();
    let next = TicketKey::from_bytes([0; 32]).successor(&ticket);
    row.rotate(later(3), &next, None, &Limits::default());
    let rotated = store.rotate_session(&row, 0).await.unwrap();

    assert_eq!(
        (first, second, rotated),
        (Written::Yes, Written::No, Written::No)
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
    let ended = SessionId::from_bytes([52; 16]);
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

async fn activity_only_moves_forward(store: &dyn Store) {
    let user = user(7);
    store.add_user(&user).await.unwrap();
    let (row, _) = session(70, &user);
    store.add_session(&row).await.unwrap();

    for seconds in [30, 10] {
        let mut touched = row.clone();
        touched.touch(later(seconds), Some(Duration::ZERO));
        store.touch_session(&touched).await.unwrap();
    }

    let kept = store.session(row.id).await.unwrap().unwrap().0;
    assert_eq!(
        (kept.last_active_at, kept.last_seen_at),
        (later(30), later(30))
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
    let ended = SessionId::from_bytes([100; 16]);
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

async fn a_deleted_user_takes_along_what_was_theirs(store: &dyn Store) {
    let user = user(11);
    store.add_user(&user).await.unwrap();
    let (row, _) = session(110, &user);
    store.add_session(&row).await.unwrap();
    let note = Note::write(NOW, NoteId::from_bytes([110; 16]), "mine").unwrap();
    store.add_note(user.id, &note).await.unwrap();

    store.delete_user(user.id, later(1)).await.unwrap();

    assert_eq!(store.user_by_email(&user.email).await.unwrap(), None);
    assert_eq!(store.session(row.id).await.unwrap(), None);
    assert!(store.notes_of(user.id).await.unwrap().is_empty());
    let recorded = store.recorded_endings(row.id, EndReason::Revoked).await;
    assert_eq!(recorded.unwrap(), 1, "the record outlives the user");
}

async fn notes_are_their_users_own(store: &dyn Store) {
    let (ada, eve) = (user(8), user(9));
    for user in [&ada, &eve] {
        store.add_user(user).await.unwrap();
    }
    let older = Note::write(NOW, NoteId::from_bytes([1; 16]), "older").unwrap();
    let newer = Note::write(later(1), NoteId::from_bytes([2; 16]), "'; DROP TABLE notes").unwrap();
    for note in [&older, &newer] {
        store.add_note(ada.id, note).await.unwrap();
    }

    assert_eq!(
        store.delete_note(eve.id, older.id).await.unwrap(),
        Written::No
    );
    assert_eq!(
        store.notes_of(ada.id).await.unwrap(),
        [newer.clone(), older.clone()]
    );
    assert_eq!(
        store.delete_note(ada.id, older.id).await.unwrap(),
        Written::Yes
    );
    assert_eq!(store.notes_of(ada.id).await.unwrap(), [newer]);
    assert!(store.notes_of(eve.id).await.unwrap().is_empty());
}

async fn conforms(store: Arc<dyn Store>) {
    store.ping().await.unwrap();
    users_are_found_by_address_and_are_one_an_address(&*store).await;
    a_session_comes_back_as_it_was(&*store).await;
    of_concurrent_rotations_exactly_one_is_written(&store).await;
    an_ended_session_stays_ended_and_is_recorded_once(&*store).await;
    all_sessions_of_a_user_end_at_once_and_no_other(&*store).await;
    activity_only_moves_forward(&*store).await;
    notes_are_their_users_own(&*store).await;
    a_deleted_user_takes_along_what_was_theirs(&*store).await;
    sessions_past_their_limit_are_forgotten_and_no_others(&*store).await;
}

#[tokio::test]
async fn sqlite_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());

    conforms(Arc::new(SqliteStore::open(&url).await.unwrap())).await;
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

    conforms(Arc::new(PgStore::open(&url, 8).await.unwrap())).await;
}

#[tokio::test]
async fn postgres_is_opened_by_several_servers_at_once() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;

    let opened = tokio::join!(
        PgStore::open(&url, 2),
        PgStore::open(&url, 2),
        PgStore::open(&url, 2),
        PgStore::open(&url, 2)
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
    let store = PgStore::open(&url, 4).await.unwrap();
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
    let store = PgStore::open(&url, 4).await.unwrap();
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
    let first = SessionId::from_bytes([10; 16]);
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
    panic!("nobody waited for a lock within ten seconds");
}
