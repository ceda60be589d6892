//! Names of things that must not be mixed up.

use std::fmt;

/// A caller that waits for an answer. The host chooses it, once for each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

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
/// Within a tab it only rises. Between tabs it is a serial number (RFC 1982) that begins again after its highest one, so
/// that there is always a next one that every tab takes as newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The highest number that is read: as many digits as are exact in JavaScript.
    const MOST: u64 = 100_000_000_000_000;
    /// How far ahead of what a tab knows another one may be: more renewals than a year has. What is further ahead counts
    /// as older.
    const PLAUSIBLE: u64 = 1_000_000;
    /// How far the record may be behind a tab: those who write it at the same time do not see each other.
    const WRITES_APART: u64 = 16;
    /// How many serial numbers there are, from 1: of any two, exactly one is newer.
    const COUNT: u64 = 2 * Self::PLAUSIBLE + 1;

    /// Reads a number from a message or a record; `None` where it has too many digits.
    #[must_use]
    pub const fn heard(number: u64) -> Option<Self> {
        if number <= Self::MOST {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Places another tab's serial number beside what this tab knows: at most a million ahead, or behind it. A number
    /// that no tab gives out becomes 0, which is older than any.
    #[must_use]
    pub(super) const fn beside(self, known: Self) -> Self {
        if self.0 > Self::COUNT {
            return Self(0);
        }
        if self.0 == 0 || known.0 == 0 {
            return self;
        }
        let ahead = self.ahead_of(known);
        if ahead <= Self::PLAUSIBLE {
            Self(known.0 + ahead)
        } else {
            Self(known.0.saturating_sub(Self::COUNT - ahead))
        }
    }

    /// Places the serial number of the record beside what this tab knows, where the tab can be this far behind it, or
    /// the record a few writes behind the tab. Any other one is no fact's order but a numbering that was begun anew.
    #[must_use]
    pub(super) const fn of_record(self, known: Self) -> Recorded {
        let placed = self.beside(known);
        let ahead = self.ahead_of(known);
        let behind = Self::COUNT - ahead;
        let is_beside =
            ahead <= Self::PLAUSIBLE || behind <= Self::WRITES_APART && behind < known.0;
        if is_beside || known.0 == 0 || self.0 == 0 || self.0 > Self::COUNT {
            Recorded::Beside(placed)
        } else {
            Recorded::Elsewhere(Self(known.0 + ahead))
        }
    }

    /// Returns how many steps lead from the other one's number to this one's, around the end of the numbers.
    const fn ahead_of(self, other: Self) -> u64 {
        (self.number() + Self::COUNT - other.number()) % Self::COUNT
    }

    /// Returns the version by its serial number alone, as other tabs know it.
    #[must_use]
    pub(super) const fn serial(self) -> Self {
        Self(self.number())
    }

    /// Whether it says nothing about the order of a fact.
    #[must_use]
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Returns the next version.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the serial number that tells it to other tabs; 0 where there is none.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self.0.checked_sub(1) {
            Some(steps) => steps % Self::COUNT + 1,
            None => 0,
        }
    }
}

/// Where the record's order lies among those that a tab knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    /// Where tabs leave it.
    Beside(Version),
    /// Where no tab left it: counting goes on from here, and what the record says is not believed.
    Elsewhere(Version),
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

    /// What a tab that knows one number makes of another's.
    fn is_newer(number: u64, known: u64) -> bool {
        let known = Version(known);
        Version(number).beside(known) > known
    }

    #[test]
    fn an_order_is_newer_up_to_a_million_ahead() {
        assert!(!is_newer(3, 5) && !is_newer(5, 5) && is_newer(6, 5));
        assert!(is_newer(1_000_005, 5) && !is_newer(1_000_006, 5));
        for known in [1, 5, 2_000_001] {
            for number in [0, 2_000_002, 100_000_000_000_000] {
                assert!(!is_newer(number, known), "{number} beside {known}");
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
            }
        }
    }

    #[test]
    fn whatever_the_record_says_the_next_number_is_newer_for_all_who_have_read_it() {
        for known in [
            1, 2, 17, 18, 700, 1_000_000, 1_000_001, 2_000_000, 2_000_001,
        ] {
            for number in 1..=2_000_001_u64 {
                if number % 9_973 > 20 && number.abs_diff(known) > 20 {
                    continue;
                }
                let highest = match Version(number).of_record(Version(known)) {
                    Recorded::Beside(version) => version.max(Version(known)),
                    Recorded::Elsewhere(version) => {
                        assert!(!is_newer(number, known), "{number} beside {known}");
                        assert_eq!(version.number(), number);
                        version
                    }
                };
                assert!(highest >= Version(known), "{number} beside {known}");
                let next = highest.next().number();
                assert!(
                    is_newer(next, number),
                    "{next} after {number} beside {known}"
                );
            }
        }
    }

    #[test]
    fn a_record_that_is_a_few_writes_behind_is_old_and_one_further_behind_is_another_numbering() {
        let known = Version(700);
        let placed = |number| Version(number).of_record(known);
        assert_eq!(placed(684), Recorded::Beside(Version(684)));
        assert_eq!(
            placed(683),
            Recorded::Elsewhere(Version(700 + 2_000_001 - 17))
        );
        assert_eq!(placed(1_000_700), Recorded::Beside(Version(1_000_700)));
        assert_eq!(placed(1_000_701), Recorded::Elsewhere(Version(1_000_701)));
        for number in [0, 2_000_002, 100_000_000_000_000] {
            assert_eq!(placed(number), Recorded::Beside(Version(0)), "{number}");
        }
        assert_eq!(
            Version(5).of_record(Version(0)),
            Recorded::Beside(Version(5))
        );
    }

    #[test]
    fn numbering_begins_again_after_the_highest_one() {
        let mut version = Version(2_000_001);
        for number in 1..5 {
            let before = version;
            version = version.next();
            assert_eq!(version.number(), number);
            assert!(version > before && is_newer(number, before.number()));
        }
        assert_eq!(version.serial(), Version(4));
        assert_eq!(Version::default().number(), 0);
    }
}
