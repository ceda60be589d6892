//! `GET /metrics`.

use hyper::{Method, StatusCode};
use tokio::net::TcpStream;

use crate::{
    instances::Instance,
    support::{Call, World, eventually},
};

#[tokio::test]
async fn metrics_are_counted_and_served_on_a_port_of_their_own() {
    let world = World::with(|config| config.metrics_port = Some(0)).await;
    let signed = world.sign_up().await;
    let signed = world.refresh(&signed.cookie).await.signed();
    let revoke = format!("/auth/sessions/{}", signed.session);
    let revoke = world.own(&signed, Method::DELETE, &revoke);
    revoke.send().await;
    world.refresh(&signed.cookie).await;

    let address = world
        .server
        .metrics_addr
        .expect("METRICS_PORT is set")
        .to_string();
    let answer = Call::new(address, Method::GET, "/metrics").send().await;
    let text = String::from_utf8(answer.bytes.to_vec()).expect("it is text");

    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(answer.header("content-type"), kind);
    for line in [
        r#"nolapse_events_total{event="refreshes_rotated"} 1"#,
        r#"nolapse_events_total{event="refreshes_timer"} 2"#,
        r#"nolapse_events_total{event="refreshes_ended_revoked"} 1"#,
        "nolapse_sessions 0",
        r#"nolapse_revocation_to_refusal_seconds_bucket{le="60.000"} 1"#,
        "nolapse_revocation_to_refusal_seconds_count{} 1",
        r#"nolapse_request_seconds_count{path="/auth/refresh",status="2xx"} 1"#,
        r#"nolapse_request_seconds_count{path="/auth/refresh",status="4xx"} 1"#,
    ] {
        assert!(
            text.lines().any(|one| one == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(!text.contains(&signed.session) && !text.contains(&signed.token));
    let elsewhere = world.bare(Method::GET, "/metrics").send().await;
    elsewhere.is_problem(404, "not_found");
}

#[tokio::test]
async fn metrics_measure_connections_hashes_the_database_and_the_process() {
    let world = World::with(|config| config.metrics_port = Some(0)).await;
    world.sign_up().await;
    let address = world.server.metrics_addr.expect("METRICS_PORT is set");
    let held = TcpStream::connect(world.server.api_addr).await;
    let held = held.expect("it listens");

    let text = eventually("a held connection", || async {
        let call = Call::new(address.to_string(), Method::GET, "/metrics");
        let text = String::from_utf8(call.send().await.bytes.to_vec()).expect("it is text");
        (value(&text, "nolapse_connections") >= 2.0).then_some(text)
    })
    .await;

    drop(held);
    for (series, least, most) in [
        ("nolapse_connections_max", 8.0, 10_000.0),
        ("nolapse_password_hashes{state=\"waiting\"}", 0.0, 0.0),
        ("nolapse_password_hashes{state=\"running\"}", 0.0, 0.0),
        ("nolapse_password_hash_wait_seconds_count{}", 1.0, 1.0),
        ("nolapse_password_hashes_refused_total", 0.0, 0.0),
        ("nolapse_database_up", 1.0, 1.0),
        ("nolapse_database_ping_seconds", 0.0, 5.0),
        ("nolapse_revocation_streams", 0.0, 0.0),
        ("nolapse_revocations_live", 1.0, 1.0),
        ("nolapse_revocations_total", 0.0, 0.0),
        ("nolapse_database_connections_max", 4.0, 4.0),
        (
            "nolapse_security_events_total{event=\"sign_up\",result=\"ok\"}",
            1.0,
            1.0,
        ),
        ("nolapse_security_log_lost_lines_total", 0.0, 0.0),
        ("process_start_time_seconds", 1.7e9, 1e11),
        ("process_open_fds", 3.0, 1e9),
        ("process_max_fds", 3.0, 2e19),
    ] {
        let value = value(&text, series);
        assert!(least <= value && value <= most, "{series} is {value}");
    }
    let idle = value(&text, "nolapse_database_connections{state=\"idle\"}");
    let used = value(&text, "nolapse_database_connections{state=\"used\"}");
    assert!((1.0..=4.0).contains(&(idle + used)), "{idle} {used}");
    let version = format!(
        "nolapse_build_info{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    );
    assert!(text.lines().any(|line| line == version), "{version}");
}

#[tokio::test]
async fn hashes_that_wait_for_their_turn_are_a_metric() {
    let world = World::with(|config| {
        config.metrics_port = Some(0);
        config.passwords_per_account = 0;
        config.password_memory_kib = 65_536;
    })
    .await;
    let address = world
        .server
        .metrics_addr
        .expect("METRICS_PORT is set")
        .to_string();
    let body = serde_json::json!({ "email": "x@example.org", "password": "correct horse battery" });
    let mut sign_ins = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let call = world.auth(Method::POST, nolapse::wire::SIGN_IN_PATH);
        sign_ins.spawn(call.json(&body).send());
    }

    eventually("hashes that wait", || async {
        let text = Call::new(address.clone(), Method::GET, "/metrics")
            .send()
            .await;
        let text = String::from_utf8(text.bytes.to_vec()).expect("it is text");
        let waiting = value(&text, "nolapse_password_hashes{state=\"waiting\"}");
        (waiting > 0.0).then_some(())
    })
    .await;

    while let Some(done) = sign_ins.join_next().await {
        done.expect("it is answered");
    }
}

#[tokio::test]
async fn metrics_are_bound_on_an_address_of_their_own_whatever_the_other_ports_are_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [
        ("BIND", "0.0.0.0"),
        ("METRICS_PORT", "0"),
        ("SECURITY_LOG", "off"),
    ];

    let default = Instance::start(folder.path(), &settings);
    let own = [&settings[..], &[("METRICS_BIND", "127.0.0.2")]].concat();
    let own = Instance::start(folder.path(), &own);

    assert!(default.auth.starts_with("0.0.0.0:") && default.api.starts_with("0.0.0.0:"));
    assert!(
        default.metrics.starts_with("127.0.0.1:"),
        "{}",
        default.metrics
    );
    assert!(own.metrics.starts_with("127.0.0.2:"), "{}", own.metrics);
    let port = own.metrics.rsplit_once(':').expect("a port").1;
    assert!(
        TcpStream::connect(format!("127.0.0.1:{port}"))
            .await
            .is_err()
    );
    let read = Call::new(own.metrics.clone(), Method::GET, "/metrics")
        .send()
        .await;
    assert_eq!(read.status, StatusCode::OK);
}

/// Returns the value of a series; one that is not there has none.
fn value(text: &str, series: &str) -> f64 {
    let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    let mut values = lines.filter(|(name, _)| *name == series);
    values
        .next()
        .map_or(f64::NAN, |(_, value)| value.parse().expect("a number"))
}
