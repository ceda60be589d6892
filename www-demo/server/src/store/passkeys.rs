//! The statements of passkeys, used challenges and step-ups, which both databases understand.

/// Implements the domain's passkeys for a type with a `pool`. `$run` runs a step; `$begin` begins a transaction that is
/// going to write, and `$lock` ends a query that holds its row for it.
macro_rules! passkeys {
    ($store:ty, $run:path, $begin:literal, $lock:literal) => {
        #[async_trait]
        impl PasskeyStore for $store {
            async fn passkeys_of(&self, user: UserId) -> StoreResult<Vec<Passkey>> {
                let sql = concat!(
                    "SELECT ",
                    passkeys::passkey_columns!(),
                    " FROM passkeys WHERE user_id = $1 ORDER BY created_at, id"
                );
                let user = user.as_bytes().as_slice();
                let rows = $run(|| sqlx::query(sql).bind(user).fetch_all(&self.pool));
                rows.await?.iter().map(passkeys::read).collect()
            }

            async fn passkey(&self, credential: &[u8]) -> StoreResult<Option<Passkey>> {
                let sql = concat!(
                    "SELECT ",
                    passkeys::passkey_columns!(),
                    " FROM passkeys WHERE credential_id = $1"
                );
                let row = $run(|| sqlx::query(sql).bind(credential).fetch_optional(&self.pool));
                row.await?.as_ref().map(passkeys::read).transpose()
            }

            async fn add_passkey(
                &self,
                passkey: &Passkey,
                limit: u32,
            ) -> StoreResult<PasskeyAdded> {
                let lock = concat!("SELECT id FROM users WHERE id = $1", $lock);
                // A repeat after a lost response does not count its own row.
                let count = "SELECT count(*) FROM passkeys WHERE user_id = $1 AND id <> $2";
                let (id, user) = (passkey.id.as_bytes().as_slice(), passkey.user.as_bytes().as_slice());
                let done = $run(|| async {
                    let mut transaction = self.pool.begin_with($begin).await?;
                    let locked = sqlx::query(lock).bind(user);
                    if locked.fetch_optional(&mut *transaction).await?.is_none() {
                        return Ok(PasskeyAdded::NoUser);
                    }
                    let count = sqlx::query_scalar(count).bind(user).bind(id);
                    let count: i64 = count.fetch_one(&mut *transaction).await?;
                    if count >= i64::from(limit) {
                        return Ok(PasskeyAdded::LimitReached);
                    }
                    let inserted = passkeys::insert!(passkey).execute(&mut *transaction).await?;
                    transaction.commit().await?;
                    Ok(match inserted.rows_affected() {
                        0 => PasskeyAdded::Exists,
                        _ => PasskeyAdded::Yes,
                    })
                });
                done.await
            }

            async fn add_user_with_passkey(
                &self,
                user: &User,
                passkey: &Passkey,
            ) -> StoreResult<Applied> {
                // A repeat after a lost response finds its own row, and counts as applied.
                let add_user = "INSERT INTO users \
                     (id, email, password, role, disabled, created_at, password_cost) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (email) \
                     DO UPDATE SET email = excluded.email WHERE users.id = excluded.id";
                let done = $run(|| async {
                    let mut transaction = self.pool.begin_with($begin).await?;
                    let added = sqlx::query(add_user)
                        .bind(user.id.as_bytes().as_slice())
                        .bind(user.email.expose())
                        .bind(user.password.expose())
                        .bind(user.role.as_str())
                        .bind(user.disabled)
                        .bind(rows::to_db(user.created_at))
                        .bind(rows::to_db_count(user.password.cost()));
                    let added = added.execute(&mut *transaction).await?.rows_affected();
                    let inserted = passkeys::insert!(passkey).execute(&mut *transaction).await?;
                    if added == 0 || inserted.rows_affected() == 0 {
                        transaction.rollback().await?;
                        return Ok(Applied::No);
                    }
                    transaction.commit().await?;
                    Ok(Applied::Yes)
                });
                match done.await {
                    // Without the user, whose address has an account, there is nothing to refer to.
                    Err(error) if error.failure() == StoreFailure::MissingReference => {
                        Ok(Applied::No)
                    }
                    done => done,
                }
            }

            async fn use_passkey(&self, used: &Passkey) -> StoreResult<Applied> {
                // A repeat after a lost response finds what it has written.
                let sql = "UPDATE passkeys SET counter = $1, backed_up = $2, last_used_at = $3 \
                     WHERE id = $4 AND (counter < $1 OR (counter = 0 AND $1 = 0) \
                     OR (counter = $1 AND last_used_at = $3))";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(i64::from(used.credential.counter))
                        .bind(used.credential.backed_up)
                        .bind(rows::to_db(used.last_used_at))
                        .bind(used.id.as_bytes().as_slice())
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn rename_passkey(
                &self,
                user: UserId,
                id: PasskeyId,
                name: &PasskeyName,
            ) -> StoreResult<Applied> {
                let sql = "UPDATE passkeys SET name = $1 WHERE id = $2 AND user_id = $3";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(name.as_str())
                        .bind(id.as_bytes().as_slice())
                        .bind(user.as_bytes().as_slice())
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn remove_passkey(
                &self,
                user: UserId,
                id: PasskeyId,
                keep_one: bool,
            ) -> StoreResult<PasskeyRemoved> {
                let lock = concat!("SELECT id FROM users WHERE id = $1", $lock);
                let (id, user) = (id.as_bytes().as_slice(), user.as_bytes().as_slice());
                let done = $run(|| async {
                    let mut transaction = self.pool.begin_with($begin).await?;
                    let locked = sqlx::query(lock).bind(user);
                    locked.fetch_optional(&mut *transaction).await?;
                    let others = "SELECT count(*) FROM passkeys WHERE user_id = $1 AND id <> $2";
                    let others = sqlx::query_scalar(others).bind(user).bind(id);
                    let others: i64 = others.fetch_one(&mut *transaction).await?;
                    let removed = sqlx::query("DELETE FROM passkeys WHERE id = $1 AND user_id = $2")
                        .bind(id)
                        .bind(user);
                    let removed = removed.execute(&mut *transaction).await?.rows_affected();
                    if removed > 0 && others == 0 && keep_one {
                        transaction.rollback().await?;
                        return Ok(PasskeyRemoved::LastWayIn);
                    }
                    transaction.commit().await?;
                    Ok(if removed > 0 { PasskeyRemoved::Yes } else { PasskeyRemoved::Missing })
                });
                done.await
            }

            async fn use_challenge(
                &self,
                challenge: [u8; 16],
                by: [u8; 16],
                expires_at: Timestamp,
            ) -> StoreResult<Applied> {
                let sql = "INSERT INTO used_challenges (id, used_by, expires_at) \
                     VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET used_by = excluded.used_by \
                     WHERE used_challenges.used_by = excluded.used_by";
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(challenge.as_slice())
                        .bind(by.as_slice())
                        .bind(rows::to_db(expires_at))
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }

            async fn prune_challenges(&self, now: Timestamp, most: u32) -> StoreResult<u64> {
                let sql = "DELETE FROM used_challenges WHERE id IN \
                     (SELECT id FROM used_challenges WHERE expires_at <= $1 LIMIT $2)";
                let (now, most) = (rows::to_db(now), i64::from(most));
                let done = $run(|| sqlx::query(sql).bind(now).bind(most).execute(&self.pool));
                Ok(done.await?.rows_affected())
            }

            async fn set_authentication(
                &self,
                session: SessionId,
                authentication: &Authentication,
            ) -> StoreResult<Applied> {
                let sql = "UPDATE sessions SET authenticated_at = $1, authentication_methods = $2 \
                     WHERE id = $3 AND ended_at IS NULL";
                let methods = rows::to_db_methods(authentication);
                let done = $run(|| {
                    sqlx::query(sql)
                        .bind(rows::to_db(authentication.at))
                        .bind(&methods)
                        .bind(session.as_bytes().as_slice())
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }
        }
    };
}

/// The columns of a passkey, as [`read`] reads them.
macro_rules! passkey_columns {
    () => {
        "id, user_id, credential_id, public_key, counter, backup_eligible, backed_up, transports, \
         name, created_at, last_used_at"
    };
}

/// Makes the statement that adds a passkey, unless its credential exists. A repeat finds its own row.
macro_rules! insert {
    ($passkey:expr) => {{
        let passkey: &Passkey = $passkey;
        let credential = &passkey.credential;
        sqlx::query(concat!(
            "INSERT INTO passkeys (",
            passkeys::passkey_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (credential_id) \
             DO UPDATE SET id = excluded.id WHERE passkeys.id = excluded.id"
        ))
        .bind(passkey.id.as_bytes().as_slice())
        .bind(passkey.user.as_bytes().as_slice())
        .bind(&credential.id)
        .bind(&credential.public_key)
        .bind(i64::from(credential.counter))
        .bind(credential.backup_eligible)
        .bind(credential.backed_up)
        .bind(&credential.transports)
        .bind(passkey.name.as_str())
        .bind(rows::to_db(passkey.created_at))
        .bind(rows::to_db(passkey.last_used_at))
    }};
}

pub(super) use {insert, passkey_columns, passkeys};

use super::rows::{self, Columns, damaged, time};
use crate::domain::{Credential, Passkey, PasskeyId, PasskeyName, StoreResult, UserId};

/// Reads a passkey.
pub(super) fn read(row: &impl Columns) -> StoreResult<Passkey> {
    let name = PasskeyName::parse(&row.text("name")?);
    Ok(Passkey {
        id: PasskeyId::from_bytes(rows::bytes(row, "id")?),
        user: UserId::from_bytes(rows::bytes(row, "user_id")?),
        name: name.ok_or_else(|| damaged("name"))?,
        credential: Credential {
            id: row.bytes("credential_id")?.to_vec(),
            public_key: row.bytes("public_key")?.to_vec(),
            counter: u32::try_from(row.number("counter")?).map_err(|_| damaged("counter"))?,
            backup_eligible: row.truth("backup_eligible")?,
            backed_up: row.truth("backed_up")?,
            transports: row.text("transports")?,
        },
        created_at: time(row, "created_at")?,
        last_used_at: time(row, "last_used_at")?,
    })
}
