//! When and how the user of a session was authenticated, and the session's key.

use nolapse_server::{
    domain::{
        Applied, Authentication, AuthenticationMethod, KeyThumbprint, Limits, NewSession,
        RefreshToken, RefreshTokenKey, Session, SessionId, Store,
    },
    store::{PgStore, SqliteStore},
};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use super::{
    postgres::Postgres,
    suite::{NOW, later, user},
};

#[tokio::test]
async fn sqlite_keeps_it_through_a_rotation_and_reads_rows_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let store = SqliteStore::open(&url).await.unwrap();
    let kept = is_kept(&store).await;
    let mut raw = SqliteConnection::connect(&url).await.unwrap();
    raw.execute(OLDER).await.unwrap();
    is_of_before(&store, &kept).await;
}

#[tokio::test]
async fn postgres_keeps_it_through_a_rotation_and_reads_rows_of_before() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    let store = PgStore::open(&url, 2).await.unwrap();
    let kept = is_kept(&store).await;
    let mut raw = PgConnection::connect(&url).await.unwrap();
    raw.execute(OLDER).await.unwrap();
    is_of_before(&store, &kept).await;
}

/// Makes the rows what a server of before the columns writes.
const OLDER: &str =
    "UPDATE sessions SET authenticated_at = NULL, authentication_methods = NULL, jkt = NULL";

async fn is_kept(store: &dyn Store) -> Session {
    let user = user(1);
    store.add_user(&user).await.unwrap();
    let first = RefreshToken::first(SessionId::from_bytes([1; 16]), [1; 32]);
    let new = NewSession {
        device: "a device".to_owned(),
        authentication: Authentication::new(later(5), AuthenticationMethod::ALL),
        jkt: Some(KeyThumbprint::from_bytes([9; 32])),
    };
    let mut row = Session::begin(NOW, &first, user.id, new, &Limits::default());
    store.add_session(&row).await.unwrap();
    let kept = store.session(row.id).await.unwrap();
    assert_eq!(kept, Some((row.clone(), user.clone())));

    let read = row.clone();
    let next = RefreshTokenKey::from_bytes([0; 32]).successor(&first);
    row.rotate(later(60), &next, None, &Limits::default());
    let rotated = store.rotate_session(&row, &read).await.unwrap();
    assert_eq!(rotated, Applied::Yes);
    let kept = store.session(row.id).await.unwrap();
    assert_eq!(kept, Some((row.clone(), user)));
    row
}

async fn is_of_before(store: &dyn Store, kept: &Session) {
    let (row, _) = store.session(kept.id).await.unwrap().unwrap();
    assert_eq!(row.authentication, Authentication::by_password(NOW));
    assert_eq!(row.jkt, None);
}
