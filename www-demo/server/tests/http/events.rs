//! `GET /auth/events`: every open page learns of a revocation.

use std::time::Duration;

use hyper::{Method, StatusCode};
use nolapse::wire::{COOKIE, EVENTS_PATH, PASSWORD_PATH, SESSIONS_PATH, SIGN_OUT_PATH};
use serde_json::json;
use tokio::{
    io::AsyncReadExt,
    time::{Instant, timeout},
};

use crate::{
    both::Both,
    instances::Instance,
    nginx::Nginx,
    postgres::Postgres,
    push_stream::{DEADLINE, MESSAGE, SECOND, Stream},
    support::{Call, EMAIL, PASSWORD, Signed, World, eventually},
};

/// Ends a session by the demo's controls, as an operator does.
async fn revoke(world: &World, signed: &Signed) {
    let order = json!({ "session_id": signed.session, "change": "revoke" });
    let call = world.auth(Method::POST, "/demo/session").json(&order);
    assert_eq!(call.send().await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn p56_a_revocation_is_told_within_a_second_on_both_databases() {
    let both = Both::with(&[]).await;

    for server in &both.servers {
        let signed = server.sign_up(EMAIL, PASSWORD).await.signed();
        let other = server.sign_in(EMAIL, PASSWORD).await.signed();
        let mut streams = [
            Stream::open(server.address(), &signed.cookie).await,
            Stream::open(server.address(), &signed.cookie).await,
        ];
        let mut untouched = Stream::open(server.address(), &other.cookie).await;
        for stream in streams.iter_mut().chain([&mut untouched]) {
            assert_eq!(stream.status(), 200);
            stream.until("retry: 30000\n\n", DEADLINE).await;
        }

        let path = format!("{SESSIONS_PATH}/{}", signed.session);
        let call = server.auth(Method::DELETE, &path).cookie(&other.cookie);
        let begun = Instant::now();
        assert_eq!(call.send().await.status, StatusCode::NO_CONTENT);

        for stream in &mut streams {
            stream.ends_with_message().await;
        }
        assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
        let more = timeout(Duration::from_millis(300), untouched.connection.read_u8());
        assert!(more.await.is_err(), "another session's stream says nothing");
    }
    both.logged_no_error();
}

#[tokio::test]
async fn p56_a_revocation_at_one_server_is_told_by_another_directly_and_through_nginx() {
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    let folder = tempfile::tempdir().unwrap();
    let page = "https://app.example.com";
    let settings = [
        ("DATABASE_URL", &*url),
        ("DEMO", "1"),
        ("ISSUER", "https://auth.example.com"),
        ("AUDIENCE", "https://api.example.com"),
        ("ALLOWED_ORIGINS", page),
    ];
    let servers = [(); 2].map(|()| Instance::start(folder.path(), &settings));
    let call = |server: &Instance, method, path: &str| {
        Call::new(server.auth.clone(), method, path)
            .header("origin", page)
            .header("nolapse-version", "1")
    };
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let sign_up = call(&servers[0], Method::POST, "/auth/sign-up").json(&body);
    let signed = sign_up.send().await.signed();
    let nginx = Nginx::start(folder.path(), &[&servers[1].auth]);
    eventually("nginx answers", || async {
        let call = Call::new(nginx.address.clone(), Method::GET, "/healthz");
        let answer = call.try_send().await?;
        (answer.status == StatusCode::OK).then_some(())
    })
    .await;
    let mut streams = [
        Stream::open(&servers[1].auth, &signed.cookie).await,
        Stream::open(&nginx.address, &signed.cookie).await,
    ];
    for stream in &mut streams {
        stream.until("retry:", DEADLINE).await;
    }

    let path = format!("{SESSIONS_PATH}/{}", signed.session);
    let revoke = call(&servers[0], Method::DELETE, &path).cookie(&signed.cookie);
    assert_eq!(revoke.send().await.status, StatusCode::NO_CONTENT);

    for stream in &mut streams {
        stream.ends_with_message().await;
    }
}

#[tokio::test]
async fn p56_a_session_that_is_over_is_told_at_once() {
    let world = World::new().await;
    let address = world.server.auth_addr.to_string();
    let signed = world.sign_up().await;
    revoke(&world, &signed).await;

    for cookie in [&*signed.cookie, "nonsense", ""] {
        let mut stream = Stream::open(&address, cookie).await;
        assert_eq!(stream.status(), 200, "{cookie}");
        stream.until(MESSAGE, SECOND).await;
    }
    let fields = [("sec-fetch-site", "same-origin")];
    let mut stream = Stream::send(&address, EVENTS_PATH, &fields).await;
    stream.until(MESSAGE, SECOND).await;
}

#[tokio::test]
async fn p56_every_way_in_which_a_session_ends_is_told() {
    let world = World::new().await;
    let address = world.server.auth_addr.to_string();
    let own = |signed: &Signed, path: &str| world.own(signed, Method::POST, path);
    let first = world.sign_up().await;
    let sign_in = || async {
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let call = world.auth(Method::POST, "/auth/sign-in").json(&body);
        call.send().await.signed()
    };

    let signed = sign_in().await;
    let mut stream = Stream::open(&address, &signed.cookie).await;
    own(&signed, SIGN_OUT_PATH).json(&json!({})).send().await;
    stream.ends_with_message().await;

    let signed = sign_in().await;
    let mut stream = Stream::open(&address, &signed.cookie).await;
    let order = json!({ "current_password": PASSWORD, "new_password": "quite another one" });
    let changed = own(&first, PASSWORD_PATH).json(&order).send().await;
    stream.ends_with_message().await;

    let signed = changed.signed();
    let mut stream = Stream::open(&address, &signed.cookie).await;
    let deleted = world.api(Method::DELETE, "/account").bearer(&first.token);
    assert_eq!(deleted.send().await.status, StatusCode::NO_CONTENT);
    stream.ends_with_message().await;

    let body = json!({ "email": "eve@example.org", "password": PASSWORD });
    let call = world.auth(Method::POST, "/auth/sign-up").json(&body);
    let eve = call.send().await.signed();
    let mut stream = Stream::open(&address, &eve.cookie).await;
    let order = json!({ "session_id": eve.session, "change": "disable" });
    let call = world.auth(Method::POST, "/demo/session").json(&order);
    assert_eq!(call.send().await.status, StatusCode::NO_CONTENT);
    stream.ends_with_message().await;
}

#[tokio::test]
async fn part3_a_stream_is_opened_by_pages_of_allowed_origins_alone() {
    let world = World::new().await;
    let address = world.server.auth_addr.to_string();
    let signed = world.sign_up().await;
    let cookie = format!("{COOKIE}={}", signed.cookie);
    let page = world.page();
    let cases: [(&[(&str, &str)], u16); 7] = [
        (&[("sec-fetch-site", "same-origin")], 200),
        (&[("origin", &page), ("sec-fetch-site", "same-site")], 200),
        (&[], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "none")], 403),
        (&[("origin", "https://evil.example")], 403),
        (
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            403,
        ),
    ];
    for (fields, status) in cases {
        let fields = [fields, &[("cookie", &*cookie)]].concat();
        let stream = Stream::send(&address, EVENTS_PATH, &fields).await;
        assert_eq!(stream.status(), status, "{fields:?}");
        let head = stream.text.to_ascii_lowercase();
        let is_readable = head.contains("access-control-allow-credentials: true")
            && head.contains(&format!("access-control-allow-origin: {page}"));
        let is_asked = fields.contains(&("origin", &*page));
        assert_eq!(is_readable, is_asked, "{head}");
        if status == 200 {
            for field in [
                "content-type: text/event-stream",
                "cache-control: no-store",
                "x-accel-buffering: no",
            ] {
                assert!(head.contains(field), "{head}");
            }
            assert!(!head.contains("set-cookie"), "{head}");
        }
    }
}

