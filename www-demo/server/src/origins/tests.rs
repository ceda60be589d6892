//! Which origins can be listed, and what a list allows.

use super::*;

const CHROME: &str = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";
const FIREFOX: &str = "moz-extension://0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

fn allows(listed: &str, origin: &str) -> bool {
    let allowed = AllowedOrigins::parse([listed].into_iter()).expect(listed);
    allowed.matches(&HeaderValue::try_from(origin).expect(origin))
}

#[test]
fn issue11_line14_each_listed_origin_allows_itself_and_no_look_alike() {
    let listed = [
        "https://app.example.com",
        "https://app.example.com:8443",
        "http://localhost:5173",
        "http://127.0.0.1:5173",
        "http://[::1]:5173",
        "https://my_app.example.com",
        "https://tauri.localhost",
        "http://tauri.localhost",
        "tauri://localhost",
        "capacitor://localhost",
        "ionic://localhost",
        "app://localhost",
        CHROME,
        FIREFOX,
        "safari-web-extension://0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9",
    ];
    for origin in listed {
        assert!(allows(origin, origin), "{origin}");
        for other in listed.iter().filter(|other| **other != origin) {
            assert!(!allows(origin, other), "{origin} allows {other}");
        }
        for alike in [
            format!("{origin}.evil.test"),
            format!("{origin}/"),
            format!("{origin}:1"),
            format!("x{origin}"),
            origin.to_uppercase(),
            origin.replace("://", "://evil."),
            "null".to_owned(),
        ] {
            assert!(!allows(origin, &alike), "{origin} allows {alike}");
        }
    }
}

#[test]
fn issue11_line14_a_star_stands_for_one_part_of_one_label() {
    let listed = "https://app-*.team.example";
    for preview in ["x", "pr-12", "feature_y", "a1b2c3", "xn--n3h"] {
        let origin = format!("https://app-{preview}.team.example");
        assert!(allows(listed, &origin), "{origin}");
    }
    let long = "x".repeat(64);
    for alike in [
        "https://app-x.team.example.evil.test",
        "https://app-a.b.team.example",
        "https://app-.team.example",
        "https://app-x.team.example:8443",
        "http://app-x.team.example",
        "https://app.team.example",
        "https://team.example",
        "https://evil.test/app-x.team.example",
        "https://app-x@evil.test/.team.example",
        "https://app-evil.test#.team.example",
        "https://app-evil.test\\.team.example",
        "https://app-evil.test?.team.example",
        "https://app-evil.test:1.team.example",
        "https://APP-x.team.example",
        "https://app-X.team.example",
        "https://app-%2e.team.example",
        "https://xapp-x.team.example",
        "https://app-x.team.example.",
        "https://app-x.other.example",
        "null",
        &format!("https://app-{long}.team.example"),
    ] {
        assert!(!allows(listed, alike), "{alike}");
    }
    assert!(allows(
        "https://*.team.example:8443",
        "https://a.team.example:8443"
    ));
    assert!(allows(
        "https://web-*-team.host.example",
        "https://web-7-team.host.example"
    ));
    assert!(allows(
        "https://app.*.team.example",
        "https://app.a.team.example"
    ));
}

#[test]
fn issue11_line14_what_cannot_be_an_origin_of_a_page_is_refused_with_its_reason() {
    let table = [
        ("", OriginError::Malformed),
        ("*", OriginError::Wildcard),
        ("null", OriginError::Malformed),
        ("app.example.com", OriginError::Malformed),
        ("https://", OriginError::Malformed),
        ("https://app.example.com/", OriginError::Malformed),
        ("https://App.example.com", OriginError::Malformed),
        ("https://app..example.com", OriginError::Malformed),
        ("https://app.example.com:443", OriginError::Malformed),
        ("http://app.example.com:80", OriginError::Malformed),
        ("https://app.example.com:08443", OriginError::Malformed),
        ("https://app.example.com:65536", OriginError::Malformed),
        ("https://app.example.com:", OriginError::Malformed),
        ("https://user@app.example.com", OriginError::Malformed),
        ("https://[::1", OriginError::Malformed),
        ("https://m\u{fc}ller.example", OriginError::Malformed),
        ("capacitor://", OriginError::Malformed),
        ("tauri://localhost/", OriginError::Malformed),
        ("file://", OriginError::Scheme),
        ("ftp://app.example.com", OriginError::Scheme),
        ("javascript://localhost", OriginError::Scheme),
        ("HTTPS://app.example.com", OriginError::Scheme),
        ("chrome-extension://*", OriginError::Extension),
        ("chrome-extension://abc", OriginError::Extension),
        ("moz-extension://*", OriginError::Extension),
        ("moz-extension://0a1b2c3d", OriginError::Extension),
        ("capacitor://*", OriginError::Wildcard),
        ("http://app-*.team.example", OriginError::Wildcard),
        ("https://*", OriginError::Wildcard),
        ("https://*.com", OriginError::Wildcard),
        ("https://app-*.com", OriginError::Wildcard),
        ("https://app.*", OriginError::Wildcard),
        ("https://app.team.*", OriginError::Wildcard),
        ("https://*.*.team.example", OriginError::Wildcard),
        ("https://**.team.example", OriginError::Wildcard),
        ("https://app-*.team.example/", OriginError::Wildcard),
        ("https://app.example.com:*", OriginError::Wildcard),
        ("https://10.*.0.1", OriginError::Wildcard),
    ];
    for (text, expected) in table {
        let parsed = AllowedOrigins::parse([text].into_iter());
        assert_eq!(parsed.expect_err(text), expected, "{text}");
    }
    for error in [
        OriginError::Malformed,
        OriginError::Scheme,
        OriginError::Extension,
        OriginError::Wildcard,
    ] {
        assert!(error.to_string().starts_with("ALLOWED_ORIGINS must be "));
    }
}

#[test]
fn hosts_of_websites_are_patterns_whose_star_is_a_whole_label() {
    let origins = [
        "https://app.example.com",
        "https://app.example.com:8443",
        "http://localhost:8787",
        "https://app-*.team.example",
        "https://[::1]:8443",
        "capacitor://localhost",
    ];
    let parsed = AllowedOrigins::parse(origins.into_iter()).unwrap();
    let expected = ["*.team.example", "app.example.com", "localhost"];
    assert_eq!(parsed.host_patterns(), expected);
}
