//! The provider's access token in place of this server's: one server at a time refreshes it for a session.

use std::{sync::Arc, time::Duration};

use nolapse::wire::EndReason;
use tokio::time::{Instant, sleep};

use super::{Provider, SealKey, StoredTokens, token_endpoint::NotRefreshed};
use crate::{
    clock,
    domain::{Applied, ProviderSession, SessionId, Store, StoreError, StoreResult, Timestamp},
};

/// How long one server may ask the provider and write its answer. Longer than a request to a provider takes at most.
const LEASE: Duration = Duration::from_secs(30);
/// How long a request waits for the tokens that another one asks for.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often a database that failed is asked to take the provider's new tokens.
const WRITE_EVERY: Duration = Duration::from_millis(500);
/// How long before its end an access token is replaced: a sixth of its life, and not more.
const LEAD: Duration = Duration::from_secs(60);
/// A token that is younger is not replaced because an API refused it: another tab's refusal has replaced it.
const YOUNG: Duration = Duration::from_secs(10);

/// An access token of the provider.
pub(crate) struct Mediated {
    pub(crate) access_token: String,
    /// How long it is valid, from now on.
    pub(crate) lifetime: Duration,
}

/// What a mediated session has.
pub(crate) enum Mediation {
    /// An access token.
    Token(Mediated),
    /// The provider refuses for good, or there is no way to ask it: the session is over.
    Over(EndReason),
    /// The provider does not answer, or another request takes too long: a repeat may succeed.
    Unavailable,
}

/// What a look at a session's row says.
enum Look {
    Done(Mediation),
    /// Another server asks.
    Wait,
    /// The tokens must be replaced.
    Ask(StoredTokens),
}

