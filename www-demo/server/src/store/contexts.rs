//! The statements of contexts, which both databases understand.

/// Implements the domain's store of contexts for a type with a `pool`. `$run` runs a step, and repeats it after transient errors.
macro_rules! contexts {
    ($store:ty, $run:path) => {
        #[async_trait]
        impl ContextStore for $store {
            async fn role_within(&self, user: UserId, context: &str) -> StoreResult<Option<Role>> {
                let sql = "SELECT role FROM contexts WHERE user_id = $1 AND name = $2";
                let id = user.as_bytes().as_slice();
                let role = $run(|| {
                    sqlx::query_scalar(sql)
                        .bind(id)
                        .bind(context)
                        .fetch_optional(&self.pool)
                });
                let role: Option<String> = role.await?;
                Ok(role.as_deref().and_then(Role::parse))
            }

            async fn set_role_within(
                &self,
                user: UserId,
                context: &str,
                role: Option<Role>,
            ) -> StoreResult<Applied> {
                let sql = if role.is_some() {
                    "INSERT INTO contexts (user_id, name, role) \
                     SELECT id, $2, $3 FROM users WHERE id = $1 \
                     ON CONFLICT (user_id, name) DO UPDATE SET role = excluded.role"
                } else {
                    "DELETE FROM contexts WHERE user_id = $1 AND name = $2 AND $3 IS NULL"
                };
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(user.as_bytes().as_slice())
                        .bind(context)
                        .bind(role.map(Role::as_str))
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }
        }
    };
}

pub(super) use contexts;
