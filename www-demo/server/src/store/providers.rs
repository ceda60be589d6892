//! The statements of identities and of sessions at providers, which both databases understand.

/// Implements the domain's store of providers for a type with a `pool`. `$run` runs a step, and repeats it after transient
/// errors.
macro_rules! providers {
    ($store:ty, $run:path) => {
        #[async_trait]
        impl ProviderStore for $store {
            async fn user_of_identity(&self, identity: &Identity) -> StoreResult<Option<User>> {
                let sql = concat!(
                    "SELECT ",
                    user_columns!(),
                    " FROM identities i JOIN users u ON u.id = i.user_id \
                     WHERE i.issuer = $1 AND i.subject = $2"
                );
                let row = $run(|| {
                    sqlx::query(sql)
                        .bind(&identity.issuer)
                        .bind(&identity.subject)
                        .fetch_optional(&self.pool)
                });
                row.await?.as_ref().map(rows::user).transpose()
            }

            async fn add_identity(
                &self,
                identity: &Identity,
                user: UserId,
                at: Timestamp,
            ) -> StoreResult<Applied> {
                // A repeat after a lost response finds its own row, and counts as applied.
                let sql = "INSERT INTO identities (issuer, subject, user_id, created_at) \
                     VALUES ($1, $2, $3, $4) ON CONFLICT (issuer, subject) \
                     DO UPDATE SET created_at = identities.created_at \
                     WHERE identities.user_id = excluded.user_id";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(&identity.issuer)
                        .bind(&identity.subject)
                        .bind(user.as_bytes().as_slice())
                        .bind(rows::to_db(at))
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn add_provider_session(&self, row: &ProviderSession) -> StoreResult<Applied> {
                let sql = "INSERT INTO provider_sessions (session_id, provider, issuer, subject, \
                     sid, sealed, version, leased_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                     ON CONFLICT (session_id) DO NOTHING";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(row.session.as_bytes().as_slice())
                        .bind(&row.provider)
                        .bind(&row.identity.issuer)
                        .bind(&row.identity.subject)
                        .bind(&row.sid)
                        .bind(&row.sealed)
                        .bind(rows::to_db_count(row.version))
                        .bind(row.leased_until.map(rows::to_db))
                        .execute(&self.pool)
                });
                match done.await {
                    Ok(_) => Ok(Applied::Yes),
                    Err(error) if error.failure() == StoreFailure::MissingReference => {
                        Ok(Applied::No)
                    }
                    Err(error) => Err(error),
                }
            }

            async fn provider_session(
                &self,
                id: SessionId,
            ) -> StoreResult<Option<ProviderSession>> {
                let sql = "SELECT session_id, provider, issuer, subject, sid, sealed, version, \
                     leased_until FROM provider_sessions WHERE session_id = $1";
                let id = id.as_bytes().as_slice();
                let row = $run(|| sqlx::query(sql).bind(id).fetch_optional(&self.pool));
                row.await?.as_ref().map(rows::provider_session).transpose()
            }

            async fn replace_provider_tokens(
                &self,
                read: &ProviderSession,
                sealed: &[u8],
                leased_until: Option<Timestamp>,
            ) -> StoreResult<Applied> {
                // Each change has ciphertext of its own: a repeat after a lost response finds it, and counts as applied.
                let sql = "UPDATE provider_sessions SET sealed = $1, leased_until = $2, \
                     version = $4 + 1 WHERE session_id = $3 AND sealed IS NOT NULL \
                     AND (version = $4 OR (version = $4 + 1 AND sealed = $1))";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(sealed)
                        .bind(leased_until.map(rows::to_db))
                        .bind(read.session.as_bytes().as_slice())
                        .bind(rows::to_db_count(read.version))
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn sessions_at_provider(
                &self,
                issuer: &str,
                subject: Option<&str>,
                sid: Option<&str>,
            ) -> StoreResult<Vec<SessionId>> {
                let sql = "SELECT p.session_id FROM provider_sessions p \
                     JOIN sessions s ON s.id = p.session_id WHERE s.ended_at IS NULL \
                     AND p.issuer = $1 AND (p.subject = $2 OR $2 IS NULL) \
                     AND (p.sid = $3 OR $3 IS NULL) AND NOT ($2 IS NULL AND $3 IS NULL)";
                let rows = $run(|| {
                    sqlx::query(sql)
                        .bind(issuer)
                        .bind(subject)
                        .bind(sid)
                        .fetch_all(&self.pool)
                });
                let rows = rows.await?;
                let ids = rows.iter().map(|row| rows::bytes(row, "session_id"));
                ids.map(|id| id.map(SessionId::from_bytes)).collect()
            }

            async fn set_mark(&self, mark: &Mark, until: Timestamp) -> StoreResult<Applied> {
                let sql = "INSERT INTO provider_marks (name, expires_at) VALUES ($1, $2) \
                     ON CONFLICT (name) DO NOTHING";
                // Not repeated: a repeat after a lost response would find its own mark.
                let done = sqlx::query(sql)
                    .bind(mark.as_slice())
                    .bind(rows::to_db(until))
                    .execute(&self.pool)
                    .await
                    .map_err(failure)?;
                Ok(applied(done.rows_affected()))
            }

            async fn has_mark(&self, mark: &Mark) -> StoreResult<bool> {
                let sql = "SELECT count(*) FROM provider_marks WHERE name = $1";
                let mark = mark.as_slice();
                let count = $run(|| sqlx::query_scalar(sql).bind(mark).fetch_one(&self.pool));
                Ok(rows::counted(count.await?) > 0)
            }

            async fn prune_marks(&self, now: Timestamp) -> StoreResult<u64> {
                let sql = "DELETE FROM provider_marks WHERE expires_at < $1";
                let now = rows::to_db(now);
                let done = $run(|| sqlx::query(sql).bind(now).execute(&self.pool));
                Ok(done.await?.rows_affected())
            }
        }
    };
}

pub(super) use providers;
