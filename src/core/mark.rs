//! The mark that tabs leave for each other on a shelf they share (`localStorage`): no secret, but how far things are.
//!
//! News and the lock reach a tab in any order. The mark is written before the lock is released and read whenever a
//! tab does anything, so that whoever comes next sees that the work is done, that the user has signed out, or
//! that the auth server needs a rest; also a tab that was frozen, and one that was not open at the time.

use crate::wire::EndReason;

use super::error::FailureCause;
use super::ids::Version;
use super::text::{Fields, Writer};
use super::time::WallTime;

/// What a tab finds on the shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// The browser gives none (blocked storage): nothing can be said.
    Unavailable,
    /// Nothing.
    Empty,
    /// A mark.
    Marked(Mark),
}

/// How far things are in this browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The order of what it says.
    pub version: Version,
    /// Whether somebody is signed in.
    pub state: MarkState,
    /// The rest that the auth server is given, where it failed.
    pub cooling: Option<Cooling>,
}

/// Whether somebody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkState {
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
pub struct Cooling {
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
    pub mandatory: bool,
    /// When the allowance of attempts will be whole again.
    pub whole_at: WallTime,
}

const MAGIC: &str = "nolapse1";
const SEPARATOR: &str = ";";

impl Shelf {
    /// Reads what was found on the shelf: an empty text where there is nothing. What cannot be read, another release's
    /// or any other script's, is a mark that says nothing: of no order.
    #[must_use]
    pub fn read(text: &str) -> Self {
        if text.is_empty() {
            return Self::Empty;
        }
        Self::Marked(Mark::decode(text).unwrap_or(Mark {
            version: Version::default(),
            state: MarkState::SignedIn {
                expires: WallTime::default(),
                fingerprint: 0,
            },
            cooling: None,
        }))
    }
}

impl Mark {
    /// Writes the mark as text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut writer = Writer::new(MAGIC, SEPARATOR);
        writer.number(self.version.number());
        match &self.state {
            MarkState::SignedIn {
                expires,
                fingerprint,
            } => {
                writer.field("in");
                writer.number(expires.as_millis());
                writer.number(u64::from(*fingerprint));
            }
            MarkState::SignedOut {
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
        if let Some(cooling) = &self.cooling {
            writer.field(cooling.cause.as_str());
            writer.number(u64::from(cooling.failures));
            writer.number(cooling.since.as_millis());
            writer.number(cooling.until.as_millis());
            writer.flag(cooling.mandatory);
            writer.number(cooling.whole_at.as_millis());
        }
        writer.finish()
    }

    /// Reads a mark; `None` where it is of another version or garbled.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let mut fields = Fields::new(text, b';');
        if fields.field() != MAGIC {
            return None;
        }
        // A number that no tab gives out says nothing about the order; the rest may be true.
        let version = Version::heard(fields.number()).unwrap_or_default();
        let state = match fields.field() {
            "in" => MarkState::SignedIn {
                expires: fields.wall_time(),
                fingerprint: fields.small_number(),
            },
            "out" => MarkState::SignedOut {
                reason: EndReason::parse(fields.field())?,
                fingerprint: fields.small_number(),
                told: fields.flag(),
                everywhere: fields.flag(),
            },
            _ => return None,
        };
        let cooling = if fields.is_over() {
            None
        } else {
            Some(Cooling {
                cause: FailureCause::parse(fields.field())?,
                failures: fields.small_number(),
                since: fields.wall_time(),
                until: fields.wall_time(),
                mandatory: fields.flag(),
                whole_at: fields.wall_time(),
            })
        };
        fields.is_over().then_some(Self {
            version,
            state,
            cooling,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Vec<Mark> {
        let cooling = Cooling {
            cause: FailureCause::ServerError,
            failures: 3,
            since: WallTime::from_millis(1_700_000_000_000),
            until: WallTime::from_millis(1_700_000_009_000),
            mandatory: true,
            whole_at: WallTime::from_millis(1_700_000_600_000),
        };
        let states = [
            MarkState::SignedIn {
                expires: WallTime::from_millis(1_700_000_000_000),
                fingerprint: 7,
            },
            MarkState::SignedOut {
                reason: EndReason::Revoked,
                fingerprint: 7,
                told: true,
                everywhere: false,
            },
            MarkState::SignedOut {
                reason: EndReason::SignedOut,
                fingerprint: 0,
                told: false,
                everywhere: true,
            },
        ];
        let mut marks = Vec::new();
        for state in states {
            for cooling in [None, Some(cooling)] {
                marks.push(Mark {
                    version: Version::default().next(),
                    state,
                    cooling,
                });
            }
        }
        marks
    }

    #[test]
    fn a_mark_reads_back_as_itself() {
        for mark in marks() {
            assert_eq!(Mark::decode(&mark.encode()), Some(mark));
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
            let mark = Mark::decode(&format!("nolapse1;{number};in;1;2"));
            let expected = MarkState::SignedIn {
                expires: WallTime::from_millis(1),
                fingerprint: 2,
            };
            assert_eq!(mark.map(|mark| mark.state), Some(expected), "{number}");
            assert_eq!(mark.map(|mark| mark.version), Version::heard(version));
        }
    }

    #[test]
    fn what_is_there_and_cannot_be_read_is_not_taken_for_nothing() {
        assert_eq!(Shelf::read(""), Shelf::Empty);
        for text in [" ", "null", "nolapse2;1;in;1;0", "nolapse1;1;in", "?!"] {
            let Shelf::Marked(mark) = Shelf::read(text) else {
                panic!("{text}");
            };
            assert_eq!(mark.version, Version::default(), "{text}");
        }
    }

    #[test]
    fn a_mark_that_was_cut_or_changed_is_no_other_kind_of_mark() {
        for mark in marks() {
            let text = mark.encode();
            for end in 0..text.len() {
                if let Some(cut) = text.get(..end).and_then(Mark::decode) {
                    // Cutting a number or the rest short leaves a mark, but never a change of state.
                    assert_eq!(
                        std::mem::discriminant(&cut.state),
                        std::mem::discriminant(&mark.state)
                    );
                }
            }
            assert_eq!(Mark::decode(&format!("{text};1")), None);
            assert_eq!(Mark::decode(&text.replace("nolapse1", "nolapse2")), None);
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
            assert_eq!(Mark::decode(text), None, "{text}");
        }
    }
}
