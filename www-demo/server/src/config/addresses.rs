//! Where the server listens, the origins of itself, its API and its pages, and the page that it serves.

use std::path::PathBuf;

use super::{
    Config, ConfigError,
    reader::{Reader, refuse},
};

impl Config {
    pub(super) fn with_addresses(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        let port = "a port, 0 to 65535";
        let metrics_port = read.text("METRICS_PORT");
        Ok(Self {
            bind: read.parsed("BIND", "an IP address", self.bind)?,
            port: read.parsed("PORT", port, self.port)?,
            api_port: read.parsed("API_PORT", port, self.api_port)?,
            metrics_port: metrics_port
                .map(|_| read.parsed("METRICS_PORT", port, 0))
                .transpose()?,
            issuer: read.origin("ISSUER")?,
            audience: read.origin("AUDIENCE")?,
            allowed_origins: read.origins("ALLOWED_ORIGINS")?,
            site_dir: read.text("SITE_DIR").map(PathBuf::from),
            ..self
        })
    }

    /// Refuses two origins that are one, and a page that is not there.
    pub(super) fn check_addresses(&self) -> Result<(), ConfigError> {
        if self.port != 0 && self.port == self.api_port {
            return refuse(
                "API_PORT",
                "another port than PORT: the API is an origin of its own",
            );
        }
        if self.site_dir.as_ref().is_some_and(|path| !path.is_dir()) {
            return refuse("SITE_DIR", "a folder that exists: build the page first");
        }
        Ok(())
    }
}
