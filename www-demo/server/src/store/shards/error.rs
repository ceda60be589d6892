//! Why databases are no set.

use std::fmt;

use crate::domain::Shard;

/// Why the databases of the settings are not those of one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardError {
    /// The database has another number: URLs are swapped, or one is there twice.
    Other {
        /// The number in the settings.
        named: Shard,
        /// The number in the database.
        found: Shard,
    },
    /// The database is of another set.
    Foreign(Shard),
    /// A new shard is not empty: the database was a server's only one, which is shard 0 of a set, or a shard that was taken away.
    Used(Shard),
    /// The settings leave out a database of the set.
    Missing(Shard),
}

impl fmt::Display for ShardError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { named, found } => write!(
                formatter,
                "the database that is named as shard {named} is shard {found}: give each its own number in DATABASE_URLS, once"
            ),
            Self::Foreign(named) => write!(
                formatter,
                "the database that is named as shard {named} belongs to another set of DATABASE_URLS"
            ),
            Self::Used(named) => write!(
                formatter,
                "the database that is named as shard {named} is not empty: it was a server's own, which is shard 0, or a shard that was taken away; name an empty one"
            ),
            Self::Missing(shard) => write!(
                formatter,
                "shard {shard} is missing in DATABASE_URLS, and its sessions would end: name its database, or {shard}= if it is gone for good"
            ),
        }
    }
}

impl std::error::Error for ShardError {}
