//! `docs/deployment.md`, run as it stands: only ports are changed, to free ones.
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
const PORTS: [&str; 6] = ["8787", "8788", "8797", "8798", "8080", "8443"];

/// A fenced block: what stands behind its fence, and its text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    DOCUMENT
        .split("\n```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').unwrap())
        .collect()
}

/// What is not in the document: what a client sees of the rules in it, one line a test of the shell's.
const AFTERWARDS: &str = r#"
curl="curl --silent --config trial.curl --output answer --write-out %{http_code}"
auth=https://auth.example.com:8443
page="--header origin:https://app.example.com --header nolapse-version:1 --header content-type:application/json"
$curl --dump-header head $auth/healthz
grep --ignore-case "^strict-transport-security: max-age=63072000; includeSubDomains" head
$curl --dump-header head $auth/nothing
grep --ignore-case "^strict-transport-security: " head
grep --ignore-case "^x-content-type-options: nosniff" head
$curl --dump-header head https://api.example.com:8443/me
grep --ignore-case "^strict-transport-security: " head
echo "in the clear: $(curl --silent --output answer --write-out %{http_code} http://127.0.0.1:8080/me)"
echo "another name: $(curl --silent --insecure --output answer --write-out %{exitcode}   https://127.0.0.1:8443/healthz || true)"
echo "no host: $(printf 'GET /healthz HTTP/1.1
connection: close

' |
  openssl s_client -quiet -verify_quiet -CAfile tls.crt -servername auth.example.com -connect 127.0.0.1:8443 | head -c 12)"
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
  $curl $page --header "x-forwarded-for: 203.0.113.$n" --data "{"email":"u$n@example.org","password":"short"}"     $auth/auth/sign-in
done
echo
echo "networks: $(grep '"event":"sign_in"' security.log | grep --only-matching '"network":"[^"]*"' | sort --unique | wc -l)"
i=0; codes=""
while [ $i -lt 40 ]; do codes="$codes $($curl $page --data '{}' $auth/auth/sign-in)"; i=$((i + 1)); done
echo "burst:$codes"
head -c 20000 /dev/zero >large
echo "large: $($curl $page --data-binary @large $auth/auth/sign-in)"
"#;

fn free_ports() -> Vec<String> {
    let taken = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
    taken.iter().map(port).collect()
}

/// Replaces the document's ports.
fn with_ports(text: &str, ports: &[(&str, String)]) -> String {
    // In two steps, so that a new port that equals an old one is not replaced again.
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
}

/// Writes the document's files into a folder, and returns its commands and those of [`AFTERWARDS`] as a script.
fn unpack(folder: &Path, ports: &[(&str, String)]) -> String {
    let mut script = "set -eu\ntrap 'kill $(jobs -p)' EXIT\n".to_owned();
    for (fence, text) in blocks() {
        let text = with_ports(text, ports);
        match fence.split_once(' ') {
            None if fence == "sh" => script += &(text + "\n"),
            Some((_, file)) => fs::write(folder.join(file), text).unwrap(),
            None => panic!("a block is neither a command nor a file: ```{fence}"),
        }
    }
    script + &with_ports(AFTERWARDS, ports)
}

#[test]
fn p47_the_deployment_guide_brings_up_two_servers_behind_nginx() {
    let postgres = Postgres::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let mut ports: Vec<(&str, String)> = PORTS.into_iter().zip(free_ports()).collect();
    ports.push(("5432", postgres.port().to_string()));
    let script = unpack(folder.path(), &ports);

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

    let output = String::from_utf8_lossy(&done.stdout);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{output}\n{errors}");
    for line in [
        "the tables are up to date",
        "\"access_token\":",
        "\"device\":",
        "1 sessions ended",
        "in the clear: 403",
        "another name: 35",
        "no host: HTTP/1.1 400",
        "networks: 1",
        " 429",
        "large: 413",
    ] {
        assert!(output.contains(line), "{line} is not in {output}\n{errors}");
    }
    // Only what was held back on purpose is in nginx's log.
    let log = fs::read_to_string(folder.path().join("nginx.log")).unwrap();
    let usual = [
        "limiting requests",
        "client intended to send too large body",
    ];
    let odd = log.lines().find(|line| {
        !usual.iter().any(|pattern| line.contains(pattern))
            && !line.contains("SSL_do_handshake() failed")
    });
    assert_eq!(odd, None);
}
