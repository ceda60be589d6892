//! What the auth server and the API are served over.

use super::{ConfigError, reader::Reader};

/// What the auth server and the API are served over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Plain HTTP: a proxy before it terminates TLS.
    Http,
    /// TLS with a self-signed certificate for `localhost`, for development.
    DevTls,
}

impl Transport {
    pub(super) fn read(
        read: &Reader<impl Fn(&str) -> Option<String>>,
        default: Self,
    ) -> Result<Self, ConfigError> {
        let is_tls = read.switch("DEV_TLS", default == Self::DevTls)?;
        Ok(if is_tls { Self::DevTls } else { Self::Http })
    }

    /// Returns the scheme of the origins.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::DevTls => "https",
        }
    }
}
