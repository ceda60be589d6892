//! Rotation of signing keys: several servers on one database agree, and no request fails for it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "common/issuing.rs"]
mod issuing;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use issuing::{issue, new_keys, verifier};
use nolapse_server::{
    clock,
    domain::{Store, Timestamp},
    keys::{KeyPolicy, KeyRing, RingError, Rotated, Secrets, ServerKeys},
    store::SqliteStore,
    verifier::{Algorithm, KeySource, Refusal},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const WAIT: Duration = Duration::from_mins(10);
const LIFE: Duration = Duration::from_mins(1);

struct World {
    folder: TempDir,
    store: Arc<dyn Store>,
    now: Timestamp,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let store = Arc::new(SqliteStore::open(&url).await.unwrap());
        let now = clock::now();
        Self { folder, store, now }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    async fn ring(&self, rotate_every: Option<Duration>) -> KeyRing {
        self.ring_of(Algorithm::default(), rotate_every).await
    }

    async fn ring_of(&self, algorithm: Algorithm, rotate_every: Option<Duration>) -> KeyRing {
        let secrets = Secrets::load_or_make(&self.file()).unwrap();
        let policy = KeyPolicy {
            wait: WAIT,
            rotate_every,
            token_lifetime: LIFE,
            algorithm,
        };
        let ring = KeyRing::open(self.now, Arc::clone(&self.store), secrets, policy);
        ring.await.unwrap()
    }
}

fn names(keys: &ServerKeys) -> [String; 2] {
    [keys.current.id.clone(), keys.next.id.clone()]
}

#[tokio::test]
async fn servers_on_one_database_share_their_keys() {
    let world = World::new().await;

    let (one, other) = tokio::join!(world.ring(None), world.ring(None));

    assert_eq!(names(&one.keys()), names(&other.keys()));
}

#[tokio::test]
async fn p46_a_rotation_costs_no_token_at_any_server_however_late_it_notices() {
    let mut world = World::new().await;
    let (one, other) = (world.ring(None).await, world.ring(None).await);
    // A verifier elsewhere that fetched its key set just before the rotation.
    let stale = verifier(KeySource::given(one.keys().public()));
    let (here, there) = (verifier(one.published()), verifier(other.published()));
    let before = names(&one.keys());
    world.now = world.now + WAIT;
    let old = issue(world.now, &one.keys(), LIFE);

    assert_eq!(one.rotate(world.now).await.unwrap(), Rotated::Now);

    let new = issue(world.now, &one.keys(), LIFE);
    assert_eq!(one.keys().current.id, before[1]);
    for verifier in [&here, &there, &stale] {
        assert!(verifier.verify(world.now, &old).await.is_ok());
        assert!(verifier.verify(world.now, &new).await.is_ok());
    }
    // The other server still signs with the old key; it is still published.
    let late = issue(world.now, &other.keys(), LIFE);
    assert!(here.verify(world.now, &late).await.is_ok());
    other.maintain(world.now).await.unwrap();
    assert_eq!(names(&other.keys()), names(&one.keys()));
}

#[tokio::test]
async fn p46_of_concurrent_rotations_one_counts_and_none_comes_too_early() {
    let mut world = World::new().await;
    let (one, other) = (world.ring(None).await, world.ring(None).await);
    let before = names(&one.keys());

    assert_eq!(one.rotate(world.now).await.unwrap(), Rotated::TooEarly);
    assert_eq!(names(&one.keys()), before);
    world.now = world.now + WAIT;
    let both = tokio::join!(one.rotate(world.now), other.rotate(world.now));
    both.0.unwrap();
    both.1.unwrap();

    assert_eq!(world.store.signing_keys().await.unwrap().len(), 3);
    assert_eq!(one.keys().current.id, before[1]);
    assert_eq!(names(&one.keys()), names(&other.keys()));
}

#[tokio::test]
async fn p46_the_schedule_rotates_and_retired_keys_outlive_their_tokens() {
    let mut world = World::new().await;
    let every = Duration::from_hours(24);
    let ring = world.ring(Some(every)).await;
    let verifier = verifier(ring.published());
    let before = names(&ring.keys());

    world.now = world.now + every.saturating_sub(Duration::from_millis(1));
    ring.maintain(world.now).await.unwrap();
    assert_eq!(names(&ring.keys()), before);

    let last = issue(world.now, &ring.keys(), LIFE);
    world.now = world.now + Duration::from_millis(1);
    ring.maintain(world.now).await.unwrap();
    assert_eq!(ring.keys().current.id, before[1]);
    world.now = world.now + LIFE.saturating_sub(Duration::from_secs(2));
    ring.maintain(world.now).await.unwrap();
    assert!(verifier.verify(world.now, &last).await.is_ok());

    world.now = world.now + WAIT + LIFE;
    ring.maintain(world.now).await.unwrap();
    ring.maintain(world.now).await.unwrap();
    assert!(ring.keys().retired.is_empty());
    let refused = verifier.verify(world.now, &last).await;
    assert_eq!(refused, Err(Refusal::UnknownKey));
}

fn algorithms(keys: &ServerKeys) -> [Algorithm; 2] {
    [keys.current.algorithm, keys.next.algorithm]
}

/// Keys of an algorithm that another one shall follow, each of the four once.
const CHANGES: [[Algorithm; 2]; 4] = [
    [Algorithm::Ed25519, Algorithm::Es256],
    [Algorithm::Es256, Algorithm::Rs256],
    [Algorithm::Rs256, Algorithm::EdDsa],
    [Algorithm::EdDsa, Algorithm::Ed25519],
];

#[tokio::test]
async fn p46_part1_a_change_of_algorithm_is_a_rotation_that_costs_no_token() {
    for [old, new] in CHANGES {
        let mut world = World::new().await;
        let before = world.ring_of(old, None).await;
        let first = names(&before.keys());
        let ring = world.ring_of(new, None).await;
        let verifier_here = verifier(ring.published());
        let (mut seen, mut signed) = (Vec::new(), Vec::new());
        let step = Duration::from_secs(30);

        // A verifier elsewhere fetched its key set up to five minutes ago.
        let mut elsewhere = vec![ring.keys().public(); 10];
        for _ in 0..50 {
            ring.maintain(world.now).await.unwrap();
            let token = issue(world.now, &ring.keys(), LIFE);
            let stale = verifier(KeySource::given(elsewhere.remove(0)));
            assert!(stale.verify(world.now, &token).await.is_ok(), "{old} {new}");
            elsewhere.push(ring.keys().public());
            signed.push((world.now, token));
            signed.retain(|(at, _)| world.now < *at + LIFE);
            for (_, token) in &signed {
                assert!(verifier_here.verify(world.now, token).await.is_ok());
            }
            seen.push(algorithms(&ring.keys()));
            world.now = world.now + step;
        }

        seen.dedup();
        assert_eq!(seen, [[old, old], [old, new], [new, new]]);
        assert!(!names(&ring.keys()).contains(&first[0]));
        // Nothing more is changed.
        let settled = names(&ring.keys());
        world.now = world.now + WAIT * 10;
        ring.maintain(world.now).await.unwrap();
        assert_eq!(names(&ring.keys()), settled);
    }
}

#[tokio::test]
async fn p46_part1_keys_that_have_signed_for_long_are_replaced_as_soon_as_the_algorithm_changes() {
    let mut world = World::new().await;
    world.ring_of(Algorithm::Ed25519, None).await;
    world.now = world.now + WAIT;
    let ring = world.ring_of(Algorithm::Es256, None).await;

    ring.maintain(world.now).await.unwrap();
    assert_eq!(
        algorithms(&ring.keys()),
        [Algorithm::Ed25519, Algorithm::Es256]
    );
    world.now = world.now + WAIT.saturating_sub(Duration::from_millis(1));
    ring.maintain(world.now).await.unwrap();
    assert_eq!(ring.keys().current.algorithm, Algorithm::Ed25519);
    world.now = world.now + Duration::from_millis(1);
    ring.maintain(world.now).await.unwrap();
    assert_eq!(algorithms(&ring.keys()), [Algorithm::Es256; 2]);
}

#[tokio::test]
async fn p46_part1_servers_whose_settings_differ_do_not_change_the_algorithm_to_and_fro() {
    let mut world = World::new().await;
    let one = world.ring_of(Algorithm::Ed25519, None).await;
    one.maintain(world.now).await.unwrap();
    let other = world.ring_of(Algorithm::Es256, None).await;

    for _ in 0..20 {
        world.now = world.now + WAIT;
        other.maintain(world.now).await.unwrap();
        one.maintain(world.now).await.unwrap();
    }

    for ring in [&one, &other] {
        assert_eq!(algorithms(&ring.keys()), [Algorithm::Es256; 2]);
        assert!(ring.keys().retired.is_empty());
    }
}

#[tokio::test]
async fn p46_part1_a_key_keeps_its_algorithm_when_other_secrets_encrypt_it_and_is_listed_with_it() {
    for algorithm in Algorithm::ALL {
        let world = World::new().await;
        let policy = KeyPolicy {
            wait: WAIT,
            rotate_every: None,
            token_lifetime: LIFE,
            algorithm,
        };
        let store = Arc::clone(&world.store);
        let file = world.file();
        let ring = KeyRing::open_file(world.now, store, &file, policy);
        let ring = ring.await.unwrap();
        let before = names(&ring.keys());

        ring.add_secrets(world.now).unwrap();
        ring.activate_secrets().await.unwrap();
        ring.revoke_secrets(None).await.unwrap();

        let again = world.ring_of(Algorithm::default(), None).await;
        assert_eq!(names(&again.keys()), before);
        let listed = again.list_keys();
        assert!(listed.iter().all(|key| key.algorithm == algorithm));
        let token = issue(world.now, &again.keys(), LIFE);
        let judged = verifier(ring.published()).verify(world.now, &token).await;
        assert!(judged.is_ok());
    }
}

/// Answers every connection with this key set, and counts them.
async fn key_server(keys: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let fetches = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&fetches);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{keys}",
                keys.len()
            );
            let read = connection.read(&mut [0; 1024]).await.unwrap();
            assert!(read > 0);
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, fetches)
}

