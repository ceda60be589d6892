//! Settings for the operation of a server.

use super::{Config, ConfigError, reader::Reader};
use crate::security_log::Destination;

/// The default file of the security log.
const SECURITY_LOG: &str = "nolapse-security.log";

impl Config {
    pub(super) fn with_operations(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        let security_log = match read.text("SECURITY_LOG").as_deref() {
            None => Destination::File(SECURITY_LOG.into()),
            Some("off") => Destination::Off,
            Some("stderr") => Destination::Stderr,
            Some(path) => Destination::File(path.into()),
        };
        Ok(Self {
            metrics_bind: read.parsed("METRICS_BIND", "an IP address", self.metrics_bind)?,
            openapi: read.switch("OPENAPI", self.openapi)?,
            security_log,
            ..self
        })
    }
}
