//! A verifier's requests for key sets: over https, rate-limited, without redirects.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "common/certificates.rs"]
mod certificates;
#[path = "common/issuing.rs"]
mod issuing;
#[path = "key_fetch/server.rs"]
mod server;

use std::{path::Path, time::Duration};

use issuing::{issue, new_keys, verifier};
use nolapse_server::{
    clock,
    keys::ServerKeys,
    verifier::{BadKeyUrl, FetchOptions, KeySource, Refusal, Verified},
};
use server::KeyServer;
use tokio::time::Instant;

/// How long the tokens of these tests live.
const LIFE: Duration = Duration::from_hours(24 * 7);

fn trusting(folder: &Path) -> FetchOptions {
    FetchOptions {
        root_certificates: Some(folder.join("ca.pem")),
        ..FetchOptions::default()
    }
}

fn plain(body: &str) -> String {
    answer("200 OK", "", body)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

async fn verify_once(source: KeySource, keys: &ServerKeys) -> Result<Verified, Refusal> {
    let now = clock::now();
    verifier(source).verify(now, &issue(now, keys, LIFE)).await
}

#[tokio::test]
async fn line19_keys_are_fetched_over_https_with_a_certificate_of_a_trusted_authority() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificates::make(folder.path(), "DNS:localhost,IP:127.0.0.1");
    certificates::make(other.path(), "DNS:auth.example.com");
    let keys = new_keys();
    let served = plain(&keys.public().to_json());
    let good = KeyServer::start_tls(folder.path(), &served).await;
    let misnamed = KeyServer::start_tls(other.path(), &served).await;
    let insecure = KeyServer::start(&served).await;

    for host in ["localhost", "127.0.0.1"] {
        let source = KeySource::fetched_with(&good.url("https", host), &trusting(folder.path()));
        assert!(verify_once(source.unwrap(), &keys).await.is_ok(), "{host}");
    }
    for (server, authority) in [
        (&good, other.path()),
        (&misnamed, other.path()),
        (&insecure, folder.path()),
    ] {
        let url = server.url("https", "localhost");
        let source = KeySource::fetched_with(&url, &trusting(authority)).unwrap();
        let verified = verify_once(source, &keys).await;
        assert_eq!(verified, Err(Refusal::NoKeys));
        assert_eq!(
            server.requests(),
            if std::ptr::eq(server, &raw const good) {
                2
            } else {
                0
            }
        );
    }
}

#[test]
fn line19_keys_are_fetched_from_https_and_loopback_alone_unless_allowed() {
    for url in [
        "http://localhost:1/keys",
        "http://127.0.0.1/keys",
        "http://127.8.9.10/keys",
        "http://[::1]:8787/keys",
        "HTTP://LOCALHOST/keys",
    ] {
        assert!(KeySource::fetched(url).is_ok(), "{url}");
    }
    for url in [
        "http://auth.internal/keys",
        "http://10.0.0.1/keys",
        "http://localhost.example.com/keys",
        "http://127.0.0.1.example.com/keys",
        "http://[2001:db8::1]/keys",
        "http://0.0.0.0/keys",
    ] {
        let refused = KeySource::fetched(url).expect_err(url);
        assert!(matches!(refused, BadKeyUrl::Http), "{url}: {refused}");
        assert!(refused.to_string().contains("https://"), "{refused}");
        let allowed = FetchOptions {
            allow_http: true,
            ..FetchOptions::default()
        };
        assert!(KeySource::fetched_with(url, &allowed).is_ok(), "{url}");
    }
    for url in [
        "",
        "/keys",
        "keys",
        "ftp://localhost/keys",
        "file:///keys",
        "https:///keys",
        "https://",
    ] {
        let refused = KeySource::fetched(url).expect_err(url);
        assert!(matches!(refused, BadKeyUrl::Form), "{url}: {refused}");
    }
    let refused = KeySource::fetched("https://ada:secret@localhost/keys").unwrap_err();
    assert!(matches!(refused, BadKeyUrl::Credentials));
    assert!(!format!("{refused} {refused:?}").contains("secret"));
    let gone = FetchOptions {
        root_certificates: Some("/gone.pem".into()),
        ..FetchOptions::default()
    };
    let refused = KeySource::fetched_with("https://localhost/", &gone).unwrap_err();
    assert!(matches!(refused, BadKeyUrl::Certificates(_)), "{refused}");
}

