//! What the crash of a `PostgreSQL` costs: sessions are refreshed at two servers while the primary is killed and its standby
//! promoted, with `HAProxy` in front.
//!
//! `cargo bench -p nolapse-server --profile server --bench failover`

#[path = "../tests/common/client.rs"]
mod client;
#[path = "../tests/common/haproxy.rs"]
mod haproxy;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/common/instances.rs"]
mod instances;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/common/postgres.rs"]
mod postgres;
#[expect(dead_code, clippy::unwrap_used, reason = "the tests use more of it")]
#[path = "../tests/common/replicas.rs"]
mod replicas;
#[path = "../tests/common/service.rs"]
mod service;

use std::{
    io::{self, Write},
    time::Duration,
};

use replicas::{Loss, Replicas};

const SESSIONS: u32 = 64;
/// How often each session is refreshed before the crash.
const BEFORE: u32 = 200;
/// How long after the crash the last session may be refreshed again.
const RECOVERY: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut out = io::stdout();
    let mut excesses = Vec::new();
    for (name, loss) in [
        ("synchronous", Loss::None),
        ("asynchronous", Loss::Asynchronous),
    ] {
        let replicas = Replicas::start(loss, SESSIONS).await;
        let crash = replicas.crash_amid_refreshes(BEFORE);
        replicas.assert_nobody_was_signed_out();
        let lost = replicas.count("refreshes_recovered");
        writeln!(
            out,
            "{name} standby: {:.0} refreshes a second; promoted after {:.1} s, all {SESSIONS} sessions refreshed again after \
             {:.1} s, at most {} s; {lost} rotations lost and recovered, 0 alarms, 0 sign-outs",
            crash.per_second,
            crash.promoted.as_secs_f64(),
            crash.recovery.as_secs_f64(),
            RECOVERY.as_secs(),
        )?;
        if crash.recovery > RECOVERY {
            excesses.push(format!("{name}: too long until all were refreshed again"));
        }
        if loss == Loss::None && lost > 0 {
            excesses.push(format!("{name}: {lost} rotations were lost"));
        }
    }
    if excesses.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(excesses.join("; ")))
}
