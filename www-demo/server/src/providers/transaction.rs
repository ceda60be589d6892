//! One sign-in under way: what the provider carries back in `state`, and what the browser keeps in a cookie.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::SealKey;
use crate::{
    clock,
    domain::{KeyThumbprint, Mark, Timestamp},
};

/// How long a sign-in may take.
pub(crate) const TRANSACTION_LIFETIME: Duration = Duration::from_mins(10);
/// How long a `state` still leads back to its page: a callback that comes again after the sign-in.
const STATE_LIFETIME: Duration = Duration::from_hours(24);

/// How the result is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Display {
    /// By a redirect to the page.
    Redirect,
    /// By a message to the page that opened a window.
    Popup,
}

/// What `state` has (RFC 6749 §4.1.1): where to go, whatever happens.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SignInState {
    /// The transaction's id.
    pub(crate) id: String,
    /// The provider's name.
    pub(crate) provider: String,
    /// The absolute URL of the page.
    pub(crate) return_to: String,
    /// How the result is shown.
    pub(crate) display: Display,
    /// Milliseconds since 1970.
    expires_at: u64,
}

/// What the browser's cookie has: the secrets of a sign-in.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Transaction {
    /// The id.
    pub(crate) id: String,
    /// The provider's name (RFC 9700 §4.4.2).
    pub(crate) provider: String,
    /// `nonce` of the ID token.
    pub(crate) nonce: String,
    /// `code_verifier` (RFC 7636).
    pub(crate) verifier: String,
    /// The session to whose user the identity is added.
    pub(crate) link: Option<String>,
    /// The session that the new one replaces.
    pub(crate) before: Option<String>,
    /// The thumbprint of the key that the new session is bound to, in base64url.
    pub(crate) jkt: Option<String>,
    /// Milliseconds since 1970.
    expires_at: u64,
}

impl SignInState {
    pub(crate) fn new(now: Timestamp, id: &str, provider: &str, to: (String, Display)) -> Self {
        Self {
            id: id.to_owned(),
            provider: provider.to_owned(),
            return_to: to.0,
            display: to.1,
            expires_at: (now + STATE_LIFETIME).as_millis(),
        }
    }

    pub(crate) fn seal(&self, key: &SealKey) -> String {
        key.seal_text(b"nolapse 1 provider state", self)
    }

    pub(crate) fn open(now: Timestamp, key: &SealKey, text: &str) -> Option<Self> {
        let state: Self = key.open_text(b"nolapse 1 provider state", text)?;
        (now.as_millis() < state.expires_at).then_some(state)
    }
}

impl Transaction {
    pub(crate) fn new(
        now: Timestamp,
        provider: &str,
        link: Option<String>,
        before: Option<String>,
    ) -> Self {
        Self {
            id: random_text::<16>(),
            provider: provider.to_owned(),
            nonce: random_text::<16>(),
            verifier: random_text::<32>(),
            link,
            before,
            jkt: None,
            expires_at: (now + TRANSACTION_LIFETIME).as_millis(),
        }
    }

    /// Binds the session to a key (RFC 9449 §10), if there is one.
    pub(crate) fn with_key(mut self, jkt: Option<KeyThumbprint>) -> Self {
        self.jkt = jkt.map(|jkt| Base64UrlUnpadded::encode_string(jkt.as_bytes()));
        self
    }

    /// Returns the key that the session is bound to.
    pub(crate) fn key(&self) -> Option<KeyThumbprint> {
        self.jkt.as_deref().and_then(KeyThumbprint::parse)
    }

    pub(crate) fn seal(&self, key: &SealKey) -> String {
        key.seal_text(b"nolapse 1 provider transaction", self)
    }

    pub(crate) fn open(now: Timestamp, key: &SealKey, text: &str) -> Option<Self> {
        let open: Self = key.open_text(b"nolapse 1 provider transaction", text)?;
        (now.as_millis() < open.expires_at).then_some(open)
    }

    /// Returns `code_challenge` (RFC 7636 §4.2).
    pub(crate) fn challenge(&self) -> String {
        Base64UrlUnpadded::encode_string(&Sha256::digest(&self.verifier))
    }

    /// Returns when it began, to sort by.
    pub(crate) const fn age_key(&self) -> u64 {
        self.expires_at
    }
}

/// Returns the mark of what counts once.
pub(crate) fn mark(kind: &str, parts: &[&str]) -> Mark {
    let mut hash = Sha256::new();
    hash.update(kind);
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

pub(super) fn random_text<const N: usize>() -> String {
    Base64UrlUnpadded::encode_string(&clock::random::<N>())
}
