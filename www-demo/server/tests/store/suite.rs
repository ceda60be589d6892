//! What every store must do, written against the trait.

use std::{sync::Arc, time::Duration};

use nolapse::wire::EndReason;
use nolapse_server::domain::{
    Applied, Authentication, Email, Limits, MAX_FORKS, NewSession, Note, NoteAdded, NoteId,
    PasswordHash, RefreshToken, RefreshTokenKey, Role, Session, SessionId, SessionService, Shard,
    Store, Timestamp, User, UserId,
};

/// The beginning.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A user of this number.
pub(crate) fn user(number: u8) -> User {
    User {
        id: UserId::from_bytes([number; 16]),
        email: Email::parse(&format!("user{number}@example.org")).expect("an address"),
        password: PasswordHash::from_text(format!("hash {number}")),
        role: Role::Member,
        disabled: false,
        created_at: NOW,
    }
}

/// The beginning of a session by password.
pub(crate) fn new_session() -> NewSession {
    NewSession::new("a device".to_owned(), Authentication::by_password(NOW))
}

/// The id of this number's session: on shard 1 if the number is odd, which is nothing to a store of one database, and otherwise
/// of a time when there was one.
pub(crate) fn session_id(number: u8) -> SessionId {
    if number.is_multiple_of(2) {
        return SessionId::from_bytes([number; 16]);
    }
    SessionId::on_shard(Shard::from_number(1), [number; 16])
}

/// A session of this number, with its first refresh token.
pub(crate) fn session(number: u8, user: &User) -> (Session, RefreshToken) {
    let refresh_token = RefreshToken::first(session_id(number), [number; 32]);
    let device = format!("device {number}");
    let new = NewSession::new(device, Authentication::by_password(NOW));
    let row = Session::begin(NOW, &refresh_token, user.id, new, &Limits::default());
    (row, refresh_token)
}

/// So many seconds after the beginning.
pub(crate) fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

async fn users_are_found_by_address_and_are_one_an_address(store: &dyn Store) {
    let ada = user(1);
    let again = User {
        id: UserId::from_bytes([99; 16]),
        ..ada.clone()
    };

    assert_eq!(store.add_user(&ada).await.unwrap(), Applied::Yes);
    assert_eq!(store.add_user(&again).await.unwrap(), Applied::No);
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
    let (mut row, refresh_token) = session(20, &user);
    store.add_session(&row).await.unwrap();
    assert_eq!(
        store.session(row.id).await.unwrap(),
        Some((row.clone(), user.clone()))
    );

    let key = RefreshTokenKey::from_bytes([0; 32]);
    let read = row.clone();
    let next = key.successor(&refresh_token);
    row.rotate(later(50), &next, Some(Duration::ZERO), &Limits::default());
    let rotated = store.rotate_session(&row, &read).await.unwrap();
    assert_eq!(rotated, Applied::Yes);
    let kept = store.session(row.id).await.unwrap();
    assert_eq!(kept, Some((row.clone(), user.clone())));

    for fork in 1..=MAX_FORKS {
        let read = row.clone();
        let at = later(50 + 31 * u64::from(fork));
        row.fork(
            at,
            &key.sibling(&refresh_token, fork),
            None,
            &Limits::default(),
        );
        let forked = store.rotate_session(&row, &read).await.unwrap();
        assert_eq!(forked, Applied::Yes);
        let kept = store.session(row.id).await.unwrap();
        assert_eq!(kept, Some((row.clone(), user.clone())));
    }
    let read = row.clone();
    row.rotate(later(400), &key.successor(&next), None, &Limits::default());
    let rotated = store.rotate_session(&row, &read).await.unwrap();
    assert_eq!(rotated, Applied::Yes);
    assert_eq!(store.session(row.id).await.unwrap(), Some((row, user)));
    let absent = session_id(250);
    assert_eq!(store.session(absent).await.unwrap(), None);
}

