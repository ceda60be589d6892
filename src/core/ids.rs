//! Names of things that must not be mixed up.

use std::fmt;

/// A caller that waits for an answer. The host chooses it, once for each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerId(pub u64);

/// One attempt at an exchange with the auth server. A question and its answer carry the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u64);

impl AttemptId {
    /// Returns the name of the next attempt.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// The order of facts about the session among the tabs of one browser: every sign-in, renewal and sign-out has a
/// higher one than whatever its tab knew of. Two tabs may give out the same one; then a sign-out wins.
///
/// It is a serial number (RFC 1982): after the last one numbering begins again, so that there is always a next one that
/// every tab takes as newer. The default is no number, and older than any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The highest number that is read: as many digits as are exact in JavaScript.
    const MOST: u64 = 100_000_000_000_000;
    /// How far ahead of what a tab knows another one may be: more renewals than a year has. What is further ahead counts
    /// as older.
    const PLAUSIBLE: u64 = 1_000_000;
    /// The last serial number; the first is 1. Of any two, exactly one is newer.
    const LAST: u64 = 2 * Self::PLAUSIBLE + 1;
    /// How far the record may be behind a tab: two that write it at the same time do not see each other. A tab that is
    /// further ahead would miss the next two facts that are written.
    const WRITES_APART: u64 = 1;

    /// Reads a number from a message or a record; `None` where it has too many digits.
    #[must_use]
    pub const fn heard(number: u64) -> Option<Self> {
        if number <= Self::MOST {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Whether tabs give it out.
    pub(super) const fn is_serial(self) -> bool {
        self.0.wrapping_sub(1) < Self::LAST
    }

    /// Whether it is newer than the other one: up to a million ahead of it.
    #[inline(never)]
    pub(super) const fn is_after(self, other: Self) -> bool {
        self.is_serial()
            && (!other.is_serial() || self.ahead_of(other).wrapping_sub(1) < Self::PLAUSIBLE)
    }

    /// Whether it is the same, or one concurrent write behind.
    pub(super) const fn is_behind_by_little(self, known: Self) -> bool {
        known.ahead_of(self) <= Self::WRITES_APART
    }

    /// Returns how many steps lead from the other serial number to this one, around the end of the numbers.
    const fn ahead_of(self, other: Self) -> u64 {
        (self.0 + Self::LAST - other.0) % Self::LAST
    }

    /// Returns the newer one of both.
    pub(super) const fn newest(self, other: Self) -> Self {
        if other.is_after(self) { other } else { self }
    }

    /// Returns the serial number before.
    pub(super) const fn previous(self) -> Self {
        Self((self.0 + Self::LAST - 2) % Self::LAST + 1)
    }

    /// Returns the next version.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 % Self::LAST + 1)
    }

    /// Returns the number that tells it to other tabs.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A tab's random name, for traces.
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
