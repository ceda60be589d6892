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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The highest one that is read: as many digits as are exact in JavaScript, with room to count on.
    const MOST: u64 = 100_000_000_000_000;
    /// How far ahead of what a tab knows another one may be: more renewals than a year has.
    const PLAUSIBLE: u64 = 1_000_000;

    /// Takes a version that another tab gave out; `None` where no honest tab could have.
    #[must_use]
    pub const fn heard(number: u64) -> Option<Self> {
        if number <= Self::MOST {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Whether an honest tab can have come this far while others knew of `known`.
    #[must_use]
    pub const fn is_plausible(self, known: Self) -> bool {
        self.0 <= known.0.saturating_add(Self::PLAUSIBLE)
    }

    /// Returns the next version.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
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

    #[test]
    fn an_order_is_plausible_up_to_a_million_ahead() {
        let known = Version(5);

        assert!(Version(3).is_plausible(known));
        assert!(Version(1_000_005).is_plausible(known));
        assert!(!Version(1_000_006).is_plausible(known));
    }
}
