//! When and how the user of a session was authenticated, and the session's key.

use nolapse_server::{
    domain::{
        Applied, Authentication, AuthenticationMethod, KeyThumbprint, Limits, NewSession,
        Possession, Proof, ProofId, RefreshToken, RefreshTokenKey, Session, Store,
    },
    store::{PgStore, Pooler, SqliteStore},
};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use super::{
    postgres::Postgres,
    suite::{NOW, later, session_id, user},
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
    let store = PgStore::open(&url, 2, Pooler::None).await.unwrap();
    let kept = is_kept(&store).await;
    let mut raw = PgConnection::connect(&url).await.unwrap();
    raw.execute(OLDER).await.unwrap();
    is_of_before(&store, &kept).await;
}

/// Makes the rows what a server of before the columns writes.
const OLDER: &str =
    "UPDATE sessions SET authenticated_at = NULL, authentication_methods = NULL, jkt = NULL";

pub(crate) async fn is_kept(store: &dyn Store) -> Session {
    let user = user(1);
    store.add_user(&user).await.unwrap();
    let first = RefreshToken::first(session_id(1), [1; 32]);
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
    proofs_are_remembered_by_one_of_two_writers(store, row).await
}

async fn proofs_are_remembered_by_one_of_two_writers(
    store: &dyn Store,
    mut row: Session,
) -> Session {
    let proof = |number: u8| Possession {
        proof: Some(Proof {
            jkt: KeyThumbprint::from_bytes([9; 32]),
            id: ProofId::of_hash(&[number; 32]),
            until: later(240),
        }),
        ..Possession::NONE
    };
    let key = RefreshTokenKey::from_bytes([0; 32]);
    for round in 0..3 {
        let read = row.clone();
        let (mut one, mut other, mut rotated) = (row.clone(), row.clone(), row.clone());
        one.prove(later(61), &proof(2 * round)).unwrap();
        other.prove(later(61), &proof(2 * round)).unwrap();
        rotated.prove(later(61), &proof(2 * round + 1)).unwrap();
        let first = RefreshToken::first(row.id, [1; 32]);
        rotated.rotate(later(61), &key.successor(&first), None, &Limits::default());

        let recorded = store.record_proof(&one, &read).await.unwrap();
        assert_eq!(recorded, Applied::Yes);
        // The same proof at another server, and a rotation that has not read it.
        let replayed = store.record_proof(&other, &read).await.unwrap();
        assert_eq!(replayed, Applied::No);
        let lost = store.rotate_session(&rotated, &read).await.unwrap();
        assert_eq!(lost, Applied::No);
        let (kept, _) = store.session(row.id).await.unwrap().unwrap();
        assert_eq!(kept, one);
        row = one;
    }
    row
}

async fn is_of_before(store: &dyn Store, kept: &Session) {
    let (row, _) = store.session(kept.id).await.unwrap().unwrap();
    assert_eq!(row.authentication, Authentication::by_password(NOW));
    assert_eq!(row.jkt, None);
}
