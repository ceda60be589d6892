//! Contexts: what an access token is restricted to beside its user, such as an organisation, an audience (RFC 8707) or a role.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde_json::Value;

use crate::domain::{Role, Store, StoreResult, User};

/// What the access token of a context has.
#[derive(Clone, Debug, Default)]
pub struct ContextGrant {
    /// `aud`; `None` for that of the server.
    pub audience: Option<String>,
    /// `role`; `None` for that of the user.
    pub role: Option<Role>,
    /// Further claims. Those that every token has are not replaced.
    pub claims: BTreeMap<String, Value>,
}

/// Decides which contexts the access tokens of a user may have.
#[async_trait]
pub trait ContextPolicy: Send + Sync + 'static {
    /// Returns what a token of this context has; `None` if the context is refused. Called at each refresh that requests it, so
    /// that a change is in the next access token.
    async fn grant(&self, user: &User, context: &str) -> StoreResult<Option<ContextGrant>>;
}

/// The contexts in the store: the user's role in each.
#[async_trait]
impl ContextPolicy for Arc<dyn Store> {
    async fn grant(&self, user: &User, context: &str) -> StoreResult<Option<ContextGrant>> {
        let role = self.role_within(user.id, context).await?;
        Ok(role.map(|role| ContextGrant {
            role: Some(role),
            ..ContextGrant::default()
        }))
    }
}
