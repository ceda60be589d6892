//! Identities, and what sessions have at their providers.

use nolapse::wire::EndReason;
use nolapse_server::{
    domain::{Applied, Identity, ProviderSession, Session, Store},
    store::{PgStore, Pooler, SqliteStore},
};

use super::{
    postgres::Postgres,
    suite::{NOW, later, session, user},
};

const ISSUER: &str = "https://id.example";

#[tokio::test]
async fn sqlite_keeps_identities_and_lets_one_server_ask() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    suite(&SqliteStore::open(&url).await.unwrap()).await;
}

#[tokio::test]
async fn postgres_keeps_identities_and_lets_one_server_ask() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    suite(&PgStore::open(&url, 2, Pooler::None).await.unwrap()).await;
}

pub(crate) async fn suite(store: &dyn Store) {
    for number in 1..=2 {
        store.add_user(&user(number)).await.unwrap();
    }
    an_identity_is_one_users(store).await;
    let sessions = sessions(store).await;
    sessions_are_found_by_what_the_provider_calls_them(store, &sessions).await;
    of_two_servers_one_replaces_tokens(store, &sessions[0]).await;
    the_end_of_a_session_deletes_its_tokens(store, &sessions[1]).await;
    a_mark_counts_once(store).await;
    store.delete_user(user(1).id).await.unwrap();
    let gone = store.user_of_identity(&identity("ada")).await.unwrap();
    assert_eq!(gone, None);
}

fn identity(subject: &str) -> Identity {
    Identity {
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
    }
}

fn row(session: &Session, subject: &str, sid: Option<&str>) -> ProviderSession {
    ProviderSession {
        session: session.id,
        provider: "op".to_owned(),
        identity: identity(subject),
        sid: sid.map(str::to_owned),
        sealed: Some(vec![1]),
        version: 0,
        leased_until: None,
    }
}

async fn an_identity_is_one_users(store: &dyn Store) {
    let (ada, eve) = (user(1), user(2));
    let found = || async { store.user_of_identity(&identity("ada")).await.unwrap() };
    assert_eq!(found().await, None);

    for (owner, applied) in [
        (&ada, Applied::Yes),
        (&ada, Applied::Yes),
        (&eve, Applied::No),
    ] {
        let added = store.add_identity(&identity("ada"), owner.id, NOW).await;
        assert_eq!(added.unwrap(), applied);
        assert_eq!(found().await.as_ref(), Some(&ada));
    }
    // The same subject of another issuer is another user.
    let elsewhere = Identity {
        issuer: "https://other.example".to_owned(),
        ..identity("ada")
    };
    assert_eq!(store.user_of_identity(&elsewhere).await.unwrap(), None);
}

async fn sessions(store: &dyn Store) -> [Session; 3] {
    let rows = [
        (1, "ada", Some("s1")),
        (2, "ada", Some("s2")),
        (3, "eve", None),
    ];
    let mut sessions = Vec::new();
    for (number, subject, sid) in rows {
        let owner = user(if subject == "ada" { 1 } else { 2 });
        let (session, _) = session(number, &owner);
        let row = row(&session, subject, sid);
        // Without the session, nothing is kept.
        assert_eq!(store.add_provider_session(&row).await.unwrap(), Applied::No);
        store.add_session(&session).await.unwrap();
        assert_eq!(
            store.add_provider_session(&row).await.unwrap(),
            Applied::Yes
        );
        let kept = store.provider_session(session.id).await.unwrap();
        assert_eq!(kept, Some(row));
        sessions.push(session);
    }
    sessions.try_into().unwrap()
}

async fn sessions_are_found_by_what_the_provider_calls_them(
    store: &dyn Store,
    [one, two, three]: &[Session; 3],
) {
    for (subject, sid, mut expected) in [
        (Some("ada"), None, vec![one.id, two.id]),
        (None, Some("s2"), vec![two.id]),
        (Some("ada"), Some("s1"), vec![one.id]),
        (Some("eve"), Some("s1"), vec![]),
        (Some("eve"), None, vec![three.id]),
        (None, None, vec![]),
    ] {
        let found = store.sessions_at_provider(ISSUER, subject, sid).await;
        let mut found = found.unwrap();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{subject:?} {sid:?}");
    }
    let elsewhere = store.sessions_at_provider("https://other.example", Some("ada"), None);
    assert_eq!(elsewhere.await.unwrap(), []);
}

async fn of_two_servers_one_replaces_tokens(store: &dyn Store, session: &Session) {
    let read = store.provider_session(session.id).await.unwrap().unwrap();
    let first = store.replace_provider_tokens(&read, &[2], Some(later(30)));
    assert_eq!(first.await.unwrap(), Applied::Yes);
    let second = store.replace_provider_tokens(&read, &[3], Some(later(30)));
    assert_eq!(second.await.unwrap(), Applied::No);
    // A repeat after a lost response is the same change.
    let again = store.replace_provider_tokens(&read, &[2], Some(later(30)));
    assert_eq!(again.await.unwrap(), Applied::Yes);

    let leased = store.provider_session(session.id).await.unwrap().unwrap();
    let expected = ProviderSession {
        sealed: Some(vec![2]),
        version: 1,
        leased_until: Some(later(30)),
        ..read
    };
    assert_eq!(leased, expected);
    let released = store.replace_provider_tokens(&leased, &[4], None);
    assert_eq!(released.await.unwrap(), Applied::Yes);
}

async fn the_end_of_a_session_deletes_its_tokens(store: &dyn Store, session: &Session) {
    let read = store.provider_session(session.id).await.unwrap().unwrap();
    let ended = store.end_session(session.id, later(1), EndReason::Revoked);
    ended.await.unwrap();

    let kept = store.provider_session(session.id).await.unwrap().unwrap();
    assert_eq!(kept.sealed, None);
    // A server that asked the provider meanwhile writes none back.
    for read in [&read, &kept] {
        let late = store.replace_provider_tokens(read, &[9], None).await;
        assert_eq!(late.unwrap(), Applied::No);
    }
    let found = store.sessions_at_provider(ISSUER, None, Some("s2")).await;
    assert_eq!(found.unwrap(), []);
}

async fn a_mark_counts_once(store: &dyn Store) {
    let (one, two) = ([1; 32], [2; 32]);
    assert!(!store.has_mark(&one).await.unwrap());
    for applied in [Applied::Yes, Applied::No] {
        assert_eq!(store.set_mark(&one, later(10)).await.unwrap(), applied);
        assert!(store.has_mark(&one).await.unwrap());
    }
    assert_eq!(
        store.set_mark(&two, later(100)).await.unwrap(),
        Applied::Yes
    );
    assert_eq!(store.prune_marks(later(50)).await.unwrap(), 1);
    assert!(!store.has_mark(&one).await.unwrap());
    assert!(store.has_mark(&two).await.unwrap());
}