async fn of_concurrent_rotations_exactly_one_is_written(store: &Arc<dyn Store>) {
    let user = user(3);
    store.add_user(&user).await.unwrap();
    let (row, refresh_token) = session(30, &user);
    store.add_session(&row).await.unwrap();
    let next = RefreshTokenKey::from_bytes([0; 32]).successor(&refresh_token);

    let writers: Vec<_> = (0..20)
        .map(|_| {
            let (store, read, next) = (Arc::clone(store), row.clone(), next.clone());
            let mut row = row.clone();
            tokio::spawn(async move {
                row.rotate(later(1), &next, None, &Limits::default());
                store.rotate_session(&row, &read).await.unwrap()
            })
        })
        .collect();
    let mut written = 0;
    for writer in writers {
        written += u32::from(writer.await.unwrap() == Applied::Yes);
    }

    assert_eq!(written, 1);
    assert_eq!(
        store.session(row.id).await.unwrap().unwrap().0.generation,
        1
    );
}

async fn of_changes_to_one_generation_exactly_one_is_written(store: &dyn Store) {
    let user = user(96);
    store.add_user(&user).await.unwrap();
    let (mut row, first) = session(96, &user);
    store.add_session(&row).await.unwrap();
    let (key, limits) = (RefreshTokenKey::from_bytes([0; 32]), Limits::default());
    let begun = row.clone();
    let next = key.successor(&first);
    row.rotate(later(1), &next, None, &limits);
    store.rotate_session(&row, &begun).await.unwrap();
    let (rotated, mut next_row) = (row.clone(), row.clone());
    let mut again = row.clone();

    row.fork(later(60), &key.sibling(&first, 1), None, &limits);
    let forked = store.rotate_session(&row, &rotated).await.unwrap();
    again.fork(later(60), &key.sibling(&first, 2), None, &limits);
    let forked_again = store.rotate_session(&again, &rotated).await.unwrap();
    next_row.rotate(later(60), &key.successor(&next), None, &limits);
    let rotated_again = store.rotate_session(&next_row, &rotated).await.unwrap();

    let all = (forked, forked_again, rotated_again);
    assert_eq!(all, (Applied::Yes, Applied::No, Applied::No));
    assert_eq!(store.session(row.id).await.unwrap(), Some((row, user)));
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

async fn a_deleted_user_takes_along_what_was_theirs(store: &dyn Store) {
    let user = user(11);
    store.add_user(&user).await.unwrap();
    let (row, _) = session(110, &user);
    store.add_session(&row).await.unwrap();
    let note = Note::write(NOW, NoteId::from_bytes([110; 16]), "mine").unwrap();
    store.add_note(user.id, &note, 9).await.unwrap();
    let ended = store.end_session(row.id, later(1), EndReason::Revoked);
    assert_eq!(ended.await.unwrap(), Applied::Yes);

    store.delete_user(user.id).await.unwrap();

    assert_eq!(store.user_by_email(&user.email).await.unwrap(), None);
    assert_eq!(store.session(row.id).await.unwrap(), None);
    assert!(store.notes_of(user.id).await.unwrap().is_empty());
    let recorded = store.recorded_endings(row.id, EndReason::Revoked).await;
    assert_eq!(recorded.unwrap(), 0, "no record names the user");
    assert!(!store.has_user(user.id).await.unwrap());
    assert_eq!(store.add_session(&row).await.unwrap(), Applied::No);
    let late = store.add_note(user.id, &note, 9).await.unwrap();
    assert_eq!(late, NoteAdded::NoUser);
    let role = store.set_role(user.id, Role::Admin).await.unwrap();
    assert_eq!(role, Applied::No);
}

async fn notes_are_their_users_own(store: &dyn Store) {
    let (ada, eve) = (user(8), user(9));
    for user in [&ada, &eve] {
        store.add_user(user).await.unwrap();
    }
    let older = Note::write(NOW, NoteId::from_bytes([1; 16]), "older").unwrap();
    let newer = Note::write(later(1), NoteId::from_bytes([2; 16]), "'; DROP TABLE notes").unwrap();
    for note in [&older, &newer] {
        let added = store.add_note(ada.id, note, 2).await.unwrap();
        assert_eq!(added, NoteAdded::Yes);
    }

    let third = Note::write(later(2), NoteId::from_bytes([3; 16]), "one too many").unwrap();
    for (note, outcome) in [(&third, NoteAdded::LimitReached), (&newer, NoteAdded::Yes)] {
        // A repeat after a lost response is no further note.
        assert_eq!(store.add_note(ada.id, note, 2).await.unwrap(), outcome);
    }
    assert_eq!(
        store.delete_note(eve.id, older.id).await.unwrap(),
        Applied::No
    );
    assert_eq!(
        store.notes_of(ada.id).await.unwrap(),
        [newer.clone(), older.clone()]
    );
    assert_eq!(
        store.delete_note(ada.id, older.id).await.unwrap(),
        Applied::Yes
    );
    assert_eq!(store.notes_of(ada.id).await.unwrap(), [newer]);
    assert!(store.notes_of(eve.id).await.unwrap().is_empty());
}

async fn a_role_within_a_context_is_its_users_own(store: &dyn Store) {
    let (ada, eve, nobody) = (user(96), user(97), user(98));
    for user in [&ada, &eve] {
        store.add_user(user).await.unwrap();
    }
    let set = |user: UserId, role| store.set_role_within(user, "org_1", role);

    let added = set(ada.id, Some(Role::Member)).await.unwrap();
    let changed = set(ada.id, Some(Role::Admin)).await.unwrap();
    let unknown = set(nobody.id, Some(Role::Admin)).await.unwrap();

    assert_eq!(
        (added, changed, unknown),
        (Applied::Yes, Applied::Yes, Applied::No)
    );
    for (id, context, role) in [
        (ada.id, "org_1", Some(Role::Admin)),
        (ada.id, "org_10", None),
        (eve.id, "org_1", None),
    ] {
        assert_eq!(store.role_within(id, context).await.unwrap(), role);
    }
    assert_eq!(set(eve.id, None).await.unwrap(), Applied::No);
    assert_eq!(set(ada.id, None).await.unwrap(), Applied::Yes);
    assert_eq!(store.role_within(ada.id, "org_1").await.unwrap(), None);

    set(ada.id, Some(Role::Member)).await.unwrap();
    store.delete_user(ada.id).await.unwrap();
    store.add_user(&ada).await.unwrap();
    assert_eq!(store.role_within(ada.id, "org_1").await.unwrap(), None);
}

async fn a_password_is_replaced_by_the_first_who_does(store: &dyn Store) {
    let ada = user(90);
    store.add_user(&ada).await.unwrap();
    let [second, third] = ["second", "third"].map(|text| PasswordHash::from_text(text.to_owned()));

    let first = store.replace_password(&ada, &second).await.unwrap();
    let repeated = store.replace_password(&ada, &second).await.unwrap();
    let late = store.replace_password(&ada, &third).await.unwrap();

    assert_eq!(
        (first, repeated, late),
        (Applied::Yes, Applied::Yes, Applied::No)
    );
    let kept = store.user_by_email(&ada.email).await.unwrap().unwrap();
    assert_eq!(kept.password, second);
}

async fn who_proved_an_old_password_gets_no_session(store: &Arc<dyn Store>) {
    let (ada, eve) = (user(94), user(95));
    for user in [&ada, &eve] {
        store.add_user(user).await.unwrap();
    }
    let key = RefreshTokenKey::from_bytes([7; 32]);
    let service = SessionService::new(Arc::clone(store), key, Limits::default());
    let successor = PasswordHash::from_text("another".to_owned());
    store.replace_password(&ada, &successor).await.unwrap();
    store.set_disabled(eve.id, true).await.unwrap();

    for (number, user) in [(94, ada), (95, eve)] {
        let (id, secret) = ([number; 16], [number; 32]);
        let begun = service.sign_in(NOW, user.clone(), new_session(), id, secret);

        assert!(begun.await.unwrap().is_none());
        assert!(store.sessions_of(user.id).await.unwrap().is_empty());
    }
}

/// Runs the whole suite on an empty store.
pub(crate) async fn conforms(store: Arc<dyn Store>) {
    store.ping().await.unwrap();
    users_are_found_by_address_and_are_one_an_address(&*store).await;
    a_session_comes_back_as_it_was(&*store).await;
    of_concurrent_rotations_exactly_one_is_written(&store).await;
    of_changes_to_one_generation_exactly_one_is_written(&*store).await;
    a_password_is_replaced_by_the_first_who_does(&*store).await;
    who_proved_an_old_password_gets_no_session(&store).await;
    activity_only_moves_forward(&*store).await;
    notes_are_their_users_own(&*store).await;
    a_role_within_a_context_is_its_users_own(&*store).await;
    a_deleted_user_takes_along_what_was_theirs(&*store).await;
}