#[tokio::test]
async fn line16_an_answer_that_is_no_whole_key_set_is_none() {
    let keys = new_keys();
    let good = keys.public().to_json();
    let elsewhere = KeyServer::start(&plain(&good)).await;
    let location = format!("location: {}\r\n", elsewhere.url("http", "127.0.0.1"));
    let rest = good.strip_prefix('{').unwrap();
    let padded = format!(r#"{{"pad":"{}",{rest}"#, "x".repeat(70_000));
    for (name, served) in [
        ("301", answer("301 Moved Permanently", &location, &good)),
        ("302", answer("302 Found", &location, &good)),
        ("307", answer("307 Temporary Redirect", &location, "")),
        ("308", answer("308 Permanent Redirect", &location, "")),
        ("404", answer("404 Not Found", "", &good)),
        ("500", answer("500 Internal Server Error", "", &good)),
        ("206", answer("206 Partial Content", "", &good)),
        ("too large", plain(&padded)),
        (
            "too large, in pieces",
            format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{padded}\r\n0\r\n\r\n",
                padded.len()
            ),
        ),
        (
            "a large head",
            answer("200 OK", &format!("x: {}\r\n", "y".repeat(100_000)), &good),
        ),
        (
            "cut off",
            plain(&good).replace("content-length: ", "content-length: 9"),
        ),
        ("no HTTP", good.clone()),
        ("HTML", plain("<html>")),
        ("nothing", String::new()),
    ] {
        let server = KeyServer::start(&served).await;
        let source = KeySource::fetched(&server.url("http", "127.0.0.1")).unwrap();
        assert_eq!(
            verify_once(source, &keys).await,
            Err(Refusal::NoKeys),
            "{name}"
        );
        assert_eq!(server.requests(), 1, "{name}");
    }
    assert_eq!(elsewhere.requests(), 0, "no redirect is followed");
}

#[tokio::test]
async fn line16_a_key_set_is_used_for_its_max_age_and_five_minutes_at_most() {
    for (header, life) in [
        ("", 300),
        ("cache-control: max-age=3600\r\n", 300),
        ("cache-control: public, max-age=60\r\n", 60),
        ("cache-control: Max-Age=\"45\" , public\r\n", 45),
        ("cache-control: max-age=0\r\n", 10),
        ("cache-control: no-store\r\n", 10),
        ("cache-control: public\r\ncache-control: no-cache\r\n", 10),
        ("cache-control: max-age=soon\r\n", 300),
    ] {
        let keys = new_keys();
        let server = KeyServer::start(&answer("200 OK", header, &keys.public().to_json())).await;
        let verifier = verifier(KeySource::fetched(&server.url("http", "127.0.0.1")).unwrap());
        let now = clock::now();
        let token = issue(now, &keys, LIFE);
        for (seconds, fetches) in [(0, 1), (life - 1, 1), (life, 2), (2 * life - 1, 2)] {
            let later = now + Duration::from_secs(seconds);
            assert!(verifier.verify(later, &token).await.is_ok());
            assert_eq!(server.requests(), fetches, "{header} after {seconds} s");
        }
    }
}

#[tokio::test]
async fn line16_a_revoked_key_is_refused_once_its_set_is_stale() {
    let (old, new) = (new_keys(), new_keys());
    let header = "cache-control: public, max-age=60\r\n";
    let server = KeyServer::start(&answer("200 OK", header, &old.public().to_json())).await;
    let verifier = verifier(KeySource::fetched(&server.url("http", "127.0.0.1")).unwrap());
    let now = clock::now();
    let (leaked, fresh) = (issue(now, &old, LIFE), issue(now, &new, LIFE));
    assert!(verifier.verify(now, &leaked).await.is_ok());

    server.answer(&answer("200 OK", header, &new.public().to_json()));

    let later = |seconds| now + Duration::from_secs(seconds);
    assert!(
        verifier.verify(later(59), &leaked).await.is_ok(),
        "the bound is a minute"
    );
    assert_eq!(
        verifier.verify(later(60), &leaked).await,
        Err(Refusal::UnknownKey)
    );
    assert!(verifier.verify(later(60), &fresh).await.is_ok());
}

#[tokio::test]
async fn line16_while_the_server_is_away_the_last_keys_go_on_for_a_day_without_a_storm() {
    let keys = new_keys();
    let key_set = plain(&keys.public().to_json());
    let server = KeyServer::start(&key_set).await;
    let verifier = verifier(KeySource::fetched(&server.url("http", "127.0.0.1")).unwrap());
    let now = clock::now();
    let token = issue(now, &keys, LIFE);
    assert!(verifier.verify(now, &token).await.is_ok());

    server.answer(&answer("503 Service Unavailable", "", ""));

    let day = 24 * 60 * 60;
    let moments = (1..60).map(|turn| 300 + 60 * turn).chain([day - 1]);
    for (turn, seconds) in moments.enumerate() {
        let later = now + Duration::from_secs(seconds);
        let deadline = Instant::now() + Duration::from_secs(10);
        while server.requests() < turn + 2 {
            assert!(Instant::now() < deadline, "{} requests", server.requests());
            assert!(verifier.verify(later, &token).await.is_ok());
            tokio::task::yield_now().await;
        }
        for second in 0..9 {
            let later = later + Duration::from_secs(second);
            if seconds + second < day {
                assert!(verifier.verify(later, &token).await.is_ok());
            }
        }
        assert_eq!(server.requests(), turn + 2, "one request a turn");
    }
    let much_later = now + Duration::from_secs(day + 60);
    assert_eq!(
        verifier.verify(much_later, &token).await,
        Err(Refusal::NoKeys)
    );
    server.answer(&key_set);
    let back = much_later + Duration::from_secs(10);
    assert!(verifier.verify(back, &token).await.is_ok());
}
