//! `docs/deployment.md`, run as it stands: only ports are changed, to free ones.
#![cfg(feature = "serve")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "common/postgres.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod postgres;

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use postgres::Postgres;

const DOCUMENT: &str = include_str!("../../../docs/deployment.md");
const PORTS: [&str; 6] = ["8787", "8788", "8797", "8798", "8080", "8081"];

/// A fenced block: what stands behind its fence, and its text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    DOCUMENT
        .split("\n```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').unwrap())
        .collect()
}

fn free_ports() -> Vec<String> {
    let taken = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
    taken.iter().map(port).collect()
}

#[test]
fn p47_the_deployment_guide_brings_up_two_servers_behind_nginx() {
    let postgres = Postgres::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let mut ports: Vec<(&str, String)> = PORTS.into_iter().zip(free_ports()).collect();
    ports.push(("5432", postgres.port().to_string()));
    let with_ports = |text: &str| {
        // By way of marks, so that no new port is taken for an old one.
        let marked = ports
            .iter()
            .enumerate()
            .fold(text.to_owned(), |text, (place, (port, _))| {
                text.replace(port, &format!("<{place}>"))
            });
        let all = ports.iter().enumerate();
        all.fold(marked, |text, (place, (_, port))| {
            text.replace(&format!("<{place}>"), port)
        })
    };
    let mut script = "set -eu\ntrap 'kill $(jobs -p)' EXIT\n".to_owned();
    for (fence, text) in blocks() {
        match fence.split_once(' ') {
            None if fence == "sh" => script += &(with_ports(text) + "\n"),
            Some((_, file)) => fs::write(folder.path().join(file), with_ports(text)).unwrap(),
            None => panic!("nobody knows what to do with ```{fence}"),
        }
    }

    let program = Path::new(env!("CARGO_BIN_EXE_nolapse-server"));
    let path = [
        program.parent().unwrap().to_str().unwrap(),
        postgres.programs().to_str().unwrap(),
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ];
    let done = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", path.join(":"))
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", postgres.port().to_string())
        .env("PGUSER", "postgres")
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&done.stdout);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}\n{errors}");
    for line in [
        "the tables are up to date",
        "\"access_token\":",
        "\"device\":",
        "1 sessions ended",
    ] {
        assert!(said.contains(line), "{line} is not in {said}\n{errors}");
    }
    assert_eq!(
        fs::read_to_string(folder.path().join("nginx.log")).unwrap(),
        ""
    );
}
