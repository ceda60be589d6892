//! The same test against a server on each database.

use nolapse_server::config::Config;

use crate::{postgres::Postgres, support::World};

/// Runs a test with a server on `SQLite`, then with one on `PostgreSQL`.
pub(crate) async fn on_both(test: impl AsyncFn(&World)) {
    on_both_with(|_| {}, test).await;
}

/// Does the same with changed settings.
pub(crate) async fn on_both_with(change: impl Fn(&mut Config), test: impl AsyncFn(&World)) {
    test(&World::with(&change).await).await;
    let postgres = Postgres::shared();
    let url = postgres.database().await;
    let world = World::with(|config| {
        change(config);
        config.database_url = url;
    });
    test(&world.await).await;
}
