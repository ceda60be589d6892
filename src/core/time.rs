//! Time types of the core. Time is always an argument; the core reads no clock.

use std::ops::Add;

use super::millis::Millis;

/// Defines a point in time, in milliseconds since `$origin`.
macro_rules! point_in_time {
    ($(#[$meta:meta])* $name:ident, $origin:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            #[doc = concat!("Creates a time from milliseconds since ", $origin, ".")]
            #[must_use]
            pub const fn from_millis(millis: u64) -> Self {
                Self(millis)
            }

            #[doc = concat!("Returns the milliseconds since ", $origin, ".")]
            #[must_use]
            pub const fn as_millis(self) -> u64 {
                self.0
            }

            /// Returns the time since an earlier time; zero if that time is later.
            #[must_use]
            pub const fn since(self, earlier: Self) -> Millis {
                Millis::from_millis(self.0.saturating_sub(earlier.0))
            }

            /// Returns the time earlier by `span`.
            #[must_use]
            pub const fn before(self, span: Millis) -> Self {
                Self(self.0.saturating_sub(span.as_millis()))
            }
        }

        impl Add<Millis> for $name {
            type Output = Self;

            fn add(self, span: Millis) -> Self {
                Self(self.0 + span.as_millis())
            }
        }
    };
}

point_in_time! {
    /// A time on the page's [`Clock`], which is monotonic and includes suspensions.
    Timestamp, "the clock's origin"
}

point_in_time! {
    /// A time on the wall clock. It can be set by the user; only tabs of one browser compare it.
    WallTime, "1970"
}

impl Timestamp {
    /// A deadline noticed later than this passed during a suspension.
    const SUSPEND_THRESHOLD: Millis = Millis::from_secs(2);

    /// Whether this deadline is noticed so late that it passed during a suspension.
    pub(super) fn passed_in_suspension(self, now: Self) -> bool {
        now.since(self) > Self::SUSPEND_THRESHOLD
    }
}

/// Combines two browser clocks into a monotonic one that includes suspensions.
///
/// `performance.now()` may stop while the computer is suspended; `Date.now()` jumps when the user sets it. Setting it
/// forward costs one early refresh; setting it back costs nothing.
#[derive(Clone, Debug)]
pub struct Clock {
    steady: f64,
    wall: f64,
    slept: f64,
    latest: u64,
}

impl Clock {
    /// How far the clocks may drift apart, in milliseconds, before a suspension is assumed.
    const TOLERANCE_MS: f64 = 500.0;
    /// The clock's initial value: 30 days, so that the issue time of any other tab's token can be represented.
    const START_MS: f64 = 30.0 * 24.0 * 3_600_000.0;

    /// Creates the clock from one reading of both clocks, in milliseconds.
    #[must_use]
    pub const fn new(steady: f64, wall: f64) -> Self {
        Self {
            steady,
            wall,
            slept: Self::START_MS,
            latest: 0,
        }
    }

    /// Returns the combined time for a reading of both clocks, in milliseconds.
    pub fn read(&mut self, steady: f64, wall: f64) -> Timestamp {
        let missed = (wall - self.wall) - (steady - self.steady);
        if missed > Self::TOLERANCE_MS {
            self.slept += missed;
        }
        // Small steps forward accumulate until they exceed the tolerance; a step back restarts the comparison.
        if !(0.0..=Self::TOLERANCE_MS).contains(&missed) {
            (self.steady, self.wall) = (steady, wall);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float cast saturates, and milliseconds of a page's life fit"
        )]
        let joined = (steady + self.slept) as u64;
        self.latest = self.latest.max(joined);
        Timestamp(self.latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nap_that_stops_the_steady_clock_is_noticed() {
        let mut clock = Clock::new(0.0, 1_000_000.0);

        let before = clock.read(1_000.0, 1_001_000.0);
        let after = clock.read(1_010.0, 1_001_010.0 + 3_600_000.0);

        assert_eq!(after.since(before), Millis::from_millis(3_600_010));
    }

    #[test]
    fn the_clock_starts_at_thirty_days() {
        let mut clock = Clock::new(5.0, 1_000_000.0);

        let read = clock.read(7.0, 1_000_002.0);

        assert_eq!(read, Timestamp::from_millis(30 * 86_400_000 + 7));
    }

    #[test]
    fn clocks_may_part_by_half_a_second_before_it_counts_as_a_nap() {
        for (parted, slept) in [(500.0, 0), (501.0, 501)] {
            let mut clock = Clock::new(0.0, 0.0);
            let read = clock.read(1_000.0, 1_000.0 + parted);
            let begun = Timestamp::from_millis(30 * 86_400_000 + 1_000);
            assert_eq!(read.since(begun), Millis::from_millis(slept), "{parted}");
        }
    }

    #[test]
    fn setting_the_wall_clock_back_changes_nothing() {
        let mut clock = Clock::new(0.0, 86_400_000.0);

        let before = clock.read(1_000.0, 86_401_000.0);
        let after = clock.read(2_000.0, 2_000.0);
        let later = clock.read(3_000.0, 3_000.0);

        assert_eq!(after.since(before), Millis::from_secs(1));
        assert_eq!(later.since(after), Millis::from_secs(1));
    }

    #[test]
    fn short_naps_add_up() {
        let mut clock = Clock::new(0.0, 0.0);
        let mut read = Timestamp::default();
        for nap in 1..=100_u32 {
            // Each step advances the steady clock by 10 ms and the wall clock by 310 ms.
            read = clock.read(f64::from(nap) * 10.0, f64::from(nap) * 310.0);
        }

        assert!(read >= Timestamp::from_millis(31_000 - 500), "{read:?}");
    }

    #[test]
    fn it_never_runs_back_and_survives_nonsense() {
        let mut clock = Clock::new(5_000.0, 5_000.0);
        let mut last = clock.read(5_000.0, 5_000.0);
        for (steady, wall) in [
            (4_000.0, 9_000.0),
            (f64::NAN, 0.0),
            (-1.0, f64::INFINITY),
            (6_000.0, 0.0),
        ] {
            let next = clock.read(steady, wall);
            assert!(next >= last);
            last = next;
        }
    }
}
