//! The accounts behind a sign-in.

use std::fmt;

use async_trait::async_trait;

use crate::{
    Email, Password, Session, SessionId, SessionService, StoreError, StoreResult, Timestamp, User,
    UserId,
};

/// Why credentials were neither accepted nor rejected, or no user was created.
#[derive(Debug)]
pub enum DirectoryError {
    /// Too many verifications are under way; a repeat may succeed.
    Busy,
    /// A new password is among the common ones, or close to one (NIST SP 800-63B §5.1.1.2).
    CommonPassword,
    /// The verification failed for an internal reason, such as a lack of memory.
    Failed,
    /// The database behind the directory failed.
    Store(StoreError),
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => formatter.write_str("too many verifications are under way"),
            Self::CommonPassword => formatter.write_str("the password is a common one"),
            Self::Failed => formatter.write_str("the credentials could not be verified"),
            Self::Store(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for DirectoryError {}

impl From<StoreError> for DirectoryError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Looks users up, verifies their credentials and creates them.
///
/// "Not found" is `Ok(None)`, never an error.
#[async_trait]
pub trait UserDirectory: Send + Sync + 'static {
    /// Returns the current state of the user with this id.
    ///
    /// Called at each refresh: a changed role is in the next access token, and the session of a user who is disabled
    /// or missing ends.
    async fn find(&self, id: UserId) -> StoreResult<Option<User>>;

    /// Returns the user with this address, disabled or not.
    async fn find_by_email(&self, email: &Email) -> StoreResult<Option<User>>;

    /// Returns `user` if the password is right, with a new [`User::password`] if the hash was replaced.
    ///
    /// `None` stands for an unknown or disabled account. It must take as long as a wrong password, so that the time
    /// of a response does not reveal whether an account exists.
    ///
    /// # Errors
    /// Fails if the password could not be verified.
    async fn verify(
        &self,
        user: Option<User>,
        password: &Password,
    ) -> Result<Option<User>, DirectoryError>;

    /// Creates a user; `None` if the address has an account.
    ///
    /// Called for `POST /auth/sign-up`, which the setting `sign_up` closes.
    ///
    /// # Errors
    /// Fails if the password is a common one, or could not be hashed or stored.
    async fn create(
        &self,
        now: Timestamp,
        email: Email,
        password: Password,
    ) -> Result<Option<User>, DirectoryError>;

    /// Creates a user without a password, whom an identity provider authenticated; `None` if the address has an account.
    /// `email` is one that the provider has verified.
    ///
    /// Without this method no user is created: only those sign in through a provider who have linked their account to it.
    ///
    /// # Errors
    /// Fails if the user could not be stored.
    async fn create_federated(
        &self,
        _now: Timestamp,
        _email: Option<Email>,
    ) -> Result<Option<User>, DirectoryError> {
        Err(DirectoryError::Failed)
    }
}

impl SessionService {
    /// Finds a session, and its user in the directory. A user who is missing there counts as disabled.
    pub(super) async fn session(&self, id: SessionId) -> StoreResult<Option<(Session, User)>> {
        let row = self.store.session(id).await?;
        let (Some((session, stored)), Some(users)) = (&row, &self.users) else {
            return Ok(row);
        };
        let user = users.find(session.user).await?;
        let user = user.unwrap_or_else(|| User {
            disabled: true,
            ..stored.clone()
        });
        Ok(Some((session.clone(), user)))
    }

    /// Adds the row that sessions and identities of a directory's user refer to.
    ///
    /// # Errors
    /// Fails if the store fails.
    pub async fn refer_to(&self, user: &User) -> StoreResult<()> {
        if self.users.is_some() && !self.store.has_user(user.id).await? {
            self.store.add_user(&user.reference()).await?;
        }
        Ok(())
    }
}
