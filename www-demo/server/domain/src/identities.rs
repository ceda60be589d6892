//! Users and sessions at identity providers.

use std::fmt;

use async_trait::async_trait;

use crate::{Applied, SessionId, StoreResult, Timestamp, User, UserId};

/// A user at a provider: neither part alone names one (`OpenID` Connect Core 1.0 §5.7).
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's `iss`.
    pub issuer: String,
    /// The user's `sub` there.
    pub subject: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity({}, …)", self.issuer)
    }
}

/// What a session has at the provider that it was opened by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSession {
    /// The session.
    pub session: SessionId,
    /// The provider's name in the settings.
    pub provider: String,
    /// The user there.
    pub identity: Identity,
    /// The provider's name of the session, `sid`.
    pub sid: Option<String>,
    /// The provider's tokens, encrypted; `None` once the session has ended.
    pub sealed: Option<Vec<u8>>,
    /// One more with each change.
    pub version: u64,
    /// A server asks the provider for new tokens until then.
    pub leased_until: Option<Timestamp>,
}

/// A hash of what counts once.
pub type Mark = [u8; 32];

/// Identities, and sessions at providers. Each method is one atomic step.
#[async_trait]
pub trait ProviderStore: Send + Sync + 'static {
    /// Finds the user of an identity.
    async fn user_of_identity(&self, identity: &Identity) -> StoreResult<Option<User>>;

    /// Gives an identity to a user. [`Applied::No`] if another user has it; a repeat counts as applied.
    async fn add_identity(
        &self,
        identity: &Identity,
        user: UserId,
        at: Timestamp,
    ) -> StoreResult<Applied>;

    /// Adds what a session has at its provider. [`Applied::No`] if the session is missing.
    async fn add_provider_session(&self, row: &ProviderSession) -> StoreResult<Applied>;

    /// Finds what a session has at its provider.
    async fn provider_session(&self, id: SessionId) -> StoreResult<Option<ProviderSession>>;

    /// Replaces the encrypted tokens and the lease, if the row still has the version of `read` and its tokens were not deleted
    /// (compare-and-swap). Of any number of servers, exactly one succeeds; the version is one more then.
    async fn replace_provider_tokens(
        &self,
        read: &ProviderSession,
        sealed: &[u8],
        leased_until: Option<Timestamp>,
    ) -> StoreResult<Applied>;

    /// Lists the live sessions of a provider: those with this subject, with this `sid`, or with both if both are given.
    async fn sessions_at_provider(
        &self,
        issuer: &str,
        subject: Option<&str>,
        sid: Option<&str>,
    ) -> StoreResult<Vec<SessionId>>;

    /// Sets a mark until then. [`Applied::No`] if it was set before.
    async fn set_mark(&self, mark: &Mark, until: Timestamp) -> StoreResult<Applied>;

    /// Returns whether a mark is set.
    async fn has_mark(&self, mark: &Mark) -> StoreResult<bool>;

    /// Deletes the marks that were set until before `now`; returns how many.
    async fn prune_marks(&self, now: Timestamp) -> StoreResult<u64>;
}
