//! The statement of proofs, which both databases understand.

/// Implements the domain's store of proofs for a type with a `pool`. `$run` runs a step, and repeats it after transient errors;
/// `$later` is the database's function for the greater of two numbers.
macro_rules! proofs {
    ($store:ty, $run:path, $later:literal) => {
        #[async_trait]
        impl ProofStore for $store {
            async fn record_proof(
                &self,
                session: &Session,
                read: &Session,
            ) -> StoreResult<Applied> {
                // A repeat after a lost response is not applied: what the row has could be the replay of another server.
                let sql = concat!(
                    "UPDATE sessions SET proofs = $1, last_active_at = ",
                    $later,
                    "(last_active_at, $2), last_seen_at = ",
                    $later,
                    "(last_seen_at, $3) WHERE id = $4 AND ended_at IS NULL \
                     AND proofs IS NOT DISTINCT FROM $5"
                );
                let (proofs, before) = (session.proofs.to_bytes(), read.proofs.to_bytes());
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(&proofs)
                        .bind(rows::to_db(session.last_active_at))
                        .bind(rows::to_db(session.last_seen_at))
                        .bind(session.id.as_bytes().as_slice())
                        .bind(&before)
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }
        }
    };
}

pub(super) use proofs;