#[tokio::test]
async fn p46_a_storm_of_unknown_keys_is_no_storm_of_fetches() {
    let now = clock::now();
    let known = new_keys();
    let (url, fetches) = key_server(known.public().to_json()).await;
    let verifier = Arc::new(verifier(KeySource::fetched(&url).unwrap()));

    let storm: Vec<_> = (0..60)
        .map(|turn| {
            let verifier = Arc::clone(&verifier);
            let token = match turn % 2 {
                0 => issue(now, &known, LIFE),
                _ => issue(now, &new_keys(), LIFE),
            };
            tokio::spawn(async move { verifier.verify(now, &token).await })
        })
        .collect();
    let (mut accepted, mut refused) = (0, 0);
    for verified in storm {
        match verified.await.unwrap() {
            Ok(_) => accepted += 1,
            Err(Refusal::UnknownKey) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }

    assert_eq!((accepted, refused), (30, 30));
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
    // Ten seconds later one more request may be sent, and no more than one.
    for _ in 0..5 {
        let later = now + Duration::from_secs(11);
        let token = issue(later, &new_keys(), LIFE);
        assert!(verifier.verify(later, &token).await.is_err());
    }
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn p43_the_database_alone_signs_nothing_and_another_key_file_is_named_as_such() {
    let world = World::new().await;
    world.ring(None).await;
    let other = Secrets::load_or_make(&world.folder.path().join("other")).unwrap();
    let policy = KeyPolicy {
        wait: WAIT,
        rotate_every: None,
        token_lifetime: LIFE,
        algorithm: Algorithm::default(),
    };

    let opened = KeyRing::open(world.now, Arc::clone(&world.store), other, policy).await;

    let error = opened.err().unwrap();
    assert!(matches!(error, RingError::Sealed));
    assert!(error.to_string().contains("set KEY_FILE"), "{error}");
}
