//! The statements of notes, which both databases understand.

/// Implements the domain's notes for a type with a `pool`. `$run` runs a step; `$begin` begins a transaction that is
/// going to write, and `$lock` ends a query that holds its row for it.
macro_rules! notes {
    ($store:ty, $run:path, $begin:literal, $lock:literal) => {
        #[async_trait]
        impl NoteStore for $store {
            async fn notes_of(&self, user: UserId) -> StoreResult<Vec<Note>> {
                let sql = "SELECT id, text, created_at FROM notes WHERE user_id = $1 \
                     ORDER BY created_at DESC LIMIT 100";
                let user = user.as_bytes().as_slice();
                let rows = $run(|| sqlx::query(sql).bind(user).fetch_all(&self.pool));
                rows.await?.iter().map(rows::note).collect()
            }

            async fn add_note(
                &self,
                user: UserId,
                note: &Note,
                limit: u32,
            ) -> StoreResult<NoteAdded> {
                let lock = concat!("SELECT id FROM users WHERE id = $1", $lock);
                // A repeat after a lost response does not count its own note.
                let count = "SELECT count(*) FROM notes WHERE user_id = $1 AND id <> $2";
                let insert = "INSERT INTO notes (id, user_id, text, created_at) \
                     VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
                let (id, user) = (note.id.as_bytes().as_slice(), user.as_bytes().as_slice());
                let done = $run(|| async {
                    let mut transaction = self.pool.begin_with($begin).await?;
                    let locked = sqlx::query(lock).bind(user);
                    if locked.fetch_optional(&mut *transaction).await?.is_none() {
                        return Ok(NoteAdded::NoUser);
                    }
                    let count = sqlx::query_scalar(count).bind(user).bind(id);
                    let count: i64 = count.fetch_one(&mut *transaction).await?;
                    if count >= i64::from(limit) {
                        return Ok(NoteAdded::LimitReached);
                    }
                    let inserted = sqlx::query(insert)
                        .bind(id)
                        .bind(user)
                        .bind(&note.text)
                        .bind(rows::to_db(note.created_at));
                    inserted.execute(&mut *transaction).await?;
                    transaction.commit().await?;
                    Ok(NoteAdded::Yes)
                });
                done.await
            }

            async fn delete_note(&self, user: UserId, id: NoteId) -> StoreResult<Applied> {
                let done = $run(|| {
                    sqlx::query("DELETE FROM notes WHERE id = $1 AND user_id = $2")
                        .bind(id.as_bytes().as_slice())
                        .bind(user.as_bytes().as_slice())
                        .execute(&self.pool)
                });
                Ok(applied(done.await?.rows_affected()))
            }
        }
    };
}

pub(super) use notes;
