//! The record all tabs share in `localStorage`: session version, token expiry and back-off. Holds no secret.
//!
//! Messages and the lock reach a tab in any order. The record is written before the lock is released and read with every
//! input, so that the next holder sees a finished refresh, a sign-out or a back-off; also a tab that was frozen or not open
//! at the time.

use crate::wire::EndReason;

use super::codec::{FieldReader, FieldWriter};
use super::error::FailureCause;
use super::ids::Version;
use super::time::WallTime;

/// What a tab reads from `localStorage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredState {
    /// The browser has no storage, or blocks it.
    Unavailable,
    /// Nothing.
    Empty,
    /// A record.
    Record(StorageRecord),
}

/// The state of the session in this browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageRecord {
    /// The order of what it says.
    pub version: Version,
    /// Whether there is a session.
    pub state: RecordState,
    /// The rest that the auth server is given, where it failed.
    pub backoff: Option<PersistedBackoff>,
}

/// Whether there is a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// There is a session.
    SignedIn {
        /// When the newest token expires.
        expires: WallTime,
        /// Tells one session from another without naming it.
        fingerprint: u32,
    },
    /// There is none.
    SignedOut {
        /// Why.
        reason: EndReason,
        /// The fingerprint of the session that is over; 0 where it is not known.
        fingerprint: u32,
        /// Whether the auth server knows.
        told: bool,
        /// Whether it is to end the user's sessions on all devices.
        everywhere: bool,
    },
}

/// The rest that the auth server is given after failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistedBackoff {
    /// What failed last.
    pub cause: FailureCause,
    /// How many attempts in a row have failed.
    pub failures: u32,
    /// When attempts began to fail; of a longer row, half a minute before it was written. The clock may have been set
    /// back since.
    pub since: WallTime,
    /// No attempt before.
    pub until: WallTime,
    /// Whether the server itself said so (`Retry-After`).
    pub server_requested: bool,
    /// When the rate limiter is reset.
    pub resets_at: WallTime,
}

const MAGIC: &str = "nolapse1";
const SEPARATOR: &str = ";";

impl StoredState {
    /// Reads the stored text, empty without a record. What cannot be read, another release's or any other script's, is a
    /// record without a version.
    #[must_use]
    pub fn read(text: &str) -> Self {
        if text.is_empty() {
            return Self::Empty;
        }
        Self::Record(StorageRecord::decode(text).unwrap_or(StorageRecord {
            version: Version::default(),
            state: RecordState::SignedIn {
                expires: WallTime::default(),
                fingerprint: 0,
            },
            backoff: None,
        }))
    }
}

