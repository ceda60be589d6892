//! `DEV_TLS`: TLS for development.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use nolapse_server::{
    clock,
    verifier::{FetchOptions, KeySource, Refusal},
};

use crate::{
    instances::{Instance, program},
    issuing::{issue, new_keys, verifier},
};

const SETTINGS: [(&str, &str); 2] = [("DEV_TLS", "1"), ("SECURITY_LOG", "off")];

/// Verifies a token of another issuer with the server's keys: `UnknownKey` if they were fetched, otherwise `NoKeys`.
async fn fetch_keys(origin: &str, certificate: &Path) -> Refusal {
    let options = FetchOptions {
        root_certificates: Some(certificate.to_owned()),
        ..FetchOptions::default()
    };
    let url = format!("{origin}/.well-known/jwks.json");
    let source = KeySource::fetched_with(&url, &options).expect("a URL and a certificate");
    let now = clock::now();
    let token = issue(now, &new_keys(), Duration::from_mins(1));
    let verified = verifier(source).verify(now, &token).await;
    verified.expect_err("a token of another issuer")
}

#[tokio::test]
async fn issue11_dev_tls_serves_auth_server_and_api_with_a_certificate_for_localhost() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Instance::start(folder.path(), &SETTINGS);
    let certificate = folder.path().join("dev-tls.crt");
    let port = |address: &str| address.rsplit_once(':').map(|(_, port)| port.to_owned());
    let port = port(&server.auth).expect("a port");

    for host in ["localhost", "127.0.0.1"] {
        let fetched = fetch_keys(&format!("https://{host}:{port}"), &certificate).await;
        assert_eq!(fetched, Refusal::UnknownKey, "{host}");
    }
    let plain = fetch_keys(&format!("http://localhost:{port}"), &certificate).await;
    assert_eq!(plain, Refusal::NoKeys, "plain HTTP is not served");
}

#[test]
fn issue11_the_certificate_for_development_is_private_and_kept_until_it_is_old() {
    let folder = tempfile::tempdir().expect("a folder");
    let [certificate, key] = ["dev-tls.crt", "dev-tls.key"].map(|name| folder.path().join(name));
    let read = || fs::read(&certificate).expect("the certificate");
    drop(Instance::start(folder.path(), &SETTINGS));
    let first = read();
    for file in [&certificate, &key] {
        let mode = fs::metadata(file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }

    drop(Instance::start(folder.path(), &SETTINGS));
    let second = read();
    let file = fs::File::options().append(true).open(&certificate);
    let file = file.expect("the certificate");
    let made = file
        .metadata()
        .and_then(|made| made.modified())
        .expect("its time");
    file.set_modified(made - Duration::from_hours(701 * 24))
        .expect("it can be set");
    drop(Instance::start(folder.path(), &SETTINGS));

    assert_eq!(first, second);
    assert_ne!(second, read());
}

#[test]
fn issue11_the_error_of_a_certificate_that_cannot_be_read_has_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["dev-tls.crt", "dev-tls.key"] {
        fs::write(folder.path().join(file), "no PEM").expect("it can be written");
    }

    let done = program(folder.path(), &SETTINGS).output().expect("it runs");

    let output = String::from_utf8_lossy(&done.stderr);
    assert!(
        !done.status.success() && output.contains("remove dev-tls.crt"),
        "{output}"
    );
}
