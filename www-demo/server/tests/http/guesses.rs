//! Who may try how many passwords.

use hyper::{Method, StatusCode};
use nolapse::wire::{SIGN_IN_PATH, SIGN_UP_PATH};
use serde_json::json;

use crate::limits::assert_alike;
use crate::support::{Answer, EMAIL, PASSWORD, World, config};

/// A world behind a proxy, so that a test sets its client's address.
async fn proxied() -> World {
    World::with(|config| config.trusted_proxies = 1).await
}

async fn from(world: &World, address: &str, email: &str, password: &str, device: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    let call = world.auth(Method::POST, SIGN_IN_PATH).json(&body);
    let call = call.header("x-forwarded-for", address);
    let call = if device.is_empty() {
        call
    } else {
        call.header("cookie", device)
    };
    call.send().await
}

/// Tries a wrong password from each address until one is throttled; returns how many were tried.
async fn guess(world: &World, email: &str, addresses: impl Iterator<Item = String>) -> usize {
    let mut tried = 0;
    for address in addresses {
        let answer = from(world, &address, email, "not the password", "").await;
        if answer.status == StatusCode::UNAUTHORIZED {
            tried += 1;
        } else {
            answer.is_problem(429, "too_many_requests");
        }
    }
    tried
}

/// Tries wrong passwords from ever new networks until the account has no turn for unknown devices.
async fn guess_until_locked(world: &World) {
    for net in 0_u32.. {
        let address = format!("2001:db9:{:x}:{:x}::1", net % 0xffff, net / 0xffff);
        let answer = from(world, &address, EMAIL, "not the password", "").await;
        let wait: Option<u32> = answer.header("retry-after").parse().ok();
        if wait.is_some_and(|seconds| seconds > 10) {
            return;
        }
    }
}

async fn sign_up(world: &World, email: &str, address: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD });
    let call = world.auth(Method::POST, SIGN_UP_PATH).json(&body);
    call.header("x-forwarded-for", address).send().await
}

#[tokio::test]
async fn p48_guesses_from_one_network_do_not_lock_the_owner_out() {
    let within = |prefix: &'static str| {
        let all = (0..120).map(move |number| format!("{prefix}:{number:x}::{number:x}"));
        all.collect::<Vec<_>>()
    };
    let one_address = vec!["203.0.113.7".to_owned(); 120];
    let one_24: Vec<_> = (0..120).map(|host| format!("203.0.113.{host}")).collect();
    // One /64, one /56, one /48, and a mix of them.
    let one_64: Vec<_> = (0..120).map(|host| format!("2001:db8::{host:x}")).collect();
    let one_56: Vec<_> = (0..120)
        .map(|net| format!("2001:db8:0:{net:x}::1"))
        .collect();
    let one_48 = within("2001:db8:0");

    for guesses in [one_address, one_24, one_64, one_56, one_48] {
        let world = proxied().await;
        let device = sign_up(&world, EMAIL, "198.51.100.1").await.device();
        let device = device.expect("a device cookie");

        let tried = guess(&world, EMAIL, guesses.iter().cloned()).await;

        assert!(tried < 60, "{tried} of {guesses:?}");
        // Elsewhere, on a browser that has never signed in.
        let new = from(&world, "192.0.2.1", EMAIL, PASSWORD, "").await;
        assert_eq!(new.status, StatusCode::OK, "{guesses:?}");
        // In the very network of the guesses, on the browser that has.
        let known = from(&world, &guesses[0], EMAIL, PASSWORD, &device).await;
        assert_eq!(known.status, StatusCode::OK, "{guesses:?}");
    }
}

#[tokio::test]
async fn p48_a_browser_that_has_signed_in_is_not_locked_out_by_attempts_of_others() {
    let world = World::with(|config| {
        config.trusted_proxies = 1;
        config.passwords_per_account = 1;
    })
    .await;
    let signed = sign_up(&world, EMAIL, "198.51.100.1").await;
    let device = signed.device().expect("a device cookie");
    let networks = (0..40).map(|net| format!("2001:db8:{net:x}::1"));

    let tried = guess(&world, EMAIL, networks).await;

    assert!(tried >= 4, "{tried}");
    guess_until_locked(&world).await;
    let stranger = from(&world, "192.0.2.1", EMAIL, PASSWORD, "").await;
    stranger.is_problem(429, "too_many_requests");
    let owner = from(&world, "192.0.2.1", EMAIL, PASSWORD, &device).await;
    assert_eq!(owner.status, StatusCode::OK);
    // The cookie of another account, a forged one and a doubled one are those of an unknown device.
    let other = sign_up(&world, "eve@example.org", "198.51.100.2").await;
    let other = other.device().expect("a device cookie");
    let forged = format!("{device}A");
    for cookie in [other, forged, format!("{device}; {device}")] {
        guess_until_locked(&world).await;
        let refused = from(&world, "192.0.2.1", EMAIL, PASSWORD, &cookie).await;
        refused.is_problem(429, "too_many_requests");
    }
}

