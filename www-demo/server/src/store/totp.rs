//! The statements of one-time passwords, which both databases understand.

/// Implements the domain's one-time passwords for a type with a `pool`. `$run` runs a step; `$begin` begins a transaction
/// that is going to write.
macro_rules! totp {
    ($store:ty, $run:path, $begin:literal) => {
        #[async_trait]
        impl TotpStore for $store {
            async fn totp(&self, user: UserId) -> StoreResult<Option<Totp>> {
                let sql = "SELECT sealed, confirmed, last_step, \
                     (SELECT count(*) FROM recovery_codes r WHERE r.user_id = t.user_id) AS codes \
                     FROM totp t WHERE user_id = $1";
                let user = user.as_bytes().as_slice();
                let row = $run(|| sqlx::query(sql).bind(user).fetch_optional(&self.pool));
                row.await?.as_ref().map(totp::read).transpose()
            }

            async fn begin_totp(&self, user: UserId, sealed: &[u8]) -> StoreResult<Applied> {
                let sql = "INSERT INTO totp (user_id, sealed, confirmed) VALUES ($1, $2, FALSE) \
                     ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed \
                     WHERE NOT totp.confirmed";
                let user = user.as_bytes().as_slice();
                let done = $run(|| sqlx::query(sql).bind(user).bind(sealed).execute(&self.pool));
                match done.await {
                    Ok(done) => Ok(applied(done.rows_affected())),
                    Err(error) if error.failure() == StoreFailure::MissingReference => {
                        Ok(Applied::No)
                    }
                    Err(error) => Err(error),
                }
            }

            async fn confirm_totp(
                &self,
                user: UserId,
                sealed: &[u8],
                step: TotpStep,
                codes: &[RecoveryHash],
            ) -> StoreResult<Applied> {
                // A repeat after a lost response finds the step that it has written.
                let sql = "UPDATE totp SET confirmed = TRUE, last_step = $1 WHERE user_id = $2 \
                     AND sealed = $3 AND (NOT confirmed OR last_step = $1)";
                let user = user.as_bytes().as_slice();
                let done = $run(|| async {
                    let mut transaction = self.pool.begin_with($begin).await?;
                    let confirmed = sqlx::query(sql)
                        .bind(rows::to_db_count(step.number()))
                        .bind(user)
                        .bind(sealed);
                    let confirmed = confirmed.execute(&mut *transaction).await?;
                    if confirmed.rows_affected() == 0 {
                        return Ok(Applied::No);
                    }
                    totp::write_codes!(transaction, user, codes);
                    transaction.commit().await?;
                    Ok(Applied::Yes)
                });
                done.await
            }

            async fn use_totp(&self, user: UserId, step: TotpStep) -> StoreResult<Applied> {
                // Without a repeat that succeeds: after a lost response the password counts as used.
                let sql = "UPDATE totp SET last_step = $1 WHERE user_id = $2 AND confirmed \
                     AND (last_step IS NULL OR last_step < $1)";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(rows::to_db_count(step.number()))
                        .bind(user.as_bytes().as_slice())
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn reseal_totp(
                &self,
                user: UserId,
                before: &[u8],
                sealed: &[u8],
            ) -> StoreResult<Applied> {
                let sql = "UPDATE totp SET sealed = $1 WHERE user_id = $2 AND sealed = $3";
                let user = user.as_bytes().as_slice();
                let done = $run(|| {
                    let query = sqlx::query(sql).bind(sealed).bind(user).bind(before);
                    query.execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn use_recovery_code(
                &self,
                user: UserId,
                code: RecoveryHash,
            ) -> StoreResult<Applied> {
                let sql = "DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2";
                let user = user.as_bytes().as_slice();
                let hash = code.0.as_slice();
                let done = $run(|| sqlx::query(sql).bind(user).bind(hash).execute(&self.pool));
                Ok(applied(done.await?.rows_affected()))
            }

            async fn replace_recovery_codes(
                &self,
                user: UserId,
                codes: &[RecoveryHash],
            ) -> StoreResult<Applied> {
                let found = "UPDATE totp SET confirmed = TRUE WHERE user_id = $1 AND confirmed";
                let user = user.as_bytes().as_slice();
                let done = $run(|| async {
                    let mut transaction = self.pool.begin_with($begin).await?;
                    let found = sqlx::query(found).bind(user);
                    if found.execute(&mut *transaction).await?.rows_affected() == 0 {
                        return Ok(Applied::No);
                    }
                    totp::write_codes!(transaction, user, codes);
                    transaction.commit().await?;
                    Ok(Applied::Yes)
                });
                done.await
            }

            async fn remove_totp(&self, user: UserId) -> StoreResult<Applied> {
                let user = user.as_bytes().as_slice();
                let done = $run(|| async {
                    let mut transaction = self.pool.begin_with($begin).await?;
                    totp::write_codes!(transaction, user, &[] as &[RecoveryHash]);
                    let removed = sqlx::query("DELETE FROM totp WHERE user_id = $1").bind(user);
                    let removed = removed.execute(&mut *transaction).await?;
                    transaction.commit().await?;
                    Ok(applied(removed.rows_affected()))
                });
                done.await
            }
        }
    };
}

/// Replaces the recovery codes of a user within a transaction.
macro_rules! write_codes {
    ($transaction:expr, $user:expr, $codes:expr) => {
        let old = sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1").bind($user);
        old.execute(&mut *$transaction).await?;
        for code in $codes {
            let sql = "INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)";
            let new = sqlx::query(sql).bind($user).bind(code.0.as_slice());
            new.execute(&mut *$transaction).await?;
        }
    };
}

pub(super) use {totp, write_codes};

use super::rows::{Columns, counted, damaged};
use crate::domain::{StoreResult, Totp, TotpStep};

/// Reads a generator of one-time passwords.
pub(super) fn read(row: &impl Columns) -> StoreResult<Totp> {
    let last_step = row.maybe_number("last_step")?;
    let codes = counted(row.number("codes")?);
    Ok(Totp {
        sealed: row.bytes("sealed")?.to_vec(),
        is_confirmed: row.truth("confirmed")?,
        last_step: last_step.map(counted).map(TotpStep::from_number),
        recovery_codes: u32::try_from(codes).map_err(|_| damaged("codes"))?,
    })
}
