//! The statements of signing keys, which both databases understand.

/// Implements the domain's signing keys for a type with a `pool` and a `begin_with_signing_keys`. `$run` runs a step.
macro_rules! signing_keys {
    ($store:ty, $run:path) => {
        #[async_trait]
        impl SigningKeyStore for $store {
            async fn signing_keys(&self) -> StoreResult<Vec<SealedKey>> {
                let sql = "SELECT number, sealed, made_at FROM signing_keys ORDER BY number";
                let rows = $run(|| sqlx::query(sql).fetch_all(&self.pool));
                rows.await?.iter().map(rows::signing_key).collect()
            }

            async fn add_signing_key(&self, key: &SealedKey) -> StoreResult<Applied> {
                let sql = "INSERT INTO signing_keys (number, sealed, made_at) \
                     VALUES ($1, $2, $3) ON CONFLICT (number) DO NOTHING";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(rows::to_db_count(key.number))
                        .bind(&key.sealed)
                        .bind(rows::to_db(key.made_at))
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn replace_signing_keys(
                &self,
                expected: &[SealedKey],
                successors: &[SealedKey],
            ) -> StoreResult<Applied> {
                let done = $run(|| async {
                    let mut transaction = self.begin_with_signing_keys().await?;
                    let sql = "SELECT number, sealed, made_at FROM signing_keys ORDER BY number";
                    let found = sqlx::query(sql).fetch_all(&mut *transaction).await?;
                    let found: StoreResult<Vec<_>> = found.iter().map(rows::signing_key).collect();
                    if !found.is_ok_and(|found| found == expected) {
                        return Ok(Applied::No);
                    }
                    let sql = "DELETE FROM signing_keys";
                    sqlx::query(sql).execute(&mut *transaction).await?;
                    for key in successors {
                        let sql = "INSERT INTO signing_keys (number, sealed, made_at) \
                             VALUES ($1, $2, $3)";
                        sqlx::query(sql)
                            .bind(rows::to_db_count(key.number))
                            .bind(&key.sealed)
                            .bind(rows::to_db(key.made_at))
                            .execute(&mut *transaction)
                            .await?;
                    }
                    transaction.commit().await?;
                    Ok(Applied::Yes)
                });
                done.await
            }

            async fn drop_signing_keys_before(&self, number: u64) -> StoreResult<()> {
                let sql = "DELETE FROM signing_keys WHERE number < $1";
                let number = rows::to_db_count(number);
                let done = $run(|| sqlx::query(sql).bind(number).execute(&self.pool));
                done.await.map(drop)
            }
        }
    };
}

pub(super) use signing_keys;
