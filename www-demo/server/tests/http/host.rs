//! `Host` (RFC 9112 §3.2): one valid field in each HTTP/1.1 request, on every listener.

use crate::{
    raw::{RawResponse, exchange},
    support::World,
};

async fn world() -> (World, [String; 3]) {
    let world = World::with(|config| config.metrics_port = Some(0)).await;
    let metrics = world.server.metrics_addr.expect("METRICS_PORT is set");
    let listeners = [
        world.server.auth_addr.to_string(),
        world.server.api_addr.to_string(),
        metrics.to_string(),
    ];
    (world, listeners)
}

async fn get(address: &str, target: &str, version: &str, fields: &str) -> RawResponse {
    let request = format!("GET {target} HTTP/{version}\r\n{fields}connection: close\r\n\r\n");
    exchange(address, request.as_bytes()).await
}

fn is_refused(response: &RawResponse, what: &str) {
    assert_eq!(response.status, 400, "{what}: {response:?}");
    assert_eq!(response.error(), "invalid_request", "{what}");
    assert_eq!(response.all("x-content-type-options"), ["nosniff"]);
    assert_eq!(response.all("cache-control"), ["no-store"]);
}

#[tokio::test]
async fn p48_a_missing_doubled_or_invalid_host_is_400_on_every_listener() {
    let (_world, listeners) = world().await;
    let refused = [
        "",
        "host: a.example\r\nhost: a.example\r\n",
        "host: a.example\r\nHost: b.example\r\n",
        "host:\r\nhost: a.example\r\n",
        "host:\r\n",
        "host:   \r\n",
        "host: a.example, b.example\r\n",
        "host: a.example,b.example\r\n",
        "host: a b\r\n",
        "host: user@a.example\r\n",
        "host: a.example/path\r\n",
        "host: a.example?query\r\n",
        "host: a.example#fragment\r\n",
        "host: http://a.example\r\n",
        "host: a.example:port\r\n",
        "host: a.example:65536\r\n",
        "host: a.example:80:80\r\n",
        "host: :80\r\n",
        "host: [::1\r\n",
        "host: [not-an-address]\r\n",
        "host: ::1\r\n",
        "host: a\\b\r\n",
        "host: <a>\r\n",
        "host: caf\u{e9}.example\r\n",
        "host: %00\r\n",
    ];

    for address in &listeners {
        for target in ["/healthz", "/", "/nothing", "/?token=x"] {
            for fields in refused {
                let response = get(address, target, "1.1", fields).await;
                is_refused(&response, &format!("{target} {fields:?}"));
            }
        }
    }
}

#[tokio::test]
async fn p48_a_valid_host_is_accepted_whatever_it_names() {
    let (_world, listeners) = world().await;
    let accepted = [
        "host: a.example\r\n",
        "Host: A.EXAMPLE:8787\r\n",
        "HOST: a.example:\r\n",
        "host: localhost\r\n",
        "host: 127.0.0.1:80\r\n",
        "host: [::1]\r\n",
        "host: [2001:db8::1]:443\r\n",
        "host: xn--caf-dma.example\r\n",
        "host: a_b.example\r\n",
    ];

    for address in &listeners {
        for fields in accepted {
            let response = get(address, "/healthz", "1.1", fields).await;
            assert_eq!(response.status, 200, "{fields:?}: {response:?}");
        }
    }
}

#[tokio::test]
async fn p48_http_1_0_needs_no_host_but_may_not_double_it() {
    let (_world, listeners) = world().await;

    for address in &listeners {
        assert_eq!(get(address, "/healthz", "1.0", "").await.status, 200);
        for fields in ["host: a\r\nhost: a\r\n", "host: a b\r\n"] {
            is_refused(&get(address, "/healthz", "1.0", fields).await, fields);
        }
    }
}

#[tokio::test]
async fn p48_an_absolute_target_is_served_where_its_authority_is_the_host() {
    let (_world, listeners) = world().await;

    for address in &listeners {
        let target = "http://a.example:80/healthz";
        let response = get(address, target, "1.1", "host: a.example:80\r\n").await;
        assert_eq!(response.status, 200, "{response:?}");
        let upper = get(address, target, "1.1", "host: A.Example:80\r\n").await;
        assert_eq!(upper.status, 200, "{upper:?}");
        for (target, fields) in [
            ("http://a.example/healthz", ""),
            ("http://a.example/healthz", "host: b.example\r\n"),
            ("http://a.example/healthz", "host: a.example:81\r\n"),
            ("http://user@a.example/healthz", "host: a.example\r\n"),
            ("ftp://a.example/healthz", "host: a.example\r\n"),
        ] {
            let response = get(address, target, "1.1", fields).await;
            is_refused(&response, &format!("{target} {fields:?}"));
        }
    }
}

#[tokio::test]
async fn p48_targets_of_other_forms_get_a_response_and_no_more() {
    let (_world, listeners) = world().await;

    for address in &listeners {
        for (line, statuses) in [
            ("OPTIONS * HTTP/1.1", &[200, 204, 404][..]),
            ("GET * HTTP/1.1", &[400, 404]),
            ("CONNECT a.example:80 HTTP/1.1", &[400]),
            ("GET a.example:80 HTTP/1.1", &[400]),
            ("GET http:///healthz HTTP/1.1", &[400]),
        ] {
            let request = format!("{line}\r\nhost: a.example:80\r\nconnection: close\r\n\r\n");
            let response = exchange(address, request.as_bytes()).await;
            assert!(statuses.contains(&response.status), "{line}: {response:?}");
        }
    }
}
