//! The reference user directory: users in the session store, passwords as Argon2id hashes.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    clock,
    domain::{
        Applied, DirectoryError, Email, Password, Role, Store, StoreResult, Timestamp, User,
        UserDirectory, UserId,
    },
    passwords::{HashError, Passwords},
};

/// Users as rows of the session store.
pub struct PasswordDirectory {
    store: Arc<dyn Store>,
    passwords: Passwords,
}

impl PasswordDirectory {
    /// Creates a directory over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, passwords: Passwords) -> Self {
        Self { store, passwords }
    }
}

#[async_trait]
impl UserDirectory for PasswordDirectory {
    async fn find(&self, id: UserId) -> StoreResult<Option<User>> {
        self.store.user(id).await
    }

    async fn find_by_email(&self, email: &Email) -> StoreResult<Option<User>> {
        self.store.user_by_email(email).await
    }

    async fn verify(
        &self,
        user: Option<User>,
        password: &Password,
    ) -> Result<Option<User>, DirectoryError> {
        let costliest = self.store.costliest_password().await?;
        let stored = user.as_ref().map(|user| user.password.clone());
        let checked = self.passwords.check(password.clone(), stored, costliest);
        let checked = checked.await?;
        let Some(mut user) = user.filter(|_| checked.matches) else {
            return Ok(None);
        };
        if let Some(renewed) = checked.renewed
            && self.store.replace_password(&user, &renewed).await? == Applied::Yes
        {
            user.password = renewed;
        }
        Ok(Some(user))
    }

    async fn create(
        &self,
        now: Timestamp,
        email: Email,
        password: Password,
    ) -> Result<Option<User>, DirectoryError> {
        let user = User {
            id: UserId::from_bytes(clock::random()),
            email,
            password: self.passwords.hash_new(password).await?,
            role: Role::Member,
            disabled: false,
            created_at: now,
        };
        let added = self.store.add_user(&user).await?;
        Ok((added == Applied::Yes).then_some(user))
    }
}

impl From<HashError> for DirectoryError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Failed => Self::Failed,
            HashError::Common => Self::CommonPassword,
        }
    }
}
