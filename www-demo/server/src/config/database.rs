//! The database, and the keys that are encrypted in it.

use std::path::PathBuf;

use super::{
    Config, ConfigError,
    reader::{Bounded, Reader, refuse},
};
use crate::{keys::KeyPolicy, store::DATABASE_URLS};

impl Config {
    pub(super) fn with_database_and_keys(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        let rotation = read.seconds(
            Bounded(
                "KEY_ROTATION_SECONDS",
                0..=31_536_000,
                "whole seconds, 0 to 31536000; 0 rotates by command alone",
            ),
            self.key_rotation.unwrap_or_default(),
        )?;
        let database_urls = match read.text("DATABASE_URLS") {
            None => self.database_urls,
            Some(_) if read.text("DATABASE_URL").is_some() => {
                return refuse("DATABASE_URL", "unset: DATABASE_URLS names the databases");
            }
            Some(text) => match text.parse() {
                Ok(urls) => Some(urls),
                Err(()) => return refuse("DATABASE_URLS", DATABASE_URLS),
            },
        };
        let key_file = read.text("KEY_FILE").map(PathBuf::from);
        Ok(Self {
            database_url: read.text("DATABASE_URL").unwrap_or(self.database_url),
            database_urls,
            database_connections: read.number(
                Bounded(
                    "DATABASE_CONNECTIONS",
                    1..=500,
                    "a number of connections, 1 to 500",
                ),
                self.database_connections,
            )?,
            database_pooler: read.parsed(
                "DATABASE_POOLER",
                "none or transaction",
                self.database_pooler,
            )?,
            key_file: key_file.unwrap_or(self.key_file),
            key_wait: read.seconds(
                Bounded("KEY_WAIT_SECONDS", 0..=86_400, "whole seconds, 0 to 86400"),
                self.key_wait,
            )?,
            signing_algorithm: read.parsed(
                "SIGNING_ALG",
                "ES256, EdDSA, Ed25519 or RS256",
                self.signing_algorithm,
            )?,
            key_rotation: (!rotation.is_zero()).then_some(rotation),
            ..self
        })
    }

    /// Returns the policy of signing keys.
    #[must_use]
    pub const fn key_policy(&self) -> KeyPolicy {
        KeyPolicy {
            wait: self.key_wait,
            rotate_every: self.key_rotation,
            token_lifetime: self.token_lifetime,
            algorithm: self.signing_algorithm,
        }
    }
}
