//! How many connections the settings and the system's limit of files allow.

use rustix::process::{Resource, getrlimit};

use crate::{config::Config, store::ShardUrls};

/// The minimum of concurrent connections.
const MIN_CONNECTIONS: usize = 8;
/// Files besides connections: standard streams, listeners, the runtime's, `SQLite`'s.
const RESERVED_FILES: usize = 32;

/// What a shard has besides the connections of requests: one that listens, and one that asks whether it is there.
const FILES_PER_SHARD: usize = 2;

/// Returns how many connections may be open at once, by `CONNECTIONS` and the soft limit of `RLIMIT_NOFILE`; more wait in the
/// listener's backlog.
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
    within(files, database, config.site_dir.is_some()).min(config.connections)
}

/// Reserves files for the database and, with a page, one file per connection.
fn within(files: usize, database: usize, has_page: bool) -> usize {
    let left = files.saturating_sub(RESERVED_FILES.saturating_add(database));
    let connections = if has_page { left / 2 } else { left };
    connections.max(MIN_CONNECTIONS)
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
    }

    #[test]
    fn there_are_no_more_connections_than_the_setting_says() {
        for connections in [8, 9, 40] {
            let config = Config {
                connections,
                ..Config::default()
            };
            assert_eq!(capacity(&config), connections);
        }
    }
}
