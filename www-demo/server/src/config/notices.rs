//! Where notices for users are sent.

use super::{
    Config, ConfigError, ProviderSecret,
    reader::{Reader, refuse},
    servers::is_secret,
};

/// `NOTICES_URL` and `NOTICES_SECRET`.
#[derive(Clone, Debug)]
pub struct Notices {
    /// `NOTICES_URL`.
    pub url: String,
    /// `NOTICES_SECRET`.
    pub secret: ProviderSecret,
}

impl Config {
    pub(super) fn with_notices(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        let notices = match (read.text("NOTICES_URL"), read.text("NOTICES_SECRET")) {
            (None, None) => None,
            (Some(url), Some(secret)) if is_secret(&secret) => Some(Notices {
                url,
                secret: ProviderSecret::new(secret),
            }),
            (Some(_), _) => {
                return refuse(
                    "NOTICES_SECRET",
                    "at least 32 characters of a bearer token, as openssl rand -base64 32 prints it",
                );
            }
            (None, Some(_)) => return refuse("NOTICES_URL", "the URL that NOTICES_SECRET is for"),
        };
        Ok(Self { notices, ..self })
    }
}
