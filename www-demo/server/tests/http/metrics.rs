//! `GET /metrics`.

use hyper::Method;

use crate::support::{Call, World};

#[tokio::test]
async fn metrics_tell_what_happened_on_a_port_of_their_own() {
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
        .expect("it was asked for")
        .to_string();
    let answer = Call::new(address, Method::GET, "/metrics").send().await;
    let text = String::from_utf8(answer.bytes.to_vec()).expect("it is text");

    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
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
