//! One store of several `PostgreSQL` databases.
//!
//! Shard 0 has the users and what belongs to them, keys, throttles and what counts once. Sessions are on all shards: the id of a
//! session names its shard ([`SessionId::shard`]). Beside its sessions a shard has copies of their users ([`copies`]), so that a
//! refresh reads and writes one database, whatever has become of the others.

mod copies;
mod error;
mod home;
mod keeper;
mod member;
mod placement;
mod registry;
mod routing;
mod sessions;
mod settings;

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::join_all;
use sqlx::Error;
use tokio::task::JoinHandle;

pub use error::ShardError;
pub use settings::{DATABASE_URLS, ShardUrls};

use super::{OpenError, PgStore, Pooler, postgres::is_transient};
use crate::domain::{SessionId, Shard, StoreError, StoreResult};
use member::{Member, away};
use registry::SetId;

/// A store in several `PostgreSQL` databases, shared by any number of servers. Dropping it ends its background tasks.
pub struct ShardedStore {
    set: Arc<ShardSet>,
    keepers: Vec<JoinHandle<()>>,
}

/// The databases.
struct ShardSet {
    id: SetId,
    home: Arc<Member>,
    /// All of them, shard 0 too.
    members: BTreeMap<Shard, Arc<Member>>,
}

impl ShardedStore {
    /// Connects to the databases of a set with at most `connections` to each, perhaps through a `pooler`, and brings their tables
    /// up to date. One that cannot be reached is opened later, unless it is shard 0.
    ///
    /// # Errors
    /// Fails if shard 0 is unreachable, a database is not that of its number, or has the tables of a later version.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub async fn open(
        urls: &ShardUrls,
        connections: u32,
        pooler: Pooler,
    ) -> Result<Self, OpenError> {
        let members = urls.iter().map(|one| Member::new(one, connections, pooler));
        let members: Result<Vec<Option<Member>>, OpenError> = members.collect();
        let members = members?.into_iter().flatten();
        let members: BTreeMap<Shard, Arc<Member>> = members
            .map(|member| (member.shard, Arc::new(member)))
            .collect();
        let home = members.get(&Shard::HOME).cloned();
        let home = home.ok_or_else(|| Error::Configuration(DATABASE_URLS.into()))?;
        let id = home.open().await?.lead(urls).await?;
        home.begin_to_serve();
        let set = Arc::new(ShardSet { id, home, members });
        let admitted = join_all(set.members.values().map(|member| set.admit(member))).await;
        for (shard, admitted) in set.members.keys().zip(admitted) {
            match admitted {
                Err(OpenError::Database(error)) if is_unreachable(&error) => {
                    tracing::warn!(%shard, %error, "the shard is opened when it answers");
                }
                admitted => admitted?,
            }
        }
        let keepers = set.members.values();
        let keepers = keepers.map(|member| keeper::keep(Arc::clone(&set), Arc::clone(member)));
        Ok(Self {
            keepers: keepers.collect(),
            set,
        })
    }
}

impl Drop for ShardedStore {
    fn drop(&mut self) {
        self.keepers.iter().for_each(JoinHandle::abort);
    }
}

impl ShardSet {
    /// Lets a database serve: opens it if that has not been done, and does what is still to be done there.
    async fn admit(&self, member: &Member) -> Result<(), OpenError> {
        if member.shard != Shard::HOME {
            let store = member.open().await?;
            if !member.serves() {
                let home = self.home()?;
                store.join(member.shard, self.id, home).await?;
                home.register(member.shard, self.id).await?;
            }
            self.catch_up(member.shard, store).await?;
        }
        member.begin_to_serve();
        Ok(())
    }

    fn home(&self) -> StoreResult<&PgStore> {
        self.home.store()
    }

    /// Returns the database of a session; `None` if there is none of that number.
    fn of(&self, session: SessionId) -> StoreResult<Option<&PgStore>> {
        let member = self.members.get(&session.shard());
        member.map(|member| member.store()).transpose()
    }

    /// Returns the databases that can be reached.
    fn those_there(&self) -> impl Iterator<Item = &PgStore> {
        self.members
            .values()
            .filter_map(|member| member.store().ok())
    }

    /// Runs a step on each database at once; returns the results of those that are there, and the first failure.
    async fn each<'a, T, F>(
        &'a self,
        step: impl Fn(Shard, &'a PgStore) -> F,
    ) -> (Vec<T>, Option<StoreError>)
    where
        F: Future<Output = StoreResult<T>>,
    {
        let steps = self.members.values().map(|member| async {
            let done = step(member.shard, member.store()?).await;
            done.map_err(|error| away(member.shard, error))
        });
        let (mut results, mut failure) = (Vec::new(), None);
        for done in join_all(steps).await {
            match done {
                Ok(result) => results.push(result),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        (results, failure)
    }
}

/// Returns whether a database could not be opened because it cannot be reached just now, or what stands before it cannot.
fn is_unreachable(error: &Error) -> bool {
    matches!(
        error,
        Error::PoolTimedOut | Error::Io(_) | Error::Protocol(_)
    ) || is_transient(error)
}
