//! Passkeys, used challenges, step-ups and one-time passwords.

use std::sync::Arc;

use nolapse::wire::EndReason;
use nolapse_server::domain::{
    Applied, Authentication, AuthenticationMethod, Credential, Passkey, PasskeyAdded, PasskeyId,
    PasskeyName, PasskeyRemoved, RecoveryHash, Store, TotpStep, User, UserId,
};

use super::suite::{NOW, later, session, user};

/// Checks a store, whose users 230 to 239 are this module's.
pub(crate) async fn conforms(store: Arc<dyn Store>) {
    passkeys_come_back_as_they_were(&*store).await;
    the_last_one_stays_if_it_is_to(&*store).await;
    a_user_and_a_passkey_are_added_together(&*store).await;
    a_challenge_is_used_by_one_attempt(&*store).await;
    a_step_up_is_of_a_live_session(&*store).await;
    one_time_passwords_are_used_once(&*store).await;
}

fn passkey(number: u8, user: &User) -> Passkey {
    Passkey {
        id: PasskeyId::from_bytes([number; 16]),
        user: user.id,
        name: PasskeyName::parse("a key").expect("a name"),
        credential: Credential {
            id: vec![number; 300],
            public_key: vec![number; 77],
            counter: 5,
            backup_eligible: true,
            backed_up: false,
            transports: "internal hybrid".to_owned(),
        },
        created_at: NOW,
        last_used_at: NOW,
    }
}

async fn passkeys_come_back_as_they_were(store: &dyn Store) {
    let owner = user(230);
    let orphan = passkey(1, &owner);
    assert_eq!(
        store.add_passkey(&orphan, 2).await.unwrap(),
        PasskeyAdded::NoUser
    );
    store.add_user(&owner).await.unwrap();
    let one = passkey(1, &owner);
    for _ in 0..2 {
        // A repeat after a lost response.
        assert_eq!(store.add_passkey(&one, 2).await.unwrap(), PasskeyAdded::Yes);
    }
    let twin = Passkey {
        id: PasskeyId::from_bytes([99; 16]),
        ..one.clone()
    };
    assert_eq!(
        store.add_passkey(&twin, 2).await.unwrap(),
        PasskeyAdded::Exists
    );
    let two = passkey(2, &owner);
    assert_eq!(store.add_passkey(&two, 2).await.unwrap(), PasskeyAdded::Yes);
    let three = passkey(3, &owner);
    let added = store.add_passkey(&three, 2).await.unwrap();
    assert_eq!(added, PasskeyAdded::LimitReached);
    assert_eq!(
        store.passkeys_of(owner.id).await.unwrap(),
        [one.clone(), two]
    );
    assert_eq!(
        store.passkey(&one.credential.id).await.unwrap(),
        Some(one.clone())
    );
    assert_eq!(store.passkey(&[7]).await.unwrap(), None);

    let used = one.used(later(1), 6, true).expect("a greater counter");
    for _ in 0..2 {
        assert_eq!(store.use_passkey(&used).await.unwrap(), Applied::Yes);
    }
    let copy = one.used(later(2), 6, true).expect("a greater counter");
    assert_eq!(store.use_passkey(&copy).await.unwrap(), Applied::No);
    let name = PasskeyName::parse("another").expect("a name");
    let (id, owner_id) = (one.id, owner.id);
    let renamed = store.rename_passkey(owner_id, id, &name).await.unwrap();
    assert_eq!(renamed, Applied::Yes);
    let stranger = UserId::from_bytes([77; 16]);
    let foreign = store.rename_passkey(stranger, id, &name).await.unwrap();
    assert_eq!(foreign, Applied::No);
    let kept = store.passkey(&one.credential.id).await.unwrap();
    assert_eq!(kept, Some(Passkey { name, ..used }));
    store.delete_user(owner.id).await.unwrap();
    assert_eq!(store.passkeys_of(owner.id).await.unwrap(), []);
}

async fn the_last_one_stays_if_it_is_to(store: &dyn Store) {
    let owner = user(231);
    store.add_user(&owner).await.unwrap();
    let (one, two) = (passkey(11, &owner), passkey(12, &owner));
    store.add_passkey(&one, 9).await.unwrap();
    store.add_passkey(&two, 9).await.unwrap();
    let remove = async |one: &Passkey, keep_one| {
        let removed = store.remove_passkey(owner.id, one.id, keep_one);
        removed.await.unwrap()
    };

    assert_eq!(remove(&one, true).await, PasskeyRemoved::Yes);
    assert_eq!(remove(&one, true).await, PasskeyRemoved::Missing);
    assert_eq!(remove(&two, true).await, PasskeyRemoved::LastWayIn);
    assert_eq!(
        store.passkeys_of(owner.id).await.unwrap(),
        std::slice::from_ref(&two)
    );
    assert_eq!(remove(&two, false).await, PasskeyRemoved::Yes);
}

