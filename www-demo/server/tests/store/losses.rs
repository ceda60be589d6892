//! Lost responses, at several servers on one database.

use std::sync::Arc;

use nolapse::wire::EndReason;
use nolapse_server::domain::{
    Grant, Limits, Possession, Presented, RefreshToken, RefreshTokenKey, Refreshed, Rotation,
    SessionId, SessionService, SignOutScope, Store, Timestamp,
};

use crate::suite::{NOW, later, new_session, user};

/// A session whose first refresh had no response, at two servers.
struct LostResponse {
    servers: [SessionService; 2],
    session: SessionId,
    held: RefreshToken,
    lost: RefreshToken,
}

impl LostResponse {
    async fn new(store: &Arc<dyn Store>, number: u8) -> Self {
        let owner = user(number);
        store.add_user(&owner).await.unwrap();
        let key = RefreshTokenKey::from_bytes([7; 32]);
        let servers = [(); 2]
            .map(|()| SessionService::new(Arc::clone(store), key.clone(), Limits::default()));
        let (id, secret) = ([number; 16], [number; 32]);
        let begun = servers[0].sign_in(NOW, owner, new_session(), id, secret);
        let held = begun.await.unwrap().expect("a session").refresh_token;
        let lost = granted(&servers[0], later(1), &held).await.refresh_token;
        let session = held.session;
        Self {
            servers,
            session,
            held,
            lost,
        }
    }
}

async fn granted(server: &SessionService, now: Timestamp, token: &RefreshToken) -> Grant {
    let outcome = server
        .refresh(now, token, None, &Possession::NONE)
        .await
        .unwrap();
    let Refreshed::Granted(grant) = outcome else {
        panic!("refused: {outcome:?}");
    };
    *grant
}

async fn concurrent_late_repeats_fork_once(store: &Arc<dyn Store>) {
    let lost = LostResponse::new(store, 160).await;

    let repeats: Vec<_> = (0..20)
        .map(|turn| {
            let (server, held) = (lost.servers[turn % 2].clone(), lost.held.clone());
            tokio::spawn(async move { granted(&server, later(3_600), &held).await })
        })
        .collect();
    let mut tokens = Vec::new();
    let mut forks = 0;
    for repeat in repeats {
        let grant = repeat.await.unwrap();
        forks += u32::from(grant.rotation == Rotation::Forked);
        tokens.push(grant.refresh_token);
    }

    assert_eq!(forks, 1);
    assert!(tokens.iter().all(|token| token == &tokens[0]));
    assert_ne!(tokens[0], lost.lost);
    let (row, _) = store.session(lost.session).await.unwrap().unwrap();
    assert_eq!(row.siblings, [lost.lost.secret.hash()]);
}

async fn of_siblings_used_at_once_one_goes_on(store: &Arc<dyn Store>) {
    let lost = LostResponse::new(store, 161).await;
    let [here, there] = &lost.servers;
    let forked = granted(here, later(60), &lost.held).await.refresh_token;

    let (first, second) = tokio::join!(
        here.refresh(later(70), &forked, None, &Possession::NONE),
        there.refresh(later(70), &lost.lost, None, &Possession::NONE),
    );

    let outcomes = [first.unwrap(), second.unwrap()];
    let went_on = outcomes.iter().filter(|outcome| {
        let Refreshed::Granted(grant) = outcome else {
            assert!(matches!(outcome, Refreshed::Superseded), "{outcome:?}");
            return false;
        };
        grant.rotation == Rotation::Rotated
    });
    assert_eq!(went_on.count(), 1);
    let winner_is_forked = matches!(outcomes[0], Refreshed::Granted(_));
    let loser = if winner_is_forked {
        &lost.lost
    } else {
        &forked
    };
    let late = there
        .refresh(later(101), loser, None, &Possession::NONE)
        .await
        .unwrap();
    let Refreshed::Ended { reason, .. } = late else {
        panic!("a dead sibling was accepted: {late:?}");
    };
    assert_eq!(reason, EndReason::ReuseDetected);
}

async fn a_late_repeat_is_a_live_session_that_only_a_refresh_forks(store: &Arc<dyn Store>) {
    let lost = LostResponse::new(store, 162).await;
    let [server, _] = &lost.servers;
    let (before, _) = store.session(lost.session).await.unwrap().unwrap();

    let presented = server.present(later(3_600), &lost.held).await.unwrap();

    assert!(matches!(presented, Presented::Replaced(_)), "{presented:?}");
    let (after, _) = store.session(lost.session).await.unwrap().unwrap();
    assert_eq!(after, before);
    granted(server, later(3_600), &lost.held).await;
    let older = server.present(later(3_700), &lost.lost).await.unwrap();
    assert!(matches!(older, Presented::Replaced(_)), "{older:?}");
    let ended = server.sign_out(
        later(7_200),
        &lost.held,
        SignOutScope::Here,
        &Possession::NONE,
    );
    assert_eq!(ended.await.unwrap(), Ok(1));
    let (row, _) = store.session(lost.session).await.unwrap().unwrap();
    let reason = row.ended.map(|end| end.reason);
    assert_eq!(reason, Some(EndReason::SignedOut));
}

/// Runs these tests on an empty store.
pub(crate) async fn conforms(store: Arc<dyn Store>) {
    concurrent_late_repeats_fork_once(&store).await;
    of_siblings_used_at_once_one_goes_on(&store).await;
    a_late_repeat_is_a_live_session_that_only_a_refresh_forks(&store).await;
}
