//! P56: a revocation at one server is refused by the APIs of the other.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use hyper::StatusCode;
use nolapse::wire::{JWKS_PATH, REVOCATIONS_PATH, SIGN_OUT_PATH};
use nolapse_server::{
    clock,
    verifier::{
        BadFeed, FetchOptions, KeySource, Refusal, RevocationFeed, RevokedTokens, Verifier,
    },
};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    instances::Instance,
    postgres::Postgres,
    revocation_pair::{Pair, call},
    support::{EMAIL, SERVER_SECRET, World, eventually},
};

/// How many sessions are revoked.
const SESSIONS: usize = 20;
/// How long a revocation may take on a busy machine; the promise of a second is for one that is not.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an API has that is behind a server.
struct Api {
    verifier: Verifier,
    feed: RevocationFeed,
}

impl Api {
    fn behind(server: &Instance) -> Self {
        let url = |path| format!("http://{}{path}", server.auth);
        let options = FetchOptions::default();
        let feed = RevocationFeed::follow(&url(REVOCATIONS_PATH), SERVER_SECRET, &options);
        let feed = feed.unwrap();
        let keys = KeySource::fetched(&url(JWKS_PATH)).unwrap();
        let verifier = Verifier::new("https://auth.example.com", "https://api.example.com", keys);
        Self {
            verifier: verifier.with_revocations(feed.clone()),
            feed,
        }
    }

    async fn judge(&self, token: &str) -> Option<Refusal> {
        self.verifier.verify(clock::now(), token).await.err()
    }

    async fn until_live(&self, is_live: bool) {
        eventually("the feed says so", || async {
            (self.verifier.liveness()?.is_live == is_live).then_some(())
        })
        .await;
    }

    async fn until_revoked(&self, token: &str) {
        let refused = async {
            while self.judge(token).await != Some(Refusal::Revoked) {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, refused).await.expect("it is refused");
    }
}

async fn sign_out(server: &Instance, cookie: &str) {
    let out = call(server, SIGN_OUT_PATH).cookie(cookie).send().await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::print_stdout,
    reason = "the times are for who reads the output"
)]
async fn p56_a_session_revoked_at_one_server_is_refused_at_the_apis_of_both() {
    let postgres = Postgres::shared();
    let pair = Pair::on(&postgres.database().await);
    let apis = [0, 1].map(|number| Api::behind(&pair.servers[number]));
    for api in &apis {
        api.until_live(true).await;
    }
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        sessions.push(pair.sign_up(&format!("user{number}@example.org")).await);
    }
    let other = pair.sign_up(EMAIL).await;

    let mut took = Vec::new();
    for (number, signed) in sessions.iter().enumerate() {
        for api in &apis {
            assert_eq!(api.judge(&signed.token).await, None);
        }
        let begun = Instant::now();
        sign_out(&pair.servers[number % 2], &signed.cookie).await;
        for api in &apis {
            api.until_revoked(&signed.token).await;
        }
        took.push(begun.elapsed());
    }

    took.sort();
    let [half, most] = [took[SESSIONS / 2], took[SESSIONS - 1]];
    println!("revoked at one server, refused at the APIs of both: p50 {half:?}, max {most:?}");
    for api in &apis {
        assert_eq!(api.judge(&other.token).await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p56_a_server_that_was_killed_refuses_nothing_wrongly_and_its_apis_miss_nothing() {
    let postgres = Postgres::shared();
    let mut pair = Pair::on(&postgres.database().await);
    let api = Api::behind(&pair.servers[1]);
    api.until_live(true).await;
    let (first, second) = (
        pair.sign_up(EMAIL).await,
        pair.sign_up("eve@example.org").await,
    );
    assert_eq!(api.judge(&second.token).await, None);
    sign_out(&pair.servers[0], &first.cookie).await;
    api.until_revoked(&first.token).await;
    let mut heard = api.feed.subscribe();

    pair.servers[1].kill();
    api.until_live(false).await;
    sign_out(&pair.servers[0], &second.cookie).await;
    assert_eq!(api.judge(&first.token).await, Some(Refusal::Revoked));
    assert_eq!(api.judge(&second.token).await, None, "nobody can know");
    pair.restart(1);

    api.until_revoked(&second.token).await;
    api.until_live(true).await;
    let expected = RevokedTokens::OfSession(second.session);
    assert_eq!(heard.recv().await, Ok(expected));
    assert!(heard.try_recv().is_err(), "what is known is not told again");
}

#[tokio::test]
async fn p56_the_reference_api_refuses_what_is_revoked() {
    let world = World::new().await;
    let signed = world.sign_up().await;
    assert_eq!(world.me(&signed.token).await.status, StatusCode::OK);
    let out = world.own(&signed, hyper::Method::POST, SIGN_OUT_PATH);
    out.send().await;

    let refused = eventually("the token is refused", || async {
        let answer = world.me(&signed.token).await;
        (answer.status != StatusCode::OK).then_some(answer)
    })
    .await;
    refused.is_problem(401, "invalid_token");
    assert_eq!(
        refused.header("www-authenticate"),
        r#"Bearer error="invalid_token""#
    );
    assert!(world.count("api_refused_revoked") > 0);
}

#[tokio::test]
async fn part3_a_feed_whose_url_or_secret_cannot_be_meant_is_refused() {
    let options = FetchOptions::default();
    for (url, secret) in [
        ("http://auth.example.com/auth/revocations", SERVER_SECRET),
        ("https://u:p@auth.example.com/", SERVER_SECRET),
        ("auth.example.com", SERVER_SECRET),
    ] {
        let refused = RevocationFeed::follow(url, secret, &options);
        assert!(matches!(refused, Err(BadFeed::Url(_))), "{url}");
    }
    for secret in ["", "short", &format!("{SERVER_SECRET}\r\nx: y")] {
        let refused = RevocationFeed::follow("https://auth.example.com/", secret, &options);
        let Err(refused @ BadFeed::Secret) = refused else {
            panic!("{secret:?} is accepted");
        };
        assert!(refused.to_string().contains("SERVER_SECRETS"));
    }
}
