//! `PostgreSQL` over TLS: the certificates that each `sslmode` accepts, and the remedies of its errors.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "common/certificates.rs"]
mod certificates;
#[path = "common/postgres.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod postgres;

use nolapse_server::{
    config::Config,
    serve::{self, StartError},
    store::{self, Pooler},
};
use postgres::Postgres;
use sqlx::{Connection, PgConnection, Row};

const PASSWORD: &str = "never-to-be-seen";

/// Opens a database as a server does, and returns the error.
async fn refusal(url: &str) -> String {
    let config = Config {
        database_url: url.to_owned(),
        ..Config::default()
    };
    let opened = serve::open_store(&config).await;
    let error: StartError = opened.err().expect("it is refused");
    let text = error.to_string();
    assert!(!text.contains(PASSWORD), "{text}");
    text
}

/// Adds a password, which the server ignores, and parameters to a database's URL.
fn with(url: &str, parameters: &str) -> String {
    let url = url.replace("postgres@", &format!("postgres:{PASSWORD}@"));
    format!("{url}?{parameters}")
}

/// Returns whether the connections of a store to a new database are encrypted.
async fn is_encrypted(postgres: &Postgres, host: &str, parameters: &str) -> bool {
    let database = postgres.database().await;
    let url = with(&database.replace("127.0.0.1", host), parameters);
    let store = store::open(&url, 1, Pooler::None).await.unwrap();
    let mut other = PgConnection::connect(&database).await.unwrap();
    let sql = "SELECT bool_and(ssl) AS ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
               WHERE application_name = 'nolapse-server' AND datname = current_database()";
    let row = sqlx::query(sql).fetch_one(&mut other).await.unwrap();
    store.close().await;
    row.get("ssl")
}

#[tokio::test]
async fn line19_each_sslmode_accepts_what_it_should_and_names_the_remedy_of_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    certificates::make(folder.path(), "IP:127.0.0.1,DNS:db.example");
    let trusted = tempfile::tempdir().unwrap();
    let ca = trusted.path().join("ca.pem");
    std::fs::copy(folder.path().join("ca.pem"), &ca).unwrap();
    let unrelated = tempfile::tempdir().unwrap();
    certificates::make(unrelated.path(), "IP:127.0.0.1");
    let postgres = Postgres::start_with_tls(folder);
    let full = format!("sslmode=verify-full&sslrootcert={}", ca.display());
    let by_authority = full.replace("verify-full", "verify-ca");
    let wrong = unrelated.path().join("ca.pem");
    let wrong = format!("sslmode=verify-full&sslrootcert={}", wrong.display());

    assert!(
        !is_encrypted(&postgres, "127.0.0.1", "sslmode=disable").await,
        "the control"
    );
    assert!(is_encrypted(&postgres, "127.0.0.1", "sslmode=require").await);
    assert!(is_encrypted(&postgres, "127.0.0.1", &full).await);
    assert!(is_encrypted(&postgres, "localhost", &by_authority).await);

    let database = postgres.database().await;
    let elsewhere = database.replace("127.0.0.1", "localhost");
    let gone = "sslmode=verify-full&sslrootcert=/gone.pem";
    for (url, parameters, remedy) in [
        (&database, "sslmode=verify-full", "in sslrootcert"),
        (&database, wrong.as_str(), "in sslrootcert"),
        (&elsewhere, full.as_str(), "for another host"),
        (&database, gone, "look at the files"),
    ] {
        let refused = refusal(&with(url, parameters)).await;
        assert!(refused.contains(remedy), "{parameters}: {refused}");
    }
}

#[tokio::test]
async fn line19_a_database_without_tls_is_refused_where_tls_is_required() {
    let postgres = Postgres::start(&["-c", "fsync=off"]);
    let database = postgres.database().await;

    for mode in ["require", "verify-ca", "verify-full"] {
        let refused = refusal(&with(&database, &format!("sslmode={mode}"))).await;
        assert!(refused.contains("ssl = on"), "{refused}");
    }
    assert!(!is_encrypted(&postgres, "127.0.0.1", "sslmode=prefer").await);
}
