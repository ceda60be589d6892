//! What the settings take and refuse.

use super::*;

fn read(name: &'static str, value: &'static str) -> Result<Config, ConfigError> {
    Config::read(|variable| (variable == name).then(|| value.to_owned()))
}

#[test]
fn an_invalid_setting_is_refused_with_the_name_of_the_variable() {
    let table = [
        ("BIND", "localhost"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "8788"),
        ("DATABASE_URL", "mysql://somewhere"),
        ("METRICS_PORT", "http"),
        ("METRICS_BIND", "localhost"),
        ("METRICS_BIND", "127.0.0.1:9000"),
        ("METRICS_BIND", "10.0.0.0/8"),
        ("OPENAPI", "off"),
        ("DATABASE_CONNECTIONS", "0"),
        ("DATABASE_URLS", "postgres://a/n,postgres://b/n"),
        ("DATABASE_URLS", "0=sqlite://nolapse.db,1=postgres://b/n"),
        ("DATABASE_POOLER", "session"),
        ("DATABASE_POOLER", "transaction"),
        ("KEY_WAIT_SECONDS", "86401"),
        ("KEY_ROTATION_SECONDS", "monthly"),
        ("SIGNING_ALG", "HS256"),
        ("SIGNING_ALG", "es256"),
        ("ISSUER", "auth.example.com"),
        ("AUDIENCE", "https://api.example.com/v1"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "null"),
        ("ALLOWED_ORIGINS", "https://a.example,https://*.example"),
        ("ALLOWED_ORIGINS", "gopher://a.example"),
        ("ALLOWED_ORIGINS", "https://a.example,https://b.example/"),
        ("COOKIE_SAME_SITE", "lax"),
        ("HINT_COOKIE_DOMAIN", "example.com"),
        ("PAGE_COOKIE", "lax"),
        ("DEVICE_BINDING", "dpop"),
        ("ACCOUNT_PATHS", "work,auth"),
        ("ACCOUNT_PATHS", "work,work"),
        ("ACCOUNT_PATHS", "work,"),
        ("ACCOUNT_PATHS", "Work"),
        ("ACCOUNT_PATHS", "a/b"),
        ("ACCOUNT_PATHS", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u"),
        ("SERVER_SECRETS", "short"),
        ("SERVER_SECRETS", "0123456789abcdef0123456789abcdef,"),
        (
            "SERVER_SECRETS",
            "0123456789abcdef0123456789abcdef,0123456789abcdef",
        ),
        ("SERVER_SECRETS", "0123456789abcdef 0123456789abcdef"),
        ("SERVER_SECRETS", "================================="),
        ("WEBAUTHN_RP_ID", "https://example.com"),
        ("WEBAUTHN_RP_ID", "127.0.0.1"),
        ("OIDC_PROVIDERS", "a,a"),
        ("OIDC_PROVIDERS", "Keycloak"),
        ("OIDC_PROVIDERS", "a/b"),
        ("SITE_DIR", "no such folder"),
        ("TOKEN_LIFE_SECONDS", "0"),
        ("TOKEN_LIFE_SECONDS", "86401"),
        ("TOKEN_LIFE_SECONDS", "1.5"),
        ("GRACE_SECONDS", "601"),
        ("IDLE_SECONDS", "0"),
        ("ABSOLUTE_SECONDS", "forever"),
        ("SESSIONS_PER_USER", "0"),
        ("PASSWORDS_PER_ACCOUNT", "-1"),
        ("REFRESHES_PER_MINUTE", "many"),
        ("NOTES_PER_MINUTE", "often"),
        ("NOTES_PER_USER", "0"),
        ("AUDIT_DAYS", "0"),
        ("CONNECTIONS", "7"),
        ("CONNECTIONS", "1000001"),
        ("CONNECTIONS_PER_ADDRESS", "10001"),
        ("REQUEST_TIMEOUT_SECONDS", "0"),
        ("RECENT_SIGN_IN_SECONDS", "0"),
        ("TRUSTED_PROXIES", "9"),
        ("PASSWORD_MEMORY_KIB", "8"),
        ("LOG", "loud"),
        ("LOG_FORMAT", "xml"),
        ("DEMO", "yes"),
        ("DEV_TLS", "on"),
        ("SIGN_UP", "closed"),
    ];
    for (name, value) in table {
        let error = read(name, value).expect_err(name);
        let blamed = if value == "8788" { "API_PORT" } else { name };
        assert_eq!(error.variable, blamed, "{name}={value}");
    }
}

#[test]
fn notices_have_a_url_and_a_secret_of_32_characters() {
    const URL: &str = "https://mailer.example.com/notices";
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let read = |url: Option<&str>, secret: Option<&str>| {
        Config::read(|name| {
            let value = match name {
                "NOTICES_URL" => url,
                "NOTICES_SECRET" => secret,
                _ => None,
            };
            value.map(str::to_owned)
        })
    };

    assert!(read(None, None).unwrap().notices.is_none());
    assert_eq!(
        read(Some(URL), Some(SECRET)).unwrap().notices.unwrap().url,
        URL
    );
    for (url, secret, blamed) in [
        (Some(URL), None, "NOTICES_SECRET"),
        (Some(URL), Some("short"), "NOTICES_SECRET"),
        (
            Some(URL),
            Some("0123456789abcdef 0123456789abcdef"),
            "NOTICES_SECRET",
        ),
        (None, Some(SECRET), "NOTICES_URL"),
    ] {
        assert_eq!(read(url, secret).unwrap_err().variable, blamed);
    }
}

#[test]
fn every_variable_is_in_the_table_and_read() {
    let variable = std::cell::RefCell::new(Vec::new());
    Config::read(|name| {
        variable.borrow_mut().push(format!("//! | `{name}` |"));
        // The settings of a provider are read if there is one.
        let provider = match name {
            "OIDC_PROVIDERS" => "name",
            "OIDC_NAME_ISSUER" => "https://id.example.com",
            "OIDC_NAME_CLIENT_ID" | "OIDC_NAME_CLIENT_SECRET" => "x",
            _ => return None,
        };
        Some(provider.to_owned())
    })
    .expect("the defaults make sense");

    let source = include_str!("../config.rs");
    let rows = source.lines().filter(|line| line.starts_with("//! | `"));
    assert_eq!(rows.count(), variable.borrow().len());
    for row in variable.borrow().iter() {
        assert!(source.contains(row.as_str()), "{row} is missing");
    }
}

#[test]
fn issue11_line6_a_hint_has_a_domain_that_the_issuer_may_set() {
    let config = |issuer: &'static str, domain: &'static str| {
        Config::read(|variable| match variable {
            "ISSUER" => Some(issuer.to_owned()),
            "HINT_COOKIE_DOMAIN" => Some(domain.to_owned()),
            _ => None,
        })
    };
    for issuer in ["https://auth.example.com", "https://example.com:8443"] {
        let config = config(issuer, "example.com").expect(issuer);
        assert_eq!(config.hint_cookie_domain.as_deref(), Some("example.com"));
    }
    let refused = [
        ("https://auth.example.com", "com"),
        ("https://auth.example.com", "ample.com"),
        ("https://auth.example.com", "app.example.com"),
        ("https://auth.example.com", ".example.com"),
        ("https://auth.example.com", "example.com; Secure"),
        ("https://auth.example.com", "Example.com"),
        ("http://localhost:8787", "localhost"),
        ("http://10.0.0.1:8787", "10.0.0.1"),
    ];
    for (issuer, domain) in refused {
        let error = config(issuer, domain).expect_err(domain);
        assert_eq!(error.variable, "HINT_COOKIE_DOMAIN", "{domain}");
    }
}

#[test]
fn part1_the_algorithm_of_tokens_is_one_of_four_and_an_unknown_one_names_them() {
    for algorithm in Algorithm::ALL {
        let config = read("SIGNING_ALG", algorithm.as_str()).expect("it is one");
        assert_eq!(config.signing_algorithm, algorithm);
        assert_eq!(config.key_policy().algorithm, algorithm);
    }
    for unknown in ["none", "HS256", "ES384", "Ed448", "eddsa"] {
        let error = read("SIGNING_ALG", unknown).expect_err(unknown);
        let expected = "SIGNING_ALG must be ES256, EdDSA, Ed25519 or RS256";
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn part4_secrets_of_servers_are_kept_as_hashes_and_shown_nowhere() {
    let [first, second] = [
        "0123456789abcdef0123456789abcdef",
        "c2VjcmV0IG9mIGEgc2VydmVyIG9mIHlvdXJzISEhISE=",
    ];
    let both = ServerSecrets::parse(&format!("{first}, {second}")).expect("two secrets");
    assert!(both.contains(first) && both.contains(second));
    for other in ["", "0123456789abcdef0123456789abcde", &first.to_uppercase()] {
        assert!(!both.contains(other), "{other}");
    }

    let config = Config {
        server_secrets: both,
        ..Config::default()
    };
    let shown = format!("{config:?}");
    assert!(!shown.contains("0123456789abcdef") && !shown.contains("c2VjcmV0"));
    let error = ServerSecrets::parse("0123456789").expect_err("too short");
    assert!(!error.to_string().contains("0123456789"), "{error}");
    assert!(ServerSecrets::default().is_empty());
}

#[test]
fn a_provider_has_an_issuer_a_client_and_one_credential() {
    let good = [
        ("OIDC_PROVIDERS", "my-op"),
        ("OIDC_MY_OP_ISSUER", "https://id.example.com/realms/shop"),
        ("OIDC_MY_OP_CLIENT_ID", "nolapse"),
        ("OIDC_MY_OP_CLIENT_SECRET", "a secret"),
        (
            "OIDC_MY_OP_PARAMETERS",
            "audience=https%3A%2F%2Fapi.example.com",
        ),
    ];
    let read = |changes: &[(&str, &str)]| {
        Config::read(|name| {
            let mut all = changes.iter().rev().chain(&good);
            let found = all.find(|(one, _)| *one == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    };

    let config = read(&[]).expect("good settings");

    let provider = &config.providers[0];
    assert_eq!(
        (provider.name.as_str(), provider.label.as_str()),
        ("my-op", "my-op")
    );
    assert_eq!(provider.scopes, "openid email");
    let audience = ("audience".to_owned(), "https://api.example.com".to_owned());
    assert_eq!(provider.parameters, [audience]);
    assert!(!format!("{config:?}").contains("a secret"));
    let mediate = read(&[("OIDC_MY_OP_MODE", "mediate")]).expect("good settings");
    assert_eq!(mediate.providers[0].scopes, "openid email offline_access");
    for (name, value) in [
        ("OIDC_MY_OP_ISSUER", "http://id.example.com"),
        ("OIDC_MY_OP_ISSUER", "https://id.example.com/?a=b"),
        ("OIDC_MY_OP_ISSUER", "https://ada@id.example.com"),
        ("OIDC_MY_OP_ISSUER", ""),
        ("OIDC_MY_OP_CLIENT_ID", ""),
        ("OIDC_MY_OP_CLIENT_SECRET", ""),
        ("OIDC_MY_OP_MODE", "both"),
        ("OIDC_MY_OP_KEY_AUDIENCE", "anyone"),
        ("OIDC_MY_OP_SCOPES", "email"),
        ("OIDC_MY_OP_PARAMETERS", "state=mine"),
    ] {
        let error = read(&[(name, value)]).expect_err(name);
        assert_eq!(error.variable, name, "{value}");
    }
    for (name, value, blamed) in [
        (
            "OIDC_MY_OP_PRIVATE_KEY_FILE",
            "a.pem",
            "OIDC_MY_OP_CLIENT_SECRET",
        ),
        ("COOKIE_SAME_SITE", "none", "COOKIE_SAME_SITE"),
    ] {
        let error = read(&[(name, value)]).expect_err(name);
        assert_eq!(error.variable, blamed);
    }
}

#[test]
fn issue14_line5_databases_are_named_by_one_variable() {
    let read = |variables: &[(&str, &str)]| {
        Config::read(|name| {
            let mut found = variables.iter().filter(|(variable, _)| *variable == name);
            found.next().map(|(_, value)| (*value).to_owned())
        })
    };
    let urls = ("DATABASE_URLS", "0=postgres://a/n,1=postgres://b/n");
    let pooler = ("DATABASE_POOLER", "transaction");

    let config = read(&[urls, pooler]).expect("a set behind poolers");
    assert_eq!(config.database_urls.map(|urls| urls.count()), Some(2));
    let both = read(&[urls, ("DATABASE_URL", "postgres://a/n")]).expect_err("it is not clear");
    assert_eq!(both.variable, "DATABASE_URL");
}