#[tokio::test]
async fn part3_a_session_has_sixteen_streams_at_the_most() {
    let world = World::new().await;
    let address = world.server.auth_addr.to_string();
    let signed = world.sign_up().await;
    let mut streams = Vec::new();
    for _ in 0..16 {
        let stream = Stream::open(&address, &signed.cookie).await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }

    let refused = Stream::open(&address, &signed.cookie).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.text.contains("retry-after: 60"), "{}", refused.text);
    assert_eq!(world.count("push_streams_refused"), 1);

    streams.pop();
    eventually("a page that closes its stream makes room", || async {
        let stream = Stream::open(&address, &signed.cookie).await;
        (stream.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn part3_a_shutdown_ends_streams_and_waits_for_none() {
    let world = World::new().await;
    let address = world.server.auth_addr.to_string();
    let signed = world.sign_up().await;
    let mut stream = Stream::open(&address, &signed.cookie).await;
    stream.until("retry:", DEADLINE).await;

    let begun = Instant::now();
    world.server.shutdown().await;

    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    stream.until("\r\n0\r\n\r\n", SECOND).await;
    assert!(!stream.text.contains(MESSAGE), "{}", stream.text);
}

#[tokio::test]
async fn part3_an_account_has_streams_of_its_own() {
    let world = World::with(|config| config.account_paths = vec!["work".to_owned()]).await;
    let address = world.server.auth_addr.to_string();
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let sign_up = Call::new(address.clone(), Method::POST, "/work/auth/sign-up")
        .header("origin", &world.page())
        .header("nolapse-version", "1");
    let answer = sign_up.json(&body).send().await;
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.filter_map(|line| line.to_str().ok()?.split_once(';'));
    let cookie = cookies.find(|(pair, _)| pair.contains(".work=")).unwrap().0;
    let fields = [("sec-fetch-site", "same-origin"), ("cookie", cookie)];
    let path = format!("/work{EVENTS_PATH}");
    let mut stream = Stream::send(&address, &path, &fields).await;
    let mut other = Stream::send(&address, EVENTS_PATH, &fields).await;
    other.until(MESSAGE, SECOND).await;

    let session = answer.text("/session/id");
    let order = json!({ "session_id": session, "change": "revoke" });
    let call = world.auth(Method::POST, "/demo/session").json(&order);
    assert_eq!(call.send().await.status, StatusCode::NO_CONTENT);

    stream.ends_with_message().await;
}

#[tokio::test]
async fn part3_metrics_say_how_many_streams_are_open() {
    let world = World::with(|config| config.metrics_port = Some(0)).await;
    let address = world.server.auth_addr.to_string();
    let metrics = world.server.metrics_addr.unwrap().to_string();
    let signed = world.sign_up().await;
    let says = |count: usize| {
        let call = Call::new(metrics.clone(), Method::GET, "/metrics");
        async move {
            let text = String::from_utf8(call.send().await.bytes.to_vec()).unwrap();
            let line = format!("nolapse_push_streams {count}");
            text.lines().any(|one| one == line).then_some(())
        }
    };
    let stream = Stream::open(&address, &signed.cookie).await;

    eventually("one is open", || says(1)).await;
    drop(stream);
    eventually("none is open", || says(0)).await;
}

#[tokio::test]
async fn p56_a_server_takes_streams_with_half_of_the_connections_of_the_setting() {
    let world = World::with(|config| config.connections = 8).await;
    let address = world.server.auth_addr.to_string();
    let signed = world.sign_up().await;

    let mut streams = Vec::new();
    for _ in 0..4 {
        let stream = Stream::open(&address, &signed.cookie).await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    let refused = Stream::open(&address, &signed.cookie).await;

    assert_eq!(refused.status(), 503);
    // A page that leaves makes room for another.
    drop(streams.pop());
    eventually("a stream is opened", || async {
        let stream = Stream::open(&address, &signed.cookie).await;
        (stream.status() == 200).then_some(())
    })
    .await;
}
