//! What servers of the operator's own authenticate with.

use std::fmt;

use hmac::digest::CtOutput;
use sha2::{Digest, Sha256};

use super::{
    Config, ConfigError,
    reader::{Reader, refuse},
};

/// The fewest characters of a secret.
const MIN_SECRET_CHARS: usize = 32;

/// The expected form of `SERVER_SECRETS`.
const SERVER_SECRETS: &str = "secrets of at least 32 characters each, separated by commas; a secret has A-Z, a-z, 0-9 \
     and -._~+/ with = at its end, as openssl rand -base64 32 prints it";

/// The secrets of `SERVER_SECRETS`, of which only hashes are kept. Several, so that one can replace another.
#[derive(Clone, Default)]
pub struct ServerSecrets(Vec<CtOutput<Sha256>>);

impl ServerSecrets {
    /// Reads secrets separated by commas.
    ///
    /// # Errors
    /// Fails if one has fewer than 32 characters, or others than a bearer token has (RFC 6750 §2.1).
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let secrets = text.split(',').map(str::trim);
        if !secrets.clone().all(is_secret) {
            return refuse("SERVER_SECRETS", SERVER_SECRETS);
        }
        Ok(Self(secrets.map(hash).collect()))
    }

    /// Returns whether there are none: no server is authenticated.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether `presented` is one of the secrets. The time depends on neither.
    pub(crate) fn contains(&self, presented: &str) -> bool {
        let presented = hash(presented);
        // All are compared, whichever it is.
        let found = self.0.iter().filter(|secret| **secret == presented);
        found.count() > 0
    }
}

impl fmt::Debug for ServerSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ServerSecrets({})", self.0.len())
    }
}

impl Config {
    pub(super) fn with_servers(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        let server_secrets = match read.text("SERVER_SECRETS") {
            None => self.server_secrets,
            Some(text) => ServerSecrets::parse(&text)?,
        };
        Ok(Self {
            server_secrets,
            ..self
        })
    }
}

/// Returns whether a secret is long enough, and a `b64token` (RFC 6750 §2.1).
pub(super) fn is_secret(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let body = text.trim_end_matches('=');
    text.len() >= MIN_SECRET_CHARS && !body.is_empty() && body.bytes().all(plain)
}

fn hash(secret: &str) -> CtOutput<Sha256> {
    CtOutput::new(Sha256::digest(secret))
}
