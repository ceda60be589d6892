//! Limits on one user, one address, or all connections.

use super::{
    Config, ConfigError,
    reader::{Bounded, Reader},
};

impl Config {
    pub(super) fn with_bounds(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        let per_address = read.count(
            Bounded(
                "CONNECTIONS_PER_ADDRESS",
                0..=10_000,
                "a number of connections, 0 to 10000; 0 is no limit",
            ),
            self.connections_per_address.unwrap_or_default(),
        )?;
        Ok(Self {
            notes_per_minute: read.rate("NOTES_PER_MINUTE", self.notes_per_minute)?,
            notes_per_user: read.number(
                Bounded("NOTES_PER_USER", 1..=1_000_000, "a number, 1 to 1000000"),
                self.notes_per_user,
            )?,
            audit_kept: read.days(
                Bounded("AUDIT_DAYS", 1..=3_650, "days, 1 to 3650"),
                self.audit_kept,
            )?,
            connections: read.count(
                Bounded(
                    "CONNECTIONS",
                    8..=1_000_000,
                    "a number of connections, 8 to 1000000",
                ),
                self.connections,
            )?,
            connections_per_address: (per_address > 0).then_some(per_address),
            ..self
        })
    }
}
