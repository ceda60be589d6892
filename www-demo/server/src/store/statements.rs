//! The statements of users and sessions, which both databases understand.

/// Implements the domain's store for a type with a `pool` and an `end_where`. `$run` runs a step, and repeats it after
/// transient errors; `$later` is the database's function for the greater of two numbers. `$begin` begins a write
/// transaction, and `$place` is the database's row identifier.
///
/// Every step is one idempotent statement or transaction: it can be repeated after a broken connection.
macro_rules! store {
    ($store:ty, $run:path, $later:literal, $begin:literal, $place:literal) => {
        #[async_trait]
        impl Store for $store {
            async fn close(&self) {
                self.pool.close().await;
            }

            fn pool_use(&self) -> PoolUse {
                PoolUse {
                    open: self.pool.size().into(),
                    idle: u64::try_from(self.pool.num_idle()).unwrap_or(u64::MAX),
                    most: self.pool.options().get_max_connections().into(),
                }
            }

            fn revocation_logs(&self) -> Vec<(Shard, Arc<dyn RevocationLog>)> {
                vec![(Shard::HOME, Arc::new(self.clone()))]
            }

            async fn ping(&self) -> StoreResult<()> {
                let done = $run(|| sqlx::query("SELECT 1").execute(&self.pool));
                done.await.map(drop)
            }

            async fn add_user(&self, user: &User) -> StoreResult<Applied> {
                // A repeat after a lost response finds its own row, and counts as applied.
                let sql = "INSERT INTO users \
                     (id, email, password, role, disabled, created_at, password_cost) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (email) \
                     DO UPDATE SET email = excluded.email WHERE users.id = excluded.id";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(user.id.as_bytes().as_slice())
                        .bind(user.email.expose())
                        .bind(user.password.expose())
                        .bind(user.role.as_str())
                        .bind(user.disabled)
                        .bind(rows::to_db(user.created_at))
                        .bind(rows::to_db_count(user.password.cost()))
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn costliest_password(&self) -> StoreResult<u64> {
                let sql = "SELECT coalesce(max(password_cost), 0) FROM users";
                let cost = $run(|| sqlx::query_scalar(sql).fetch_one(&self.pool));
                Ok(rows::counted(cost.await?))
            }

            async fn user_by_email(&self, email: &Email) -> StoreResult<Option<User>> {
                let sql = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.email = $1");
                let row = $run(|| sqlx::query(sql).bind(email.expose()).fetch_optional(&self.pool));
                row.await?.as_ref().map(rows::user).transpose()
            }

            async fn has_user(&self, user: UserId) -> StoreResult<bool> {
                let sql = "SELECT count(*) FROM users WHERE id = $1";
                let id = user.as_bytes().as_slice();
                let count = $run(|| sqlx::query_scalar(sql).bind(id).fetch_one(&self.pool));
                Ok(rows::counted(count.await?) > 0)
            }

            async fn user(&self, id: UserId) -> StoreResult<Option<User>> {
                let sql = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1");
                let id = id.as_bytes().as_slice();
                let row = $run(|| sqlx::query(sql).bind(id).fetch_optional(&self.pool));
                row.await?.as_ref().map(rows::user).transpose()
            }

            async fn set_role(&self, user: UserId, role: Role) -> StoreResult<Applied> {
                let done = $run(|| {
                    sqlx::query("UPDATE users SET role = $1 WHERE id = $2")
                        .bind(role.as_str())
                        .bind(user.as_bytes().as_slice())
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn set_disabled(&self, user: UserId, disabled: bool) -> StoreResult<()> {
                let done = $run(|| {
                    sqlx::query("UPDATE users SET disabled = $1 WHERE id = $2")
                        .bind(disabled)
                        .bind(user.as_bytes().as_slice())
                        .execute(&self.pool)
                });
                done.await.map(drop)
            }

            async fn replace_password(
                &self,
                user: &User,
                successor: &PasswordHash,
            ) -> StoreResult<Applied> {
                // A repeat finds the successor, which has a salt that no other has.
                let sql = "UPDATE users SET password = $1, password_cost = $4 \
                     WHERE id = $2 AND (password = $3 OR password = $1)";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(successor.expose())
                        .bind(user.id.as_bytes().as_slice())
                        .bind(user.password.expose())
                        .bind(rows::to_db_count(successor.cost()))
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn delete_user(&self, user: UserId) -> StoreResult<()> {
                let id = user.as_bytes().as_slice();
                // Sessions are deleted with the user, before the audit records: none can end in between and add one.
                let done = $run(|| async {
                    let mut transaction = self.pool.begin_with($begin).await?;
                    for sql in [
                        "DELETE FROM users WHERE id = $1",
                        "DELETE FROM audit WHERE user_id = $1",
                    ] {
                        let deleted = sqlx::query(sql).bind(id);
                        deleted.execute(&mut *transaction).await?;
                    }
                    transaction.commit().await
                });
                done.await
            }

            async fn add_session(&self, session: &Session) -> StoreResult<Applied> {
                let sql = "INSERT INTO sessions (id, user_id, device, created_at, expires_at, \
                     last_active_at, last_seen_at, generation, secret_hash, replaced_at, \
                     authenticated_at, authentication_methods, jkt) VALUES \
                     ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO NOTHING";
                let replaced_at = rows::to_db_replaced(&session.replaced);
                let methods = rows::to_db_methods(&session.authentication);
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(session.id.as_bytes().as_slice())
                        .bind(session.user.as_bytes().as_slice())
                        .bind(&session.device)
                        .bind(rows::to_db(session.created_at))
                        .bind(rows::to_db(session.expires_at))
                        .bind(rows::to_db(session.last_active_at))
                        .bind(rows::to_db(session.last_seen_at))
                        .bind(rows::to_db_count(session.generation))
                        .bind(session.secret_hash.as_bytes().as_slice())
                        .bind(&replaced_at)
                        .bind(rows::to_db(session.authentication.at))
                        .bind(&methods)
                        .bind(session.jkt.as_ref().map(|jkt| jkt.as_bytes().as_slice()))
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

            async fn session(&self, id: SessionId) -> StoreResult<Option<(Session, User)>> {
                let sql = concat!(
                    "SELECT ",
                    session_columns!(),
                    ", ",
                    user_columns!(),
                    " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1"
                );
                let id = id.as_bytes().as_slice();
                let row = $run(|| sqlx::query(sql).bind(id).fetch_optional(&self.pool));
                row.await?
                    .map(|row| Ok((rows::session(&row)?, rows::user(&row)?)))
                    .transpose()
            }

            async fn rotate_session(
                &self,
                session: &Session,
                read: &Session,
            ) -> StoreResult<Applied> {
                let sql = concat!(
                    "UPDATE sessions SET generation = $1, secret_hash = $2, replaced_at = $3, \
                     renewed_generation = $8, renewed_at = $9, siblings = $10, proofs = $12, last_active_at = ",
                    $later,
                    "(last_active_at, $4), last_seen_at = ",
                    $later,
                    "(last_seen_at, $5) WHERE id = $6 AND generation = $7 \
                     AND secret_hash = $11 AND proofs IS NOT DISTINCT FROM $13 AND ended_at IS NULL"
                );
                let replaced_at = rows::to_db_replaced(&session.replaced);
                let siblings = siblings::to_db(session);
                let (proofs, before) = (session.proofs.to_bytes(), read.proofs.to_bytes());
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(rows::to_db_count(session.generation))
                        .bind(session.secret_hash.as_bytes().as_slice())
                        .bind(&replaced_at)
                        .bind(rows::to_db(session.last_active_at))
                        .bind(rows::to_db(session.last_seen_at))
                        .bind(session.id.as_bytes().as_slice())
                        .bind(rows::to_db_count(read.generation))
                        .bind(session.renewed.map(|renewed| rows::to_db_count(renewed.generation)))
                        .bind(session.renewed.map(|renewed| rows::to_db(renewed.at)))
                        .bind(&siblings)
                        .bind(read.secret_hash.as_bytes().as_slice())
                        .bind(&proofs)
                        .bind(&before)
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn touch_session(&self, session: &Session) -> StoreResult<()> {
                let sql = concat!(
                    "UPDATE sessions SET last_active_at = ",
                    $later,
                    "(last_active_at, $1), last_seen_at = ",
                    $later,
                    "(last_seen_at, $2) WHERE id = $3 AND ended_at IS NULL"
                );
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(rows::to_db(session.last_active_at))
                        .bind(rows::to_db(session.last_seen_at))
                        .bind(session.id.as_bytes().as_slice())
                        .execute(&self.pool)
                });
                done.await.map(drop)
            }

            async fn end_session(
                &self,
                id: SessionId,
                at: Timestamp,
                reason: EndReason,
            ) -> StoreResult<Applied> {
                let ended = self.end_where("id", id.as_bytes(), &[], at, reason);
                Ok(applied(ended.await?))
            }

            async fn end_sessions_of(
                &self,
                user: UserId,
                at: Timestamp,
                reason: EndReason,
            ) -> StoreResult<u64> {
                let ended = self.end_where("user_id", user.as_bytes(), &[], at, reason);
                ended.await
            }

            async fn end_other_sessions(
                &self,
                user: UserId,
                kept: SessionId,
                at: Timestamp,
                reason: EndReason,
            ) -> StoreResult<u64> {
                let ended =
                    self.end_where("user_id", user.as_bytes(), kept.as_bytes(), at, reason);
                ended.await
            }

            async fn sessions_of(&self, user: UserId) -> StoreResult<Vec<Session>> {
                let sql = concat!(
                    "SELECT ",
                    session_columns!(),
                    " FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL \
                     ORDER BY s.last_seen_at DESC"
                );
                let user = user.as_bytes().as_slice();
                let rows = $run(|| sqlx::query(sql).bind(user).fetch_all(&self.pool));
                rows.await?.iter().map(rows::session).collect()
            }

            async fn recorded_endings(&self, id: SessionId, reason: EndReason) -> StoreResult<u64> {
                let sql = "SELECT count(*) FROM audit WHERE session_id = $1 AND event = $2";
                let count = $run(|| {
                    sqlx::query_scalar(sql)
                        .bind(id.as_bytes().as_slice())
                        .bind(reason.as_str())
                        .fetch_one(&self.pool)
                });
                Ok(rows::counted(count.await?))
            }

            async fn count_sessions(&self, now: Timestamp) -> StoreResult<u64> {
                let sql =
                    "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > $1";
                let now = rows::to_db(now);
                let count = $run(|| sqlx::query_scalar(sql).bind(now).fetch_one(&self.pool));
                Ok(rows::counted(count.await?))
            }

            async fn prune_sessions(&self, before: Timestamp, most: u32) -> StoreResult<u64> {
                let sql = "DELETE FROM sessions WHERE id IN \
                     (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)";
                let (before, most) = (rows::to_db(before), i64::from(most));
                let done = $run(|| sqlx::query(sql).bind(before).bind(most).execute(&self.pool));
                Ok(done.await?.rows_affected())
            }

            async fn forget_ended_sessions(&self, user: UserId, kept: u32) -> StoreResult<u64> {
                let sql = "DELETE FROM sessions WHERE user_id = $1 AND ended_at IS NOT NULL \
                     AND id NOT IN (SELECT id FROM sessions WHERE user_id = $1 \
                     AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT $2)";
                let user = user.as_bytes().as_slice();
                let kept = i64::from(kept);
                let done = $run(|| sqlx::query(sql).bind(user).bind(kept).execute(&self.pool));
                Ok(done.await?.rows_affected())
            }

            async fn prune_audit(&self, before: Timestamp, most: u32) -> StoreResult<u64> {
                let sql = concat!(
                    "DELETE FROM audit WHERE ",
                    $place,
                    " IN (SELECT ",
                    $place,
                    " FROM audit WHERE at < $1 LIMIT $2)"
                );
                let (before, most) = (rows::to_db(before), i64::from(most));
                let done = $run(|| sqlx::query(sql).bind(before).bind(most).execute(&self.pool));
                Ok(done.await?.rows_affected())
            }
        }
    };
}

pub(super) use store;
