//! Durations in whole milliseconds; a fraction of `Duration`'s code size.

use std::ops::{Add, Div, Mul};
use std::time::Duration;

/// A duration in whole milliseconds.
///
/// External values are limited to a century, so sums cannot overflow and are not checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(u64);

impl Millis {
    /// The longest accepted external value, in seconds.
    const CENTURY_S: u32 = 3_200_000_000;

    /// Zero.
    pub const ZERO: Self = Self(0);

    /// Creates a duration from milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Creates a duration from seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000)
    }

    /// Converts seconds from a server's response; `None` if negative, not finite, or beyond a century.
    #[must_use]
    pub fn from_secs_f64(secs: f64) -> Option<Self> {
        if !(0.0..f64::from(Self::CENTURY_S)).contains(&secs) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked, and parts of a millisecond do not matter"
        )]
        let millis = (secs * 1_000.0) as u64;
        Some(Self(millis))
    }

    /// Returns the whole milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000
    }

    /// Returns the seconds with fractions, for JavaScript.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.as_millis_f64() / 1_000.0
    }

    /// Returns the milliseconds, for JavaScript.
    #[must_use]
    pub fn as_millis_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 285,000 years")]
        let millis = self.0 as f64;
        millis
    }

    /// Whether it is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Subtracts `other`; zero if the result would be negative.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Returns `parts` thousandths of it.
    #[must_use]
    pub const fn thousandths(self, parts: u64) -> Self {
        Self(self.0 * parts / 1_000)
    }
}

impl Add for Millis {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Mul<u64> for Millis {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self(self.0 * times)
    }
}

impl Div<u64> for Millis {
    type Output = Self;

    /// Divides it; division by zero returns it unchanged.
    fn div(self, parts: u64) -> Self {
        Self(self.0.checked_div(parts).unwrap_or(self.0))
    }
}

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        // `Duration::as_millis` computes with 128 bits.
        let secs = duration.as_secs().min(u64::from(Self::CENTURY_S));
        Self::from_secs(secs) + Self(u64::from(duration.subsec_millis()))
    }
}

impl From<Millis> for Duration {
    fn from(span: Millis) -> Self {
        Self::from_millis(span.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_that_no_server_means_are_refused() {
        for (secs, span) in [
            (0.0, Some(Millis::ZERO)),
            (1.5, Some(Millis::from_millis(1_500))),
            (60.0, Some(Millis::from_secs(60))),
            (-0.1, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
            (1e300, None),
        ] {
            assert_eq!(Millis::from_secs_f64(secs), span, "{secs}");
        }
    }

    #[test]
    fn sums_and_shares_are_exact() {
        let minute = Millis::from_secs(60);

        assert_eq!(minute + Millis::from_millis(5), Millis::from_millis(60_005));
        assert_eq!(minute * 2, Millis::from_secs(120));
        assert_eq!(minute / 6, Millis::from_secs(10));
        assert_eq!(minute / 0, minute);
        assert_eq!(Millis::ZERO.saturating_sub(minute), Millis::ZERO);
        assert_eq!(
            Millis::from_secs(2).thousandths(400),
            Millis::from_millis(800)
        );
    }

    #[test]
    fn a_span_is_told_in_the_unit_that_is_asked_for() {
        let span = Millis::from_millis(1_500);

        assert_eq!(span.as_secs(), 1);
        assert!((span.as_secs_f64() - 1.5).abs() < f64::EPSILON);
        assert!((span.as_millis_f64() - 1_500.0).abs() < f64::EPSILON);
        assert!(Millis::ZERO.is_zero() && !span.is_zero());
        assert_eq!(Duration::from(span), Duration::from_millis(1_500));
    }

    #[test]
    fn what_an_app_gives_is_a_century_at_the_most() {
        let century = Millis::from(Duration::MAX);

        assert_eq!(century.as_secs(), u64::from(Millis::CENTURY_S));
        assert_eq!((century * 1_000).thousandths(1_000), century * 1_000);
        assert_eq!(
            Millis::from(Duration::from_millis(1_234)),
            Millis::from_millis(1_234)
        );
    }
}