async fn a_user_and_a_passkey_are_added_together(store: &dyn Store) {
    let (owner, other) = (user(232), user(233));
    let one = passkey(21, &owner);
    for _ in 0..2 {
        let added = store.add_user_with_passkey(&owner, &one).await.unwrap();
        assert_eq!(added, Applied::Yes);
    }
    let same_address = User {
        id: other.id,
        ..owner.clone()
    };
    let key = passkey(22, &same_address);
    let added = store
        .add_user_with_passkey(&same_address, &key)
        .await
        .unwrap();
    assert_eq!(added, Applied::No);
    let same_key = Passkey {
        credential: one.credential.clone(),
        ..passkey(23, &other)
    };
    let added = store
        .add_user_with_passkey(&other, &same_key)
        .await
        .unwrap();
    assert_eq!(added, Applied::No);
    assert_eq!(store.user(other.id).await.unwrap(), None);
}

async fn a_challenge_is_used_by_one_attempt(store: &dyn Store) {
    let attempt = |by: u8| store.use_challenge([31; 16], [by; 16], later(300));

    assert_eq!(attempt(1).await.unwrap(), Applied::Yes);
    assert_eq!(attempt(2).await.unwrap(), Applied::No);
    // A repeat after a lost response.
    assert_eq!(attempt(1).await.unwrap(), Applied::Yes);
    assert_eq!(store.prune_challenges(later(299), 10).await.unwrap(), 0);
    assert_eq!(store.prune_challenges(later(300), 10).await.unwrap(), 1);
}

async fn a_step_up_is_of_a_live_session(store: &dyn Store) {
    let owner = user(234);
    store.add_user(&owner).await.unwrap();
    let (row, _) = session(234, &owner);
    store.add_session(&row).await.unwrap();
    let stronger = Authentication::new(later(9), AuthenticationMethod::ALL);

    let set = store.set_authentication(row.id, &stronger).await.unwrap();
    assert_eq!(set, Applied::Yes);
    let (read, _) = store.session(row.id).await.unwrap().expect("a session");
    assert_eq!(read.authentication, stronger);
    let ended = store.end_session(row.id, later(10), EndReason::Revoked);
    ended.await.unwrap();
    let set = store.set_authentication(row.id, &stronger).await.unwrap();
    assert_eq!(set, Applied::No);
}

async fn one_time_passwords_are_used_once(store: &dyn Store) {
    let owner = user(235);
    let id = owner.id;
    let step = TotpStep::from_number;
    let codes = [RecoveryHash([1; 32]), RecoveryHash([2; 32])];
    assert_eq!(store.begin_totp(id, &[1]).await.unwrap(), Applied::No);
    store.add_user(&owner).await.unwrap();
    assert_eq!(store.begin_totp(id, &[1]).await.unwrap(), Applied::Yes);
    assert_eq!(store.use_totp(id, step(4)).await.unwrap(), Applied::No);
    assert_eq!(store.begin_totp(id, &[2]).await.unwrap(), Applied::Yes);
    let confirm = |sealed| async move { store.confirm_totp(id, sealed, step(5), &codes).await };
    assert_eq!(confirm(&[1_u8]).await.unwrap(), Applied::No);
    for _ in 0..2 {
        assert_eq!(confirm(&[2]).await.unwrap(), Applied::Yes);
    }
    assert_eq!(store.begin_totp(id, &[3]).await.unwrap(), Applied::No);
    let totp = store.totp(id).await.unwrap().expect("a generator");
    assert!(totp.is_confirmed && totp.last_step == Some(step(5)) && totp.recovery_codes == 2);

    assert_eq!(store.use_totp(id, step(5)).await.unwrap(), Applied::No);
    assert_eq!(store.use_totp(id, step(6)).await.unwrap(), Applied::Yes);
    assert_eq!(store.use_totp(id, step(6)).await.unwrap(), Applied::No);
    for expected in [Applied::Yes, Applied::No] {
        let used = store.use_recovery_code(id, codes[0]).await.unwrap();
        assert_eq!(used, expected);
    }
    let resealed = store.reseal_totp(id, &[2], &[4]).await.unwrap();
    assert_eq!(resealed, Applied::Yes);
    let replaced = store.replace_recovery_codes(id, &codes).await.unwrap();
    assert_eq!(replaced, Applied::Yes);
    assert_eq!(store.remove_totp(id).await.unwrap(), Applied::Yes);
    assert_eq!(store.remove_totp(id).await.unwrap(), Applied::No);
    assert!(store.totp(id).await.unwrap().is_none());
    let replaced = store.replace_recovery_codes(id, &codes).await.unwrap();
    assert_eq!(replaced, Applied::No);
}
