//! The record all tabs share in `localStorage`: session version, token expiry and back-off. Holds no secret.
//!
//! Messages and the lock reach a tab in any order. The record is written before the lock is released and read with every
//! input, so the next holder sees a finished refresh, a sign-out or a back-off. A tab that was frozen or not open at the
//! time sees them too.

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
    /// No record.
    Empty,
    /// A record.
    Record(StorageRecord),
}

/// The state of the session in this browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageRecord {
    /// The version of the record.
    pub version: Version,
    /// Whether there is a session.
    pub state: RecordState,
    /// The back-off after failures of the auth server.
    pub backoff: Option<PersistedBackoff>,
}

/// Whether there is a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// There is a session.
    SignedIn {
        /// When the newest token expires.
        expires: WallTime,
        /// A hash of the session; distinguishes sessions without storing their ids.
        fingerprint: u32,
    },
    /// There is no session.
    SignedOut {
        /// Why it ended.
        reason: EndReason,
        /// The fingerprint of the ended session; 0 if unknown.
        fingerprint: u32,
        /// Whether the auth server is notified.
        told: bool,
        /// Whether to end the user's sessions on all devices.
        everywhere: bool,
    },
}

/// The back-off after failures of the auth server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistedBackoff {
    /// The cause of the last failure.
    pub cause: FailureCause,
    /// The length of the failure streak.
    pub failures: u32,
    /// When the failure streak began, at most 26 s before the write. The wall clock may have been set back since.
    pub since: WallTime,
    /// When the next attempt is allowed.
    pub until: WallTime,
    /// Whether the server requested it (`Retry-After`).
    pub server_requested: bool,
    /// When the rate limiter is reset.
    pub resets_at: WallTime,
}

const MAGIC: &str = "nolapse1";
const SEPARATOR: &str = ";";

impl StoredState {
    /// Reads the stored text; empty means no record. Text that cannot be decoded, from another release or another script,
    /// becomes a record with the default version.
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

    /// Returns the fingerprint of a session that another tab has recorded since this version.
    pub(super) fn session_since(&self, version: Version) -> Option<u32> {
        match self {
            Self::Record(StorageRecord {
                version: recorded,
                state: RecordState::SignedIn { fingerprint, .. },
                ..
            }) if recorded.is_after(version) => Some(*fingerprint),
            Self::Record(_) | Self::Unavailable | Self::Empty => None,
        }
    }
}

impl StorageRecord {
    /// Encodes the record.
    #[must_use]
    #[inline(never)]
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
        // A version that no tab writes becomes the default version; the other fields are still used.
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
    fn a_record_reads_back_as_itself() {
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
    fn a_record_that_was_cut_or_changed_is_no_other_kind_of_record() {
        for record in records() {
            let text = record.encode();
            for end in 0..text.len() {
                if let Some(cut) = text.get(..end).and_then(StorageRecord::decode) {
                    // Truncating a number or the back-off can leave a valid record, but never one of the other state.
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
