//! Which databases are a set: each has its number, and shard 0 those of all.

use sqlx::{Error, Row};

use super::{error::ShardError, settings::ShardUrls};
use crate::{
    clock,
    domain::{Shard, StoreResult},
    store::{OpenError, PgStore, postgres::retrying, rows},
};

/// What a set is known by.
pub(super) type SetId = [u8; 16];

impl PgStore {
    /// Makes sure that this is shard 0, of a set that has no other shard than `urls` name; returns the set. Shards that are gone
    /// are forgotten.
    pub(super) async fn lead(&self, urls: &ShardUrls) -> Result<SetId, OpenError> {
        let set = self.claim(Shard::HOME, clock::random()).await?;
        for one in urls.iter().filter(|one| one.url.is_none()) {
            self.forget(one.shard).await?;
        }
        let others = self.others().await?;
        let is_named = |shard: &Shard| urls.iter().any(|one| one.shard == *shard);
        match others.into_iter().find(|shard| !is_named(shard)) {
            Some(shard) => Err(ShardError::Missing(shard).into()),
            None => Ok(set),
        }
    }

    /// Makes sure that this is that shard of the set of shard 0. A new one has to be empty: what a shard that was taken away has is
    /// older than what has been revoked since.
    pub(super) async fn join(
        &self,
        shard: Shard,
        set: SetId,
        home: &Self,
    ) -> Result<(), OpenError> {
        self.check(shard, set).await?;
        // In this order: a shard is registered before it is used.
        if self.is_used().await? && !home.others().await?.contains(&shard) {
            return Err(ShardError::Used(shard).into());
        }
        self.claim(shard, set).await?;
        self.check(shard, set).await
    }

    /// Makes sure that this database has no other number and is of no other set.
    async fn check(&self, named: Shard, set: SetId) -> Result<(), OpenError> {
        match self.identity().await? {
            Some((found, _)) if found != named => Err(ShardError::Other { named, found }.into()),
            Some((_, found)) if found != set => Err(ShardError::Foreign(named).into()),
            Some(_) | None => Ok(()),
        }
    }

    /// Makes sure that this is no database of a set of several.
    pub(in crate::store) async fn stand_alone(&self) -> Result<(), OpenError> {
        let named = Shard::HOME;
        if let Some((found, _)) = self.identity().await?
            && found != named
        {
            return Err(ShardError::Other { named, found }.into());
        }
        match self.others().await?.first() {
            Some(shard) => Err(ShardError::Missing(*shard).into()),
            None => Ok(()),
        }
    }

    /// Adds a shard to those of the set, at shard 0.
    pub(super) async fn register(&self, shard: Shard, set: SetId) -> StoreResult<()> {
        let sql = "INSERT INTO shards (number, set_id, is_self) VALUES ($1, $2, FALSE) \
             ON CONFLICT (number) DO NOTHING";
        let done = retrying(|| {
            sqlx::query(sql)
                .bind(i16::from(shard.number()))
                .bind(set.as_slice())
                .execute(self.pool())
        });
        done.await.map(drop)
    }

    /// Gives this database a number, unless it has one; returns its set.
    async fn claim(&self, named: Shard, set: SetId) -> Result<SetId, OpenError> {
        // Of servers that start at once the first one writes.
        let sql = "INSERT INTO shards (number, set_id, is_self) VALUES ($1, $2, TRUE) \
             ON CONFLICT DO NOTHING";
        sqlx::query(sql)
            .bind(i16::from(named.number()))
            .bind(set.as_slice())
            .execute(self.pool())
            .await?;
        let (found, set) = self.identity().await?.unwrap_or((named, set));
        if found != named {
            return Err(ShardError::Other { named, found }.into());
        }
        Ok(set)
    }

    async fn identity(&self) -> Result<Option<(Shard, SetId)>, Error> {
        let sql = "SELECT number, set_id FROM shards WHERE is_self";
        let row = sqlx::query(sql).fetch_optional(self.pool()).await?;
        row.map(|row| {
            let set: Vec<u8> = row.try_get("set_id")?;
            Ok((
                number(row.try_get("number")?)?,
                set.try_into().map_err(|_| damaged("set_id"))?,
            ))
        })
        .transpose()
    }

    async fn others(&self) -> Result<Vec<Shard>, Error> {
        let sql = "SELECT number FROM shards WHERE NOT is_self ORDER BY number";
        let numbers: Vec<i16> = sqlx::query_scalar(sql).fetch_all(self.pool()).await?;
        numbers.into_iter().map(number).collect()
    }

    async fn is_used(&self) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM signing_keys) OR EXISTS (SELECT 1 FROM users)";
        sqlx::query_scalar(sql).fetch_one(self.pool()).await
    }

    async fn forget(&self, shard: Shard) -> Result<(), Error> {
        let mut transaction = self.pool().begin().await?;
        for sql in [
            "DELETE FROM shards WHERE number = $1 AND NOT is_self",
            "DELETE FROM shard_tasks WHERE shard = $1",
        ] {
            let gone = sqlx::query(sql).bind(i16::from(shard.number()));
            gone.execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}

/// Reads a shard's number.
pub(super) fn number(number: i16) -> Result<Shard, Error> {
    let number = u8::try_from(number).map_err(|_| damaged("number"))?;
    Ok(Shard::from_number(number))
}

fn damaged(column: &'static str) -> Error {
    Error::Decode(rows::damaged(column).into())
}