impl StorageRecord {
    /// Encodes the record.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut writer = FieldWriter::new(MAGIC, SEPARATOR);
        writer.number(self.version.number());
        match &self.state {
            RecordState::SignedIn {
                expires,
                fingerprint,
            } => {
                writer.field("in");
                writer.number(expires.as_millis());
                writer.number(u64::from(*fingerprint));
            }
            RecordState::SignedOut {
                reason,
                fingerprint,
                told,
                everywhere,
            } => {
                writer.field("out");
                writer.field(reason.as_str());
                writer.number(u64::from(*fingerprint));
                writer.flag(*told);
                writer.flag(*everywhere);
            }
        }
        if let Some(backoff) = &self.backoff {
            writer.field(backoff.cause.as_str());
            writer.number(u64::from(backoff.failures));
            writer.number(backoff.since.as_millis());
            writer.number(backoff.until.as_millis());
            writer.flag(backoff.server_requested);
            writer.number(backoff.resets_at.as_millis());
        }
        writer.finish()
    }

    /// Decodes a record; `None` if it is of another format or malformed.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let mut fields = FieldReader::new(text, b';');
        if fields.field() != MAGIC {
            return None;
        }
        // A number that no tab gives out says nothing about the order; the rest may be true.
        let version = Version::heard(fields.number()).unwrap_or_default();
        let state = match fields.field() {
            "in" => RecordState::SignedIn {
                expires: fields.wall_time(),
                fingerprint: fields.small_number(),
            },
            "out" => RecordState::SignedOut {
                reason: EndReason::parse(fields.field())?,
                fingerprint: fields.small_number(),
                told: fields.flag(),
                everywhere: fields.flag(),
            },
            _ => return None,
        };
        let backoff = if fields.is_complete() {
            None
        } else {
            Some(PersistedBackoff {
                cause: FailureCause::parse(fields.field())?,
                failures: fields.small_number(),
                since: fields.wall_time(),
                until: fields.wall_time(),
                server_requested: fields.flag(),
                resets_at: fields.wall_time(),
            })
        };
        fields.is_complete().then_some(Self {
            version,
            state,
            backoff,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<StorageRecord> {
        let backoff = PersistedBackoff {
            cause: FailureCause::ServerError,
            failures: 3,
            since: WallTime::from_millis(1_700_000_000_000),
            until: WallTime::from_millis(1_700_000_009_000),
            server_requested: true,
            resets_at: WallTime::from_millis(1_700_000_600_000),
        };
        let states = [
            RecordState::SignedIn {
                expires: WallTime::from_millis(1_700_000_000_000),
                fingerprint: 7,
            },
            RecordState::SignedOut {
                reason: EndReason::Revoked,
                fingerprint: 7,
                told: true,
                everywhere: false,
            },
            RecordState::SignedOut {
                reason: EndReason::SignedOut,
                fingerprint: 0,
                told: false,
                everywhere: true,
            },
        ];
        let mut records = Vec::new();
        for state in states {
            for backoff in [None, Some(backoff)] {
                records.push(StorageRecord {
                    version: Version::default().next(),
                    state,
                    backoff,
                });
            }
        }
        records
    }

    #[test]
    fn a_mark_reads_back_as_itself() {
        for record in records() {
            assert_eq!(StorageRecord::decode(&record.encode()), Some(record));
        }
    }

    #[test]
    fn a_number_that_no_tab_gives_out_says_nothing_of_the_order_and_spoils_nothing_else() {
        for (number, version) in [
            (7_u64, 7_u64),
            (100_000_000_000_000, 100_000_000_000_000),
            (100_000_000_000_001, 0),
            (999_999_999_999_999, 0),
        ] {
            let record = StorageRecord::decode(&format!("nolapse1;{number};in;1;2"));
            let expected = RecordState::SignedIn {
                expires: WallTime::from_millis(1),
                fingerprint: 2,
            };
            assert_eq!(
                record.map(|record| record.state),
                Some(expected),
                "{number}"
            );
            assert_eq!(record.map(|record| record.version), Version::heard(version));
        }
    }

    #[test]
    fn what_is_there_and_cannot_be_read_is_not_taken_for_nothing() {
        assert_eq!(StoredState::read(""), StoredState::Empty);
        for text in [" ", "null", "nolapse2;1;in;1;0", "nolapse1;1;in", "?!"] {
            let StoredState::Record(record) = StoredState::read(text) else {
                panic!("{text}");
            };
            assert_eq!(record.version, Version::default(), "{text}");
        }
    }

    #[test]
    fn a_mark_that_was_cut_or_changed_is_no_other_kind_of_mark() {
        for record in records() {
            let text = record.encode();
            for end in 0..text.len() {
                if let Some(cut) = text.get(..end).and_then(StorageRecord::decode) {
                    // Cutting a number or the rest short leaves a record, but never a change of state.
                    assert_eq!(
                        std::mem::discriminant(&cut.state),
                        std::mem::discriminant(&record.state)
                    );
                }
            }
            assert_eq!(StorageRecord::decode(&format!("{text};1")), None);
            assert_eq!(
                StorageRecord::decode(&text.replace("nolapse1", "nolapse2")),
                None
            );
        }
        for text in [
            "",
            ";",
            "nolapse1",
            "nolapse1;-1;in;1;0",
            "nolapse1;9999999999999999;in;1;0",
            "nolapse1;1;in;1;4294967296",
            "nolapse1;1;in;1e3;0",
        ] {
            assert_eq!(StorageRecord::decode(text), None, "{text}");
        }
    }
}
