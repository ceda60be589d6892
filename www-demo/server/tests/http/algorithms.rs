//! What access tokens are signed with: each algorithm, and a change from one to another.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use hyper::{Method, StatusCode};
use nolapse::wire::JWKS_PATH;
use nolapse_server::{config::Config, verifier::Algorithm};
use serde_json::Value;
use tokio::time::Instant;

use crate::support::{Answer, World};

/// The header of a token.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]
fn header(token: &str) -> Value {
    let segment = token.split('.').next().unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(segment).unwrap()).unwrap()
}

/// What a token is signed with.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]
pub(crate) fn algorithm_of(token: &str) -> String {
    header(token)["alg"].as_str().unwrap().to_owned()
}

/// The algorithms of the published keys, the current one first.
async fn published(world: &World) -> Vec<String> {
    algorithms_of_set(&world.bare(Method::GET, JWKS_PATH).send().await)
}

/// The algorithms of the keys of a JWK Set.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]
pub(crate) fn algorithms_of_set(set: &Answer) -> Vec<String> {
    let keys = set.body["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| key["alg"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn p46_part1_a_server_signs_with_the_algorithm_of_its_settings_and_with_es256_by_default() {
    assert_eq!(Config::default().signing_algorithm, Algorithm::Es256);
    for algorithm in Algorithm::ALL {
        let world = World::with(|config| config.signing_algorithm = algorithm).await;

        let signed = world.sign_up().await;

        let header = header(&signed.token);
        let name = algorithm.as_str();
        assert_eq!(header["alg"], name);
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!(header.as_object().map(serde_json::Map::len), Some(3));
        assert_eq!(published(&world).await, [name, name]);
        assert_eq!(world.me(&signed.token).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn p46_part1_an_installation_with_keys_of_ed25519_changes_to_es256_without_a_failed_request()
{
    let fixed = |config: &mut Config| {
        config.issuer = Some("http://localhost:1".to_owned());
        config.audience = Some("http://localhost:2".to_owned());
        config.refreshes_per_minute = 0;
        config.key_wait = Duration::from_secs(2);
    };
    let mut kept = Config::default();
    let before = World::with(|config| {
        fixed(config);
        kept = config.clone();
        config.signing_algorithm = Algorithm::Ed25519;
    })
    .await;
    let mut signed = before.sign_up().await;
    let old = signed.token.clone();
    assert_eq!(header(&old)["alg"], "Ed25519");

    before.server.shutdown().await;
    let world = World::start(kept, before.folder).await;

    let (mut seen, mut sets) = (Vec::new(), Vec::new());
    let deadline = Instant::now() + Duration::from_secs(30);
    while header(&signed.token)["alg"] != "ES256" {
        assert!(Instant::now() < deadline, "{sets:?}");
        signed = world.refresh(&signed.cookie).await.signed();
        for token in [&old, &signed.token] {
            assert_eq!(world.me(token).await.status, StatusCode::OK);
        }
        seen.push(header(&signed.token)["alg"].clone());
        sets.push(published(&world).await);
    }
    seen.dedup();
    sets.dedup();
    assert_eq!(seen, ["Ed25519", "ES256"]);
    assert!(sets.iter().all(|set| set.contains(&"Ed25519".to_owned())));
    assert_eq!(world.me(&old).await.status, StatusCode::OK);
}
