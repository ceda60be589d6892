//! The statements of registered keys, which both databases understand.

/// Implements the domain's store of registered keys for a type with a `pool`. `$run` runs a step, and repeats it after
/// transient errors.
macro_rules! registrations {
    ($store:ty, $run:path) => {
        #[async_trait]
        impl RegistrationStore for $store {
            async fn register_key(
                &self,
                session: SessionId,
                key: &SessionKey,
            ) -> StoreResult<Applied> {
                // A repeat after a lost response finds its own key, and counts as applied.
                let sql = "UPDATE sessions SET registered_key = $1 WHERE id = $2 \
                     AND ended_at IS NULL AND (registered_key IS NULL OR registered_key = $1)";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(key.as_bytes())
                        .bind(session.as_bytes().as_slice())
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn record_key_proof(
                &self,
                session: SessionId,
                challenged_at: Timestamp,
            ) -> StoreResult<Applied> {
                // A repeat after a lost response is not applied: what the row has could be the replay of another server.
                let sql = "UPDATE sessions SET key_proved_at = $1 WHERE id = $2 \
                     AND ended_at IS NULL AND registered_key IS NOT NULL \
                     AND (key_proved_at IS NULL OR key_proved_at < $1)";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(rows::to_db(challenged_at))
                        .bind(session.as_bytes().as_slice())
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }
        }
    };
}

pub(super) use registrations;