impl Provider {
    /// Returns a session's access token of the provider, replaced if it is about to expire or, with `is_refused`, because an
    /// API refused it.
    ///
    /// Of any number of requests at any number of servers, one asks the provider: with one refresh token it is never asked
    /// twice, so that a provider that rotates sees no reuse (RFC 9700 §4.14.2).
    pub(crate) async fn mediate(
        self: &Arc<Self>,
        store: &Arc<dyn Store>,
        seal: &SealKey,
        session: SessionId,
        is_refused: bool,
    ) -> StoreResult<Mediation> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let Some(row) = store.provider_session(session).await? else {
                return Ok(Mediation::Over(EndReason::Revoked));
            };
            match look(clock::now(), seal, &row, is_refused) {
                Look::Done(mediation) => return Ok(mediation),
                Look::Wait => {}
                Look::Ask(tokens) => {
                    let asked = self.lease_and_ask(store, seal, &row, tokens).await?;
                    if let Some(mediation) = asked {
                        return Ok(mediation);
                    }
                }
            }
            if Instant::now() >= deadline {
                return Ok(Mediation::Unavailable);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Takes the lease and replaces the tokens; `None` if another one was first.
    async fn lease_and_ask(
        self: &Arc<Self>,
        store: &Arc<dyn Store>,
        seal: &SealKey,
        row: &ProviderSession,
        tokens: StoredTokens,
    ) -> StoreResult<Option<Mediation>> {
        let until = clock::now() + LEASE;
        let sealed = seal.seal(&purpose(row.session), &tokens);
        let leased = store.replace_provider_tokens(row, &sealed, Some(until));
        if leased.await? == Applied::No {
            return Ok(None);
        }
        let row = ProviderSession {
            version: row.version + 1,
            sealed: Some(sealed),
            leased_until: Some(until),
            ..row.clone()
        };
        let (provider, store, seal) = (Arc::clone(self), Arc::clone(store), seal.clone());
        // Not a part of the request: a page that is closed meanwhile must not lose the provider's new refresh token.
        let asking =
            tokio::spawn(async move { provider.ask_once(&*store, &seal, row, tokens).await });
        match asking.await {
            Ok(asked) => asked.map(Some),
            Err(_) => Ok(Some(Mediation::Unavailable)),
        }
    }

    async fn ask_once(
        &self,
        store: &dyn Store,
        seal: &SealKey,
        row: ProviderSession,
        tokens: StoredTokens,
    ) -> StoreResult<Mediation> {
        let refresh_token = tokens.refresh_token.clone().unwrap_or_default();
        let refreshed = self.refresh(&refresh_token).await;
        let now = clock::now();
        match refreshed {
            Ok(new) => {
                let tokens = tokens.with(now, new);
                write(store, seal, &row, &tokens).await?;
                Ok(Mediation::Token(token(now, &tokens)))
            }
            Err(NotRefreshed::InvalidGrant) => {
                tracing::warn!(session = %row.session, provider = row.provider,
                    "a provider refused a refresh token: session ended");
                store
                    .end_session(row.session, now, EndReason::Revoked)
                    .await?;
                Ok(Mediation::Over(EndReason::Revoked))
            }
            Err(NotRefreshed::Failed) => {
                write(store, seal, &row, &tokens).await?;
                // What there is may still be valid.
                let left = Timestamp::from_millis(tokens.expires_at).since(now);
                let usable = tokens.access_token.is_some() && left > Duration::from_secs(5);
                Ok(if usable {
                    Mediation::Token(token(now, &tokens))
                } else {
                    Mediation::Unavailable
                })
            }
        }
    }
}

/// Writes tokens and gives the lease back. The provider may have replaced the refresh token: while the lease lasts, a database
/// that fails is asked again.
async fn write(
    store: &dyn Store,
    seal: &SealKey,
    row: &ProviderSession,
    tokens: &StoredTokens,
) -> StoreResult<()> {
    let sealed = seal.seal(&purpose(row.session), tokens);
    loop {
        match store.replace_provider_tokens(row, &sealed, None).await {
            // `No`: the session ended, or the lease did.
            Ok(Applied::Yes | Applied::No) => return Ok(()),
            Err(error) if is_over(row) => return Err(error),
            Err(error) => {
                let error: StoreError = error;
                tracing::warn!(%error, "a provider's tokens were not written; trying again");
                sleep(WRITE_EVERY).await;
            }
        }
    }
}

fn is_over(row: &ProviderSession) -> bool {
    row.leased_until.is_none_or(|until| until <= clock::now())
}

fn look(now: Timestamp, seal: &SealKey, row: &ProviderSession, is_refused: bool) -> Look {
    let opened = row.sealed.as_deref().and_then(|sealed| {
        let tokens: Option<StoredTokens> = seal.open(&purpose(row.session), sealed);
        tokens
    });
    // Deleted when the session ended, or sealed with a key that was replaced since.
    let Some(tokens) = opened else {
        return Look::Done(Mediation::Over(EndReason::Revoked));
    };
    let expires_at = Timestamp::from_millis(tokens.expires_at);
    let obtained_at = Timestamp::from_millis(tokens.obtained_at);
    let lead = (expires_at.since(obtained_at) / 6).min(LEAD);
    let is_fresh = tokens.access_token.is_some() && expires_at.since(now) > lead;
    let is_young = now.since(obtained_at) < YOUNG;
    if is_fresh && (is_young || !is_refused) {
        return Look::Done(Mediation::Token(token(now, &tokens)));
    }
    if tokens.refresh_token.is_none() {
        let left = expires_at.since(now);
        return Look::Done(if left.is_zero() {
            Mediation::Over(EndReason::Expired)
        } else {
            Mediation::Token(token(now, &tokens))
        });
    }
    if row.leased_until.is_some_and(|until| until > now) {
        return Look::Wait;
    }
    Look::Ask(tokens)
}

fn token(now: Timestamp, tokens: &StoredTokens) -> Mediated {
    Mediated {
        access_token: tokens.access_token.clone().unwrap_or_default(),
        lifetime: Timestamp::from_millis(tokens.expires_at).since(now),
    }
}

/// Names what is sealed, and the session it is of.
pub(crate) fn purpose(session: SessionId) -> Vec<u8> {
    [b"nolapse 1 provider tokens".as_slice(), session.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
