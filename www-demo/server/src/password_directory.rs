//! The reference user directory: users in a repository, passwords as Argon2id hashes.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    clock,
    domain::{
        Applied, DirectoryError, Email, Password, PasswordHash, Role, Store, StoreResult,
        Timestamp, User, UserDirectory, UserId,
    },
    passwords::{HashError, Passwords},
};

/// The users of a [`PasswordDirectory`] in their database.
///
/// "Not found" is `Ok(None)`, never an error.
#[async_trait]
pub trait UserRepository: Send + Sync + 'static {
    /// Returns the user with this id.
    async fn find(&self, id: UserId) -> StoreResult<Option<User>>;

    /// Returns the user with this address, disabled or not.
    async fn find_by_email(&self, email: &Email) -> StoreResult<Option<User>>;

    /// Adds a user, unless the address has an account.
    async fn add(&self, user: &User) -> StoreResult<Applied>;

    /// Replaces the password hash of `user`, unless it has changed. Without this method, a hash keeps its cost when
    /// `password_memory_kib` is raised.
    async fn replace_password(&self, _: &User, _: &PasswordHash) -> StoreResult<Applied> {
        Ok(Applied::No)
    }

    /// Returns the highest cost of a stored hash ([`PasswordHash::cost`]), so that the time of a response does not
    /// reveal which accounts have older hashes. Without this method, all hashes are taken to have the configured cost.
    async fn costliest_password(&self) -> StoreResult<u64> {
        Ok(0)
    }
}

#[async_trait]
impl UserRepository for Arc<dyn Store> {
    async fn find(&self, id: UserId) -> StoreResult<Option<User>> {
        self.user(id).await
    }

    async fn find_by_email(&self, email: &Email) -> StoreResult<Option<User>> {
        self.user_by_email(email).await
    }

    async fn add(&self, user: &User) -> StoreResult<Applied> {
        self.add_user(user).await
    }

    async fn replace_password(&self, user: &User, new: &PasswordHash) -> StoreResult<Applied> {
        (**self).replace_password(user, new).await
    }

    async fn costliest_password(&self) -> StoreResult<u64> {
        (**self).costliest_password().await
    }
}

/// Users with passwords.
pub struct PasswordDirectory {
    users: Arc<dyn UserRepository>,
    passwords: Passwords,
}

impl PasswordDirectory {
    /// Creates a directory over a repository.
    #[must_use]
    pub fn new(users: Arc<dyn UserRepository>, passwords: Passwords) -> Self {
        Self { users, passwords }
    }
}

#[async_trait]
impl UserDirectory for PasswordDirectory {
    async fn find(&self, id: UserId) -> StoreResult<Option<User>> {
        self.users.find(id).await
    }

    async fn find_by_email(&self, email: &Email) -> StoreResult<Option<User>> {
        self.users.find_by_email(email).await
    }

    async fn verify(
        &self,
        user: Option<User>,
        password: &Password,
    ) -> Result<Option<User>, DirectoryError> {
        let costliest = self.users.costliest_password().await?;
        let stored = user.as_ref().map(|user| user.password.clone());
        let checked = self.passwords.check(password.clone(), stored, costliest);
        let checked = checked.await?;
        let Some(mut user) = user.filter(|_| checked.matches) else {
            return Ok(None);
        };
        if let Some(renewed) = checked.renewed
            && self.users.replace_password(&user, &renewed).await? == Applied::Yes
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
        let added = self.users.add(&user).await?;
        Ok((added == Applied::Yes).then_some(user))
    }

    async fn create_federated(
        &self,
        now: Timestamp,
        email: Option<Email>,
    ) -> Result<Option<User>, DirectoryError> {
        let id = UserId::from_bytes(clock::random());
        let user = User {
            id,
            email: email.unwrap_or_else(|| Email::missing(id)),
            // No password matches it.
            password: PasswordHash::from_text(String::new()),
            role: Role::Member,
            disabled: false,
            created_at: now,
        };
        let added = self.users.add(&user).await?;
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
