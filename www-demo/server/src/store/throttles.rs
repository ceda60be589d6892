//! The statements of throttles, which both databases understand.

use std::{fmt::Write as _, time::Duration};

use crate::domain::{Bucket, Timestamp};

/// Implements the domain's throttles for a type with a `pool`. `$run` runs a step; `$later` is the database's
/// function for the greater of two numbers.
macro_rules! throttles {
    ($store:ty, $run:path, $later:literal) => {
        #[async_trait]
        impl Throttles for $store {
            async fn take_turns(
                &self,
                now: Timestamp,
                buckets: &[Bucket],
            ) -> StoreResult<Result<(), Duration>> {
                let buckets = throttles::in_order(buckets);
                if buckets.is_empty() {
                    return Ok(Ok(()));
                }
                // Read first: a refused attempt writes nothing and takes no turn.
                let sql = throttles::read(buckets.len());
                let ahead = $run(|| {
                    let mut query = sqlx::query_as::<_, (Vec<u8>, i64)>(AssertSqlSafe(sql.as_str()));
                    for bucket in &buckets {
                        query = query.bind(bucket.name.as_slice());
                    }
                    query.fetch_all(&self.pool)
                });
                if let Some(wait) = throttles::longest_wait(now, &buckets, &ahead.await?) {
                    return Ok(Err(wait));
                }
                let sql = throttles::take($later, buckets.len());
                let taken = $run(|| {
                    let mut query =
                        sqlx::query_scalar::<_, Vec<u8>>(AssertSqlSafe(sql.as_str())).bind(rows::to_db(now));
                    for bucket in &buckets {
                        query = query
                            .bind(bucket.name.as_slice())
                            .bind(rows::to_db(now + bucket.interval))
                            .bind(throttles::millis(bucket.tolerance()));
                    }
                    query.fetch_all(&self.pool)
                });
                let taken = taken.await?;
                if taken.len() == buckets.len() {
                    return Ok(Ok(()));
                }
                // A concurrent attempt was first: return the turns.
                let (taken, empty): (Vec<Bucket>, Vec<Bucket>) = buckets
                    .into_iter()
                    .partition(|bucket| taken.iter().any(|name| *name == bucket.name));
                self.return_turns(&taken).await?;
                let wait = empty.iter().map(|bucket| bucket.interval).max();
                Ok(Err(wait.unwrap_or_default()))
            }

            async fn return_turns(&self, buckets: &[Bucket]) -> StoreResult<()> {
                // One statement per bucket: a single one would lock rows in another order than `take_turns`.
                for bucket in buckets {
                    let done = $run(|| {
                        sqlx::query("UPDATE throttles SET even_at = even_at - $1 WHERE name = $2")
                            .bind(throttles::millis(bucket.interval))
                            .bind(bucket.name.as_slice())
                            .execute(&self.pool)
                    });
                    done.await?;
                }
                Ok(())
            }

            async fn prune_throttles(&self, now: Timestamp, most: u32) -> StoreResult<u64> {
                let sql = "DELETE FROM throttles WHERE name IN \
                     (SELECT name FROM throttles WHERE even_at <= $1 LIMIT $2)";
                let (now, most) = (rows::to_db(now), i64::from(most));
                let done = $run(|| sqlx::query(sql).bind(now).bind(most).execute(&self.pool));
                Ok(done.await?.rows_affected())
            }

            async fn bound_throttles(&self, kept: u32) -> StoreResult<u64> {
                // The greatest time among those to forget; beyond it stand at most `kept`.
                let sql = "DELETE FROM throttles WHERE even_at <= \
                     (SELECT even_at FROM throttles ORDER BY even_at DESC LIMIT 1 OFFSET $1)";
                let done = $run(|| sqlx::query(sql).bind(i64::from(kept)).execute(&self.pool));
                Ok(done.await?.rows_affected())
            }
        }
    };
}

pub(super) use throttles;

/// Returns the buckets in the order of their names, so that concurrent statements lock rows in one order; a bucket
/// that is given twice counts once.
pub(super) fn in_order(buckets: &[Bucket]) -> Vec<Bucket> {
    let mut ordered = buckets.to_vec();
    ordered.sort_unstable_by_key(|bucket| bucket.name);
    ordered.dedup_by_key(|bucket| bucket.name);
    ordered
}

/// Returns the statement that takes a turn of each bucket that has one, and returns their names.
///
/// `$1` is the time; each bucket binds its name, the time after one turn of an unused bucket, and its burst.
pub(super) fn take(later: &str, buckets: usize) -> String {
    let mut values = String::new();
    for place in 0..buckets {
        let comma = if place == 0 { "" } else { ", " };
        let first = 2 + 3 * place;
        let (second, third) = (first + 1, first + 2);
        write!(values, "{comma}(${first}, ${second}, ${third})").unwrap_or_default();
    }
    let next = format!("{later}(throttles.even_at, $1) + excluded.even_at - $1");
    format!(
        "INSERT INTO throttles (name, even_at, burst) VALUES {values} \
         ON CONFLICT (name) DO UPDATE SET even_at = {next}, burst = excluded.burst \
         WHERE {next} <= $1 + excluded.burst RETURNING name"
    )
}

/// Returns the statement that reads buckets by their names.
pub(super) fn read(buckets: usize) -> String {
    let names: Vec<String> = (1..=buckets).map(|place| format!("${place}")).collect();
    let names = names.join(", ");
    format!("SELECT name, even_at FROM throttles WHERE name IN ({names})")
}

/// Returns the time until each bucket has a turn; `None` if all have one.
pub(super) fn longest_wait(
    now: Timestamp,
    buckets: &[Bucket],
    theoretical_arrival: &[(Vec<u8>, i64)],
) -> Option<Duration> {
    let waits = buckets.iter().filter_map(|bucket| {
        let (_, theoretical_arrival) = theoretical_arrival
            .iter()
            .find(|(name, _)| *name == bucket.name)?;
        let theoretical_arrival =
            Timestamp::from_millis(u64::try_from(*theoretical_arrival).unwrap_or_default());
        let ahead = (theoretical_arrival.max(now) + bucket.interval).since(now);
        let wait = ahead.saturating_sub(bucket.tolerance());
        (!wait.is_zero()).then_some(wait)
    });
    waits.max()
}

/// Converts a duration for the database.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
