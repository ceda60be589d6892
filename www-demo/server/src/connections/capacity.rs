//! How many connections the system's limit of files allows.

use rustix::process::{Resource, getrlimit};

use crate::{config::Config, store::ShardUrls};

/// The maximum of concurrent connections; more wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 10_000;
/// The minimum of concurrent connections.
const MIN_CONNECTIONS: usize = 8;
/// Files besides connections: standard streams, listeners, the runtime's, `SQLite`'s.
const RESERVED_FILES: usize = 32;

/// What a shard has besides the connections of requests: one that listens, and one that asks whether it is there.
const FILES_PER_SHARD: usize = 2;

/// Returns how many connections may be open at once, by the soft limit of `RLIMIT_NOFILE`.
pub(crate) fn capacity(config: &Config) -> usize {
    let files = getrlimit(Resource::Nofile).current;
    let files = files.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    });
    let each = usize::try_from(config.database_connections).unwrap_or(usize::MAX);
    let shards = config.database_urls.as_ref().map_or(0, ShardUrls::count);
    let database = each
        .saturating_mul(shards.max(1))
        .saturating_add(FILES_PER_SHARD * shards);
    within(files, database, config.site_dir.is_some())
}

/// Reserves files for the database and, with a page, one file per connection.
fn within(files: usize, database: usize, has_page: bool) -> usize {
    let left = files.saturating_sub(RESERVED_FILES.saturating_add(database));
    let connections = if has_page { left / 2 } else { left };
    connections.clamp(MIN_CONNECTIONS, MAX_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        assert_eq!(within(96, 8, false), 56);
        assert_eq!(within(96, 8, true), 28);
        assert_eq!(within(1_024, 8, true), 492);
        assert_eq!(within(10, 500, true), MIN_CONNECTIONS);
        assert_eq!(within(usize::MAX, 8, true), MAX_CONNECTIONS);
    }
}
