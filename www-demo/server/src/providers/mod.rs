//! Identity providers: this server is their confidential client (`OpenID` Connect Core 1.0; RFC 10017 §6.2).
//!
//! What is sent to a browser of theirs is sealed: `state` and the transaction's cookie. Their tokens are sealed in the
//! database. Documents are bounded, redirects are not followed, and each ID token is judged by [`id_token`].

mod client;
mod discovery;
mod http;
mod id_token;
mod jws;
mod logout_token;
mod mediation;
mod seal;
mod token_endpoint;
mod transaction;

use std::{fmt, io, sync::Arc};

pub(crate) use id_token::IdClaims;
pub(crate) use logout_token::LoggedOut;
pub(crate) use mediation::{Mediated, Mediation, purpose};
pub(crate) use seal::SealKey;
pub(crate) use token_endpoint::{StoredTokens, Tokens};
pub(crate) use transaction::{Display, SignInState, TRANSACTION_LIFETIME, Transaction, mark};

use client::ClientKey;
use discovery::Discovery;

use crate::config::{ClientCredential, ProviderConfig};

/// Why a sign-in through a provider failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProviderError {
    /// The user or the provider said no.
    Denied,
    /// The provider is unreachable, failed, or sent what cannot be read.
    Failed(&'static str),
    /// What arrived is not what was asked for, or is not the provider's.
    Refused(&'static str),
    /// The verified e-mail address, or the identity, is another account's.
    AccountExists,
}

impl ProviderError {
    /// Returns the code that a page gets.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Denied => "provider_denied",
            Self::Failed(_) => "provider_failed",
            Self::Refused(_) => "provider_refused",
            Self::AccountExists => "account_exists",
        }
    }

    /// Returns the reason in the security log.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Denied => "access_denied",
            Self::Failed(reason) | Self::Refused(reason) => reason,
            Self::AccountExists => "account_exists",
        }
    }
}

/// Why a provider cannot be used as it is set up.
#[derive(Debug)]
pub enum ProviderSetupError {
    /// The private key cannot be read.
    Key(io::Error),
    /// The private key is none of P-256, RSA and Ed25519 in PKCS #8.
    KeyForm,
}

impl fmt::Display for ProviderSetupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(error) => write!(formatter, "the private key cannot be read ({error})"),
            Self::KeyForm => formatter.write_str(
                "the private key must be one of P-256, RSA or Ed25519, in PEM and PKCS #8",
            ),
        }
    }
}

/// One provider.
pub(crate) struct Provider {
    pub(crate) config: ProviderConfig,
    key: Option<ClientKey>,
    discovery: Discovery,
}

/// The providers of the settings.
pub(crate) struct Providers {
    all: Vec<Arc<Provider>>,
    pub(crate) seal: SealKey,
}

impl Providers {
    /// Reads the private keys of the providers. None is asked anything.
    pub(crate) fn new(
        configs: &[ProviderConfig],
        key: [u8; 32],
    ) -> Result<Self, (String, ProviderSetupError)> {
        let all = configs.iter().map(|config| {
            let key = match &config.credential {
                ClientCredential::Secret(_) => None,
                ClientCredential::PrivateKey(file) => {
                    let key = ClientKey::read(file).map_err(|error| (config.name.clone(), error));
                    Some(key?)
                }
            };
            Ok(Arc::new(Provider {
                discovery: Discovery::new(config),
                key,
                config: config.clone(),
            }))
        });
        Ok(Self {
            all: all.collect::<Result<_, _>>()?,
            seal: SealKey::new(key),
        })
    }

    /// Returns all providers, in the order of the settings.
    pub(crate) fn all(&self) -> &[Arc<Provider>] {
        &self.all
    }

    /// Finds a provider by its name.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Provider>> {
        self.all.iter().find(|one| one.config.name == name)
    }
}
