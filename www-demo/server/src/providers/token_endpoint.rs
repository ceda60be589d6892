//! Codes and refresh tokens, exchanged for tokens (RFC 6749 §4.1.3 and §6).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Provider, ProviderError, Transaction, discovery::Metadata, http::Reply};
use crate::domain::Timestamp;

/// The life of an access token whose response does not say it, in seconds.
const DEFAULT_LIFETIME: u64 = 300;
/// The longest ID token that is kept for a sign-out at the provider: it becomes a part of a URL.
const MAX_HINT_BYTES: usize = 4_096;

/// A response of a token endpoint.
#[derive(Deserialize)]
pub(crate) struct Tokens {
    pub(super) access_token: String,
    token_type: String,
    expires_in: Option<u64>,
    refresh_token: Option<String>,
    pub(super) id_token: Option<String>,
}

/// The tokens of a session, as they are encrypted in the database.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(crate) struct StoredTokens {
    /// For a sign-out at the provider.
    pub(crate) id_token: Option<String>,
    pub(super) access_token: Option<String>,
    pub(super) refresh_token: Option<String>,
    /// Milliseconds since 1970.
    pub(super) obtained_at: u64,
    /// Milliseconds since 1970.
    pub(super) expires_at: u64,
}

impl fmt::Debug for StoredTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredTokens(…)")
    }
}

/// Why a refresh token gave no tokens.
#[derive(Debug)]
pub(super) enum NotRefreshed {
    /// The provider refuses it for good: `invalid_grant` (RFC 6749 §5.2).
    InvalidGrant,
    /// Anything else: a repeat may succeed.
    Failed,
}

impl StoredTokens {
    /// Keeps of a response what the provider's sign-out needs; with `mediate` also what a refresh needs.
    pub(crate) fn of(now: Timestamp, tokens: Tokens, is_mediated: bool) -> Self {
        let id_token = tokens.id_token.clone();
        let own = Self {
            id_token: id_token.filter(|token| token.len() <= MAX_HINT_BYTES),
            ..Self::default()
        };
        if is_mediated {
            own.with(now, tokens)
        } else {
            own
        }
    }

    /// Replaces the tokens by those of a refresh. A provider that does not rotate sends no new refresh token (RFC 6749 §6).
    pub(super) fn with(self, now: Timestamp, tokens: Tokens) -> Self {
        let lifetime = tokens.expires_in.unwrap_or(DEFAULT_LIFETIME);
        Self {
            id_token: self.id_token,
            access_token: Some(tokens.access_token),
            refresh_token: tokens.refresh_token.or(self.refresh_token),
            obtained_at: now.as_millis(),
            expires_at: now
                .as_millis()
                .saturating_add(lifetime.saturating_mul(1_000)),
        }
    }
}

impl Provider {
    /// Exchanges a code.
    pub(crate) async fn exchange(
        &self,
        code: &str,
        redirect_uri: &str,
        transaction: &Transaction,
    ) -> Result<Tokens, ProviderError> {
        let metadata = self.discovery.metadata().await?;
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", &transaction.verifier),
        ];
        let reply = self.ask(&metadata, &parameters).await?;
        match (reply.status.is_success(), error_of(&reply)) {
            (true, _) => read(&reply),
            (false, Some(error)) if error == "invalid_grant" => Err(ProviderError::Refused("code")),
            (false, _) => {
                tracing::warn!(status = %reply.status, "a provider's token endpoint refused");
                Err(ProviderError::Failed("token_endpoint"))
            }
        }
    }

    /// Exchanges a refresh token, once.
    pub(super) async fn refresh(&self, refresh_token: &str) -> Result<Tokens, NotRefreshed> {
        let metadata = self.discovery.metadata().await;
        let metadata = metadata.map_err(|_| NotRefreshed::Failed)?;
        let parameters = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        let reply = self.ask(&metadata, &parameters).await;
        let reply = reply.map_err(|_| NotRefreshed::Failed)?;
        if reply.status.is_success() {
            return read(&reply).map_err(|_| NotRefreshed::Failed);
        }
        let is_client_error = reply.status.is_client_error();
        let is_invalid = error_of(&reply).is_some_and(|error| error == "invalid_grant");
        if is_client_error && is_invalid {
            return Err(NotRefreshed::InvalidGrant);
        }
        tracing::warn!(status = %reply.status, "a provider's token endpoint refused");
        Err(NotRefreshed::Failed)
    }

    /// Tells the provider that a refresh token is not needed any more (RFC 7009). What it answers changes nothing.
    pub(crate) async fn revoke(&self, tokens: &StoredTokens) {
        let Some(token) = &tokens.refresh_token else {
            return;
        };
        let told = async {
            let metadata = self.discovery.metadata().await.ok()?;
            let endpoint = metadata.revocation.as_ref()?;
            let parameters = [
                ("token", token.as_str()),
                ("token_type_hint", "refresh_token"),
            ];
            let asked = self.authenticate(&metadata, &parameters).ok()?;
            endpoint.post(asked.authorization, asked.form).await.ok()
        };
        if told.await.is_none_or(|reply| !reply.status.is_success()) {
            tracing::warn!("a provider did not revoke a refresh token");
        }
    }

    async fn ask(
        &self,
        metadata: &Metadata,
        parameters: &[(&str, &str)],
    ) -> Result<Reply, ProviderError> {
        let asked = self.authenticate(metadata, parameters)?;
        let reply = metadata.token.post(asked.authorization, asked.form).await;
        let reply = reply.inspect_err(|error| {
            tracing::warn!(%error, endpoint = metadata.token.url, "a provider did not answer");
        });
        reply.map_err(|_| ProviderError::Failed("token_endpoint"))
    }
}

fn read(reply: &Reply) -> Result<Tokens, ProviderError> {
    let tokens: Option<Tokens> = serde_json::from_slice(&reply.body).ok();
    let tokens = tokens.filter(|tokens| tokens.token_type.eq_ignore_ascii_case("bearer"));
    tokens.ok_or(ProviderError::Failed("token_response"))
}

fn error_of(reply: &Reply) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal: Option<Refusal> = serde_json::from_slice(&reply.body).ok();
    refusal.map(|refusal| refusal.error)
}
