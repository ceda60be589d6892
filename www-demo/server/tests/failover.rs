//! A `PostgreSQL` with a standby behind `HAProxy`: the primary crashes while sessions are refreshed at two servers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "common/client.rs"]
mod client;
#[path = "common/haproxy.rs"]
mod haproxy;
#[path = "common/instances.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod instances;
#[path = "common/postgres.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod postgres;
#[path = "common/replicas.rs"]
mod replicas;
#[path = "common/service.rs"]
mod service;

use std::time::Duration;

use replicas::{Loss, Replicas};

/// How long the crash of a primary may keep sessions from being refreshed.
const RECOVERY: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line4_a_failover_to_a_synchronous_standby_costs_no_rotation() {
    let replicas = Replicas::start(Loss::None, 40).await;

    let crash = replicas.crash_amid_refreshes(2);

    assert!(crash.recovery < RECOVERY, "{:?}", crash.recovery);
    assert!(crash.promoted < crash.recovery && crash.per_second > 0.0);
    replicas.assert_nobody_was_signed_out();
    assert_eq!(replicas.count("refreshes_recovered"), 0);
    assert!(replicas.count("refreshes_rotated") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn issue14_line4_rotations_that_an_asynchronous_standby_lost_sign_nobody_out() {
    let replicas = Replicas::start(Loss::Asynchronous, 20).await;
    replicas.refresh_each(2);
    replicas.cut_the_replication().await;
    // The standby does not get these.
    replicas.refresh_each(2);

    replicas.fail_over();
    replicas.refresh_each(3);

    replicas.assert_nobody_was_signed_out();
    assert_eq!(replicas.count("refreshes_recovered"), 20);
}
