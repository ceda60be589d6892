//! Keys that browsers register for sessions.

use std::sync::Arc;

use nolapse::wire::EndReason;
use nolapse_server::domain::{Applied, Registration, SessionKey, Store, Timestamp};

use crate::suite::{later, session, user};

/// A key is registered once, and each challenge proves it once; neither once the session has ended.
pub(crate) async fn conforms(store: Arc<dyn Store>) {
    let owner = user(241);
    store.add_user(&owner).await.unwrap();
    let ((own, _), (other, _)) = (session(241, &owner), session(242, &owner));
    for session in [&own, &other] {
        store.add_session(session).await.unwrap();
    }
    let key = |byte: u8| SessionKey::from_bytes(&[byte; 65]).expect("a key");
    let registration = async || {
        let (session, _) = store.session(own.id).await.unwrap().expect("a session");
        session.registration
    };
    let of = |proved_at: Option<Timestamp>| {
        let key = key(1);
        Some(Registration { key, proved_at })
    };

    assert_eq!(registration().await, None);
    // Nothing was registered that could be proved.
    let proved = store.record_key_proof(own.id, later(1)).await.unwrap();
    assert_eq!(proved, Applied::No);
    // The browser may repeat its own.
    for (byte, expected) in [(1, Applied::Yes), (1, Applied::Yes), (2, Applied::No)] {
        let registered = store.register_key(own.id, &key(byte)).await.unwrap();
        assert_eq!(registered, expected, "{byte}");
    }
    assert_eq!(registration().await, of(None));
    for (at, expected) in [
        (5, Applied::Yes),
        (5, Applied::No),
        (4, Applied::No),
        (6, Applied::Yes),
    ] {
        let proved = store.record_key_proof(own.id, later(at)).await.unwrap();
        assert_eq!(proved, expected, "{at}");
    }
    assert_eq!(registration().await, of(Some(later(6))));
    let (untouched, _) = store.session(other.id).await.unwrap().expect("a session");
    assert_eq!(untouched.registration, None);

    let reason = EndReason::SignedOut;
    store.end_session(own.id, later(7), reason).await.unwrap();
    let registered = store.register_key(own.id, &key(1)).await.unwrap();
    let proved = store.record_key_proof(own.id, later(8)).await.unwrap();
    assert_eq!((registered, proved), (Applied::No, Applied::No));
}
