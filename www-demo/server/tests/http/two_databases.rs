//! The same test against a server on each database, and on two shards.

use nolapse_server::config::Config;

use crate::{postgres::Postgres, support::World};

/// Runs a test with a server on `SQLite`, then with one on `PostgreSQL`, then with one on two shards of which the second gets all
/// new sessions.
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
    let (home, other) = (postgres.database().await, postgres.database().await);
    let shards = format!("0x0={home},1={other}").parse();
    let world = World::with(|config| {
        change(config);
        config.database_urls = Some(shards.expect("a set"));
    });
    let mut world = world.await;
    world.databases = vec![home, other];
    test(&world).await;
}