#[tokio::test]
async fn p48_a_device_cookie_gives_one_more_set_of_attempts_and_no_more() {
    let world = World::with(|config| {
        config.trusted_proxies = 1;
        config.passwords_per_account = 3;
    })
    .await;
    let device = sign_up(&world, EMAIL, "198.51.100.1").await.device();
    let device = device.expect("a device cookie");
    let mut tried = 0;
    for number in 0..80 {
        let address = format!("192.0.2.{number}");
        let answer = from(&world, &address, EMAIL, "not the password", &device).await;
        tried += usize::from(answer.status == StatusCode::UNAUTHORIZED);
    }

    // Its own three, and those of any unknown device in one /24.
    assert!((3..=15).contains(&tried), "{tried}");
}

#[tokio::test]
async fn p48_one_network_cannot_try_account_after_account() {
    let one_48 = |number: usize| format!("2001:db8:0:{number:x}::1");
    let one_address = |_: usize| "203.0.113.7".to_owned();
    for address in [&one_48 as &dyn Fn(usize) -> String, &one_address] {
        let world = proxied().await;
        let mut tried = 0;
        for number in 0..150 {
            let email = format!("user{number}@example.org");
            tried += guess(&world, &email, std::iter::once(address(number))).await;
        }

        assert_eq!(tried, 100);
        let elsewhere = from(&world, "192.0.2.1", "user0@example.org", PASSWORD, "").await;
        elsewhere.is_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn p48_right_passwords_are_not_counted() {
    let world = World::with(|config| config.passwords_per_account = 2).await;
    world.sign_up().await;

    for _ in 0..30 {
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let call = world.auth(Method::POST, SIGN_IN_PATH).json(&body);
        assert_eq!(call.send().await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn p48_attempts_are_counted_across_a_restart_without_names_in_the_database() {
    let world = World::with(|config| config.passwords_per_account = 3).await;
    world.sign_up().await;
    let guess = async |world: &World| {
        let body = json!({ "email": EMAIL, "password": "not the password" });
        let call = world.auth(Method::POST, SIGN_IN_PATH).json(&body);
        call.send().await
    };
    for _ in 0..2 {
        guess(&world).await.is_problem(401, "invalid_credentials");
    }
    let World { server, folder, .. } = world;
    server.shutdown().await;

    let mut again = config(&folder);
    again.passwords_per_account = 3;
    let world = World::start(again, folder).await;

    let refused = guess(&world).await;
    refused.is_problem(429, "too_many_requests");
    let wait: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=100).contains(&wait), "{wait}");
    let bytes = std::fs::read(world.folder.path().join("test.db")).expect("the database");
    assert!(!bytes.windows(9).any(|part| part == b"127.0.0.1"));
}

/// Restarts a world with hashes of another cost.
async fn with_memory(world: World, memory_kib: u32) -> World {
    let World { server, folder, .. } = world;
    server.shutdown().await;
    let mut again = config(&folder);
    again.password_memory_kib = memory_kib;
    again.passwords_per_account = 0;
    World::start(again, folder).await
}

#[tokio::test]
async fn p48_the_time_of_a_sign_in_is_the_same_for_an_older_hash_and_no_account() {
    // Hashes cheaper than the settings, and dearer ones: the dummy work follows the costliest.
    for (kept, configured) in [(1_024, 16_384), (16_384, 1_024)] {
        let world = with_memory(World::new().await, kept).await;
        world.sign_up().await;
        let world = with_memory(world, configured).await;
        // Without the dummy work it is beyond five, one way or the other.
        assert_alike(&world, 0.5..2.0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_password_renews_a_hash_below_the_configured_cost_once() {
    let world = World::new().await;
    world.sign_up().await;
    let world = with_memory(world, 256).await;

    let wrong = from(&world, "", EMAIL, "not the password", "").await;
    wrong.is_problem(401, "invalid_credentials");
    assert_eq!(world.count("password_hashes_renewed"), 0);
    // All of them are right, whichever of them renews it.
    let (one, two, three, four) = tokio::join!(
        from(&world, "", EMAIL, PASSWORD, ""),
        from(&world, "", EMAIL, PASSWORD, ""),
        from(&world, "", EMAIL, PASSWORD, ""),
        from(&world, "", EMAIL, PASSWORD, ""),
    );

    for answer in [one, two, three, four] {
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    assert_eq!(world.count("password_hashes_renewed"), 1);
    // A lower setting makes no hash cheaper.
    let world = with_memory(world, 64).await;
    let again = from(&world, "", EMAIL, PASSWORD, "").await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(world.count("password_hashes_renewed"), 0);
}
