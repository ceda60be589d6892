//! Id types, so that ids of different things cannot be confused.

use std::fmt;

/// The id of a caller, chosen by the host and unique per call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerId(pub u64);

/// The id of an attempt at an exchange with the auth server. An effect and the input that replies to it have the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u64);

impl AttemptId {
    /// Returns the id of the next attempt.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// The session version in one browser: every sign-in, refresh and sign-out uses a higher one than its tab has seen. Two tabs
/// can use the same version concurrently; then a sign-out wins.
///
/// It is a serial number (RFC 1982) and wraps around, so there is always a next version that every tab treats as newer. The
/// default is not a serial number and older than all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The highest number that is accepted; exact in JavaScript.
    const MOST: u64 = 100_000_000_000_000;
    /// How far a newer version may be ahead: more refreshes than in a year. A version further ahead counts as older.
    const PLAUSIBLE: u64 = 1_000_000;
    /// The last serial number; the first is 1. Of any two different ones, exactly one is newer.
    const LAST: u64 = 2 * Self::PLAUSIBLE + 1;
    /// How far the record may be behind a tab: two concurrent writers do not see each other. A tab further ahead would miss
    /// the next two writes.
    const WRITES_APART: u64 = 1;

    /// Converts a number from a message or a record; `None` if it is too high.
    #[must_use]
    pub const fn heard(number: u64) -> Option<Self> {
        if number <= Self::MOST {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Whether it is a serial number, which tabs write.
    pub(super) const fn is_serial(self) -> bool {
        self.0.wrapping_sub(1) < Self::LAST
    }

    /// Whether it is newer than `other`: up to a million ahead.
    #[inline(never)]
    pub(super) const fn is_after(self, other: Self) -> bool {
        self.is_serial()
            && (!other.is_serial() || self.ahead_of(other).wrapping_sub(1) < Self::PLAUSIBLE)
    }

    /// Whether it equals `known` or is one concurrent write behind.
    pub(super) const fn is_behind_by_little(self, known: Self) -> bool {
        known.ahead_of(self) <= Self::WRITES_APART
    }

    /// Returns the distance from `other` to this serial number, with wrap-around.
    const fn ahead_of(self, other: Self) -> u64 {
        (self.0 + Self::LAST - other.0) % Self::LAST
    }

    /// Returns the newer of both versions.
    pub(super) const fn newest(self, other: Self) -> Self {
        if other.is_after(self) { other } else { self }
    }

    /// Returns the previous serial number.
    pub(super) const fn previous(self) -> Self {
        Self((self.0 + Self::LAST - 2) % Self::LAST + 1)
    }

    /// Returns the next version.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 % Self::LAST + 1)
    }

    /// Returns the number for messages and records.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A tab's random id, for traces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TabId(pub u32);

impl fmt::Display for TabId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for shift in (0..8).rev() {
            let digit = (self.0 >> (shift * 4)) & 0xf;
            let letter = DIGITS.get(digit as usize).copied().unwrap_or(b'0');
            fmt::Write::write_char(f, char::from(letter))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tabs_name_is_eight_hexadecimal_digits() {
        for (tab, name) in [
            (0, "00000000"),
            (0x00c0_ffee, "00c0ffee"),
            (u32::MAX, "ffffffff"),
        ] {
            assert_eq!(TabId(tab).to_string(), name);
        }
    }

    fn is_newer(number: u64, known: u64) -> bool {
        Version(number).is_after(Version(known))
    }

    #[test]
    fn an_order_is_newer_up_to_a_million_ahead() {
        assert!(!is_newer(3, 5) && !is_newer(5, 5) && is_newer(6, 5));
        assert!(is_newer(1_000_005, 5) && !is_newer(1_000_006, 5));
        for known in [0, 1, 5, 2_000_001] {
            for number in [0, 2_000_002, 100_000_000_000_000] {
                assert!(!is_newer(number, known), "{number} beside {known}");
            }
        }
        for number in [1, 5, 2_000_001] {
            for known in [0, 2_000_002, 100_000_000_000_000] {
                assert!(is_newer(number, known), "{number} beside {known}");
            }
        }
    }

    #[test]
    fn of_any_two_numbers_exactly_one_is_newer() {
        let ends = [
            1, 2, 17, 18, 999_999, 1_000_000, 1_000_001, 1_000_002, 2_000_000, 2_000_001,
        ];
        for one in ends {
            for other in ends {
                let newer = [is_newer(one, other), is_newer(other, one)];
                let count = newer.iter().filter(|is| **is).count();
                assert_eq!(count, usize::from(one != other), "{one} {other}");
                let newest = Version(one).newest(Version(other));
                assert_eq!(newest, Version(other).newest(Version(one)));
            }
        }
    }

    #[test]
    fn numbering_begins_again_after_the_last_one() {
        let mut version = Version(2_000_001);
        for number in 1..5 {
            let before = version;
            version = version.next();
            assert_eq!(version.number(), number);
            assert!(version.is_after(before) && !before.is_after(version));
            assert_eq!(version.previous(), before);
        }
        assert_eq!(Version::default().next(), Version(1));
    }

    #[test]
    fn a_record_that_is_one_write_behind_is_old_and_one_further_behind_is_of_another_numbering() {
        let beside = |number, known| {
            let (number, known) = (Version(number), Version(known));
            number.is_after(known) || number.is_behind_by_little(known)
        };
        for (number, known, is_beside) in [
            (700, 700, true),
            (699, 700, true),
            (698, 700, false),
            (1_000_700, 700, true),
            (1_000_701, 700, false),
            (2_000_001, 1, true),
            (2_000_000, 1, false),
            (5, 0, true),
            (2_000_001, 0, true),
        ] {
            assert_eq!(beside(number, known), is_beside, "{number} beside {known}");
        }
    }
}
